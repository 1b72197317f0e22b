// Package geo tells which country an internet address is used in, from a
// database file. The answer is a hint: databases disagree about several
// addresses in a hundred. So it never guesses: when in doubt the country is
// unknown.
//
// A [DB] is one file held in memory. A [Source] is a path whose newer files
// take over while requests are being served.
package geo

import (
	_ "embed"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/oschwald/geoip2-golang/v2"
	"github.com/oschwald/maxminddb-golang/v2"

	"github.com/sparkoo/transfergate/internal/country"
)

// embedded is DB-IP's country database in the GeoIP2 Country schema, made by
// build/run.sh. IP Geolocation by DB-IP (https://db-ip.com), CC BY 4.0.
//
//go:embed country.mmdb
var embedded []byte

// accepted says in error messages which files Open takes.
const accepted = "accepted are GeoIP2 or GeoLite2 Country, City and Enterprise databases, and DBIP-Country, DBIP-Country-Lite and DBIP-City-Lite"

// DB is an open country database. It holds the whole file in memory, needs no
// Close, and may be used by many goroutines at once. A nil DB knows nothing.
type DB struct {
	reader *maxminddb.Reader
	data   []byte // the file
}

// Open reads the database file at path, at most 512 MiB, and probes it: the
// type must be one that has countries, the first records must be readable and
// at least one of them must name a country. Accepted are the Country databases
// of MaxMind and DB-IP (GeoIP2-Country, GeoLite2-Country, DBIP-Country,
// DBIP-Country-Lite) and, because their records carry the same
// country.iso_code, the City and Enterprise databases geoip2-golang knows. The
// file may be changed or removed afterwards.
func Open(path string) (*DB, error) {
	data, _, err := read(path)
	if err != nil {
		return nil, err
	}
	return parse(path, data)
}

// Embedded opens the database compiled into the program: DB-IP's free country
// database, as old as the release; see BuildTime. Who shows its answers to
// people owes them the attribution in NOTICE.
func Embedded() (*DB, error) {
	return parse("embedded", embedded)
}

// parse makes a DB of data, which it keeps. Name stands in errors.
func parse(name string, data []byte) (*DB, error) {
	if err := checkType(data); err != nil {
		return nil, fmt.Errorf("geoip database %s: %w", name, err)
	}
	reader, err := maxminddb.OpenBytes(data)
	if err != nil {
		return nil, fmt.Errorf("geoip database %s: %w; get the file again", name, err)
	}
	db := &DB{reader, data}
	if err := db.probe(); err != nil {
		return nil, fmt.Errorf("geoip database %s: %w", name, err)
	}
	return db, nil
}

// checkType leaves it to geoip2-golang which database types hold countries.
// Look-ups go to the reader below it instead: geoip2-golang decodes every name
// in every language, which takes four times as long for two letters.
func checkType(data []byte) error {
	typed, err := geoip2.OpenBytes(data)
	if unknown, ok := errors.AsType[geoip2.UnknownDatabaseTypeError](err); ok {
		return fmt.Errorf("type %q is not known to hold countries; %s", unknown.DatabaseType, accepted)
	}
	if err != nil {
		return fmt.Errorf("%w; get the file again", err)
	}
	_, err = typed.Country(netip.IPv4Unspecified())
	if noCountry, ok := errors.AsType[geoip2.InvalidMethodError](err); ok {
		return fmt.Errorf("type %q is not known to hold countries; %s", noCountry.DatabaseType, accepted)
	}
	// Any other error is about a record, which probe reports better.
	return nil
}

// Country returns the ISO 3166-1 alpha-2 code of the country addr is used in.
// IPv4 addresses mapped into IPv6 are unmapped first. Addresses that name no
// one place on the internet (private, loopback, link-local, carrier NAT,
// multicast, documentation, tunnels; see special.go), addresses the database
// does not know, codes that are none of package country (such as EU) and unreadable records
// give "" and false.
func (db *DB) Country(addr netip.Addr) (code string, ok bool) {
	code, err := db.lookup(addr)
	// A record that cannot be read is no answer; Source counts these.
	return code, err == nil && code != ""
}

// lookup is Country with the error that made a record unreadable; code is
// empty when there is one.
func (db *DB) lookup(addr netip.Addr) (code string, err error) {
	addr = addr.Unmap()
	if db == nil || !public(addr) {
		return "", nil
	}
	if addr.Is6() && db.reader.Metadata.IPVersion == 4 {
		return "", nil // an IPv4 database does not know IPv6: unknown, not broken
	}
	return countryOf(db.reader.Lookup(addr))
}

// countryOf decodes only country.iso_code: records of hostile files can take
// long to decode whole. It is empty unless it is a code of ISO 3166-1.
func countryOf(result maxminddb.Result) (string, error) {
	var code string
	if err := result.DecodePath(&code, "country", "iso_code"); err != nil {
		return "", err
	}
	if !country.Valid(code) {
		return "", nil
	}
	return code, nil
}

// Type is the database type the file states, such as "GeoLite2-Country"; empty
// for a nil DB.
func (db *DB) Type() string {
	if db == nil {
		return ""
	}
	return db.reader.Metadata.DatabaseType
}

// BuildTime is when the file was made, in UTC, as it states itself; the zero
// time for a nil DB.
func (db *DB) BuildTime() time.Time {
	if db == nil {
		return time.Time{}
	}
	return db.reader.Metadata.BuildTime().UTC()
}
