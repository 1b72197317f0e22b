package ledger_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
)

// contents reads a whole file.
func contents(disk *vfs.MemFS, name string) ([]byte, error) {
	f, err := disk.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	data := make([]byte, info.Size())
	_, err = f.ReadAt(data, 0)
	if err == io.EOF { // an empty file
		err = nil
	}
	return data, errors.Join(err, f.Close())
}

// put makes a durable file of the data.
func put(disk *vfs.MemFS, name string, data []byte) error {
	f, err := disk.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(data, 0) // Write would change data under the race detector
	return errors.Join(err, f.Sync(), f.Close(), syncDir(disk, filepath.Dir(name)))
}

// crash returns the file system after the machine lost power. The chance says
// how likely it is that something that was not synced is there.
func (m *memFS) crash(rng *rand.Rand, chance float64) *memFS {
	m.mu.Lock()
	defer m.mu.Unlock()
	disk := m.disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: int(100 * chance), RNG: rng})
	var err error
	for _, name := range slices.Backward(slices.Sorted(maps.Keys(m.removed))) { // a folder after what was in it
		if rng.Float64() < chance && disk.Remove(name) == nil {
			err = errors.Join(err, syncDir(disk, filepath.Dir(name)))
		}
	}
	for name, blocks := range m.forgot {
		if data, e := contents(disk, name); e == nil {
			for block, stable := range blocks {
				if at := block * blockSize; at < int64(len(data)) {
					copy(data[at:], stable)
				}
			}
			err = errors.Join(err, put(disk, name, data))
		}
	}
	for name, c := range m.cut {
		size := c.synced
		if rng.Float64() < chance {
			size = c.now
		}
		if data, e := contents(disk, name); e == nil && int64(len(data)) > size {
			err = errors.Join(err, put(disk, name, data[:size]))
		}
	}
	if err != nil {
		panic(err) // in memory nothing fails of itself
	}
	return memOn(disk)
}

// clone returns the file system as it is, without locks.
func (m *memFS) clone() *memFS {
	return m.crash(rand.New(rand.NewPCG(1, 1)), 1)
}

// set replaces a file's bytes, durably.
func (m *memFS) set(name string, data []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forget(name)
	if err := put(m.disk, name, data); err != nil {
		panic(err)
	}
}

// get returns a copy of a file's bytes; nil if there is none.
func (m *memFS) get(name string) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	data, err := contents(m.disk, name)
	if err != nil {
		return nil
	}
	if c := m.cut[name]; c != nil {
		data = data[:min(c.now, int64(len(data)))]
	}
	return data
}

// names is Names for tests, which no hook is called for; nil if there is no such
// folder.
func (m *memFS) names(dir string) []string {
	names, err := m.disk.List(dir)
	if err != nil {
		return nil
	}
	slices.Sort(names)
	return names
}

// files lists all files below the folder.
func (m *memFS) files(dir string) (all []string) {
	for _, name := range m.names(dir) {
		name = filepath.Join(dir, name)
		if info, err := m.disk.Stat(name); err != nil {
			continue // was removed meanwhile
		} else if info.IsDir() {
			all = append(all, m.files(name)...)
		} else {
			all = append(all, name)
		}
	}
	return all
}

// digest is a hash of all files.
func (m *memFS) digest() [sha256.Size]byte {
	hash := sha256.New()
	for _, name := range m.files("/") {
		data := m.get(name)
		fmt.Fprintln(hash, name, len(data))
		hash.Write(data)
	}
	return [sha256.Size]byte(hash.Sum(nil))
}

// wantSame checks that no file of the ledger differs from another state of it.
func (m *memFS) wantSame(t testing.TB, before *memFS) {
	t.Helper()
	for _, name := range before.files("/l") {
		if string(m.get(name)) != string(before.get(name)) {
			t.Errorf("%s was changed", name)
		}
	}
}

// readMem reads all entries of the ledger at /l.
func readMem(t testing.TB, m *memFS) []string {
	t.Helper()
	var all []string
	next := record.ID{Epoch: 1}
	if err := each(ledger.AtFS(m, "/l"), record.ID{}, func(e ledger.Entry) error {
		if e.ID != next && e.ID != (record.ID{Epoch: next.Epoch + 1}) {
			t.Fatalf("entry %v where %v was due", e.ID, next)
		}
		next = record.ID{Epoch: e.Epoch, Index: e.Index + 1}
		all = append(all, string(e.Data))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all
}
