package ledger_test

import (
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger"
)

// Whatever kind of file operation of an open ledger fails from now on, some counter grows: alerts look
// at nothing else.
func TestEveryFailingOperationIsCounted(t *testing.T) {
	kinds := make(map[string]bool)
	failCounted(t, func(kind string) bool { kinds[kind] = true; return false })
	if len(kinds) < 40 {
		t.Fatalf("only %d kinds of operations: %v", len(kinds), kinds)
	}
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		if uncounted.MatchString(kind) {
			continue
		}
		happened := false
		if counted := failCounted(t, func(k string) bool {
			happened = happened || k == kind
			return k == kind
		}); happened && !counted {
			t.Errorf("%s fails, and nothing is counted", kind)
		}
	}
}

// uncounted are operations whose failure is no trouble: what is there already is looked up
// in the note, a file is asked whether it is a folder, and space is reserved where that can be.
var uncounted = regexp.MustCompile(`^(open|read|size) /l\.begun$|^names /l/epoch-N\.deleted/|^preallocate `)

var digits = regexp.MustCompile(`[0-9a-f]*[0-9][0-9a-f]*(-[0-9a-f]+)?|a{64}`)

// failCounted has an open ledger do all it does, and operations fail that fails tells, by
// what they do to which kind of file. It reports whether a failure was counted.
func failCounted(t *testing.T, fails func(kind string) bool) (counted bool) {
	m := newMemFS()
	now := time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)
	var mu sync.Mutex // guards now and fails
	l := ledger.New("/l", ledger.Options{FS: m, Node: "gw", SegmentEntries: 4, CheckpointInterval: time.Hour, Now: func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	}})
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	m.setHook(func(op, name string) error {
		mu.Lock()
		defer mu.Unlock()
		if fails(op + " " + digits.ReplaceAllString(name, "N")) {
			return pathError(op, name, syscall.EIO)
		}
		return nil
	})
	turn := func() error {
		mu.Lock()
		now = now.AddDate(0, 1, 0)
		mu.Unlock()
		_, err := l.Append([]byte(`{"n":1}`))
		return err
	}
	hold := ledger.Hold{Ref: "case-7", By: "legal-sg", Because: "an order", From: now.AddDate(1, 0, 0)}
	for _, step := range []func() error{
		func() error { return l.Snapshot(strings.Repeat("a", 64), []byte("registers")) },
		func() error { return l.SetHold(hold) },
		func() error { return l.LiftHold("case-7", "legal-sg", "it is over") },
		func() error { _, err := l.RotateKey(); return err },
		func() error { return l.DestroyKey(l.Keys()[0].Period) },
		turn, turn,
		func() error { _, err := l.DeleteExpired(t.Context(), ledger.Retain{Days: 1}); return err },
	} {
		if err := step(); err != nil && !errors.Is(err, syscall.EIO) && !errors.Is(err, ledger.ErrNoHold) {
			t.Log(err)
		}
	}
	if err := l.Close(); err != nil && !errors.Is(err, syscall.EIO) {
		t.Fatal(err)
	}
	for _, failures := range l.Stats().Errors {
		counted = counted || failures > 0
	}
	return counted
}
