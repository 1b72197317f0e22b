package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"

	"github.com/sparkoo/transfergate/internal/ledger"
)

// unwritable has every operation that writes fail.
func unwritable(cause error) func(op, name string) error {
	return func(op, name string) error {
		if slices.Contains([]string{"mkdir", "create", "rename", "write", "sync", "truncate", "preallocate"}, op) {
			return pathError(op, name, cause)
		}
		return nil
	}
}

// A ledger whose volume takes no writes does not open, and is known for one that may
// later: it then opens as if it had been asked for the first time.
func TestOpenOnAnUnwritableVolume(t *testing.T) {
	for _, cause := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.EIO, syscall.EACCES} {
		for _, crashed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%v/crashed=%t", cause, crashed), func(t *testing.T) {
				m := newMemFS()
				l := ledger.New("/l", ledger.Options{FS: m})
				if err := l.Open(); err != nil {
					t.Fatal(err)
				}
				add(t, l, "entry 1")
				if crashed {
					m = m.crash(rand.New(rand.NewPCG(1, 1)), 1)
				}
				shut(t, l)
				m.setHook(unwritable(cause))
				l = ledger.New("/l", ledger.Options{FS: m})
				for range 3 {
					if err := l.Open(); !errors.Is(err, cause) || !ledger.Unwritable(err) {
						t.Fatalf("opened with %v, unwritable: %t", err, ledger.Unwritable(err))
					}
					if _, err := l.Append([]byte("lost")); !errors.Is(err, ledger.ErrNotOpen) {
						t.Fatalf("appended with %v", err)
					}
				}
				if !l.Dir().Begun() {
					t.Error("no ledger was begun")
				}
				if n := l.Stats().Errors["open"]; n != 3 {
					t.Errorf("%d failures to open were counted", n)
				}
				m.setHook(nil)
				if err := l.Open(); err != nil {
					t.Fatal(err)
				}
				if index := add(t, l, "entry 2"); index != 2 {
					t.Errorf("index %d, want 2", index)
				}
				shut(t, l)
				if got := reopen(t, m); len(got) != 3 || got[1] != "entry 1" || got[2] != "entry 2" {
					t.Errorf("entries %q", got)
				}
			})
		}
	}
}

// What is wrong with a ledger is found before anything is written, and is never taken for
// a volume without room.
func TestDamageOnAFullVolume(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(t *testing.T, m, before *memFS)
		o     ledger.Options
	}{
		"it was set back": {spoil: func(t *testing.T, m, _ *memFS) { m.removeAll(t, "/l/epoch-000002") }},
		"it is lost":      {spoil: func(t *testing.T, m, _ *memFS) { m.removeAll(t, "/l") }},
		"an entry was changed": {spoil: func(_ *testing.T, m, _ *memFS) {
			data := append([]byte(nil), m.get("/l/epoch-000002/seg/000000.log")...)
			data[100] ^= 1
			m.set("/l/epoch-000002/seg/000000.log", data)
		}},
		"the key is gone":         {spoil: func(t *testing.T, m, _ *memFS) { m.removeAll(t, "/l/checkpoint.key") }},
		"it is somebody else's":   {o: ledger.Options{Node: "gw-sg-2"}},
		"a witness knows another": {o: ledger.Options{KnownElsewhere: func(context.Context, string) ([]byte, error) { return nil, ledger.ErrKnownMore }}},
	} {
		t.Run(name, func(t *testing.T) {
			m, before := twoEpochs(t)
			if c.spoil != nil {
				c.spoil(t, m, before)
			}
			o := c.o
			if o.FS = m; o.Node == "" {
				o.Node = "gw-sg-1"
			}
			m.setHook(unwritable(syscall.ENOSPC))
			if err := ledger.New("/l", o).Open(); err == nil || ledger.Unwritable(err) {
				t.Errorf("opened with %v", err)
			}
		})
	}
}

// A ledger that was never begun is none that may open later.
func TestNothingWasBegun(t *testing.T) {
	m := newMemFS()
	m.setHook(unwritable(syscall.ENOSPC))
	l := ledger.New("/l", ledger.Options{FS: m})
	if err := l.Open(); !errors.Is(err, syscall.ENOSPC) || l.Dir().Begun() {
		t.Errorf("opened with %v, begun: %t", err, l.Dir().Begun())
	}
}
