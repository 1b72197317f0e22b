package ledger_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/ledger/format"
	"github.com/sparkoo/transfergate/internal/ledger/verify"
	"github.com/sparkoo/transfergate/internal/record"
)

// open opens a ledger and closes it with the test.
func open(t testing.TB, dir string, o ledger.Options) *ledger.Log {
	t.Helper()
	l := ledger.New(dir, o)
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Errorf("closing: %v", err)
		}
	})
	return l
}

// shut closes a ledger.
func shut(t testing.TB, l *ledger.Log) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// add appends an entry.
func add(t testing.TB, l *ledger.Log, entry string) uint64 {
	t.Helper()
	index, err := l.Append([]byte(entry))
	if err != nil {
		t.Fatalf("appending %q: %v", entry, err)
	}
	return index.Index
}

// each hands a ledger's entries from an id on to f, until one of them fails.
func each(d ledger.Dir, from record.ID, f func(ledger.Entry) error) error {
	for e, err := range d.Entries(from) {
		if err == nil {
			err = f(e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// entries reads a ledger: index to text. Indices must follow each other.
func entries(t testing.TB, dir string, from uint64) map[uint64]string {
	t.Helper()
	all := make(map[uint64]string)
	next := from
	err := each(ledger.At(dir), record.ID{Epoch: 1, Index: from}, func(e ledger.Entry) error {
		if e.Index != next {
			return fmt.Errorf("entry %d where %d was due", e.Index, next)
		}
		next++
		all[e.Index] = string(e.Data)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// kindOf is the member type of an entry.
func kindOf(t testing.TB, entry string) string {
	t.Helper()
	var v struct{ Type, V string }
	if err := json.Unmarshal([]byte(entry), &v); err != nil || v.V != "xfer/2" {
		t.Fatalf("no entry of xfer/2: %s (%v)", entry, err)
	}
	return v.Type
}

// within polls until the condition holds.
func within(t testing.TB, d time.Duration, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(d); !f(); {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", d, what)
		}
		time.Sleep(time.Millisecond)
	}
}

func TestNewTouchesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ledger")
	l := ledger.New(dir, ledger.Options{})
	if _, err := l.Append([]byte("x")); !errors.Is(err, ledger.ErrNotOpen) {
		t.Errorf("append before Open: %v", err)
	}
	if err := l.Ready(); !errors.Is(err, ledger.ErrNotOpen) {
		t.Errorf("ready before Open: %v", err)
	}
	if s := l.Subject("account", "", time.Now()); s != "" {
		t.Errorf("a subject before there is a key: %q", s)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder exists: %v", err)
	}
	shut(t, l)
	if err := l.Open(); !errors.Is(err, ledger.ErrClosed) {
		t.Errorf("Open after Close: %v", err)
	}
	if _, err := l.Append([]byte("x")); !errors.Is(err, ledger.ErrClosed) {
		t.Errorf("append after Close: %v", err)
	}
}

func TestAppendReopenRead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "ledger")
	l := open(t, dir, ledger.Options{})
	if err := l.Open(); err != nil {
		t.Errorf("opening twice: %v", err)
	}
	if err := l.Ready(); err != nil {
		t.Error(err)
	}
	for i := range uint64(3) {
		if got := add(t, l, fmt.Sprint("first ", i)); got != i+1 {
			t.Errorf("index %d, want %d after the genesis entry", got, i+1)
		}
	}
	shut(t, l)
	shut(t, l)
	l = open(t, dir, ledger.Options{})
	if got := add(t, l, "second"); got != 4 {
		t.Errorf("index %d after reopening, want 4", got)
	}
	all := entries(t, dir, 0) // beside the writer
	if len(all) != 5 || all[4] != "second" || all[1] != "first 0" {
		t.Errorf("read %v", all)
	}
	if kind := kindOf(t, all[0]); kind != "ledger.genesis" {
		t.Errorf("entry 0 is a %s", kind)
	}
	if some := entries(t, dir, 3); len(some) != 2 || some[3] != "first 2" {
		t.Errorf("read from 3: %v", some)
	}
	shut(t, l)
	report, err := verify.Ledger(dir, verify.Options{})
	if err != nil || report.Entries != 5 || report.Torn || report.Segments != 1 {
		t.Errorf("verify: %+v, %v", report, err)
	}
}

func TestFolderIsPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ledger")
	shut(t, open(t, dir, ledger.Options{}))
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"LOCK", "master.key", "keys", "epoch-000001/EPOCH", "epoch-000001/seg/000000.log", "epoch-000001/quarantine"} {
		if _, err := os.Stat(filepath.Join(dir, path)); err != nil {
			t.Error(err)
		}
	}
}

func TestEntrySizes(t *testing.T) {
	l := open(t, t.TempDir(), ledger.Options{})
	tests := []struct {
		size int
		want error
	}{{0, ledger.ErrEmpty}, {1, nil}, {65535, nil}, {65536, ledger.ErrTooLarge}}
	for _, test := range tests {
		if _, err := l.Append(make([]byte, test.size)); !errors.Is(err, test.want) {
			t.Errorf("%d bytes: %v, want %v", test.size, err, test.want)
		}
	}
}

func TestSecondWriterIsRefused(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, ledger.Options{})
	second := ledger.New(dir, ledger.Options{})
	if err := second.Open(); !errors.Is(err, ledger.ErrLocked) || !strings.Contains(err.Error(), dir) {
		t.Fatalf("second Open: %v", err)
	}
	if _, err := second.Append([]byte("x")); !errors.Is(err, ledger.ErrNotOpen) {
		t.Errorf("append to the second: %v", err)
	}
	shut(t, l)
	if err := second.Open(); err != nil {
		t.Fatalf("second Open after the first closed: %v", err)
	}
	shut(t, second)
}

