package ledger_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/ledger/verify"
	"github.com/sparkoo/transfergate/internal/record"
)

// verified verifies the ledger at /l.
func verified(t testing.TB, m *memFS) verify.Report {
	t.Helper()
	r, err := verifyFS(m, "/l")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// inEpochs reads the ledger at /l, epoch by epoch.
func inEpochs(t testing.TB, m *memFS) (all [][]string) {
	t.Helper()
	if err := each(ledger.AtFS(m, "/l"), record.ID{}, func(e ledger.Entry) error {
		for len(all) < int(e.Epoch) {
			all = append(all, nil)
		}
		if e.Index != uint64(len(all[e.Epoch-1])) {
			t.Fatalf("entry %v where %d was due", e.ID, len(all[e.Epoch-1]))
		}
		all[e.Epoch-1] = append(all[e.Epoch-1], string(e.Data))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// A full epoch is followed by another one while appends go on, and every id is
// given once. Each epoch begins with a genesis entry, ends with one that names
// the next, and verifies; so do they as a row.
func TestEpochIsFull(t *testing.T) {
	m := newMemFS()
	l := ledger.New("/l", ledger.Options{FS: m, Node: "gw-sg-1", EpochEntries: 50, SegmentEntries: 8})
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	if err := l.Snapshot("0123abcd", []byte("the policy")); err != nil {
		t.Fatal(err)
	}
	var ids sync.Map
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 50 {
				entry := fmt.Sprint("entry ", w, " ", i)
				id, err := l.Append([]byte(entry))
				if err != nil {
					t.Errorf("appending: %v", err)
					return
				}
				if _, twice := ids.LoadOrStore(id, entry); twice {
					t.Errorf("id %v was given twice", id)
				}
			}
		})
	}
	wg.Wait()
	shut(t, l)
	all := inEpochs(t, m)
	if len(all) < 4 {
		t.Fatalf("%d epochs", len(all))
	}
	ids.Range(func(id, entry any) bool {
		if id := id.(record.ID); all[id.Epoch-1][id.Index] != entry {
			t.Errorf("entry %v is %q, want %q", id, all[id.Epoch-1][id.Index], entry)
		}
		return true
	})
	for i, entries := range all {
		v, err := ledger.AtFS(m, "/l").View(uint32(i + 1))
		if err != nil {
			t.Fatal(err)
		}
		checkView(t, v, entries)
		var first struct {
			Type     string
			Previous struct{ Checkpoint, Origin string }
		}
		if err := json.Unmarshal([]byte(entries[0]), &first); err != nil || first.Type != "ledger.genesis" {
			t.Errorf("epoch %d begins with %s", i+1, entries[0])
		}
		if i > 0 && !strings.HasPrefix(first.Previous.Checkpoint, fmt.Sprintf("%s\n%d\n", first.Previous.Origin, len(all[i-1]))) {
			t.Errorf("epoch %d begins with %s", i+1, entries[0])
		}
		if i+1 < len(all) && kindOf(t, entries[len(entries)-1]) != "epoch.closed" {
			t.Errorf("epoch %d ends with %s", i+1, entries[len(entries)-1])
		}
		if !strings.Contains(strings.Join(entries, "\n"), `"policy":"0123abcd"`) {
			t.Errorf("epoch %d names no policy", i+1)
		}
	}
	if r := verified(t, m); r.First != 1 || r.Epoch != uint32(len(all)) || r.Signed != r.Entries || r.Policies != len(all) {
		t.Errorf("verify: %+v", r)
	}
	l = ledger.New("/l", ledger.Options{FS: m, EpochEntries: 50})
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	add(t, l, "after")
	shut(t, l)
	verified(t, m)
}

// A month begins an epoch, once, and a clock that goes back begins none.
func TestMonthBeginsEpoch(t *testing.T) {
	m := newMemFS()
	now := time.Date(2026, 10, 31, 23, 59, 59, 0, time.UTC)
	l := ledger.New("/l", ledger.Options{FS: m, Now: func() time.Time { return now }})
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		at   time.Time
		want uint32
	}{{now, 1}, {now.Add(time.Second), 2}, {now.Add(-time.Hour), 2}, {now.Add(2 * time.Second), 2}, {now.AddDate(0, 2, 0), 3}} {
		now = step.at
		id, err := l.Append([]byte("entry"))
		if err != nil || id.Epoch != step.want {
			t.Errorf("at %v: %v, %v, want epoch %d", step.at, id, err, step.want)
		}
	}
	shut(t, l)
	verified(t, m)
}

