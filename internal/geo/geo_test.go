package geo_test

import (
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/geo"
)

const countryTest = "testdata/test-data/GeoIP2-Country-Test.mmdb"

// TestCountryNeverGuesses asks a database that claims every address is in
// Brazil about addresses that are in no one place. The expectation is each
// network's entry in the IANA special-purpose address registries.
func TestCountryNeverGuesses(t *testing.T) {
	d := &database{typ: "GeoIP2-Country", records: []any{countryRecord("BR")}}
	d.nodes = [][2]int{{record(0), record(0)}}
	db, err := geo.Parse("all", d.bytes())
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		"1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255",
		"128.0.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0", "198.17.255.255",
		"198.20.0.0", "223.255.255.255", "::ffff:8.8.8.8",
		"2000::", "2001:200::", "2001:db7:ffff::", "2001:db9::", "2003::", "3ffe:ffff::",
	} {
		if code, ok := db.Country(netip.MustParseAddr(text)); code != "BR" || !ok {
			t.Errorf("Country(%s) = %q, %v; want BR", text, code, ok)
		}
	}
	for _, text := range []string{
		"0.0.0.0", "10.0.0.1", "10.255.255.255", "100.64.0.0", "100.127.255.255", "127.0.0.1", "169.254.169.254",
		"172.16.0.0", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1",
		"198.19.255.255", "198.51.100.1", "203.0.113.255", "224.0.0.1", "239.255.255.255", "240.0.0.1",
		"255.255.255.255",
		"::", "::1", "::8.8.8.8", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "64:ff9b::808:808", "64:ff9b:1::1",
		"100::1", "1fff:ffff::", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:1ff:ffff::",
		"2001:db8::1", "2002:808:808::1", "3fff:fff:ffff::", "4000::", "5f00::1", "fc00::1", "fd12::1",
		"fe80::1", "fe80::1%eth0", "2a00::1%eth0", "fec0::1", "ff02::1",
	} {
		if code, ok := db.Country(netip.MustParseAddr(text)); code != "" || ok {
			t.Errorf("Country(%s) = %q, %v; want unknown", text, code, ok)
		}
	}
	if code, ok := db.Country(netip.Addr{}); code != "" || ok {
		t.Errorf("Country of no address = %q, %v; want unknown", code, ok)
	}
}

// TestCountryCodes holds that nothing but a code of ISO 3166-1 comes back, and
// that a record of another kind or an unreadable one is no answer.
func TestCountryCodes(t *testing.T) {
	d := &database{typ: "DBIP-Country-Lite"}
	tests := map[string]struct {
		rec  any
		want string
	}{
		"5.0.0.0/8":  {countryRecord("CL"), "CL"},
		"6.0.0.0/8":  {countryRecord("cl"), ""},
		"7.0.0.0/8":  {countryRecord("XK"), "XK"}, // Kosovo
		"9.0.0.0/8":  {countryRecord("XX"), ""},
		"8.0.0.0/8":  {countryRecord("EU"), ""}, // reserved
		"11.0.0.0/8": {countryRecord("UK"), ""}, // reserved
		"12.0.0.0/8": {countryRecord("ZZ"), ""},
		"13.0.0.0/8": {countryRecord("CHL"), ""},
		"14.0.0.0/8": {countryRecord(""), ""},
		"15.0.0.0/8": {map[string]any{}, ""},
		"16.0.0.0/8": {map[string]any{"country": map[string]any{"geoname_id": 1}}, ""},
		// Where the network is registered is not where it is used.
		"17.0.0.0/8": {map[string]any{"registered_country": map[string]any{"iso_code": "CL"}}, ""},
	}
	for prefix, tt := range tests {
		d.add(prefix, tt.rec)
	}
	db, err := geo.Parse("codes", d.bytes())
	if err != nil {
		t.Fatal(err)
	}
	for prefix, tt := range tests {
		addr := netip.MustParsePrefix(prefix).Addr().Next()
		if code, ok := db.Country(addr); code != tt.want || ok != (tt.want != "") {
			t.Errorf("Country(%s) with %v = %q, %v; want %q", addr, tt.rec, code, ok, tt.want)
		}
	}
	if code, ok := db.Country(netip.MustParseAddr("18.0.0.1")); code != "" || ok {
		t.Errorf("Country of an address without a record = %q, %v; want unknown", code, ok)
	}
}

