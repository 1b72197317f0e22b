package ledger_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/testsupport"
)

// Every file operation fails in turn, once or from then on. Appends may be
// refused, but what was acknowledged stays, also over a later loss of power.
// After one failure the log goes on, unless it could not open.
func TestEveryOperationFails(t *testing.T) {
	step := 1
	if testsupport.Race {
		step = 7
	}
	for _, cause := range []error{syscall.EIO, syscall.ENOSPC} {
		for _, forever := range []bool{false, true} {
			t.Run(fmt.Sprintf("%v/forever=%v", cause, forever), func(t *testing.T) {
				n := 1
				for failNth(t, n, cause, forever) {
					n += step
				}
				t.Logf("%d operations, one in %d failed", n-1, step)
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
	acks := &acknowledged{entries: make(map[record.ID]string)}
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
	m.setHook(func(op, name string) error { return pathError(op, name, errors.New("the process is gone")) })
	if err := l.Close(); err == nil {
		t.Fatal("closed in spite of it")
	}
	m.setHook(nil)
	second := ledger.New("/l", ledger.Options{FS: m})
	if err := second.Open(); err != nil {
		t.Fatal(err)
	}
	index := add(t, second, "entry 3")
	got := readMem(t, m)
	after := m.crash(rand.New(rand.NewPCG(1, 1)), 0)
	if lost := readMem(t, after); len(lost) != len(got) || lost[index] != "entry 3" {
		t.Errorf("before the power went: %q, after: %q", got, lost)
	}
	shut(t, second)
	if _, err := verifyFS(after, "/l"); err != nil {
		t.Error(err)
	}
}
