package ledger_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger"
)

// aMonth is how long entries are kept in these tests.
var aMonth = ledger.Retain{Months: 1}

// monthly is a ledger in memory with an epoch for each month from January 2026
// on, and the clock that its log reads.
type monthly struct {
	t   *testing.T
	m   *memFS
	log *ledger.Log
	out *lines
	set func(time.Time)

	segment int           // entries in a segment; 8 if it is 0
	dueFor  time.Duration // how long an epoch's time must have run out
}

// january is when its first epoch begins.
var january = time.Date(2026, 1, 10, 12, 0, 0, 0, time.UTC)

func newMonthly(t *testing.T, months int) *monthly {
	t.Helper()
	l := &monthly{t: t, m: newMemFS()}
	l.open(january)
	for month := range months {
		l.set(january.AddDate(0, month, 0))
		l.record()
		within(t, 5*time.Second, "the month has its key", func() bool {
			l.log.Subject("ana", "", l.log.Now()) // the first request may have come before the last key was done
			return len(l.log.Keys()) == month+1
		})
	}
	return l
}

// open opens the ledger at that time.
func (l *monthly) open(at time.Time) {
	l.t.Helper()
	now, set := clockAt(at)
	l.set, l.out = set, new(lines)
	l.log = ledger.New("/l", ledger.Options{FS: l.m, Node: "gw-sg-1", Now: now, SegmentEntries: cmp.Or(l.segment, 8), CheckpointInterval: time.Millisecond,
		DueFor: l.dueFor, Logger: slog.New(slog.NewTextHandler(l.out, nil))})
	if err := l.log.Open(); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { l.log.Close() })
}

// record appends a record of now, as the gateway writes it.
func (l *monthly) record() ledger.ID {
	l.t.Helper()
	now := l.log.Now()
	r := ledger.Record{Type: ledger.TypeAccepted, Time: now, RetainUntil: aMonth.Until(now), Subject: l.log.Subject("ana", "", now)}
	id, err := l.log.Append(r.AppendJSON(nil))
	if err != nil {
		l.t.Fatal(err)
	}
	return id
}

// expire runs the retention and checks which epochs are left.
func (l *monthly) expire(at time.Time, want ...uint32) ledger.Retention {
	l.t.Helper()
	l.set(at)
	r, err := l.log.DeleteExpired(l.t.Context(), aMonth)
	if err != nil {
		l.t.Fatal(err)
	}
	if got := epochsOf(l.m); !slices.Equal(got, want) {
		l.t.Errorf("on %s epochs %v are left, want %v: %+v", at.Format(time.DateOnly), got, want, r)
	}
	if _, err := ledger.VerifyFS(l.m, "/l"); err != nil {
		l.t.Errorf("on %s: %v", at.Format(time.DateOnly), err)
	}
	return r
}

