package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/tiles"
)

// Each checkpoint that is told of extends the one before, also over segments that
// were stored and sealed meanwhile; the last one of each epoch is always among them.
func TestOnCheckpoint(t *testing.T) {
	m := newMemFS()
	var mu sync.Mutex
	seen := make(map[string][]tiles.Checkpoint) // by origin
	told := 0
	o := ledger.Options{FS: m, SegmentEntries: 8, EpochEntries: 120, CheckpointInterval: time.Millisecond}
	o.OnCheckpoint = func(signed []byte) {
		mu.Lock()
		defer mu.Unlock()
		told++
		c, err := tiles.ReadCheckpoint(signed)
		if err != nil {
			t.Error(err)
			return
		}
		seen[c.Origin] = append(seen[c.Origin], c)
	}
	l := ledger.New("/l", o)
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	for i := range 300 {
		add(t, l, fmt.Sprint("entry ", i))
		if i%50 == 0 {
			within(t, 5*time.Second, "a checkpoint is told of", func() bool {
				mu.Lock()
				defer mu.Unlock()
				return told > i/50
			})
		}
	}
	shut(t, l)
	for i, entries := range inEpochs(t, m) {
		v, err := ledger.AtFS(m, "/l").View(uint32(i + 1))
		if err != nil {
			t.Fatal(err)
		}
		key, err := note.NewVerifier(v.VerifierKey())
		if err != nil {
			t.Fatal(err)
		}
		whole, err := tiles.OpenTree(v, key)
		if err != nil {
			t.Fatal(err)
		}
		last := int64(0)
		for _, c := range seen[v.Origin()] {
			if err := whole.Extends(c); err != nil || c.N <= last {
				t.Errorf("epoch %d: a checkpoint of %d entries after one of %d: %v", i+1, c.N, last, err)
			}
			last = c.N
		}
		if last != int64(len(entries)) {
			t.Errorf("epoch %d has %d entries, the last checkpoint told of %d", i+1, len(entries), last)
		}
	}
	if told < 6 {
		t.Errorf("told of %d checkpoints", told)
	}
}

// A ledger that was set back, or is another one than somebody has seen, does
// not open. Nothing is changed.
func TestKnownElsewhere(t *testing.T) {
	base := memLedger(t, 5, 64, true)
	grow := func(entry string) (*memFS, []byte) {
		m := base.clone()
		l := ledger.New("/l", ledger.Options{FS: m})
		if err := l.Open(); err != nil {
			t.Fatal(err)
		}
		add(t, l, entry)
		shut(t, l)
		return m, m.get("/l/epoch-000001/checkpoint")
	}
	one, signed := grow("one")
	other, otherSigned := grow("two")
	tests := []struct {
		name   string
		m      *memFS
		signed []byte
		err    error
		want   string
	}{
		{"the same", one, signed, nil, ""},
		{"an older one", one, base.get("/l/epoch-000001/checkpoint"), nil, ""},
		{"none", one, nil, nil, ""},
		{"nobody answers", one, nil, errors.New("no route"), ""},
		{"of another log", one, memLedger(t, 9, 64, true).get("/l/epoch-000001/checkpoint"), nil, ""},
		{"set back", base.clone(), signed, nil, "the ledger has 6 entries, but this checkpoint was signed over 7: entries are lost"},
		{"another", other, signed, nil, "entries were changed"},
		{"another, the other way", one, otherSigned, nil, "entries were changed"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			before := test.m.clone()
			m := test.m.clone()
			l := ledger.New("/l", ledger.Options{FS: m, KnownElsewhere: func(_ context.Context, origin string) ([]byte, error) {
				if !strings.HasSuffix(origin, "/epoch-000001") {
					t.Errorf("asked for %s", origin)
				}
				return test.signed, test.err
			}})
			err := l.Open()
			if test.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				shut(t, l)
				return
			}
			bad := new(ledger.CorruptError)
			if !errors.As(err, &bad) || bad.File != "a checkpoint kept elsewhere" || !strings.Contains(bad.What, test.want) {
				t.Fatalf("opened with %v", err)
			}
			m.wantSame(t, before)
		})
	}
}

// A ledger that cannot sign is not ready after a while, takes entries all the
// same, and is ready again when it can.
func TestSigningFails(t *testing.T) {
	m := newMemFS()
	var mu sync.Mutex
	failing := false
	m.setHook(func(op, name string) error {
		mu.Lock()
		defer mu.Unlock()
		if failing && strings.Contains(name, "checkpoint") {
			return pathError(op, name, syscall.EIO)
		}
		return nil
	})
	set := func(to bool) {
		mu.Lock()
		defer mu.Unlock()
		failing = to
	}
	ledger.SetUnsignedLasts(t, 20*time.Millisecond)
	l := ledger.New("/l", ledger.Options{FS: m, CheckpointInterval: time.Millisecond})
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	set(true)
	add(t, l, "entry 1")
	within(t, 5*time.Second, "the ledger is not ready", func() bool {
		err := l.Ready()
		return errors.Is(err, syscall.EIO) && strings.HasPrefix(err.Error(), "the ledger has signed no checkpoint since ")
	})
	add(t, l, "entry 2")
	if l.Stats().Errors["checkpoint"] == 0 {
		t.Error("nothing was counted")
	}
	set(false)
	within(t, 5*time.Second, "the ledger is ready again", func() bool { return l.Ready() == nil })
	shut(t, l)
	verified(t, m)
}
