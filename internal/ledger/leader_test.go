package ledger_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger"
)

// Whoever comes while a sync runs waits for the next one only, all together, and
// a log that closes meanwhile commits them still.
func TestTurns(t *testing.T) {
	const waiters = 200
	m := newMemFS()
	var syncs, held atomic.Int64
	begun, goOn := make(chan struct{}), make(chan struct{})
	m.setHook(func(op, name string) error {
		if op == "sync" && name == firstSegment && held.Load() > 0 {
			syncs.Add(1)
			if held.CompareAndSwap(1, 2) {
				close(begun)
				<-goOn
			}
		}
		return nil
	})
	l := ledger.New("/l", ledger.Options{FS: m})
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	held.Store(1)
	var wg sync.WaitGroup
	wg.Go(func() { add(t, l, "the first one leads") })
	<-begun
	for i := range waiters {
		wg.Go(func() { add(t, l, fmt.Sprint("entry ", i)) })
	}
	within(t, 5*time.Second, "all wait", func() bool { return l.Stats().Pending == waiters })
	closed := make(chan error)
	go func() { closed <- l.Close() }()
	within(t, 5*time.Second, "the log refuses more", func() bool {
		return errors.Is(l.Ready(), ledger.ErrClosed)
	})
	close(goOn)
	wg.Wait()
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	if n := syncs.Load(); n != 3 { // the first, all others, the mark of Close
		t.Errorf("%d syncs", n)
	}
	if got := readMem(t, m); len(got) != 1+1+waiters {
		t.Errorf("%d entries", len(got))
	}
}

// panicking is set in the process that TestPanicWithTheTurn starts.
const panicking = "LEDGER_TEST_PANIC"

// A panic of whoever commits ends the process, although a server would recover
// it: nobody else would ever lead.
func TestPanicWithTheTurn(t *testing.T) {
	if os.Getenv(panicking) != "" {
		var open atomic.Bool
		l := ledger.New(t.TempDir(), ledger.Options{OnSync: func(time.Duration, int) {
			if open.Load() {
				panic("broken on purpose")
			}
		}})
		if err := l.Open(); err != nil {
			t.Fatal(err)
		}
		open.Store(true)
		defer func() { t.Logf("recovered: %v", recover()) }() // as a server does
		add(t, l, "entry")
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestPanicWithTheTurn$")
	cmd.Env = append(os.Environ(), panicking+"=1")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "panic: committing to the ledger: broken on purpose") {
		t.Errorf("the process ended with %v and said %s", err, out)
	}
}
