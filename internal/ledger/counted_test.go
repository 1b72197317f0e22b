package ledger_test

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger"
)

// A disk that takes entries and no new files, as one without inodes does: whatever
// fails for it is counted, because alerts look at the counters.
func TestEveryFailureIsCounted(t *testing.T) {
	soon := time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		op string
		do func(*ledger.Log, func(time.Time)) error
	}{
		{"epoch", func(l *ledger.Log, turn func(time.Time)) error {
			turn(soon.AddDate(0, 1, 0))
			_, err := l.Append([]byte(`{"n":1}`))
			return err
		}},
		{"policy", func(l *ledger.Log, _ func(time.Time)) error {
			return l.Snapshot(strings.Repeat("a", 64), []byte("registers"))
		}},
		{"hold", func(l *ledger.Log, _ func(time.Time)) error {
			return l.SetHold(ledger.Hold{Ref: "case-7", By: "legal-sg", Because: "an order"})
		}},
		{"key", func(l *ledger.Log, _ func(time.Time)) error {
			_, err := l.RotateKey()
			return err
		}},
		{"retention", func(l *ledger.Log, turn func(time.Time)) error {
			turn(soon.AddDate(0, 2, 0))
			_, err := l.DeleteExpired(t.Context(), ledger.Retain{Days: 1})
			return err
		}},
	} {
		m, now := newMemFS(), soon
		l := ledger.New("/l", ledger.Options{FS: m, Node: "gw", Now: func() time.Time { return now }})
		if err := l.Open(); err != nil {
			t.Fatal(err)
		}
		within(t, time.Second, "the next segment is prepared", func() bool { return m.get("/l/epoch-000001/seg/000001.log") != nil })
		before := l.Stats().Errors[c.op]
		m.setHook(func(op, name string) error {
			if op == "write" || op == "sync" || strings.HasSuffix(name, ".log") && strings.Contains(name, "epoch-000001") {
				return nil
			}
			return pathError(op, name, syscall.ENOSPC)
		})
		if err := c.do(l, func(at time.Time) { now = at }); err == nil {
			t.Errorf("%s: it worked on a full disk: the case proves nothing", c.op)
		}
		if after := l.Stats().Errors[c.op]; after == before {
			t.Errorf("%s: the failure is not counted: %v", c.op, l.Stats().Errors)
		}
		m.setHook(nil)
		if err := l.Close(); err != nil && c.op != "epoch" && c.op != "retention" {
			t.Errorf("%s: closing: %v", c.op, err)
		}
	}
}
