package geo_test

import (
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sparkoo/transfergate/internal/geo"
)

const accepted = "accepted are GeoIP2 or GeoLite2 Country, City and Enterprise databases, and DBIP-Country, DBIP-Country-Lite and DBIP-City-Lite"

// countries are from MaxMind's source data, which the test databases are made
// from (github.com/maxmind/MaxMind-DB at 2f18851, source-data/*.json).
type countries map[string]string

// vectors state the result for every file below testdata: the countries it
// answers, or the message it is refused with after "geoip database NAME: ". A
// message that is one word is a type that is not known to hold countries.
var vectors = map[string]struct {
	countries countries
	refused   string
}{
	"test-data/GeoIP2-Country-Test.mmdb": {countries: countries{
		"2.125.160.216": "GB", "81.2.69.142": "GB", "89.160.20.112": "SE", "216.160.83.56": "US", "67.43.156.1": "BT",
		"202.196.224.1": "PH", "::ffff:81.2.69.142": "GB", "2001:218::": "JP", "2001:220::1": "KR", "2001:2e0::1": "HK",
		"2a02:d3c0::1": "GB", "2a02:ffc0::1": "GI",
		"2a02:d500::1": "", // continent Europe, no country
		"1.1.1.1":      "", // no record
		"2a03::1":      "",
	}},
	"test-data/GeoLite2-Country-Test.mmdb": {countries: countries{
		"2.125.160.216": "GB", "89.160.20.112": "SE", "50.114.0.1": "US", "111.235.160.1": "CN", "217.65.48.1": "GI",
		"2001:218::": "JP", "2a02:cf40::1": "NO", "2a02:d500::1": "", "1.1.1.1": "",
	}},
	"test-data/GeoIP2-City-Test.mmdb": {countries: countries{
		"214.0.0.1": "SG", "214.0.1.1": "AU", "67.43.156.1": "BT", "2001:218::": "JP", "2a02:e220::1": "SA",
		"214.1.1.1": "", // a record without country
	}},
	"test-data/GeoLite2-City-Test.mmdb": {countries: countries{
		"2.125.160.216": "GB", "175.16.199.1": "CN", "216.160.83.56": "US", "2a02:ffc0::1": "GI", "2a02:d500::1": "",
	}},
	"test-data/GeoIP2-Enterprise-Test.mmdb": {countries: countries{
		"2.125.160.216": "GB", "74.209.24.1": "US", "1.124.213.1": "IR", "1.231.232.1": "UA", "2001:480::1": "JP",
	}},

	"test-data/GeoIP-Anonymous-Plus-Test.mmdb":               {refused: "GeoIP-Anonymous-Plus"},
	"test-data/GeoIP-Residential-Proxy-Test.mmdb":            {refused: "GeoIP-Residential-Proxy"},
	"test-data/GeoIP2-Anonymous-IP-Test.mmdb":                {refused: "GeoIP2-Anonymous-IP"},
	"test-data/GeoIP2-City-Shield-Test.mmdb":                 {refused: "GeoIP2-City-Shield"},
	"test-data/GeoIP2-City-Test-Broken-Double-Format.mmdb":   {refused: "a record cannot be read: invalid Float64 size: 7; get the file again"},
	"test-data/GeoIP2-City-Test-Invalid-Node-Count.mmdb":     {refused: "the MaxMind DB contains invalid metadata; get the file again"},
	"test-data/GeoIP2-Connection-Type-Test.mmdb":             {refused: "GeoIP2-Connection-Type"},
	"test-data/GeoIP2-Country-Shield-Test.mmdb":              {refused: "GeoIP2-Country-Shield"},
	"test-data/GeoIP2-DensityIncome-Test.mmdb":               {refused: "GeoIP2-DensityIncome"},
	"test-data/GeoIP2-Domain-Test.mmdb":                      {refused: "GeoIP2-Domain"},
	"test-data/GeoIP2-Enterprise-Shield-Test.mmdb":           {refused: "GeoIP2-Enterprise-Shield"},
	"test-data/GeoIP2-IP-Risk-Test.mmdb":                     {refused: "GeoIP2-IP-Risk"},
	"test-data/GeoIP2-ISP-Test.mmdb":                         {refused: "GeoIP2-ISP"},
	"test-data/GeoIP2-Precision-Enterprise-Shield-Test.mmdb": {refused: "GeoIP2-Precision-Enterprise-Shield"},
	"test-data/GeoIP2-Precision-Enterprise-Test.mmdb":        {refused: "GeoIP2-Precision-Enterprise"},
	"test-data/GeoIP2-Static-IP-Score-Test.mmdb":             {refused: "GeoIP2-Static-IP-Score"},
	"test-data/GeoIP2-User-Count-Test.mmdb":                  {refused: "GeoIP2-User-Count"},
	"test-data/GeoLite2-ASN-Test.mmdb":                       {refused: "GeoLite2-ASN"},
	"test-data/MaxMind-DB-no-ipv4-search-tree.mmdb":          {refused: `type "MaxMind DB No IPv4 Search Tree" is not known to hold countries; ` + accepted},
	"test-data/MaxMind-DB-string-value-entries.mmdb":         {refused: `type "MaxMind DB String Value Entries" is not known to hold countries; ` + accepted},
	"test-data/MaxMind-DB-test-broken-pointers-24.mmdb":      {refused: "Test"},
	"test-data/MaxMind-DB-test-broken-search-tree-24.mmdb":   {refused: "Test"},
	"test-data/MaxMind-DB-test-decoder.mmdb":                 {refused: `type "MaxMind DB Decoder Test" is not known to hold countries; ` + accepted},
	"test-data/MaxMind-DB-test-ipv4-24.mmdb":                 {refused: "Test"},
	"test-data/MaxMind-DB-test-ipv4-28.mmdb":                 {refused: "Test"},
	"test-data/MaxMind-DB-test-ipv4-32.mmdb":                 {refused: "Test"},
	"test-data/MaxMind-DB-test-ipv6-24.mmdb":                 {refused: "Test"},
	"test-data/MaxMind-DB-test-ipv6-28.mmdb":                 {refused: "Test"},
	"test-data/MaxMind-DB-test-ipv6-32.mmdb":                 {refused: "Test"},
	"test-data/MaxMind-DB-test-metadata-pointers.mmdb":       {refused: `type "Lots of pointers in metadata" is not known to hold countries; ` + accepted},
	"test-data/MaxMind-DB-test-mixed-24.mmdb":                {refused: "Test"},
	"test-data/MaxMind-DB-test-mixed-28.mmdb":                {refused: "Test"},
	"test-data/MaxMind-DB-test-mixed-32.mmdb":                {refused: "Test"},
	"test-data/MaxMind-DB-test-nested.mmdb":                  {refused: `type "MaxMind DB Nested Data Structures" is not known to hold countries; ` + accepted},
	"test-data/MaxMind-DB-test-pointer-decoder.mmdb":         {refused: `type "MaxMind DB Decoder Test" is not known to hold countries; ` + accepted},
	"test-data/maps-with-pointers.raw":                       {refused: notMMDB},
	"test-data/README.md":                                    {refused: notMMDB},
	"bad-data/README.md":                                     {refused: notMMDB},
	"LICENSE-MIT":                                            {refused: notMMDB},
	"dbip-sample.csv":                                        {refused: notMMDB},

	"bad-data/libmaxminddb/libmaxminddb-corrupt-search-tree.mmdb":          {refused: "Test"},
	"bad-data/libmaxminddb/libmaxminddb-deep-array-nesting.mmdb":           {refused: "Test"},
	"bad-data/libmaxminddb/libmaxminddb-deep-nesting.mmdb":                 {refused: "Test"},
	"bad-data/libmaxminddb/libmaxminddb-empty-array-last-in-metadata.mmdb": {refused: "Test"},
	"bad-data/libmaxminddb/libmaxminddb-empty-map-last-in-metadata.mmdb":   {refused: "Test"},
	"bad-data/libmaxminddb/libmaxminddb-metadata-marker-only.mmdb":         {refused: "at offset 0: unexpected end of database; get the file again"},
	"bad-data/libmaxminddb/libmaxminddb-offset-integer-overflow.mmdb":      {refused: "at offset 0: unexpected end of database; get the file again"},
	"bad-data/libmaxminddb/libmaxminddb-oversized-array.mmdb":              {refused: "Test"},
	"bad-data/libmaxminddb/libmaxminddb-oversized-map.mmdb":                {refused: "Test"},
	"bad-data/libmaxminddb/libmaxminddb-separator-record-max-left.mmdb":    {refused: "Test"},
	"bad-data/libmaxminddb/libmaxminddb-separator-record-min-left.mmdb":    {refused: "Test"},
	"bad-data/libmaxminddb/libmaxminddb-separator-record-min-right.mmdb":   {refused: "Test"},
	"bad-data/libmaxminddb/libmaxminddb-uint64-max-epoch.mmdb":             {refused: "Test"},
	"bad-data/maxminddb-golang/cyclic-data-structure.mmdb":                 {refused: "at offset 0, path /record_size: unexpected end of database; get the file again"},
	"bad-data/maxminddb-golang/invalid-bytes-length.mmdb":                  {refused: "at offset 0, path /description/en: unexpected end of database; get the file again"},
	"bad-data/maxminddb-golang/invalid-data-record-offset.mmdb":            {refused: "at offset 0: invalid Float64 size: 6; get the file again"},
	"bad-data/maxminddb-golang/invalid-map-key-length.mmdb":                {refused: "at offset 0, path /record_size: unexpected end of database; get the file again"},
	"bad-data/maxminddb-golang/invalid-string-length.mmdb":                 {refused: "at offset 0, path /description: unexpected end of database; get the file again"},
	"bad-data/maxminddb-golang/metadata-is-an-uint128.mmdb":                {refused: "at offset 0: unexpected end of database; get the file again"},
	"bad-data/maxminddb-golang/unexpected-bytes.mmdb":                      {refused: "at offset 0, path /languages: maxminddb: cannot unmarshal [] ([]uint8) into type []string; get the file again"},
	"bad-data/maxminddb-python/bad-unicode-in-map-key.mmdb":                {refused: "Test"},
}

