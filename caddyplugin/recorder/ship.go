package recorder

import (
	"cmp"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/sparkoo/transfergate/caddyplugin/option"
	"github.com/sparkoo/transfergate/internal/fleet"
	"github.com/sparkoo/transfergate/internal/regular"
	"github.com/sparkoo/transfergate/internal/suggest"
)

// Ship names the store that the ledger is brought to, entry by entry: objects that
// nobody can change, in the country in which records are stored. A build needs
// caddyplugin/fleet for it.
type Ship struct {
	// The kind of store. Required: s3
	Kind string `json:"kind,omitempty"`

	// The store's URL, without the bucket: https, or http on this machine. Required.
	URL string `json:"url,omitempty"`

	// The bucket, which locks objects and keeps versions. Required.
	Bucket string `json:"bucket,omitempty"`

	// What begins the names of all objects, as in eu/. Default: nothing
	Prefix string `json:"prefix,omitempty"`

	// The region that requests are signed for. Required.
	Region string `json:"region,omitempty"`

	// The file with the access key and the secret key, with a blank or a line's end
	// between them, or both after the word value. They should be good for putting
	// objects and for nothing else.
	// Default: the environment's AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY
	Credentials option.Secret `json:"credentials,omitzero"`

	// The file of the certificates, in PEM, of who vouches for the store's name.
	// Default: the system's
	Authorities string `json:"authorities,omitempty" secret:"file"`

	// How often records are put while there are few. Default: 1s
	Every caddy.Duration `json:"every,omitempty"`

	// How objects are locked: compliance, or none, where the store cannot.
	// Default: compliance
	Lock string `json:"lock,omitempty"`

	// For how long, or with how many records, the log in the store may be behind; beyond
	// it transfers are refused. Of both the one that is written counts.
	// Default: 15 minutes
	UnshippedAge     caddy.Duration `json:"unshipped_age,omitempty"`
	UnshippedRecords uint64         `json:"unshipped_records,omitempty"`
}

// What is done if nothing else is written.
const (
	defaultUnshipped = 15 * time.Minute
	minEvery         = 100 * time.Millisecond
	maxEvery         = time.Minute
)

// UnmarshalCaddyfile parses the option of a ledger's block, at whose name the dispenser
// stands. Syntax:
//
//	ship s3 <url> <bucket> {
//	    prefix          <text>
//	    region          <name>
//	    credentials     [value] <secret>
//	    authorities     <file>
//	    every           <duration>
//	    lock            compliance|none
//	    unshipped_limit <duration> | <number> records
//	}
func (s *Ship) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	if err := option.Args(d, "ship s3 URL BUCKET", &s.Kind, &s.URL, &s.Bucket); err != nil {
		return err
	}
	if s.Kind != "s3" {
		return d.Errf("'%s' is no kind of store; %s", s.Kind, suggest.For(s.Kind, []string{"s3"}))
	}
	if err := option.Block(d, nil, s.unmarshalOption); err != nil {
		return err
	}
	if s.Region == "" {
		return d.Err("'ship' names no region, which requests are signed for: write 'region NAME' in its block")
	}
	return nil
}

func (s *Ship) unmarshalOption(d *caddyfile.Dispenser, word string) (err error) {
	switch word {
	case "prefix":
		return option.Args(d, "prefix TEXT", &s.Prefix)
	case "region":
		return option.Args(d, "region NAME", &s.Region)
	case "credentials":
		return option.Secrets(d, "credentials [value] SECRET", &s.Credentials)
	case "authorities":
		return option.Args(d, "authorities FILE", &s.Authorities)
	case "every":
		text := ""
		if err := option.Args(d, "every DURATION", &text); err != nil {
			return err
		}
		every, err := caddy.ParseDuration(text)
		if err != nil || every < minEvery || every > maxEvery {
			return d.Errf("'%s' is not a duration from 100ms to 1m", text)
		}
		s.Every = caddy.Duration(every)
		return nil
	case "lock":
		if err := option.Args(d, "lock compliance|none", &s.Lock); err != nil {
			return err
		}
		if s.Lock != "compliance" && s.Lock != "none" {
			return d.Errf("'%s' is no way to lock objects; %s", s.Lock, suggest.For(s.Lock, []string{"compliance", "none"}))
		}
		return nil
	case "unshipped_limit":
		return s.unmarshalLimit(d)
	}
	return d.Errf("unrecognized option '%s' of 'ship'; %s", word, suggest.For(word, []string{"prefix", "region", "credentials", "authorities", "every", "lock", "unshipped_limit"}))
}

