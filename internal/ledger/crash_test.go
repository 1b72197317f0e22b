package ledger_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger"
)

// acknowledged is what appenders were told is durable.
type acknowledged struct {
	mu      sync.Mutex
	entries map[ledger.ID]string
}

func (a *acknowledged) add(id ledger.ID, entry string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.entries[id] = entry
}

func (a *acknowledged) copy() map[ledger.ID]string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return maps.Clone(a.entries)
}

// load appends from several goroutines until each has tried so often. Refused
// appends are no failure of the test.
func (a *acknowledged) load(l *ledger.Log, times int) (refused int) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	for w := range 4 {
		wg.Go(func() {
			for i := range times {
				entry := fmt.Sprintf("%d/%d %0*d", w, i, 1+(i*97)%700, i) // frames begin and end anywhere in blocks
				id, err := l.Append([]byte(entry))
				if err == nil {
					a.add(id, entry)
					continue
				}
				mu.Lock()
				refused++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return refused
}

// checkAcknowledged opens what a crash left, and again what a crash of the
// recovery left.
func checkAcknowledged(t *testing.T, m *memFS, want map[ledger.ID]string) {
	t.Helper()
	reopen(t, m)
	got := inEpochs(t, m)
	for id, entry := range want {
		if int(id.Epoch) > len(got) || id.Index >= uint64(len(got[id.Epoch-1])) || got[id.Epoch-1][id.Index] != entry {
			t.Fatalf("acknowledged entry %v is lost: %d epochs", id, len(got))
		}
	}
}

// The machine loses power before any one of the log's file operations, with
// any part of what was not synced on the disk: nothing acknowledged is lost,
// and no crash looks like damage. The same when the recovery is interrupted.
//
//clause:tests §5(h)
func TestCrash(t *testing.T) {
	states := 0
	kinds := []ledger.Options{{SegmentEntries: 4}, {SegmentEntries: 8, EpochEntries: 20}, {SegmentEntries: 1000}}
	if testing.Short() {
		kinds = kinds[:2]
	}
	for _, o := range kinds {
		m := newMemFS()
		acks := &acknowledged{entries: make(map[ledger.ID]string)}
		rng := rand.New(rand.NewPCG(1, uint64(o.SegmentEntries)))
		o.FS, o.CheckpointInterval = m, 10*time.Millisecond
		type state struct {
			m    *memFS
			want map[ledger.ID]string
		}
		crashes := make(chan state) // the operation waits until its states are checked
		var mu sync.Mutex
		m.hook = func(op, name string) error {
			mu.Lock()
			defer mu.Unlock()
			want := acks.copy() // before the snapshot: what is acknowledged later may be missing
			chances := []float64{0, 0.3, 0.7, 1}
			if testing.Short() {
				chances = chances[rng.IntN(4):][:1]
			}
			for _, chance := range chances {
				crashes <- state{m.crash(rng, chance), want}
			}
			return nil
		}
		go func() {
			defer close(crashes)
			l := ledger.New("/l", o)
			if err := l.Open(); err != nil {
				t.Errorf("opening: %v", err)
			} else if n := acks.load(l, 12); n > 0 {
				t.Errorf("%d appends were refused", n)
			}
			if err := l.Close(); err != nil {
				t.Errorf("closing: %v", err)
			}
		}()
		again := rand.New(rand.NewPCG(2, uint64(o.SegmentEntries)))
		for s := range crashes {
			crashAgain(t, s.m, again, s.want)
			checkAcknowledged(t, s.m, s.want)
			states++
		}
	}
	t.Logf("%d crash states", states)
}

// crashAgain crashes at a random operation of the recovery and puts what that
// leaves in the place of m.
func crashAgain(t *testing.T, m *memFS, rng *rand.Rand, want map[ledger.ID]string) {
	t.Helper()
	if rng.IntN(2) == 0 {
		return
	}
	after := rng.IntN(30)
	var mu sync.Mutex
	var second *memFS
	work := m.clone()
	work.hook = func(string, string) error {
		mu.Lock()
		defer mu.Unlock()
		if after--; after == 0 {
			second = work.crash(rng, 0.5)
		}
		return nil
	}
	l := ledger.New("/l", ledger.Options{FS: work})
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	shut(t, l)
	if second != nil {
		checkAcknowledged(t, second, want)
	}
}

// Every file operation fails in turn, once or from then on. Appends may be
// refused, but what was acknowledged stays, also over a later loss of power.
// After one failure the log goes on, unless it could not open.
func TestEveryOperationFails(t *testing.T) {
	for _, cause := range []error{syscall.EIO, syscall.ENOSPC} {
		for _, forever := range []bool{false, true} {
			t.Run(fmt.Sprintf("%v/forever=%v", cause, forever), func(t *testing.T) {
				for n := 1; failNth(t, n, cause, forever); n++ {
				}
			})
		}
	}
}

// failNth fails the nth operation and reports whether there was one.
func failNth(t *testing.T, n int, cause error, forever bool) (happened bool) {
	m := newMemFS()
	var mu sync.Mutex
	count, what := 0, ""
	m.hook = func(op, name string) error {
		mu.Lock()
		defer mu.Unlock()
		count++
		if count == n || forever && count > n {
			if what == "" {
				what = op + " " + name
			}
			return pathError(op, name, cause)
		}
		return nil
	}
	acks := &acknowledged{entries: make(map[ledger.ID]string)}
	l := ledger.New("/l", ledger.Options{FS: m, SegmentEntries: 4, EpochEntries: 12})
	if err := l.Open(); err == nil {
		refused := acks.load(l, 4)
		if !forever && refused > 4 {
			t.Errorf("%d of 16 appends refused after one failure of %s", refused, what)
		}
		_, err := l.Append([]byte("last"))
		if err != nil { // perhaps this was the one that failed
			_, err = l.Append([]byte("last"))
		}
		if err != nil && !forever {
			t.Errorf("the log did not go on after one failure of %s: %v", what, err)
		}
	} else if !errors.Is(err, cause) {
		t.Errorf("open with a failing %s: %v", what, err)
	}
	if err := l.Close(); err != nil && !errors.Is(err, cause) {
		t.Errorf("close with a failing %s: %v", what, err)
	}
	mu.Lock()
	defer mu.Unlock()
	m.setHook(nil)
	m.locked = make(map[string]bool)
	rng := rand.New(rand.NewPCG(uint64(n), 1))
	for _, chance := range []float64{0, 0.5, 1}[n%3:][:1] {
		after := m.crash(rng, chance)
		checkAcknowledged(t, after, acks.copy())
	}
	if t.Failed() {
		t.Fatalf("operation %d: %s", n, what)
	}
	return what != ""
}

// After a failed sync the bytes in memory look written although they are not.
// A restart must not trust them.
func TestRestartAfterFailedSync(t *testing.T) {
	l, m, f, _ := failingLog(t)
	// The process sees a sync fail and is killed before it can cut anything.
	f.set("sync", syscall.EIO)
	f.set("truncate", syscall.EIO)
	if _, err := l.Append(bytes.Repeat([]byte("entry 2"), 500)); err == nil { // some blocks of its own
		t.Fatal("the append succeeded without a sync")
	}
	f.set("sync", nil)
	f.set("truncate", nil)
	restarted := m.sameCache()
	second := ledger.New("/l", ledger.Options{FS: restarted})
	if err := second.Open(); err != nil {
		t.Fatal(err)
	}
	index := add(t, second, "entry 3")
	got := readMem(t, restarted)
	after := restarted.crash(rand.New(rand.NewPCG(1, 1)), 0)
	if lost := readMem(t, after); len(lost) != len(got) || lost[index] != "entry 3" {
		t.Errorf("before the power went: %q, after: %q", got, lost)
	}
	shut(t, second)
	if _, err := ledger.VerifyFS(after, "/l"); err != nil {
		t.Error(err)
	}
}

// Segments nothing was written to are removed last to first, and a crash must
// not bring back a later one without the one before it: that looks like damage.
// Two are there after a crash, and when a full volume refused the first entry of
// a segment.
func TestCrashWhileEmptySegmentsAreRemoved(t *testing.T) {
	after := memLedger(t, 3, 4, false) // the segment is full
	for _, number := range []int{1, 2} {
		after.set(fmt.Sprintf("/l/epoch-000001/seg/%06d.log", number), make([]byte, 4096))
	}
	t.Run("opening", func(t *testing.T) {
		crashEverywhere(t, after.clone(), func(m *memFS) {
			l := ledger.New("/l", ledger.Options{FS: m})
			if err := l.Open(); err != nil {
				t.Fatal(err)
			}
			shut(t, l)
		})
	})
	t.Run("closing", func(t *testing.T) {
		m := memLedger(t, 3, 4, true)
		f := &failing{ops: make(map[string]error)}
		m.setHook(f.hook)
		l := ledger.New("/l", ledger.Options{FS: m})
		if err := l.Open(); err != nil {
			t.Fatal(err)
		}
		f.set("write", syscall.ENOSPC)
		if _, err := l.Append([]byte("lost")); !errors.Is(err, ledger.ErrFull) {
			t.Fatal(err)
		}
		f.set("write", nil)
		crashEverywhere(t, m, func(*memFS) { shut(t, l) })
	})
}

// crashEverywhere crashes before each operation of what work does to m, and at
// its end, and opens what is left.
func crashEverywhere(t *testing.T, m *memFS, work func(m *memFS)) {
	t.Helper()
	rng := rand.New(rand.NewPCG(3, 3))
	var mu sync.Mutex
	var crashes []*memFS
	crash := func(string, string) error {
		mu.Lock()
		defer mu.Unlock()
		for range 8 {
			crashes = append(crashes, m.crash(rng, 0.5))
		}
		return nil
	}
	m.setHook(crash)
	work(m)
	crash("", "")
	for _, c := range crashes {
		reopen(t, c)
	}
}