const notMMDB = "error opening database: invalid MaxMind DB file; get the file again"

// vectorFiles lists the files below testdata, fuzzing's own left out.
func vectorFiles(t testing.TB) []string {
	var files []string
	err := filepath.WalkDir("testdata", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && entry.Name() == "fuzz" {
			return filepath.SkipDir
		}
		if !entry.IsDir() {
			files = append(files, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestVectors(t *testing.T) {
	files := vectorFiles(t)
	if len(files) != len(vectors) {
		t.Errorf("%d files, %d stated results", len(files), len(vectors))
	}
	for _, path := range files {
		name := strings.TrimPrefix(filepath.ToSlash(path), "testdata/")
		t.Run(name, func(t *testing.T) {
			want, ok := vectors[name]
			if !ok {
				t.Fatal("no result is stated for this file")
			}
			returns(t, func() { checkVector(t, path, want.countries, want.refused) })
		})
	}
}

func checkVector(t *testing.T, path string, want countries, refused string) {
	db, err := geo.Open(path)
	if refused != "" {
		if !strings.Contains(refused, " ") {
			refused = `type "` + refused + `" is not known to hold countries; ` + accepted
		}
		refused = "geoip database " + path + ": " + refused
		if err == nil || err.Error() != refused {
			t.Errorf("Open:\n got %v\nwant %s", err, refused)
		}
		return
	}
	if err != nil {
		t.Error(err)
		return
	}
	for text, code := range want {
		got, ok := db.Country(netip.MustParseAddr(text))
		if got != code || ok != (code != "") {
			t.Errorf("Country(%s) = %q, %v; want %q", text, got, ok, code)
		}
	}
}

// TestVectorsProbed probes every file as if its type were right: none of the
// broken ones may panic or take long, and none holds a country.
func TestVectorsProbed(t *testing.T) {
	for _, path := range vectorFiles(t) {
		name := strings.TrimPrefix(filepath.ToSlash(path), "testdata/")
		if !strings.HasPrefix(name, "bad-data/") && !strings.HasPrefix(name, "test-data/MaxMind-DB-") {
			continue
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		returns(t, func() {
			if err := geo.Probe(data); err == nil {
				t.Errorf("%s: the probe found a country", name)
			}
		})
	}
}

// FuzzOpen mutates whole files: what opens must answer every look-up with a
// country of two letters or none, without panic and within a second.
func FuzzOpen(f *testing.F) {
	for _, path := range vectorFiles(f) {
		if data, err := os.ReadFile(path); err != nil {
			f.Fatal(err)
		} else if len(data) < 4096 {
			f.Add(data)
		}
	}
	d := &database{typ: "GeoIP2-Country"}
	d.add("5.0.0.0/8", countryRecord("CL"))
	d.add("2a00::/16", countryRecord("BR"))
	f.Add(d.bytes())
	addrs := []netip.Addr{netip.MustParseAddr("5.1.2.3"), netip.MustParseAddr("2a00::1"), netip.MustParseAddr("223.255.255.255")}
	f.Fuzz(func(t *testing.T, data []byte) { // a file that leads in circles would take years
		_ = geo.Probe(data)              // any answer will do
		db, _ := geo.Parse("fuzz", data) // a nil DB knows nothing
		for _, addr := range addrs {
			if code, ok := db.Country(addr); ok != (len(code) == 2) {
				t.Errorf("Country(%s) = %q, %v", addr, code, ok)
			}
		}
	})
}