func TestIPv4Only(t *testing.T) {
	d := &database{typ: "GeoLite2-Country", ipVersion: 4}
	d.add("5.0.0.0/8", countryRecord("CL"))
	db, err := geo.Parse("v4", d.bytes())
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{"5.1.2.3": "CL", "::ffff:5.1.2.3": "CL", "2a00::1": "", "6.1.2.3": ""} {
		if code, ok := db.Country(netip.MustParseAddr(text)); code != want || ok != (want != "") {
			t.Errorf("Country(%s) = %q, %v; want %q", text, code, ok, want)
		}
	}
}

func TestNilDBKnowsNothing(t *testing.T) {
	var db *geo.DB
	if code, ok := db.Country(netip.MustParseAddr("8.8.8.8")); code != "" || ok {
		t.Errorf("Country of a nil DB = %q, %v; want unknown", code, ok)
	}
	if db.Type() != "" || !db.BuildTime().IsZero() {
		t.Errorf("a nil DB is of type %q, built %v", db.Type(), db.BuildTime())
	}
}

func TestMetadata(t *testing.T) {
	d := &database{typ: "GeoIP2-Country"}
	d.add("5.0.0.0/8", countryRecord("CL"))
	db, err := geo.Parse("meta", d.bytes())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := db.BuildTime(), time.Date(2026, 6, 1, 20, 0, 0, 0, time.UTC); got != want {
		t.Errorf("BuildTime = %v, want %v", got, want)
	}
	if got := db.Type(); got != "GeoIP2-Country" {
		t.Errorf("Type = %q", got)
	}
}

// TestOpenErrors holds every message Open has of its own; the vectors hold
// those it passes on.
func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	flat := &database{typ: "DBIP-Country-Lite"}
	flat.add("5.0.0.0/8", map[string]any{"country_code": "CL"})
	npm := &database{typ: "ipv6 dbip-country"}
	npm.add("5.0.0.0/8", map[string]any{"country_code": "CL"})
	odd := &database{typ: "GeoIP2-Country"}
	odd.add("5.0.0.0/8", map[string]any{"country": map[string]any{"iso_code": 7}})
	none := &database{typ: "GeoIP2-Country", nodes: [][2]int{{empty, empty}}}

	large := write("large", nil)
	if err := os.Truncate(large, geo.MaxSize+1); err != nil { // sparse: takes no room
		t.Fatal(err)
	}
	tests := []struct{ path, want string }{
		{filepath.Join(dir, "absent"), "finding geoip database: open " + dir + "/absent: no such file or directory"},
		{dir, "finding geoip database: open " + dir + ": it is a folder, not a regular file; "},
		{large, "finding geoip database: open " + large + ": it has more than 536870912 bytes, "},
		{write("empty", nil), "geoip database " + dir + "/empty: error opening database: invalid MaxMind DB file; get the file again"},
		{write("npm", npm.bytes()), "geoip database " + dir + `/npm: type "ipv6 dbip-country" is not known to hold countries; ` + accepted},
		{write("flat", flat.bytes()), "geoip database " + dir + `/flat: type is "DBIP-Country-Lite", but no record has a country.iso_code of ISO 3166-1; the file is empty or in another schema`},
		{write("none", none.bytes()), "geoip database " + dir + `/none: type is "GeoIP2-Country", but no record has a country.iso_code of ISO 3166-1; the file is empty or in another schema`},
		{write("odd", odd.bytes()), "geoip database " + dir + "/odd: a record cannot be read: "},
	}
	for _, tt := range tests {
		_, err := geo.Open(tt.path)
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("Open(%s):\n got %v\nwant %s", filepath.Base(tt.path), err, tt.want)
		}
	}
	if _, err := geo.Open(filepath.Join(dir, "absent")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file is not fs.ErrNotExist: %v", err)
	}
	if os.Getuid() != 0 { // root may read everything
		path := write("secret", nil)
		if err := os.Chmod(path, 0); err != nil {
			t.Fatal(err)
		}
		if _, err := geo.Open(path); err == nil || !strings.HasPrefix(err.Error(), "opening geoip database: open "+path+": permission denied") {
			t.Errorf("Open of an unreadable file: %v", err)
		}
	}
}

