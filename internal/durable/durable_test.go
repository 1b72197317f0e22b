package durable_test

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/sparkoo/transfergate/internal/durable"
)

var errFails = errors.New("it fails")

// disk is a file system of one folder that keeps apart what a process sees and what a
// loss of power leaves: bytes of a file outlive it once the file was synced, names once
// the folder was.
type disk struct {
	names, lasting map[string]*file
	fails          int // the operation that fails, from 1; 0 for none
	operations     int
	check          func() // called after each operation
}

type file struct {
	disk          *disk
	bytes, synced string
}

// do does an operation, unless it is the one that fails.
func (d *disk) do(operation func()) error {
	if d.operations++; d.operations == d.fails {
		return errFails
	}
	operation()
	d.check()
	return nil
}

func (d *disk) Create(name string) (*file, error) {
	if d.names[name] != nil {
		return nil, fs.ErrExist
	}
	f := &file{disk: d}
	return f, d.do(func() { d.names[name] = f })
}

func (d *disk) Rename(from, to string) error {
	return d.do(func() {
		d.names[to] = d.names[from]
		delete(d.names, from)
	})
}

func (d *disk) Remove(name string) error {
	if d.names[name] == nil {
		return fs.ErrNotExist
	}
	return d.do(func() { delete(d.names, name) })
}

func (d *disk) SyncDir(string) error { return d.do(func() { d.lasting = maps.Clone(d.names) }) }

func (f *file) write(text string) error { return f.disk.do(func() { f.bytes += text }) }
func (f *file) Sync() error             { return f.disk.do(func() { f.synced = f.bytes }) }
func (f *file) Close() error            { return f.disk.do(func() {}) }

// Whichever operation fails, and after whichever the power does, the file is the old one
// or the new one; when nothing failed, it is the new one.
func TestOldOrNew(t *testing.T) {
	const name, before, after = "dir/file", "old", "new and longer"
	for fails := 0; ; fails++ {
		d := &disk{fails: fails}
		was := &file{disk: d, bytes: before, synced: before}
		left := &file{disk: d, bytes: "ne"} // what a crash left of another attempt
		d.names = map[string]*file{name: was, name + ".tmp": left}
		d.lasting = maps.Clone(d.names)
		d.check = func() {
			// Names reach the disk in their order, but nobody knows how many of them have.
			for _, there := range []*file{d.lasting[name], d.names[name]} {
				if there == nil || there.synced != before && there.synced != after {
					t.Errorf("operation %d fails: a loss of power after operation %d leaves %+v", fails, d.operations, there)
				}
			}
			if seen := d.names[name].bytes; seen != before && seen != after {
				t.Errorf("operation %d fails: a crash after operation %d leaves %q", fails, d.operations, seen)
			}
		}
		err := durable.Replace(d, name, func(f *file) error {
			return errors.Join(f.write(after[:4]), f.write(after[4:]))
		})
		d.check()
		if err == nil && d.lasting[name].synced != after {
			t.Errorf("operation %d fails: a loss of power afterwards leaves %q", fails, d.lasting[name].synced)
		}
		if failed := fails > 0 && fails <= d.operations; failed != errors.Is(err, errFails) || !failed && err != nil {
			t.Errorf("operation %d of %d fails: %v", fails, d.operations, err)
		}
		if fails > d.operations { // none failed: that was all of them
			return
		}
	}
}

// A file of the operating system's is replaced, with the mode, by any number of writers,
// and nothing else is left.
func TestWriteFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	if err := durable.WriteFile(name, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	var writers sync.WaitGroup
	for i := range 8 {
		writers.Go(func() {
			if err := durable.WriteFile(name, fmt.Appendf(nil, "%d%s", i, strings.Repeat("x", 1<<16)), 0o600); err != nil {
				t.Error(err)
			}
		})
	}
	writers.Wait()
	got, err := os.ReadFile(name)
	if err != nil || len(got) != 1+1<<16 {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	info, err := os.Stat(name)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("the mode is %v, %v", info.Mode(), err)
	}
	wantAlone(t, name)
}

// What cannot be written or put in its place leaves the old file and nothing else.
func TestWriteFails(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	if err := durable.WriteFile(name, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := durable.Write(name, 0o600, func(f *os.File) error {
		_, err := f.WriteString("half")
		return errors.Join(err, errFails)
	})
	if !errors.Is(err, errFails) {
		t.Errorf("content that cannot be written: %v", err)
	}
	if got, err := os.ReadFile(name); err != nil || string(got) != "old" {
		t.Errorf("it holds %q, %v", got, err)
	}
	wantAlone(t, name)

	folder := filepath.Join(t.TempDir(), "folder")
	if err := os.MkdirAll(filepath.Join(folder, "full"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := durable.WriteFile(folder, []byte("new"), 0o600); err == nil {
		t.Error("a folder was replaced by a file")
	}
	wantAlone(t, folder)
	if err := durable.WriteFile(filepath.Join(folder, "none", "file"), nil, 0o600); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder that is not there: %v", err)
	}
}

// wantAlone makes sure that nothing else lies in the file's folder.
func wantAlone(t *testing.T, name string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(name))
	if err != nil || len(entries) != 1 {
		t.Errorf("beside %s lies %v, %v", name, entries, err)
	}
}