// epochsOf lists the epochs' folders that are there.
func epochsOf(m *memFS) (numbers []uint32) {
	for _, name := range m.names("/l") {
		var n uint32
		if _, err := fmt.Sscanf(name, "epoch-%d", &n); err == nil && !strings.HasSuffix(name, ".deleted") {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

// drop removes an epoch's folder, as somebody with the disk can.
func drop(m *memFS, epoch uint32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	name := fmt.Sprintf("/l/epoch-%06d", epoch)
	m.forgetBelow(name)
	if err := errors.Join(m.disk.RemoveAll(name), syncDir(m.disk, "/l")); err != nil {
		panic(err) // in memory nothing fails of itself
	}
}

// wantMissing checks that verifying names the missing epoch and says why.
func wantMissing(t *testing.T, m *memFS, epoch uint32, why string) {
	t.Helper()
	bad := new(ledger.CorruptError)
	_, err := ledger.VerifyFS(m, "/l")
	if !errors.As(err, &bad) || bad.File != fmt.Sprintf("/l/epoch-%06d", epoch) || !strings.Contains(bad.What, why) {
		t.Errorf("epoch %d is missing, and verifying says %v", epoch, err)
	}
}

func day(year, month, day int) time.Time {
	return time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
}

// An epoch goes when the last of its entries has been kept long enough, not
// before; what it said of epochs deleted earlier is said again. The remaining
// epochs are served as before.
func TestDeleteExpired(t *testing.T) {
	l := newMonthly(t, 3) // the second epoch begins on February 10
	l.expire(time.Date(2026, 3, 10, 11, 59, 59, 0, time.UTC), 1, 2, 3)
	if r := l.expire(time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC), 2, 3); !slices.Equal(r.Deleted, []uint32{1}) {
		t.Errorf("%+v", r)
	}
	l.expire(day(2026, 4, 12), 3, 4) // April begins an epoch although nothing is recorded
	l.expire(day(2026, 9, 1), 4, 5)
	l.record()
	l.expire(day(2026, 12, 1), 5, 6)
	if err := l.log.Close(); err != nil {
		t.Fatal(err)
	}
	for _, number := range epochsOf(l.m) {
		v, err := ledger.OpenViewFS(l.m, "/l", number)
		if err != nil {
			t.Fatal(err)
		}
		checkView(t, v, inEpoch(t, l.m, number))
	}
	if r := verified(t, l.m); r.Deleted != 4 || r.First != 5 {
		t.Errorf("%+v", r)
	}
	drop(l.m, 5) // its own deletion nobody recorded
	wantMissing(t, l.m, 5, "no entry says that its time ran out")
}

// inEpoch reads an epoch's entries.
func inEpoch(t *testing.T, m *memFS, epoch uint32) (all []string) {
	t.Helper()
	if err := ledger.ReadFS(m, "/l", ledger.ID{Epoch: epoch}, func(e ledger.Entry) error {
		if e.Epoch == epoch {
			all = append(all, string(e.Data))
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// What a record promises is kept, whatever is configured later: a shorter time
// holds for new records only, a longer one for all. Zero keeps everything.
func TestRetainChanges(t *testing.T) {
	l := newMonthly(t, 3)
	l.set(day(2026, 3, 30))
	l.record()
	for _, c := range []struct {
		at   time.Time
		keep ledger.Retain
		want int
	}{
		{day(2026, 4, 15), ledger.Retain{Days: 1}, 2},
		{day(2026, 5, 1).Add(-1), ledger.Retain{Days: 1}, 2}, // March ended long ago, but a record says April 30
		{day(2026, 5, 2), ledger.Retain{Years: 5}, 3},
		{day(2030, 1, 1), ledger.Retain{}, 4},
		{day(2030, 1, 1), ledger.Retain{Days: 1}, 2},
	} {
		l.set(c.at)
		if _, err := l.log.DeleteExpired(t.Context(), c.keep); err != nil || len(epochsOf(l.m)) != c.want {
			t.Errorf("%v on %v: epochs %v, %v", c.keep, c.at, epochsOf(l.m), err)
		}
	}
	verified(t, l.m)
}

// The keys of periods go with the last epoch that has records of theirs, and no
// sooner.
func TestKeysOfDeletedEpochs(t *testing.T) {
	l := newMonthly(t, 4)
	first := l.log.Keys()[0].Period
	keys := func() (periods []string) {
		for _, k := range l.log.Keys() {
			periods = append(periods, k.Period[:7])
		}
		return periods
	}
	l.expire(day(2026, 3, 12), 2, 3, 4)
	equalLists(t, "February is left", keys(), []string{"2026-01", "2026-02", "2026-03", "2026-04"}) // January's may have been used on its first day
	r := l.expire(day(2026, 4, 12), 3, 4)
	equalLists(t, "March is left", keys(), []string{"2026-02", "2026-03", "2026-04"})
	equalLists(t, "destroyed", r.Keys, []string{first})
	l.expire(day(2026, 8, 1), 4, 5)
	equalLists(t, "April is left", keys(), []string{"2026-03", "2026-04"})
	l.expire(day(2026, 10, 1), 5, 6)
	equalLists(t, "only the current one is left", keys(), []string{"2026-04"})
	said := strings.Join(append(inEpoch(t, l.m, 5), inEpoch(t, l.m, 6)...), "\n")
	if strings.Count(said, `"type":"key.destroyed"`) != 2 {
		t.Errorf("entries from August on:\n%s", said)
	}
}

// A hold keeps the epochs it is about, also over a restart, until it is lifted.
// Verify takes the gap between them.
func TestHolds(t *testing.T) {
	l := newMonthly(t, 8)
	if err := l.log.SetHold(ledger.Hold{Ref: "case-7", Because: "order of a court", By: "legal-sg", From: day(2026, 3, 11), To: day(2026, 3, 20)}); err != nil {
		t.Fatal(err)
	}
	r := l.expire(day(2026, 10, 1), 3, 8, 9)
	if !slices.Equal(r.Held, []uint32{3}) || !slices.Equal(r.Deleted, []uint32{1, 2, 4, 5, 6, 7}) {
		t.Errorf("%+v", r)
	}
	if len(r.Keys) != 3 || r.Keys[0][:7] != "2026-01" || r.Keys[1][:7] != "2026-05" || r.Keys[2][:7] != "2026-06" {
		t.Errorf("the keys of %v are destroyed", r.Keys)
	}
	if r := verified(t, l.m); r.Deleted != 6 || r.First != 3 {
		t.Errorf("%+v", r)
	}
	gap := l.m.clone()
	drop(gap, 3)
	wantMissing(t, gap, 3, "no entry says")
	if err := l.log.Close(); err != nil {
		t.Fatal(err)
	}
	l.open(day(2026, 10, 1))
	if strings.Contains(l.out.String(), "foreign") {
		t.Errorf("the log takes its own files for foreign: %s", l.out)
	}
	l.expire(day(2026, 12, 1), 3, 9, 10)
	if err := l.log.LiftHold("case-8", "legal-sg", "over"); !errors.Is(err, ledger.ErrNoHold) {
		t.Errorf("lifting another hold: %v", err)
	}
	if err := l.log.LiftHold("case-7", "legal-sg", "the court has closed the case"); err != nil {
		t.Fatal(err)
	}
	l.expire(day(2026, 12, 1), 9, 10)
	said := strings.Join(inEpoch(t, l.m, 10), "\n")
	if !strings.Contains(said, `{"hold":{"because":"the court has closed the case","by":"legal-sg","from":"2026-03-11T00:00:00.000000Z","ref":"case-7","to":"2026-03-20T00:00:00.000000Z"},`) ||
		strings.Contains(said, "hold.set") || !strings.Contains(said, `"type":"hold.lifted"`) {
		t.Errorf("entries of December:\n%s", said)
	}
	for _, entry := range inEpoch(t, l.m, 10) {
		if string(sorted(t, []byte(entry))) != entry {
			t.Errorf("not in the form of RFC 8785: %s", entry)
		}
	}
}

func TestHoldRefused(t *testing.T) {
	good := ledger.Hold{Ref: "case-7", Because: "order of a court", By: "legal-sg"}
	l := newMonthly(t, 1)
	for want, change := range map[string]func(*ledger.Hold){
		"the reference of a hold is not a token": func(h *ledger.Hold) { h.Ref = "../x" },
		"the office of a hold is not a token":    func(h *ledger.Hold) { h.By = "Ana Lee" },
		"a hold says why, in 1 to 256 bytes":     func(h *ledger.Hold) { h.Because = " " },
		"the hold case-7 ends on 2026-01-01T00:00:00Z, before it begins": func(h *ledger.Hold) {
			h.From, h.To = day(2026, 1, 2), day(2026, 1, 1)
		},
	} {
		h := good
		change(&h)
		if err := l.log.SetHold(h); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if err := l.log.SetHold(good); err != nil {
		t.Fatal(err)
	}
	// A hold that cannot be read holds everything.
	l.m.set("/l/holds/case-9.json", []byte("{"))
	l.set(day(2030, 1, 1))
	if _, err := l.log.DeleteExpired(t.Context(), aMonth); err == nil || !strings.Contains(err.Error(), "/l/holds/case-9.json is no hold") {
		t.Errorf("with a broken hold: %v", err)
	}
	if err := l.log.Close(); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"SetHold": l.log.SetHold(good), "LiftHold": l.log.LiftHold("case-7", "legal-sg", "over"),
	} {
		if !errors.Is(err, ledger.ErrClosed) {
			t.Errorf("%s of a closed log: %v", name, err)
		}
	}
	if _, err := l.log.DeleteExpired(t.Context(), aMonth); !errors.Is(err, ledger.ErrClosed) {
		t.Errorf("DeleteExpired of a closed log: %v", err)
	}
}

// Whoever has the disk but not the key cannot make an epoch's absence pass for
// its deletion: not by an entry of his own, nor by one about another epoch.
func TestForgedDeletion(t *testing.T) {
	l := newMonthly(t, 4)
	l.expire(day(2026, 3, 12), 2, 3, 4)
	genuine := ""
	for _, entry := range inEpoch(t, l.m, 4) {
		if kindOf(t, entry) == ledger.TypeDeleted {
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
		"no epoch":          {`{"node":"gw-sg-1","type":"epoch.deleted","v":"xfer/1"}`, "the ledger's key has not signed it"},
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
			if _, err := ledger.VerifyFS(forged.m, "/l"); !errors.As(err, &bad) || !strings.Contains(bad.What, c.want) {
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
	o := ledger.VerifyOptions{State: "/state"}
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
			if r, err := ledger.VerifyWith(l.m, "/l", o); err != nil || r.Deleted != c.deleted {
				t.Errorf("on %v: %+v, %v", c.at, r, err)
			}
		}
	}
	drop(l.m, 3)
	if _, err := ledger.VerifyWith(l.m, "/l", o); err == nil || !strings.Contains(err.Error(), "epoch-000003") {
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
		add(t, l, "entry")
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
		_, err := ledger.Verify(in("ledger"), ledger.VerifyOptions{Keys: keys[i:][:1]})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("by key %d: %v", i, err)
		}
	}
}

// A damaged epoch is evidence: it stays, and so do the keys; the others go.
func TestDamagedEpochStays(t *testing.T) {
	for name, damage := range map[string]func(m *memFS){
		"entries":    func(m *memFS) { flip(m, "/l/epoch-000002/seg/000000.log", 100) },
		"settings":   func(m *memFS) { flip(m, "/l/epoch-000002/EPOCH", 10) },
		"checkpoint": func(m *memFS) { flip(m, "/l/epoch-000002/checkpoint", 60) },
	} {
		t.Run(name, func(t *testing.T) {
			l := newMonthly(t, 3)
			damage(l.m)
			for i, want := range [][]uint32{{2, 3, 4}, {2, 4, 5}} {
				l.set(day(2026, 8+2*i, 1))
				r, err := l.log.DeleteExpired(t.Context(), aMonth)
				if got := epochsOf(l.m); err != nil || !slices.Equal(got, want) || !slices.Equal(r.Damaged, []uint32{2}) {
					t.Errorf("epochs %v are left, %+v, %v", got, r, err)
				}
			}
			if n := strings.Count(l.out.String(), "it is kept as evidence"); n != 1 {
				t.Errorf("said %d times that it is damaged", n)
			}
			if n := len(l.log.Keys()); n < 3 {
				t.Errorf("%d keys are left", n)
			}
		})
	}
}

// flip changes a bit of a file.
func flip(m *memFS, file string, at int) {
	data := m.get(file)
	data[at] ^= 4
	m.set(file, data)
}
