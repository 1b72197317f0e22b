package ledger_test

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/ledger/format"
)

// memFS is Pebble's file system in memory, which can crash: what was not synced
// may then be there or not, block by block and name by name. A ledger asks for
// more, which is added here: operations that fail, files that are cut, removals
// that a crash keeps although nobody synced them, and syncs that fail as they do
// on Linux, which forgets what it should have written.
type memFS struct {
	mu     sync.Mutex // guards what follows, and makes operations atomic
	disk   *vfs.MemFS
	locked map[string]bool
	space  uint64

	removed map[string]bool             // names that are gone, unless it crashes
	cut     map[string]*length          // of files that were cut
	forgot  map[string]map[int64][]byte // blocks of files: what the disk has of them

	// hook is called before each operation, without mu. Its error is the
	// operation's. For a failing write, half of the bytes are written.
	hook func(op, name string) error
}

// length is how long a file is whose length Pebble does not know.
type length struct{ now, synced int64 }

// blockSize is what Pebble's file system writes at once.
const blockSize = 4096

func newMemFS() *memFS { return memOn(vfs.NewCrashableMem()) }

func memOn(disk *vfs.MemFS) *memFS {
	return &memFS{
		disk: disk, locked: make(map[string]bool), space: 1 << 40,
		removed: make(map[string]bool), cut: make(map[string]*length), forgot: make(map[string]map[int64][]byte),
	}
}

// begin begins an operation, which the caller ends with mu.Unlock unless it fails.
func (m *memFS) begin(op, name string) error {
	m.mu.Lock()
	if hook := m.hook; hook != nil {
		m.mu.Unlock()
		if err := hook(op, name); err != nil {
			return err
		}
		m.mu.Lock()
	}
	return nil
}

// setHook replaces the hook of a file system that is in use.
func (m *memFS) setHook(hook func(op, name string) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hook = hook
}

func pathError(op, name string, err error) error { return &fs.PathError{Op: op, Path: name, Err: err} }

// exists reports whether there is such a file or folder. Its caller holds mu.
func (m *memFS) exists(name string) bool {
	_, err := m.disk.Stat(name)
	return err == nil
}

func (m *memFS) Mkdir(dir string) error {
	if err := m.begin("mkdir", dir); err != nil {
		return err
	}
	defer m.mu.Unlock()
	if m.exists(dir) {
		return pathError("mkdir", dir, fs.ErrExist)
	}
	return m.disk.MkdirAll(dir, 0o700)
}

func (m *memFS) Create(name string) (format.File, error) {
	if err := m.begin("create", name); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	if m.exists(name) {
		return nil, pathError("create", name, fs.ErrExist)
	}
	f, err := m.disk.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, err
	}
	m.forget(name)
	return &memFile{f, m, name}, nil
}

// forget drops what is known of a file that had the name.
func (m *memFS) forget(name string) {
	delete(m.removed, name)
	delete(m.cut, name)
	delete(m.forgot, name)
}

// forgetBelow drops what is known of the files in a folder.
func (m *memFS) forgetBelow(dir string) {
	maps.DeleteFunc(m.removed, func(name string, _ bool) bool { return strings.HasPrefix(name, dir+"/") })
	maps.DeleteFunc(m.cut, func(name string, _ *length) bool { return strings.HasPrefix(name, dir+"/") })
	maps.DeleteFunc(m.forgot, func(name string, _ map[int64][]byte) bool { return strings.HasPrefix(name, dir+"/") })
}

func (m *memFS) Open(name string, write bool) (format.File, error) {
	if err := m.begin("open", name); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	if !m.exists(name) {
		return nil, pathError("open", name, fs.ErrNotExist)
	}
	f, err := m.disk.OpenReadWrite(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, err
	}
	return &memFile{f, m, name}, nil
}

func (m *memFS) Names(dir string) ([]string, error) {
	if err := m.begin("names", dir); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	names, err := m.disk.List(dir)
	slices.Sort(names)
	return names, err
}

func (m *memFS) Rename(from, to string) error {
	if err := m.begin("rename", to); err != nil {
		return err
	}
	defer m.mu.Unlock()
	info, err := m.disk.Stat(from)
	if err != nil {
		return err
	}
	if err := m.disk.Rename(from, to); err != nil {
		return err
	}
	if info.IsDir() { // for good: a crash that loses it is one before it
		m.forgetBelow(from)
		return syncDir(m.disk, filepath.Dir(to))
	}
	m.forget(to)
	m.forget(from) // nobody renames what was cut, or what could not be synced
	m.removed[from] = true
	return nil
}

func (m *memFS) Remove(name string) error {
	if err := m.begin("remove", name); err != nil {
		return err
	}
	defer m.mu.Unlock()
	if err := m.disk.Remove(name); err != nil {
		return pathError("remove", name, err)
	}
	m.removed[name] = true
	return nil
}