func (s *Ship) unmarshalLimit(d *caddyfile.Dispenser) (err error) {
	args := d.RemainingArgs()
	switch {
	case len(args) == 2 && args[1] == "records":
		s.UnshippedRecords, err = strconv.ParseUint(args[0], 10, 40)
		if err != nil || s.UnshippedRecords == 0 {
			return d.Errf("'%s' is not a number of records", args[0])
		}
	case len(args) == 1:
		age, err := caddy.ParseDuration(args[0])
		if err != nil || age < time.Second || age > 30*24*time.Hour {
			return d.Errf("'%s' is not a duration from 1s to 30d", args[0])
		}
		s.UnshippedAge = caddy.Duration(age)
	default:
		return d.Errf("%d arguments where 'unshipped_limit DURATION' or 'unshipped_limit NUMBER records' is meant", len(args))
	}
	return nil
}

// store opens the store. It asks nobody.
func (s *Ship) store(logger *slog.Logger) (fleet.Store, error) {
	c := fleet.Config{URL: s.URL, Bucket: s.Bucket, Prefix: s.Prefix, Region: s.Region, Unlocked: s.Lock == "none",
		Access: os.Getenv("AWS_ACCESS_KEY_ID"), Secret: os.Getenv("AWS_SECRET_ACCESS_KEY")}
	if !s.Credentials.IsZero() {
		text, name, err := s.Credentials.Read("the credentials of 'ship'", func(string, string) bool { return false }, logger)
		if err != nil {
			return nil, err
		}
		words := strings.Fields(string(text))
		if len(words) != 2 {
			return nil, fmt.Errorf("%s are not an access key and a secret key", name)
		}
		c.Access, c.Secret = words[0], words[1]
	}
	if s.Authorities != "" {
		pem, err := regular.ReadFile(s.Authorities, regular.KeyLimit)
		if err != nil {
			return nil, fmt.Errorf("reading the authorities of 'ship': %w", err)
		}
		c.Authorities = x509.NewCertPool()
		if !c.Authorities.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("the file %s has no certificate in PEM", s.Authorities)
		}
	}
	store, err := fleet.Open(s.Kind, c)
	if err != nil {
		return nil, fmt.Errorf("ledger: ship: %w", err)
	}
	return store, nil
}

// Line is what a record of the configuration says of it.
func (s *Ship) Line() string {
	return fmt.Sprintf("%s, bucket %s, prefix '%s', lock %s, behind by %s at most", s.Kind, s.Bucket, s.Prefix, cmp.Or(s.Lock, "compliance"), s.limit())
}

// limit is how far the store may be behind, in words.
func (s *Ship) limit() string {
	if s.UnshippedRecords > 0 && s.UnshippedAge == 0 {
		return fmt.Sprintf("%d records", s.UnshippedRecords)
	}
	return s.age().String()
}

// age is for how long the store may be behind; 0 where only the number counts.
func (s *Ship) age() time.Duration {
	if s.UnshippedRecords > 0 && s.UnshippedAge == 0 {
		return 0
	}
	return cmp.Or(time.Duration(s.UnshippedAge), defaultUnshipped)
}

// noteName is the name of the note of what is in this store: another store has another.
func (s *Ship) noteName() string {
	sum := sha256.Sum256([]byte(s.URL + "\n" + s.Bucket + "\n" + s.Prefix))
	return hex.EncodeToString(sum[:8]) + ".json"
}

// ErrUnshipped: too many records wait for the store, or for too long. Refuse transfers.
var ErrUnshipped = errors.New("records have waited too long for the store in which they are kept")

// Interface guards
var _ caddyfile.Unmarshaler = (*Ship)(nil)
