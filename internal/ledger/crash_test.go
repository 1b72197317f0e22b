package ledger_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/testsupport"
)

// acknowledged is what appenders were told is durable.
type acknowledged struct {
	mu      sync.Mutex
	entries map[record.ID]string
}

func (a *acknowledged) add(id record.ID, entry string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.entries[id] = entry
}

func (a *acknowledged) copy() map[record.ID]string {
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
				entry := fmt.Sprintf("%d/%d %0*d", w, i, 1+(i*997)%4000, i) // frames begin and end anywhere in blocks
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

// checkAcknowledged opens what a crash left and returns its entries by epoch.
func checkAcknowledged(t *testing.T, m *memFS, want map[record.ID]string) (got [][]string) {
	t.Helper()
	got = reopenEpochs(t, m)
	for id, entry := range want {
		if int(id.Epoch) > len(got) || id.Index >= uint64(len(got[id.Epoch-1])) || got[id.Epoch-1][id.Index] != entry {
			t.Fatalf("acknowledged entry %v is lost: %d epochs", id, len(got))
		}
	}
	return got
}

// The machine loses power before any one of the log's file operations, with any
// part of what was not synced on the disk: nothing acknowledged is lost, and no
// crash looks like damage. The same when the recovery is interrupted, and after
// syncs that failed. 1,000 states that differ are looked at, of every kind, and 5,000
// in CI.
//
//clause:tests §5(j).4
func TestCrash(t *testing.T) {
	states, appends := 1000, 5 // of each of four appenders
	switch {
	case testing.Short() || testsupport.Race:
		states, appends = 500, 3
	case testsupport.Full():
		states = 5000
	}
	lives := []struct {
		name  string
		o     ledger.Options
		fails int // each time after so many syncs of segments one fails; 0: none
	}{
		{"sealed segments", ledger.Options{SegmentEntries: 4}, 0},
		{"epochs", ledger.Options{SegmentEntries: 4, EpochEntries: 10}, 0},
		{"one segment", ledger.Options{SegmentEntries: 1024}, 0},
		{"failing syncs", ledger.Options{SegmentEntries: 8, EpochEntries: 16}, 5},
	}
	seen := make([]crashes, len(lives))
	t.Run("lives", func(t *testing.T) {
		for i, life := range lives {
			t.Run(life.name, func(t *testing.T) {
				t.Parallel()
				c := &seen[i]
				*c = crashes{t: t, rng: rand.New(rand.NewPCG(1, uint64(i))), states: make(map[string]bool), kinds: make(map[string]int)}
				for c.total <= states/len(lives) {
					c.lives++
					c.live(life.o, life.fails, appends)
				}
			})
		}
	})
	total, lived, kinds := 0, 0, map[string]int{
		"torn": 0, "sealing": 0, "storing hashes": 0, "beginning an epoch": 0, "writing a checkpoint": 0,
		"recovering": 0, "after a failed sync": 0,
	}
	for _, c := range seen {
		total, lived = total+c.total, lived+c.lives
		for kind, n := range c.kinds {
			kinds[kind] += n
		}
	}
	t.Logf("%d states of %d lives: %v", total, lived, kinds)
	for kind, n := range kinds {
		if n < states/200 {
			t.Errorf("only %d states of the kind %q", n, kind)
		}
	}
}

// changeless are the operations that change nothing: what a crash before them
// leaves it leaves before the next one, too.
var changeless = []string{"lock", "open", "names", "size", "read", "free"}

// crashes are the states that crashes left, and how many there are of a kind.
type crashes struct {
	t      *testing.T
	rng    *rand.Rand
	states map[string]bool // by digest
	lives  int
	total  int // with those that crashes of the recovery left
	kinds  map[string]int
}

// random is a generator for one goroutine at a time.
func (c *crashes) random() *rand.Rand { return rand.New(rand.NewPCG(1, c.rng.Uint64())) }

// live lives a log's life and looks at what a crash leaves at any moment of it.
func (c *crashes) live(o ledger.Options, fails, appends int) {
	m, rng := newMemFS(), c.random()
	acks := &acknowledged{entries: make(map[record.ID]string)}
	o.FS, o.CheckpointInterval = m, 5*time.Millisecond
	type state struct {
		m    *memFS
		want map[record.ID]string
		kind string
	}
	left := make(chan state) // the operation waits until its states are looked at
	var mu sync.Mutex        // of the hook
	syncs, failed := 0, false
	m.hook = func(op, name string) error {
		mu.Lock()
		defer mu.Unlock()
		if slices.Contains(changeless, op) {
			return nil
		}
		want := acks.copy() // before the snapshot: what is acknowledged later may be missing
		for _, chance := range []float64{0, 0.3, 0.7, 1} {
			left <- state{m.crash(rng, chance), want, doing(name, failed)}
		}
		if fails > 0 && op == "sync" && strings.HasSuffix(name, ".log") {
			if syncs++; syncs%fails == 0 {
				failed = true
				return pathError(op, name, syscall.EIO)
			}
		}
		return nil
	}
	go func() {
		defer close(left)
		l := ledger.New("/l", o)
		err := l.Open()
		if err == nil && acks.load(l, appends) > 0 && fails == 0 {
			err = errors.New("appends were refused")
		}
		if err := errors.Join(err, l.Close()); err != nil && !errors.Is(err, syscall.EIO) {
			c.t.Error(err)
		}
	}()
	for s := range left {
		digest := fmt.Sprint(s.m.digest(), len(s.want))
		if !c.states[digest] {
			c.states[digest] = true
			c.crashAgain(s.m, s.want)
			c.look(s.m, s.want, s.kind)
		}
	}
}

// doing says what a log was at when it wanted to do something with a file.
func doing(name string, failed bool) string {
	switch {
	case failed:
		return "after a failed sync"
	case strings.Contains(name, "/sealed"):
		return "sealing"
	case strings.Contains(name, "/hash") || strings.Contains(name, "/upper.tiles"):
		return "storing hashes"
	case strings.Contains(name, "/EPOCH"):
		return "beginning an epoch"
	case strings.Contains(name, "/checkpoint"):
		return "writing a checkpoint"
	}
	return "appending"
}

// look looks at what a crash left.
func (c *crashes) look(m *memFS, want map[record.ID]string, kind string) {
	c.t.Helper()
	c.total++
	c.kinds[kind]++
	for _, entries := range checkAcknowledged(c.t, m, want) {
		if slices.ContainsFunc(entries, func(e string) bool { return strings.Contains(e, `"type":"ledger.recovered"`) }) {
			c.kinds["torn"]++
			break
		}
	}
}

// crashAgain looks at what a crash at a random operation of the recovery leaves.
func (c *crashes) crashAgain(m *memFS, want map[record.ID]string) {
	c.t.Helper()
	rng := c.random()
	after := rng.IntN(30)
	var mu sync.Mutex // of the hook
	var second *memFS
	work := m.clone()
	work.hook = func(op, _ string) error {
		mu.Lock()
		defer mu.Unlock()
		if slices.Contains(changeless, op) {
			return nil
		}
		if after--; after == 0 {
			second = work.crash(rng, 0.5)
		}
		return nil
	}
	l := ledger.New("/l", ledger.Options{FS: work})
	if err := l.Open(); err != nil {
		c.t.Fatal(err)
	}
	shut(c.t, l)
	if second != nil {
		c.look(second, want, "recovering")
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
	crash := func(op, _ string) error {
		mu.Lock()
		defer mu.Unlock()
		if slices.Contains(changeless, op) {
			return nil
		}
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
