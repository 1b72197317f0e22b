package recorder_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/sparkoo/transfergate/caddyplugin/option"
	"github.com/sparkoo/transfergate/caddyplugin/recorder"
	"github.com/sparkoo/transfergate/internal/fleet"
	"github.com/sparkoo/transfergate/internal/fleet/fleettest"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/ledger/verify"
)

// stores are those of the kind "test", by bucket.
var stores = make(map[string]*fleettest.Store)

func init() {
	fleet.Register("test", func(c fleet.Config) (fleet.Store, error) { return stores[c.Bucket], nil })
}

// waitFor returns when something holds, or fails.
func waitFor(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// Each class is shipped under a name of its own, up to the last entry of all when the
// gateway ends, and what is noted of it is nothing foreign in the ledger's folder.
func TestShip(t *testing.T) {
	store := new(fleettest.Store)
	stores["ships"] = store
	dir := t.TempDir()
	l := &recorder.Ledger{Folder: dir, Classes: []recorder.LedgerClass{{Name: "support", Retain: "18 months"}},
		Ship: &recorder.Ship{Kind: "test", Bucket: "ships", Every: caddy.Duration(10 * time.Millisecond)}}
	r, _ := open(t, l)
	add(t, r.Find("default"), 3)
	add(t, r.Find("support"), 2)
	waitFor(t, "both classes are in the store", func() bool {
		return len(store.Names("live/gw-sg-1/default/")) > 0 && len(store.Names("live/gw-sg-1/support/")) > 0
	})
	if err := r.Class("").Shipped(); err != nil {
		t.Error(err)
	}
	add(t, r.Find("support"), 2)
	end(t, r)
	for _, class := range []string{"default", "support"} {
		entries := uint64(0)
		for _, name := range store.Names("live/gw-sg-1/" + class + "/") {
			n, err := fleet.ParseName(name)
			if err != nil {
				t.Fatal(err)
			}
			entries += n.Count
		}
		size, err := ledger.At(dir).Of(class).Size(1)
		if err != nil || size != entries {
			t.Errorf("class %s: %d entries are in the store, and %d in the ledger (%v)", class, entries, size, err)
		}
	}
	if _, err := verify.Ledger(dir, verify.Options{}); err != nil {
		t.Error(err)
	}
	if notes, err := filepath.Glob(filepath.Join(dir, "ship", "*.json")); err != nil || len(notes) != 1 {
		t.Errorf("the notes are %v, %v", notes, err)
	}
	names, err := ledger.At(dir).Names()
	if err != nil || !strings.Contains(strings.Join(names, " "), "ship") {
		t.Errorf("the note is foreign to the ledger: %v %v", names, err)
	}
}

// While the store is down the ledger takes records. Beyond the limit transfers are to be
// refused, and before that the gateway is not ready; all is well again when the store is.
func TestUnshipped(t *testing.T) {
	for name, ship := range map[string]recorder.Ship{
		"records": {UnshippedRecords: 10},
		"age":     {UnshippedAge: caddy.Duration(4 * time.Second)},
	} {
		t.Run(name, func(t *testing.T) {
			var up atomic.Bool
			up.Store(true)
			bucket := "down-" + name
			stores[bucket] = &fleettest.Store{Fault: func(string, int) fleettest.Fault {
				if up.Load() {
					return fleettest.None
				}
				return fleettest.Lost
			}}
			ship.Kind, ship.Bucket, ship.Every = "test", bucket, caddy.Duration(10*time.Millisecond)
			r, logged := open(t, &recorder.Ledger{Folder: t.TempDir(), Ship: &ship})
			c := r.Class("")
			waitFor(t, "it is shipped", func() bool { return len(stores[bucket].Names("live/")) > 0 && r.Ready() == nil })
			up.Store(false)
			add(t, c, 8)
			waitFor(t, "the gateway is not ready", func() bool { return errors.Is(r.Ready(), recorder.ErrUnshipped) })
			add(t, c, 8)
			waitFor(t, "transfers are to be refused", func() bool { return errors.Is(c.Shipped(), recorder.ErrUnshipped) })
			if text := c.Shipped().Error(); strings.ContainsAny(text, `/\`) {
				t.Errorf("it names a place: %s", text)
			}
			add(t, c, 1) // a denial, say
			up.Store(true)
			waitFor(t, "all is well", func() bool { return r.Ready() == nil && c.Shipped() == nil })
			waitFor(t, "the log says both", func() bool {
				said := logged.String()
				return strings.Contains(said, "the ledger is not shipped to its store") && strings.Contains(said, "the ledger is shipped again")
			})
		})
	}
}

// A ledger that has less than was shipped of it is an older copy: what it would write now
// is another history than the store's, so that no transfer passes, whatever the limit.
func TestShippedMoreThanThereIs(t *testing.T) {
	stores["set-back"] = new(fleettest.Store)
	dir := t.TempDir()
	l := &recorder.Ledger{Folder: dir, Ship: &recorder.Ship{Kind: "test", Bucket: "set-back", Every: caddy.Duration(10 * time.Millisecond), UnshippedRecords: 1 << 20}}
	r, _ := open(t, l)
	add(t, r.Class(""), 3)
	end(t, r)
	notes, err := filepath.Glob(filepath.Join(dir, "ship", "*.json"))
	if err != nil || len(notes) != 1 {
		t.Fatal(notes, err)
	}
	data, err := os.ReadFile(notes[0])
	if err != nil {
		t.Fatal(err)
	}
	var note map[string]any
	if err := json.Unmarshal(data, &note); err != nil {
		t.Fatal(err)
	}
	note["shipped"] = "1.999"
	if data, err = json.Marshal(note); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(notes[0], data, 0o600); err != nil {
		t.Fatal(err)
	}
	r, _ = open(t, l)
	waitFor(t, "transfers are refused", func() bool { return errors.Is(r.Class("").Shipped(), recorder.ErrUnshipped) && r.Ready() != nil })
}

// A store that cannot be used is told of before anything starts.
func TestShipRefused(t *testing.T) {
	credentials := filepath.Join(t.TempDir(), "credentials")
	if err := os.WriteFile(credentials, []byte("only-one\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, ship := range map[string]recorder.Ship{
		"build it with caddyplugin/fleet|there is no kind of store 's9'": {Kind: "s9"},
		"are not an access key and a secret key":                         {Kind: "test", Credentials: option.Secret{File: credentials}},
		"reading the authorities of 'ship'":                              {Kind: "test", Authorities: "/nowhere"},
	} {
		_, err := recorder.New(&recorder.Ledger{Folder: t.TempDir(), Ship: &ship}, recorder.Options{Node: "gw-sg-1"})
		said := false
		for one := range strings.SplitSeq(want, "|") {
			said = said || err != nil && strings.Contains(err.Error(), one)
		}
		if !said || strings.Contains(err.Error(), "only-one") {
			t.Errorf("%s is wanted, and it says %v", want, err)
		}
	}
}

// Every word of the option, as it becomes JSON, and what is wrong with its line.
func TestShipOption(t *testing.T) {
	const head = "ledger /l {\nship s3 https://obs.ap-southeast-3.example.com ledgers {\n"
	l, err := parse(t, head+"prefix eu/\nregion ap-southeast-3\ncredentials value {env.SHIP}\nauthorities /ca.pem\nevery 2s\nlock compliance\nunshipped_limit 20m\n}\n}")
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"folder":"/l","ship":{"kind":"s3","url":"https://obs.ap-southeast-3.example.com","bucket":"ledgers","prefix":"eu/","region":"ap-southeast-3",` +
		`"credentials":{"value":"{env.SHIP}"},"authorities":"/ca.pem","every":2000000000,"lock":"compliance","unshipped_age":1200000000000}}`
	if got, err := json.Marshal(l); err != nil || string(got) != want {
		t.Errorf("%s, want\n%s (%v)", got, want, err)
	}
	if l, err := parse(t, head+"region r\nunshipped_limit 5000 records\n}\n}"); err != nil || l.Ship.UnshippedRecords != 5000 {
		t.Errorf("%+v %v", l.Ship, err)
	}
	for text, want := range map[string]string{
		"ship": "0 arguments where 'ship s3 URL BUCKET' is meant, at Caddyfile:2", "ship s4 u b": "'s4' is no kind of store; there is only 's3', at Caddyfile:2",
		"ship s3 u b": "'ship' names no region",
		"ship s3 u b {\nregion r\n}\nship s3 u b":         "'ship' is written twice, at Caddyfile:5",
		"ship s3 u b {\nregoin r\n}":                      "unrecognized option 'regoin' of 'ship'; did you mean 'region'",
		"ship s3 u b {\nevery 0s\n}":                      "'0s' is not a duration from 100ms to 1m, at Caddyfile:3",
		"ship s3 u b {\nlock governance\n}":               "'governance' is no way to lock objects",
		"ship s3 u b {\nunshipped_limit\n}":               "0 arguments where 'unshipped_limit DURATION'",
		"ship s3 u b {\nunshipped_limit 0 records\n}":     "'0' is not a number of records",
		"ship s3 u b {\nunshipped_limit soon\n}":          "'soon' is not a duration from 1s to 30d",
		"ship s3 u b {\ncredentials hush-1 hush-2 }\n}":   "arguments where 'credentials [value] SECRET' is meant",
		"ship s3 u b {\nregion r\nregion r\n}":            "'region' is written twice, at Caddyfile:4",
		"ship s3 u b {\nunshipped_limit 1 record or so\n": "4 arguments where",
	} {
		_, err := parse(t, "ledger /l {\n"+text+"\n}")
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s\n\tgot the error '%v', want '%s'", text, err, want)
		}
	}
}
