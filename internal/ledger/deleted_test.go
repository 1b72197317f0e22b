package ledger_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/ledger/verify"
	"github.com/sparkoo/transfergate/internal/record"
)

// Whoever has the disk but not the key cannot make an epoch's absence pass for
// its deletion: not by an entry of his own, nor by one about another epoch.
func TestForgedDeletion(t *testing.T) {
	l := newMonthly(t, 4)
	l.expire(day(2026, 3, 12), 2, 3, 4)
	genuine := ""
	for _, entry := range inEpoch(t, l.m, 4) {
		if kindOf(t, entry) == record.TypeDeleted {
			genuine = entry
		}
	}
	var of struct{ Deleted struct{ Origin string } }
	if err := json.Unmarshal([]byte(genuine), &of); err != nil || !strings.HasSuffix(of.Deleted.Origin, "/epoch-000001") {
		t.Fatalf("%v in %s", err, genuine)
	}
	for name, c := range map[string]struct{ entry, want string }{
		"nothing":           {"", "no entry says"},
		"again":             {genuine, "no entry says"},
		"of epoch 2":        {strings.NewReplacer("epoch-000001", "epoch-000002", `"epoch":1`, `"epoch":2`).Replace(genuine), "the ledger's key has not signed it"},
		"no epoch":          {`{"node":"gw-sg-1","type":"epoch.deleted","v":"xfer/1"}`, "the member deleted is missing"},
		"another signature": {strings.Replace(genuine, `"signature":"`, `"signature":"AAAA`, 1), "the ledger's key has not signed it"},
	} {
		t.Run(name, func(t *testing.T) {
			forged := &monthly{t: t, m: l.m.clone()}
			forged.open(day(2026, 4, 13))
			if c.entry != "" {
				if _, err := forged.log.Append([]byte(c.entry)); err != nil {
					t.Fatal(err)
				}
			}
			drop(forged.m, 2)
			bad := new(ledger.CorruptError)
			if _, err := verifyFS(forged.m, "/l"); !errors.As(err, &bad) || !strings.Contains(bad.What, c.want) {
				t.Errorf("verifying says %v", err)
			}
		})
	}
}

// Verify goes on where it was, over deletions, and misses an epoch all the same.
func TestResumeAfterDeletion(t *testing.T) {
	l := newMonthly(t, 4)
	for range 40 {
		l.record()
	}
	o := verify.Options{State: "/state"}
	within(t, 5*time.Second, "April is sealed", func() bool { return sealedIn(l.m, 4) > 3 })
	for _, c := range []struct {
		at      time.Time
		deleted int
	}{{day(2026, 2, 1), 0}, {day(2026, 3, 12), 1}, {day(2026, 4, 12), 2}} {
		l.set(c.at)
		if _, err := l.log.DeleteExpired(t.Context(), aMonth); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if r, err := verifyWith(l.m, "/l", o); err != nil || r.Deleted != c.deleted {
				t.Errorf("on %v: %+v, %v", c.at, r, err)
			}
		}
	}
	drop(l.m, 3)
	if _, err := verifyWith(l.m, "/l", o); err == nil || !strings.Contains(err.Error(), "epoch-000003") {
		t.Errorf("without epoch 3: %v", err)
	}
}

// sealedIn counts the archives of an epoch.
func sealedIn(m *memFS, epoch uint32) int {
	names, err := m.Names(fmt.Sprintf("/l/epoch-%06d/sealed", epoch))
	if errors.Is(err, fs.ErrNotExist) {
		return 0
	}
	return len(names)
}

// The key of the newest epoch vouches for one before a gap, by what is left of the
// epochs in it, although another key signed that one.
func TestKeyVouchesOverGap(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	now, set := clockAt(january)
	var keys []string
	for i := range 2 {
		key, err := ledger.GenerateKey(in(fmt.Sprint("key ", i)), "transfergate/gw-sg-1")
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	o := ledger.Options{Node: "gw-sg-1", Now: now, Key: in("key 0")}
	l := open(t, in("ledger"), o)
	if err := l.SetHold(ledger.Hold{Ref: "case-7", Because: "an order", By: "legal", To: day(2026, 1, 31)}); err != nil {
		t.Fatal(err)
	}
	for month := range 3 {
		set(january.AddDate(0, month, 0))
		rec := record.Transfer{Header: record.Header{Type: record.TypeAccepted, Time: now()}}
		add(t, l, string(rec.Append(nil)))
	}
	shut(t, l)
	if err := ledger.NewEpoch(in("ledger"), o, "yearly change of keys", in("key 1")); err != nil {
		t.Fatal(err)
	}
	o.Key = in("key 1")
	l = open(t, in("ledger"), o)
	set(day(2026, 9, 1))
	if r, err := l.DeleteExpired(t.Context(), aMonth); err != nil || !slices.Equal(r.Deleted, []uint32{2, 3}) {
		t.Fatalf("%+v, %v", r, err)
	}
	shut(t, l)
	for i, want := range []string{"epoch-000004", ""} {
		_, err := verify.Ledger(in("ledger"), verify.Options{Keys: keys[i:][:1]})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("by key %d: %v", i, err)
		}
	}
}

// A checkpoint of an epoch that was deleted when its time had run out is held against
// what is left of it.
func TestVerifyAgainstKnownOfADeletedEpoch(t *testing.T) {
	l := newMonthly(t, 3)
	note := l.m.get("/l/epoch-000001/checkpoint")
	l.expire(day(2026, 3, 15), 2, 3)
	if _, err := verifyWith(l.m, "/l", verify.Options{Known: [][]byte{note}}); err != nil {
		t.Error(err)
	}
	text := strings.SplitN(string(note), "\n", 3)
	more := []byte(text[0] + "\n1000\n" + text[2])
	bad := new(ledger.CorruptError)
	if _, err := verifyWith(l.m, "/l", verify.Options{Known: [][]byte{more}}); !errors.As(err, &bad) || !strings.Contains(bad.What, "it was signed over 1000 entries of transfergate/gw-sg-1/") {
		t.Errorf("got %v", err)
	}
}
