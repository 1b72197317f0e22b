package geo_test

import (
	"encoding/csv"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/country"
	"github.com/sparkoo/transfergate/internal/geo"
)

// TestEmbedded compares the embedded database with rows of the same release in
// another form: rows of the CSV files of npm @ip-location-db/dbip-country, picked
// by build/run.sh (IP Geolocation by DB-IP, https://db-ip.com, CC BY 4.0).
func TestEmbedded(t *testing.T) {
	db, err := geo.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := db.BuildTime(), time.Date(2026, 6, 1, 20, 0, 0, 0, time.UTC); got != want {
		t.Errorf("BuildTime = %v, want %v from the package's version", got, want)
	}
	if got := db.Type(); got != "DBIP-Country-Lite" {
		t.Errorf("Type = %q", got)
	}
	// MaxMind's source data has the same countries for these.
	known := countries{"2.125.160.216": "GB", "81.2.69.160": "GB", "89.160.20.112": "SE", "216.160.83.56": "US", "2001:218::": "JP"}
	for text, want := range known {
		if code, _ := db.Country(netip.MustParseAddr(text)); code != want {
			t.Errorf("Country(%s) = %q, want %q", text, code, want)
		}
	}
	f, err := os.Open("testdata/dbip-sample.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // only read from
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) < 500 {
		t.Fatalf("only %d rows", len(rows))
	}
	for _, row := range rows {
		want := row[2]
		if !country.Valid(want) || want == "XK" { // it was left out when the database was made
			want = ""
		}
		for _, text := range row[:2] {
			if code, ok := db.Country(netip.MustParseAddr(text)); code != want || ok != (want != "") {
				t.Errorf("Country(%s) = %q, %v; want %q", text, code, ok, want)
			}
		}
	}
}

// TestEmbeddedIsSmall keeps the program's size in view.
func TestEmbeddedIsSmall(t *testing.T) {
	info, err := os.Stat("country.mmdb")
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > 9<<20 {
		t.Errorf("country.mmdb has %d bytes; look into what made it grow", info.Size())
	}
}
