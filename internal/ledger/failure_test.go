package ledger_test

import (
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger"
)

// failing makes operations on segments fail while they are in it.
type failing struct {
	mu  sync.Mutex
	ops map[string]error
}

func (f *failing) set(op string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ops[op] = err
}

func (f *failing) hook(op, name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.ops[op]; err != nil && strings.HasSuffix(name, ".log") {
		return pathError(op, name, err)
	}
	return nil
}

// failingLog is an open log in memory whose disk can be made to fail. The log
// has prepared its next segment.
func failingLog(t *testing.T) (*ledger.Log, *memFS, *failing, *lines) {
	t.Helper()
	m, f, out := newMemFS(), &failing{ops: make(map[string]error)}, new(lines)
	m.setHook(f.hook)
	l := ledger.New("/l", ledger.Options{FS: m, Logger: slog.New(slog.NewTextHandler(out, nil))})
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() }) // a log that broke may say so again
	within(t, time.Second, "the next segment is prepared", func() bool { return m.get("/l/epoch-000001/seg/000001.log") != nil })
	add(t, l, "entry 1")
	return l, m, f, out
}

// lines is a log file in memory.
type lines struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// One failed sync costs the entries that waited for it; the log goes on in a
// new segment and never syncs the old one again.
func TestSyncFails(t *testing.T) {
	l, m, f, out := failingLog(t)
	f.set("sync", syscall.EIO)
	index, err := l.Append([]byte("lost"))
	if !errors.Is(err, syscall.EIO) || !like(err.Error(), "syncing /l/epoch-000001/seg/000000.log: *") {
		t.Fatalf("append with a failing sync: %d, %v", index, err)
	}
	if err := l.Ready(); !errors.Is(err, syscall.EIO) {
		t.Errorf("ready after a failure: %v", err)
	}
	var syncs atomic.Int64
	f.set("sync", nil)
	m.setHook(func(op, name string) error {
		if op == "sync" && name == firstSegment {
			syncs.Add(1)
		}
		return f.hook(op, name)
	})
	if index := add(t, l, "entry 2"); index != 2 {
		t.Errorf("index %d, want 2", index)
	}
	if err := l.Ready(); err != nil {
		t.Errorf("ready after a success: %v", err)
	}
	if syncs.Load() > 0 {
		t.Error("the segment whose sync failed was synced again")
	}
	if got := readMem(t, m); len(got) != 3 || got[1] != "entry 1" || got[2] != "entry 2" {
		t.Errorf("entries %q", got)
	}
	if !strings.Contains(out.String(), `level=ERROR msg="the ledger gives up a segment" file=/l/epoch-000001/seg/000000.log offset=`) {
		t.Errorf("logged %s", out)
	}
	if n := l.Stats().Errors["sync"]; n != 1 {
		t.Errorf("%d sync errors counted", n)
	}
	shut(t, l)
	if got := reopen(t, m); len(got) != 3 || got[2] != "entry 2" {
		t.Errorf("entries after reopening: %q", got)
	}
}

// The given-up segment cannot even be cut: what is in it beyond the beginning
// of the next one does not count.
func TestSyncFailsAndTruncateToo(t *testing.T) {
	l, m, f, _ := failingLog(t)
	f.set("sync", syscall.EIO)
	f.set("truncate", syscall.EIO)
	if _, err := l.Append([]byte("lost")); !errors.Is(err, syscall.EIO) {
		t.Fatal(err)
	}
	f.set("sync", nil)
	f.set("truncate", nil)
	add(t, l, "entry 2")
	shut(t, l)
	if got := readMem(t, m); len(got) != 3 || got[2] != "entry 2" {
		t.Errorf("entries %q", got)
	}
	if !strings.Contains(string(m.get(firstSegment)), "lost") {
		t.Error("the test does not test what it should: the first segment was cut")
	}
	if got := reopen(t, m); len(got) != 3 || got[2] != "entry 2" {
		t.Errorf("entries after reopening: %q", got)
	}
}

// The new segment fails too: the log stays closed, also when the disk is well again.
func TestSyncFailsTwice(t *testing.T) {
	l, m, f, out := failingLog(t)
	f.set("sync", syscall.EIO)
	for range 2 {
		if _, err := l.Append([]byte("lost")); !errors.Is(err, syscall.EIO) {
			t.Fatal(err)
		}
	}
	f.set("sync", nil)
	_, err := l.Append([]byte("lost"))
	if !errors.Is(err, ledger.ErrBroken) || !errors.Is(err, syscall.EIO) {
		t.Errorf("append after two failures: %v", err)
	}
	if err := l.Ready(); !errors.Is(err, ledger.ErrBroken) {
		t.Errorf("ready after two failures: %v", err)
	}
	if !strings.Contains(out.String(), "the ledger takes no more entries until the process is started anew") {
		t.Errorf("logged %s", out)
	}
	shut(t, l)
	if _, err := l.Append([]byte("x")); !errors.Is(err, ledger.ErrBroken) {
		t.Errorf("append after Close: %v", err)
	}
	got := reopen(t, m)
	if len(got) < 2 || got[1] != "entry 1" {
		t.Errorf("entries after reopening: %q", got)
	}
}

