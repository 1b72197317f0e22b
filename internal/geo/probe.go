package geo

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/oschwald/maxminddb-golang/v2"
)

// probeNetworks is how many neighbouring networks, empty ones included, probe
// looks at in IPv4 and again in IPv6.
const probeNetworks = 2048

// landmarks are addresses all country databases of the world know, MaxMind's
// public test databases included: fixed networks of old, large providers on
// several continents.
var landmarks = []netip.Addr{
	netip.MustParseAddr("2.125.160.216"), // Sky, GB
	netip.MustParseAddr("81.2.69.160"),   // Andrews & Arnold, GB
	netip.MustParseAddr("89.160.20.112"), // Bredband2, SE
	netip.MustParseAddr("216.160.83.56"), // CenturyLink, US
	netip.MustParseAddr("2001:218::"),    // NTT, JP
}

// probe reads the first public networks of the file and the landmarks. All of
// them must be readable, and one at least must name a country: files in
// another schema under a known type name are found here.
//
// It looks up address after address, each at most 128 steps deep. The library
// could walk the tree instead, but a hostile tree of a few nodes unfolds into
// 2^96 branches between which such a walk does not return.
func (db *DB) probe() error {
	found := false
	done := map[uintptr]bool{} // records read; networks share them, and hostile ones are slow
	see := func(result maxminddb.Result) error {
		if result.Found() && done[result.Offset()] {
			return nil
		}
		done[result.Offset()] = true
		code, err := countryOf(result)
		if err != nil {
			return fmt.Errorf("a record cannot be read: %w; get the file again", err)
		}
		found = found || code != ""
		return nil
	}
	starts := []netip.Addr{netip.MustParseAddr("1.0.0.0")}
	if db.reader.Metadata.IPVersion == 6 {
		starts = append(starts, globalUnicast6.Addr())
	}
	for _, addr := range starts {
		for n := 0; n < probeNetworks && addr.IsValid(); n++ {
			result := db.reader.Lookup(addr)
			if err := see(result); err != nil {
				return err
			}
			addr = last(result.Prefix()).Next()
		}
	}
	for _, addr := range landmarks {
		if addr.Is6() && db.reader.Metadata.IPVersion == 4 {
			continue
		}
		if err := see(db.reader.Lookup(addr)); err != nil {
			return err
		}
	}
	if !found {
		return fmt.Errorf("type is %q, but no record has a country.iso_code of ISO 3166-1; the file is empty or in another schema", db.Type())
	}
	return nil
}

// last returns the highest address of p, the zero Addr if p is invalid.
func last(p netip.Prefix) netip.Addr {
	if !p.IsValid() {
		return netip.Addr{}
	}
	b := p.Masked().Addr().AsSlice()
	for bit := p.Bits(); bit < len(b)*8; bit++ {
		b[bit/8] |= 0x80 >> (bit % 8)
	}
	addr, _ := netip.AddrFromSlice(b)
	return addr
}

// errForgets says that a file is readable but has lost what all files know.
var errForgets = errors.New("does not know most of the addresses the file in use knows; get the file again, or restart to use it all the same")

// replaces reports whether db may take the place of old: it must know at least
// half of the landmarks that old knows. It catches incomplete and regional files
// that are otherwise in order.
func (db *DB) replaces(old *DB) error {
	known, kept := 0, 0
	for _, addr := range landmarks {
		if _, ok := old.Country(addr); !ok {
			continue
		}
		known++
		if _, ok := db.Country(addr); ok {
			kept++
		}
	}
	if kept*2 < known {
		return errForgets
	}
	return nil
}
