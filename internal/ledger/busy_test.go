package ledger_test

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
)

// A gateway at work fills and seals segments faster than a large ledger is read:
// whoever reads meanwhile finds no damage where there is none.
func TestReadingBesideABusyWriter(t *testing.T) {
	m := newMemFS()
	l := ledger.New("/l", ledger.Options{FS: m, SegmentEntries: 8, CheckpointInterval: time.Millisecond})
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	sealed := func() (n int) {
		names, err := m.Names("/l/epoch-000001/sealed")
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, ".zst") {
				n++
			}
		}
		return n
	}
	grow := func() { // in goroutines of readers, too
		want, deadline := sealed()+2, time.Now().Add(3*time.Minute)
		for i := 0; sealed() < want && time.Now().Before(deadline); i++ {
			if _, err := l.Append(fmt.Append(nil, "entry ", i)); err != nil {
				t.Error(err)
				return
			}
		}
		for size := l.Stats().Next; l.Stats().Signed < size && time.Now().Before(deadline); {
			time.Sleep(time.Millisecond)
		}
	}
	grow()
	var grown atomic.Int64
	m.setHook(func(op, name string) error {
		// Only readers open the first archive: they come to it, and the rest of the
		// ledger changes before they come there.
		if op == "open" && strings.HasSuffix(name, "/sealed/000000.zst") {
			grown.Add(1)
			grow()
		}
		return nil
	})
	for range 3 {
		if r, err := verifyFS(m, "/l"); err != nil || r.Entries == 0 || r.Signed > r.Entries {
			t.Fatalf("verify: %+v, %v", r, err)
		}
		next := uint64(0)
		if err := each(ledger.AtFS(m, "/l"), record.ID{}, func(e ledger.Entry) error {
			if e.Index != next {
				return fmt.Errorf("entry %d after %d", e.Index, next)
			}
			next++
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	if grown.Load() < 6 {
		t.Errorf("the ledger grew %d times: nothing was tested", grown.Load())
	}
	m.setHook(nil)
	shut(t, l)
	verified(t, m)
}

// A segment that is sealed between the moment a reader lists the folder and the
// moment it opens the segment is read from its archive, not taken for an empty
// one that is gone.
func TestReadWhileTheLastSegmentIsSealed(t *testing.T) {
	const segment, archive = "/l/epoch-000001/seg/000001.log", "/l/epoch-000001/sealed/000001.zst"
	m := newMemFS()
	var content []byte
	m.setHook(func(op, name string) error {
		if op == "remove" && name == segment {
			content = m.get(segment)
		}
		return nil
	})
	l := ledger.New("/l", ledger.Options{FS: m, SegmentEntries: 4, CheckpointInterval: time.Millisecond})
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	for i := range 7 { // with the genesis two segments
		add(t, l, fmt.Sprint("entry ", i))
	}
	within(t, 5*time.Second, "both are sealed", func() bool { return m.get(archive) != nil && m.get(segment) == nil })
	shut(t, l)

	want, sealed := readMem(t, m), m.get(archive)
	if err := m.Remove(archive); err != nil {
		t.Fatal(err)
	}
	m.set(segment, content)
	done := false
	m.setHook(func(op, name string) error {
		if op != "open" || name != segment || done {
			return nil
		}
		done = true
		m.set(archive, sealed)
		return m.Remove(segment)
	})
	if got := readMem(t, m); len(got) != len(want) || !done {
		t.Errorf("read %d entries of %d; sealed meanwhile: %v", len(got), len(want), done)
	}
}