// An epoch that is not there is missed, and so is an end that was cut off.
func TestMissingEpoch(t *testing.T) {
	m := newMemFS()
	l := ledger.New("/l", ledger.Options{FS: m, EpochEntries: 3, SegmentEntries: 4})
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	for i := range 30 {
		add(t, l, fmt.Sprint("entry ", i))
	}
	shut(t, l)
	remove := func(m *memFS, epoch string) {
		if err := m.disk.RemoveAll(epoch); err != nil {
			t.Fatal(err)
		}
	}
	bad := new(ledger.CorruptError)
	for _, missing := range []string{"/l/epoch-000001", "/l/epoch-000002"} {
		lost := m.clone()
		remove(lost, missing)
		if _, err := verifyFS(lost, "/l"); !errors.As(err, &bad) || bad.File != missing {
			t.Errorf("%s is missing: %v", missing, err)
		}
		if r, err := verifyWith(lost, "/l", verify.Options{From: 3}); err != nil || r.First != 3 {
			t.Errorf("from the third epoch on: %+v, %v", r, err)
		}
	}
	all := inEpochs(t, m)
	swapped := m.clone() // an epoch of another ledger in the place of one
	other := newMemFS()
	l = ledger.New("/l", ledger.Options{FS: other, EpochEntries: 3, SegmentEntries: 4})
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	for i := range 30 {
		add(t, l, fmt.Sprint("forged ", i))
	}
	shut(t, l)
	remove(swapped, "/l/epoch-000002")
	for _, folder := range []string{"seg", "hash", "sealed"} {
		if err := swapped.disk.MkdirAll("/l/epoch-000002/"+folder, 0); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range other.files("/l/epoch-000002") {
		swapped.set(name, other.get(name))
	}
	if _, err := verifyFS(swapped, "/l"); !errors.As(err, &bad) || !strings.Contains(bad.What, "the genesis entry names the epoch") {
		t.Errorf("another ledger's epoch: %v, %d epochs", err, len(all))
	}
}

// Another key signs from a new epoch on, which the old key vouches for.
func TestNewKey(t *testing.T) {
	dir := t.TempDir()
	l := open(t, filepath.Join(dir, "ledger"), ledger.Options{})
	add(t, l, "entry 1")
	shut(t, l)
	next := filepath.Join(dir, "next.key")
	vkey, err := ledger.GenerateKey(next, "transfergate/gw-sg-1")
	if err != nil || !strings.HasPrefix(vkey, "transfergate/gw-sg-1+") {
		t.Fatal(vkey, err)
	}
	if _, err := ledger.GenerateKey(next, "transfergate/gw-sg-1"); err == nil {
		t.Error("a key was overwritten")
	}
	if err := ledger.NewEpoch(filepath.Join(dir, "ledger"), ledger.Options{}, "", next); err == nil {
		t.Error("an epoch without a reason")
	}
	// An entry's length has two bytes: a longer reason would be cut, and all that follows be damage.
	if err := ledger.NewEpoch(filepath.Join(dir, "ledger"), ledger.Options{}, strings.Repeat("reasons ", 9000), next); err == nil || !strings.Contains(err.Error(), "has 72000 bytes; at most 4096") {
		t.Errorf("an epoch with a reason as long as a book: %v", err)
	}
	if err := ledger.NewEpoch(filepath.Join(dir, "ledger"), ledger.Options{}, "yearly change of keys", next); err != nil {
		t.Fatal(err)
	}
	if err := ledger.New(filepath.Join(dir, "ledger"), ledger.Options{}).Open(); !errors.Is(err, ledger.ErrNoSigningKey) {
		t.Errorf("opened with the old key: %v", err)
	}
	l = open(t, filepath.Join(dir, "ledger"), ledger.Options{Key: next})
	id, err := l.Append([]byte("entry 2"))
	if err != nil || id != (record.ID{Epoch: 2, Index: 1}) {
		t.Errorf("%v, %v", id, err)
	}
	shut(t, l)
	if r, err := verify.Ledger(filepath.Join(dir, "ledger"), verify.Options{}); err != nil || r.Epoch != 2 {
		t.Errorf("verify: %+v, %v", r, err)
	}
	var last string
	if err := each(ledger.At(filepath.Join(dir, "ledger")), record.ID{}, func(e ledger.Entry) error {
		if e.Epoch == 1 {
			last = string(e.Data)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	if !strings.Contains(last, `"because":"yearly change of keys"`) || !strings.Contains(last, `/epoch-000002+`) {
		t.Errorf("the first epoch ends with %s", last)
	}
}

// After damage the operator begins a new epoch, which says why; the damaged one
// is not touched. So also when the key is lost.
func TestEpochAfterDamage(t *testing.T) {
	for name, damage := range map[string]func(m *memFS){
		"lost entries": func(m *memFS) { m.set(firstSegment, m.get(firstSegment)[:1000]) },
		"lost key":     func(m *memFS) { m.Remove("/l/checkpoint.key") },
		"no settings":  func(m *memFS) { m.Remove("/l/epoch-000001/EPOCH") },
	} {
		t.Run(name, func(t *testing.T) {
			m := memLedger(t, 20, 64, true)
			damage(m)
			if err := ledger.New("/l", ledger.Options{FS: m}).Open(); err == nil {
				t.Fatal("the damaged ledger opened")
			}
			before := m.clone()
			if err := ledger.NewEpoch("/l", ledger.Options{FS: m}, "damage of 2026-11-25, ticket 7", ""); err != nil {
				t.Fatal(err)
			}
			m.wantSame(t, before)
			l := ledger.New("/l", ledger.Options{FS: m})
			if err := l.Open(); err != nil {
				t.Fatal(err)
			}
			id, err := l.Append([]byte("entry"))
			if err != nil || id != (record.ID{Epoch: 2, Index: 1}) {
				t.Errorf("%v, %v", id, err)
			}
			shut(t, l)
			r, err := verifyWith(m, "/l", verify.Options{From: 2})
			if err != nil || r.First != 2 || r.Entries != 2 {
				t.Errorf("verify: %+v, %v", r, err)
			}
			if err := each(ledger.AtFS(m, "/l"), record.ID{Epoch: 2}, func(e ledger.Entry) error {
				if e.Index == 0 && !strings.Contains(string(e.Data), `"because":"damage of 2026-11-25, ticket 7"`) {
					t.Errorf("genesis %s", e.Data)
				}
				return nil
			}); err != nil {
				t.Error(err)
			}
		})
	}
}
