package verify_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/ledger/verify"
)

// besides makes a ledger of two epochs with two holds, one lifted, and a key that was
// destroyed in the first one. It returns the period of that key and its file.
func besides(t *testing.T, dir string) (period string, key []byte) {
	t.Helper()
	l := open(t, dir, small)
	period = l.Keys()[0].Period
	key, err := os.ReadFile(filepath.Join(dir, "keys", period+".key"))
	if err != nil {
		t.Fatal(err)
	}
	hold := ledger.Hold{Ref: "case-7", Because: "order of a court", By: "legal-sg", From: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}
	lifted := hold
	lifted.Ref = "case-8"
	if err := errors.Join(l.SetHold(hold), l.SetHold(lifted), l.LiftHold("case-8", "legal-sg", "it is over"), l.DestroyKey(period)); err != nil {
		t.Fatal(err)
	}
	add(t, l, numbered(20)...)
	return period, key
}

// What lies beside the entries and says again what they say is held against them: what
// differs is told, with what to do, and the ledger is sound all the same.
func TestVerifyComparesWhatIsBesideTheEntries(t *testing.T) {
	base := filepath.Join(t.TempDir(), "ledger")
	period, key := besides(t, base)
	begun, err := os.ReadFile(base + ".begun")
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, data []byte) func(string) error {
		return func(dir string) error { return os.WriteFile(dir+name, data, 0o600) }
	}
	replaced := func(name, from, to string) func(string) error {
		return func(dir string) error {
			data, err := os.ReadFile(dir + name)
			if !strings.Contains(string(data), from) {
				t.Errorf("%s is %s", name, data)
			}
			return errors.Join(err, os.WriteFile(dir+name, []byte(strings.ReplaceAll(string(data), from, to)), 0o600))
		}
	}
	for _, test := range []struct {
		name       string
		change     func(dir string) error
		file, want string // empty: nothing differs
	}{
		{"nothing", func(string) error { return nil }, "", ""},
		{"no note", func(dir string) error { return os.Remove(dir + ".begun") }, "", ""},
		{"a hold is missing", func(dir string) error { return os.Remove(dir + "/holds/case-7.json") },
			"/holds/case-7.json", "its file is missing. The entry counts"},
		{"all holds are missing", func(dir string) error { return os.RemoveAll(dir + "/holds") },
			"/holds/case-7.json", "the hold is set, as entry 2."},
		{"a hold is of another time", replaced("/holds/case-7.json", "2026-03", "2019-03"),
			"/holds/case-7.json", "does not say what entry 2."},
		{"a hold is no hold", write("/holds/case-7.json", []byte("{")), "/holds/case-7.json", "does not say what entry 2."},
		{"a hold that was lifted", write("/holds/case-8.json", []byte(`{"ref":"case-8","because":"order of a court","by":"legal-sg","set":"2026-03-01T00:00:00Z"}`)),
			"/holds/case-8.json", "or lift it"},
		{"a hold of nobody", write("/holds/case-9.json", []byte("x")), "/holds/case-9.json", "nothing is deleted. Remove it"},
		{"the rest of a write", write("/holds/case-9.json.tmp", []byte("x")), "", ""},
		{"a destroyed key", write("/keys/"+period+".key", key), "/keys/" + period + ".key", "the key was destroyed, as entry 1."},
		{"the note is noise", write(".begun", []byte("x")), ".begun", "names no epoch"},
		{"the note is of an epoch that is not there", write(".begun", []byte(strings.Split(string(begun), "/epoch-")[0]+"x/epoch-000001\n")), ".begun", "was not found in the ledger"},
		{"the note is not signed", replaced(".begun", "\n— ", "\n— x"), ".begun", "is not signed with the ledger's key"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "ledger")
			copyTo(t, dir, base)
			copyFile(t, dir+".begun", base+".begun")
			if err := test.change(dir); err != nil {
				t.Fatal(err)
			}
			state := filepath.Join(t.TempDir(), "state")
			for range 1 + min(1, len(test.want))*strings.Count(test.name, "of another time") { // the second time by what was noted
				r, err := verify.Ledger(dir, verify.Options{State: state})
				if err != nil {
					t.Fatal(err)
				}
				if len(r.Differences) != min(1, len(test.want)) {
					t.Fatalf("%+v", r.Differences)
				}
				for _, d := range r.Differences {
					if d.File != dir+test.file || !strings.Contains(d.What, test.want) {
						t.Errorf("%+v", d)
					}
				}
			}
		})
	}
}