func (m *memFS) SyncDir(dir string) error {
	if err := m.begin("syncdir", dir); err != nil {
		return err
	}
	defer m.mu.Unlock()
	for name := range m.removed {
		if filepath.Dir(name) == dir {
			delete(m.removed, name)
		}
	}
	return syncDir(m.disk, dir)
}

func syncDir(disk *vfs.MemFS, dir string) error {
	f, err := disk.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func (m *memFS) Lock(name string) (io.Closer, error) {
	if err := m.begin("lock", name); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	if m.locked[name] {
		return nil, ledger.ErrLocked
	}
	m.locked[name] = true
	return memLock{m, name}, nil
}

type memLock struct {
	m    *memFS
	name string
}

func (l memLock) Close() error {
	l.m.mu.Lock()
	defer l.m.mu.Unlock()
	delete(l.m.locked, l.name)
	return nil
}

func (m *memFS) Free(dir string) (uint64, error) {
	if err := m.begin("free", dir); err != nil {
		return 0, err
	}
	defer m.mu.Unlock()
	return m.space, nil
}

type memFile struct {
	vfs.File
	m    *memFS
	name string
}

// size is how long the file is. Its caller holds mu.
func (f *memFile) size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if c := f.m.cut[f.name]; c != nil {
		return min(c.now, info.Size()), nil
	}
	return info.Size(), nil
}

func (f *memFile) Size() (int64, error) {
	if err := f.m.begin("size", f.name); err != nil {
		return 0, err
	}
	defer f.m.mu.Unlock()
	return f.size()
}

func (f *memFile) ReadAt(b []byte, offset int64) (int, error) {
	if err := f.m.begin("read", f.name); err != nil {
		return 0, err
	}
	defer f.m.mu.Unlock()
	size, err := f.size()
	if err != nil {
		return 0, err
	}
	short := offset+int64(len(b)) > size
	if short {
		b = b[:max(0, size-offset)]
	}
	n, err := f.File.ReadAt(b, offset)
	if short && err == nil {
		err = io.EOF
	}
	return n, err
}

func (f *memFile) WriteAt(b []byte, offset int64) (int, error) {
	failed := f.m.begin("write", f.name)
	if failed != nil {
		b = b[:len(b)/2]
		f.m.mu.Lock()
	}
	defer f.m.mu.Unlock()
	return len(b), errors.Join(failed, f.write(b, offset))
}

// write writes b behind what mu guards.
func (f *memFile) write(b []byte, offset int64) error {
	size, err := f.size()
	if err != nil {
		return err
	}
	if gap := offset - size; gap > 0 { // the disk may have there what was cut off
		b, offset = append(make([]byte, gap), b...), size
	}
	end := offset + int64(len(b))
	if c := f.m.cut[f.name]; c != nil {
		c.now = max(c.now, end)
	}
	for block := offset / blockSize; block*blockSize < end; block++ {
		delete(f.m.forgot[f.name], block)
	}
	_, err = f.File.WriteAt(b, offset)
	return err
}

func (f *memFile) Preallocate(size int64) error {
	if err := f.m.begin("preallocate", f.name); err != nil {
		return err
	}
	defer f.m.mu.Unlock()
	return f.write(nil, min(size, blockSize)) // so that many states of it fit in memory
}

func (f *memFile) Truncate(size int64) error {
	if err := f.m.begin("truncate", f.name); err != nil {
		return err
	}
	defer f.m.mu.Unlock()
	if c := f.m.cut[f.name]; c != nil {
		c.now = size
	} else {
		f.m.cut[f.name] = &length{now: size, synced: 1 << 40}
	}
	return nil
}

func (f *memFile) Sync() error {
	if failed := f.m.begin("sync", f.name); failed != nil {
		f.m.mu.Lock()
		defer f.m.mu.Unlock()
		return errors.Join(failed, f.forget())
	}
	defer f.m.mu.Unlock()
	if c := f.m.cut[f.name]; c != nil {
		c.synced = c.now
	}
	return f.File.Sync()
}

// forget notes what the disk has of the blocks that were to be synced.
func (f *memFile) forget() error {
	disk := f.m.disk.CrashClone(vfs.CrashCloneCfg{})
	stable, err := contents(disk, f.name)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	now, err2 := contents(f.m.disk, f.name)
	if err = errors.Join(err, err2); err != nil {
		return err
	}
	if f.m.forgot[f.name] == nil {
		f.m.forgot[f.name] = make(map[int64][]byte)
	}
	stable = append(stable, make([]byte, max(0, len(now)-len(stable)))...)
	for at := 0; at < len(now); at += blockSize {
		end := min(at+blockSize, len(now))
		if string(now[at:end]) != string(stable[at:end]) {
			f.m.forgot[f.name][int64(at/blockSize)] = stable[at:end]
		}
	}
	return nil
}

func (f *memFile) NextData(offset int64) (int64, error) { return offset, nil }
