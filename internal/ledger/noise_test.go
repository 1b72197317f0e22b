package ledger_test

import (
	"log/slog"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
)

// A ledger in trouble says so and then how often: an hour of it, with whoever asks
// meanwhile, fills no log.
func TestTroubleFillsNoLog(t *testing.T) {
	for what, fail := range map[string]struct {
		op, suffix string
		err        error
	}{
		"volume full":   {"write", ".log", syscall.ENOSPC},
		"nothing made":  {"create", "", syscall.ENOSPC},
		"nothing moved": {"rename", "", syscall.EIO},
		"nothing read":  {"read", "", syscall.EIO},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, out := newMemFS(), new(lines)
				var failing atomic.Bool
				m.setHook(func(op, name string) error {
					if failing.Load() && op == fail.op && strings.HasSuffix(name, fail.suffix) {
						return pathError(op, name, fail.err)
					}
					return nil
				})
				l := ledger.New("/l", ledger.Options{FS: m, Logger: slog.New(slog.NewTextHandler(out, nil))})
				if err := l.Open(); err != nil {
					t.Fatal(err)
				}
				failing.Store(true)
				before := strings.Count(out.String(), "\n")
				for i := range uint64(3600) {
					_, _ = l.Append([]byte(`{"type":"transfer.planned"}`)) // the answer is not the subject
					l.Outcome(record.Outcome{Record: record.ID{Epoch: 1, Index: i}})
					time.Sleep(time.Second)
				}
				if n := strings.Count(out.String(), "\n") - before; n > 40 {
					t.Errorf("%d lines, the last ones:\n%s", n, out.String()[max(0, len(out.String())-2000):])
				}
				failing.Store(false)
				_ = l.Close() // likewise
			})
		})
	}
}