// A full volume refuses entries and changes nothing; when there is room again
// the log goes on in the same segment.
func TestFull(t *testing.T) {
	l, m, f, _ := failingLog(t)
	f.set("write", syscall.ENOSPC)
	for range 3 {
		if _, err := l.Append([]byte("lost")); !errors.Is(err, ledger.ErrFull) ||
			!like(err.Error(), "the ledger's volume is full: writing /l/epoch-000001/seg/000000.log: *") {
			t.Fatalf("append on a full volume: %v", err)
		}
	}
	if err := l.Ready(); !errors.Is(err, ledger.ErrFull) {
		t.Errorf("ready on a full volume: %v", err)
	}
	f.set("write", nil)
	within(t, 5*time.Second, "ready again without an append", func() bool { return l.Ready() == nil })
	if index := add(t, l, "entry 2"); index != 2 {
		t.Errorf("index %d, want 2", index)
	}
	if got := readMem(t, m); len(got) != 3 || got[2] != "entry 2" {
		t.Errorf("entries %q", got)
	}
	if n := l.Stats().Errors["write"]; n != 3 {
		t.Errorf("%d write errors counted", n)
	}
	shut(t, l)
	if got := reopen(t, m); len(got) != 3 {
		t.Errorf("entries after reopening: %q", got)
	}
}

func TestFullAndTruncateFails(t *testing.T) {
	l, m, f, _ := failingLog(t)
	f.set("write", syscall.ENOSPC)
	f.set("truncate", syscall.EIO)
	if _, err := l.Append([]byte("lost")); !errors.Is(err, ledger.ErrFull) || !strings.Contains(err.Error(), "cutting /l/epoch-000001/seg/000000.log back: ") {
		t.Fatalf("append: %v", err)
	}
	f.set("write", nil)
	f.set("truncate", nil)
	if index := add(t, l, "entry 2"); index != 2 {
		t.Errorf("index %d, want 2", index)
	}
	if !strings.Contains(string(m.get("/l/epoch-000001/seg/000001.log")), "entry 2") {
		t.Error("the log did not go to a new segment")
	}
	shut(t, l)
	if got := reopen(t, m); len(got) != 3 || got[2] != "entry 2" {
		t.Errorf("entries after reopening: %q", got)
	}
}

// Readiness ends before the volume is full, and comes back by itself.
func TestLowSpace(t *testing.T) {
	m := newMemFS()
	l := ledger.New("/l", ledger.Options{FS: m, MinFree: 10 << 20})
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	set := func(n uint64) { m.mu.Lock(); m.space = n; m.mu.Unlock() }
	set(10<<20 - 1)
	err := l.Ready()
	want := "the ledger's volume is full: 9 MiB are free on it, at least 10 MiB are asked for; make room or enlarge the volume"
	if !errors.Is(err, ledger.ErrFull) || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	add(t, l, "below the mark there is still room")
	set(10 << 20)
	if err := l.Ready(); err != nil {
		t.Error(err)
	}
	if free := l.Stats().Free; free != 10<<20 {
		t.Errorf("free %d", free)
	}
	shut(t, l)
}

// A segment that cannot be made refuses entries until it can.
func TestNoNewSegment(t *testing.T) {
	m, f := newMemFS(), &failing{ops: make(map[string]error)}
	m.setHook(f.hook)
	l := ledger.New("/l", ledger.Options{FS: m, SegmentEntries: 2})
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	within(t, time.Second, "the next segment is prepared", func() bool { return m.get("/l/epoch-000001/seg/000001.log") != nil })
	f.set("create", syscall.ENOSPC)
	for i := range 3 {
		add(t, l, string(rune('a'+i)))
	}
	for range 2 {
		if _, err := l.Append([]byte("lost")); !errors.Is(err, ledger.ErrFull) || !strings.Contains(err.Error(), "creating a segment: ") {
			t.Fatalf("append without a segment: %v", err)
		}
	}
	f.set("create", nil)
	if index := add(t, l, "d"); index != 4 {
		t.Errorf("index %d, want 4", index)
	}
	shut(t, l)
	if got := reopen(t, m); len(got) != 5 || strings.Join(got[1:], "") != "abcd" {
		t.Errorf("entries %q", got)
	}
}

// A file system that cannot reserve space makes no difference.
func TestNoReservation(t *testing.T) {
	m, f := newMemFS(), &failing{ops: map[string]error{"preallocate": syscall.ENOSPC}}
	m.setHook(f.hook)
	l := ledger.New("/l", ledger.Options{FS: m})
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	add(t, l, "entry 1")
	if n := len(m.get(firstSegment)); n > 1000 {
		t.Errorf("the segment has %d bytes", n)
	}
	shut(t, l)
	if got := reopen(t, m); len(got) != 2 {
		t.Errorf("entries %q", got)
	}
}

func TestOpenIsTriedAgain(t *testing.T) {
	m, f := newMemFS(), &failing{ops: map[string]error{"create": syscall.EACCES}}
	m.setHook(f.hook)
	l := ledger.New("/l", ledger.Options{FS: m})
	if err := l.Open(); !errors.Is(err, syscall.EACCES) {
		t.Fatalf("open: %v", err)
	}
	if err := l.Ready(); !errors.Is(err, ledger.ErrNotOpen) {
		t.Errorf("ready: %v", err)
	}
	f.set("create", nil)
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	add(t, l, "entry 1")
	shut(t, l)
	if got := readMem(t, m); len(got) != 2 {
		t.Errorf("entries %q", got)
	}
}
