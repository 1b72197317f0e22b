package geo

import "net/netip"

// globalUnicast6 is all of IPv6 that is handed out to networks (RFC 4291
// §2.4; IANA Internet Protocol Version 6 Address Space). Loopback, unique
// local, link-local, multicast and NAT64 addresses are outside of it.
var globalUnicast6 = netip.MustParsePrefix("2000::/3")

// special4 and special6 are the networks whose addresses say nothing about
// where their user is: those the IANA special-purpose address registries
// (RFC 6890 and its updates) list as not globally reachable, multicast, and
// tunnels. For tunnels databases answer with the place of the IPv4 address
// inside, which under Teredo is a relay's.
var special4 = prefixes(
	"0.0.0.0/8",       // this network, RFC 791
	"10.0.0.0/8",      // private, RFC 1918
	"100.64.0.0/10",   // carrier-grade NAT, RFC 6598
	"127.0.0.0/8",     // loopback, RFC 1122
	"169.254.0.0/16",  // link-local, RFC 3927
	"172.16.0.0/12",   // private, RFC 1918
	"192.0.0.0/24",    // IETF protocol assignments, RFC 6890
	"192.0.2.0/24",    // documentation, RFC 5737
	"192.88.99.0/24",  // 6to4 relays, RFC 7526
	"192.168.0.0/16",  // private, RFC 1918
	"198.18.0.0/15",   // benchmarking, RFC 2544
	"198.51.100.0/24", // documentation, RFC 5737
	"203.0.113.0/24",  // documentation, RFC 5737
	"224.0.0.0/4",     // multicast, RFC 5771
	"240.0.0.0/4",     // reserved and broadcast, RFC 1112 and RFC 919
)

var special6 = prefixes(
	"2001::/23",     // IETF protocol assignments, RFC 2928; Teredo, RFC 4380
	"2001:db8::/32", // documentation, RFC 3849
	"2002::/16",     // 6to4, RFC 3056
	"3fff::/20",     // documentation, RFC 9637
)

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		list[i] = netip.MustParsePrefix(text)
	}
	return list
}

// public reports whether addr, already unmapped, can belong to one place on the
// internet. The zero Addr cannot, nor can one with a zone.
func public(addr netip.Addr) bool {
	special := special4
	if !addr.Is4() {
		if !globalUnicast6.Contains(addr) {
			return false
		}
		special = special6
	}
	for _, prefix := range special {
		if prefix.Contains(addr) {
			return false
		}
	}
	return true
}
