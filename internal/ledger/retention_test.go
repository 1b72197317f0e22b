package ledger_test

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
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
func (l *monthly) record() record.ID {
	l.t.Helper()
	now := l.log.Now()
	r := record.Transfer{Header: record.Header{Type: record.TypeAccepted, Time: now}, RetainUntil: aMonth.Until(now), Subject: l.log.Subject("ana", "", now)}
	id, err := l.log.Append(r.Append(nil))
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
	if _, err := verifyFS(l.m, "/l"); err != nil {
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
	_, err := verifyFS(m, "/l")
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
//
//clause:tests §6.1
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
		v, err := ledger.AtFS(l.m, "/l").View(number)
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
	if err := each(ledger.AtFS(m, "/l"), record.ID{Epoch: epoch}, func(e ledger.Entry) error {
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

// A damaged epoch is evidence: it stays, and so do the keys; the others go.
func TestDamagedEpochStays(t *testing.T) {
	for name, damage := range map[string]func(m *memFS){
		"entries":  func(m *memFS) { flip(m, "/l/epoch-000002/seg/000000.log", 100) },
		"settings": func(m *memFS) { flip(m, "/l/epoch-000002/EPOCH", 10) },
		"another beginning": func(m *memFS) {
			const file = "/l/epoch-000002/EPOCH"
			m.set(file, []byte(strings.Replace(string(m.get(file)), "2026-02", "2025-02", 1)))
		},
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

// An epoch stays if one of its entries is such that nobody can tell how long it is
// to be kept, or what else is to be said before it goes.
func TestUnreadableEntryKeepsItsEpoch(t *testing.T) {
	const header = `"id":"01000000-0000-0000-0000-000000000000","node":"gw-sg-1","salt":"AgAAAAAAAAAAAAAAAAAAAA","time":"2026-01-10T12:00:00.000000Z",`
	for name, c := range map[string]struct {
		entry string
		want  []uint32 // epochs left in May
	}{
		"no entry":                     {"{}", []uint32{1, 3, 4}},
		"cut":                          {`{` + header + `"type":"transfer.accepted"`, []uint32{1, 3, 4}},
		"deletion in a later version":  {`{"deleted":7,` + header + `"type":"epoch.deleted","v":"xfer/9"}`, []uint32{1, 3, 4}},
		"record of a later version":    {`{"a":{},"retain_until":"2026-04-30","time":"2026-01-10T12:00:00.000000Z","type":"transfer.accepted","v":"xfer/9"}`, []uint32{3, 4}},
		"kept longer, a later version": {`{"retain_until":"2027-01-31","time":"2026-01-10T12:00:00.000000Z","type":"transfer.accepted","v":"xfer/9"}`, []uint32{1, 3, 4}},
		"kept longer, a new type":      {`{` + strings.Replace(header, `"salt"`, `"retain_until":"2027-01-31","salt"`, 1) + `"type":"transfer.new","v":"xfer/1"}`, []uint32{1, 3, 4}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newMonthly(t, 1)
			if _, err := l.log.Append([]byte(c.entry)); err != nil {
				t.Fatal(err)
			}
			for month := range 2 {
				l.set(january.AddDate(0, month+1, 0))
				l.record()
			}
			l.expire(day(2026, 5, 1), c.want...)
		})
	}
}

// flip changes a bit of a file.
func flip(m *memFS, file string, at int) {
	data := m.get(file)
	data[at] ^= 4
	m.set(file, data)
}