// TestChangingFile opens a file somebody is writing to, until the two meet.
func TestChangingFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "country.mmdb")
	copyFile(t, countryTest, path)
	if err := os.Truncate(path, 16<<20); err != nil { // takes a while to read
		t.Fatal(err)
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for at := time.Unix(0, 0); ; at = at.Add(time.Second) {
			select {
			case <-stop:
				return
			default:
				_ = os.Chtimes(path, at, at) // the test fails by its deadline if this does
			}
		}
	}()
	defer func() { close(stop); <-stopped }()
	want := "geoip database " + path + ": changed while it was read; write the new file beside it and rename it"
	for deadline := time.Now().Add(3 * time.Minute); ; {
		_, err := geo.Open(path)
		if err != nil && err.Error() == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("Open = %v, want %s", err, want)
		}
	}
}

func TestFileMayGoAway(t *testing.T) {
	path := filepath.Join(t.TempDir(), "country.mmdb")
	copyFile(t, countryTest, path)
	db, err := geo.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if code, _ := db.Country(netip.MustParseAddr("81.2.69.142")); code != "GB" {
		t.Errorf("after the file was removed: %q, want GB", code)
	}
}

// TestEndlessTree opens a file of 97 nodes whose tree unfolds into 2^96
// branches that all lead to the IPv4 part, which is empty: whoever walks such
// a tree from branch to branch does not come back.
func TestEndlessTree(t *testing.T) {
	d := &database{typ: "GeoIP2-Country"}
	for i := range 96 {
		d.nodes = append(d.nodes, [2]int{i + 1, i + 1})
	}
	d.nodes = append(d.nodes, [2]int{empty, empty})
	returns(t, func() {
		if _, err := geo.Parse("endless", d.bytes()); err == nil {
			t.Error("an endless, empty tree was opened")
		}
	})
}

// TestHeavyRecord opens a file whose one record holds 8,420 values before the
// country, for 3,000 networks.
func TestHeavyRecord(t *testing.T) {
	var nested func(depth int) any
	nested = func(depth int) any {
		if depth == 0 {
			return 1
		}
		m := map[string]any{}
		for i := range 20 {
			m[string(rune('a'+i))] = nested(depth - 1)
		}
		return m
	}
	d := &database{typ: "GeoIP2-Country"}
	d.add("5.0.0.0/8", map[string]any{"a": nested(3), "country": map[string]any{"iso_code": "CL"}})
	for i := range 3000 {
		d.link(netip.PrefixFrom(netip.AddrFrom4([4]byte{2, byte(i / 256), byte(i), 0}), 24), record(0))
	}
	returns(t, func() {
		db, err := geo.Parse("heavy", d.bytes())
		if err != nil {
			t.Error(err)
			return
		}
		if code, _ := db.Country(netip.MustParseAddr("2.1.1.1")); code != "CL" {
			t.Errorf("Country = %q, want CL", code)
		}
	})
}

// returns fails the test if f does not come back.
func returns(t *testing.T, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	select {
	case <-done:
	case <-time.After(3 * time.Minute):
		t.Fatal("did not return within three minutes")
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func BenchmarkCountry(b *testing.B) {
	db, err := geo.Embedded()
	if err != nil {
		b.Fatal(err)
	}
	for name, addr := range map[string]string{
		"IPv4": "200.160.2.3", "IPv6": "2001:12ff:0:2::3", "Private": "192.168.1.1",
	} {
		b.Run(name, func(b *testing.B) {
			addr := netip.MustParseAddr(addr)
			b.ReportAllocs()
			for b.Loop() {
				db.Country(addr)
			}
		})
	}
}
