package ledger_test

import (
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/sparkoo/transfergate/internal/ledger"
)

// memFS is a file system in memory that can crash: what was not synced may then
// be there or not, block by block and name by name. A sync that fails forgets
// what it should have written, as Linux does.
type memFS struct {
	mu     sync.Mutex
	names  map[string]*memNode // as processes see them
	stable map[string]*memNode // as they are after a crash
	locked map[string]bool
	space  uint64

	// hook is called before each operation, without mu. Its error is the
	// operation's. For a failing write, half of the bytes are written.
	hook func(op, name string) error
}

// memNode is a file, or a folder if data is not used.
type memNode struct {
	dir    bool
	data   []byte // as processes see it
	stable []byte // as it is after a crash
	dirty  map[int64]bool
}

const blockSize = 512

func newMemFS() *memFS {
	root := &memNode{dir: true}
	return &memFS{
		names: map[string]*memNode{"/": root}, stable: map[string]*memNode{"/": root},
		locked: make(map[string]bool), space: 1 << 40,
	}
}

func (m *memFS) op(op, name string) error {
	m.mu.Lock()
	hook := m.hook
	m.mu.Unlock()
	if hook == nil {
		return nil
	}
	return hook(op, name)
}

// setHook replaces the hook of a file system that is in use.
func (m *memFS) setHook(hook func(op, name string) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hook = hook
}

func pathError(op, name string, err error) error { return &fs.PathError{Op: op, Path: name, Err: err} }

func (m *memFS) Mkdir(dir string) error {
	if err := m.op("mkdir", dir); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.names[dir] != nil {
		return pathError("mkdir", dir, fs.ErrExist)
	}
	m.names[dir] = &memNode{dir: true}
	return nil
}

func (m *memFS) Create(name string) (ledger.File, error) {
	if err := m.op("create", name); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.names[name] != nil {
		return nil, pathError("create", name, fs.ErrExist)
	}
	m.names[name] = &memNode{dirty: make(map[int64]bool)}
	return &memFile{m, name, m.names[name]}, nil
}

func (m *memFS) Open(name string, write bool) (ledger.File, error) {
	if err := m.op("open", name); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	node := m.names[name]
	if node == nil {
		return nil, pathError("open", name, fs.ErrNotExist)
	}
	return &memFile{m, name, node}, nil
}

func (m *memFS) Names(dir string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if node := m.names[dir]; node == nil || !node.dir {
		return nil, pathError("list", dir, fs.ErrNotExist)
	}
	var names []string
	for name := range m.names {
		if name != dir && filepath.Dir(name) == dir {
			names = append(names, filepath.Base(name))
		}
	}
	slices.Sort(names)
	return names, nil
}

func (m *memFS) Rename(from, to string) error {
	if err := m.op("rename", to); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.names[to] = m.names[from]
	delete(m.names, from)
	return nil
}

func (m *memFS) Remove(name string) error {
	if err := m.op("remove", name); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.names[name] == nil {
		return pathError("remove", name, fs.ErrNotExist)
	}
	delete(m.names, name)
	return nil
}

func (m *memFS) SyncDir(dir string) error {
	if err := m.op("syncdir", dir); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	inDir := func(name string, _ *memNode) bool { return name != dir && filepath.Dir(name) == dir }
	maps.DeleteFunc(m.stable, inDir)
	for name, node := range m.names {
		if inDir(name, node) {
			m.stable[name] = node
		}
	}
	return nil
}

func (m *memFS) Lock(name string) (io.Closer, error) {
	if err := m.op("lock", name); err != nil {
		return nil, err
	}
	m.mu.Lock()
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
	if err := m.op("free", dir); err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.space, nil
}

// crash returns the file system after the machine lost power. The chance says
// how likely it is that something that was not synced is there.
func (m *memFS) crash(rng *rand.Rand, chance float64) *memFS {
	m.mu.Lock()
	defer m.mu.Unlock()
	after := newMemFS()
	nodes := make(map[*memNode]*memNode)
	all := maps.Clone(m.stable)
	maps.Copy(all, m.names)
	for _, name := range slices.Sorted(maps.Keys(all)) { // folders come before what is in them
		node := m.stable[name]
		if m.names[name] != node && rng.Float64() < chance {
			node = m.names[name]
		}
		if parent := after.names[filepath.Dir(name)]; node == nil || parent == nil {
			continue
		}
		if nodes[node] == nil {
			nodes[node] = node.crash(rng, chance)
		}
		after.names[name] = nodes[node]
	}
	after.stable = maps.Clone(after.names)
	return after
}