// Concurrent appenders each get their own index, under which their entry is
// found; segments end in the middle of batches.
func TestConcurrentAppends(t *testing.T) {
	for _, segment := range []int{2, 8, 65536} {
		t.Run(fmt.Sprint(segment), func(t *testing.T) {
			dir := t.TempDir()
			l := open(t, dir, ledger.Options{SegmentEntries: segment})
			var wg sync.WaitGroup
			var got sync.Map
			for w := range 16 {
				wg.Go(func() {
					for i := range 20 {
						entry := fmt.Sprintf("%d/%d", w, i)
						index, err := l.Append([]byte(entry))
						if err != nil {
							t.Errorf("appending: %v", err)
							return
						}
						if other, twice := got.LoadOrStore(index.Index, entry); twice {
							t.Errorf("index %d for %s and %s", index.Index, other, entry)
						}
					}
				})
			}
			wg.Wait()
			check := func() {
				all := entries(t, dir, 0)
				if len(all) != 321 {
					t.Errorf("%d entries, want 321", len(all))
				}
				got.Range(func(index, entry any) bool {
					if all[index.(uint64)] != entry {
						t.Errorf("entry %d is %q, want %q", index, all[index.(uint64)], entry)
					}
					return true
				})
			}
			check()
			shut(t, l)
			check()
			l = open(t, dir, ledger.Options{SegmentEntries: 99}) // keeps its own length
			if index := add(t, l, "more"); index != 321 {
				t.Errorf("index %d after reopening, want 321", index)
			}
			shut(t, l)
			report, err := verify.Ledger(dir, verify.Options{})
			if want := 321/segment + 1; err != nil || report.Entries != 322 || report.Segments != (322+segment-1)/segment {
				t.Errorf("verify: %+v, %v; want %d segments", report, err, want)
			}
		})
	}
}

func TestStats(t *testing.T) {
	l := open(t, t.TempDir(), ledger.Options{})
	before := l.Stats()
	add(t, l, "0123456789")
	s := l.Stats()
	if s.Appended != before.Appended+1 || s.Next != 2 || s.Syncs != before.Syncs+1 || s.Bytes != before.Bytes+44+2+10 ||
		s.SyncTime <= 0 || s.Free == 0 || s.Pending != 0 {
		t.Errorf("stats %+v, before %+v", s, before)
	}
	for _, op := range []string{"write", "sync", "truncate", "create", "space", "outcome"} {
		if n, ok := s.Errors[op]; !ok || n != 0 {
			t.Errorf("errors of %s: %d, %v", op, n, ok)
		}
	}
}

// verifyFS verifies a ledger on a file system.
func verifyFS(fsys format.FS, dir string) (verify.Report, error) {
	return verifyWith(fsys, dir, verify.Options{})
}

// verifyWith is verifyFS with options.
func verifyWith(fsys format.FS, dir string, o verify.Options) (verify.Report, error) {
	o.FS = fsys
	return verify.Ledger(dir, o)
}