func (n *memNode) crash(rng *rand.Rand, chance float64) *memNode {
	size := len(n.stable)
	if rng.Float64() < chance {
		size = len(n.data)
	}
	data := resize(slices.Clone(n.stable), size)
	for _, block := range slices.Sorted(maps.Keys(n.dirty)) {
		if from := block * blockSize; from < int64(size) && rng.Float64() < chance && from < int64(len(n.data)) {
			copy(data[from:min(from+blockSize, int64(size))], n.data[from:])
		}
	}
	return &memNode{dir: n.dir, data: data, stable: slices.Clone(data), dirty: make(map[int64]bool)}
}

// sameCache is the file system as the next process finds it: the same files,
// nothing locked.
func (m *memFS) sameCache() *memFS {
	m.mu.Lock()
	defer m.mu.Unlock()
	next := newMemFS()
	for _, name := range slices.Sorted(maps.Keys(m.names)) {
		n := m.names[name]
		next.names[name] = &memNode{n.dir, slices.Clone(n.data), slices.Clone(n.stable), maps.Clone(n.dirty)}
		if m.stable[name] == n {
			next.stable[name] = next.names[name]
		}
	}
	return next
}

// clone returns the file system as it is, without locks.
func (m *memFS) clone() *memFS {
	return m.crash(rand.New(rand.NewPCG(1, 1)), 1)
}

// resize cuts data, or grows it with zeros.
func resize(data []byte, size int) []byte {
	if size <= len(data) {
		return data[:size]
	}
	return append(data, make([]byte, size-len(data))...)
}

type memFile struct {
	m    *memFS
	name string
	node *memNode
}

func (f *memFile) ReadAt(b []byte, offset int64) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if offset >= int64(len(f.node.data)) {
		return 0, io.EOF
	}
	n := copy(b, f.node.data[offset:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memFile) WriteAt(b []byte, offset int64) (int, error) {
	err := f.m.op("write", f.name)
	if err != nil {
		b = b[:len(b)/2]
	}
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	n := f.node
	if end := int(offset) + len(b); end > len(n.data) {
		n.touch(int64(len(n.data)), int64(end))
		n.data = resize(slices.Clip(n.data), end)
	}
	copy(n.data[offset:], b)
	n.touch(offset, offset+int64(len(b)))
	return len(b), err
}

// touch marks the blocks of a span dirty.
func (n *memNode) touch(from, to int64) {
	for block := from / blockSize; block*blockSize < to; block++ {
		n.dirty[block] = true
	}
}

func (f *memFile) Sync() error {
	err := f.m.op("sync", f.name)
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	n := f.node
	if err == nil {
		n.stable = resize(slices.Clip(n.stable), len(n.data))
		for block := range n.dirty {
			if from := block * blockSize; from < int64(len(n.data)) {
				copy(n.stable[from:min(from+blockSize, int64(len(n.data)))], n.data[from:])
			}
		}
	}
	clear(n.dirty)
	return err
}

func (f *memFile) Truncate(size int64) error {
	if err := f.m.op("truncate", f.name); err != nil {
		return err
	}
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	n := f.node
	n.touch(min(size, int64(len(n.data))), max(size, int64(len(n.data))))
	n.data = resize(slices.Clone(n.data), int(size))
	return nil
}

func (f *memFile) Preallocate(size int64) error {
	if err := f.m.op("preallocate", f.name); err != nil {
		return err
	}
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	size = min(size, 4096) // so that many states of it fit in memory
	if n := f.node; int64(len(n.data)) < size {
		n.touch(int64(len(n.data)), size)
		n.data = resize(slices.Clip(n.data), int(size))
	}
	return nil
}

func (f *memFile) Size() (int64, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	return int64(len(f.node.data)), nil
}

func (f *memFile) NextData(offset int64) (int64, error) { return offset, nil }
func (f *memFile) Close() error                         { return nil }

// set replaces a file's bytes, durably.
func (m *memFS) set(name string, data []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	node := &memNode{data: slices.Clone(data), stable: slices.Clone(data), dirty: make(map[int64]bool)}
	m.names[name], m.stable[name] = node, node
}

// get returns a copy of a file's bytes; nil if there is none.
func (m *memFS) get(name string) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n := m.names[name]; n != nil {
		return slices.Clone(n.data)
	}
	return nil
}

// readMem reads all entries of the ledger at /l.
func readMem(t testing.TB, m *memFS) []string {
	t.Helper()
	var all []string
	next := ledger.ID{Epoch: 1}
	if err := ledger.ReadFS(m, "/l", ledger.ID{}, func(e ledger.Entry) error {
		if e.ID != next && e.ID != (ledger.ID{Epoch: next.Epoch + 1}) {
			t.Fatalf("entry %v where %v was due", e.ID, next)
		}
		next = ledger.ID{Epoch: e.Epoch, Index: e.Index + 1}
		all = append(all, string(e.Data))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all
}
