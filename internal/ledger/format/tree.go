package format

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/bits"
	"path/filepath"
	"runtime"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/sparkoo/transfergate/internal/tiles"
)

// Tree is the Merkle tree of one epoch (RFC 6962, as tlog computes it). As many
// entries as a segment has, from a multiple of that number on, are a subtree of
// their own, mostly of 65,536: the hashes of complete subtrees lie in files, one
// each, the rest is in memory. It is not safe for concurrent use.
type Tree struct {
	fsys   FS
	dir    string // the epoch's folder
	height int    // of a subtree: it has 1<<height entries

	// stored is how many subtrees are in files. upper are tlog's stored hashes of
	// the log whose records are the roots of these subtrees.
	stored int64
	upper  []tlog.Hash
	// rest are tlog's stored hashes of the leaves after these subtrees.
	rest  []tlog.Hash
	count int64
}

// NewTree returns the tree of an epoch without any leaf: see Load and Add. dir is the
// epoch's folder.
func NewTree(fsys FS, dir string, e Epoch) *Tree {
	return &Tree{fsys: fsys, dir: dir, height: bits.Len64(e.SegmentEntries) - 1}
}

// NewSubtree is the tree of an epoch from a full subtree on, of whose earlier hashes
// it knows none: for whoever computes the subtree's own.
func NewSubtree(fsys FS, dir string, e Epoch, subtree int64) *Tree {
	t := NewTree(fsys, dir, e)
	t.stored = subtree
	t.rest = make([]tlog.Hash, 0, 2<<t.height)
	return t
}

// Size is the number of leaves.
func (t *Tree) Size() int64 { return t.Start() + t.count }

// Start is the first leaf of the rest.
func (t *Tree) Start() int64 { return t.stored << t.height }

// Add appends a leaf.
func (t *Tree) Add(leaf tlog.Hash) { t.rest, t.count = grow(t.rest, t.count, leaf), t.count+1 }

// grow appends the leaf n, and the hashes it completes, to stored hashes.
func grow(stored []tlog.Hash, n int64, leaf tlog.Hash) []tlog.Hash {
	stored = append(stored, leaf)
	for level := 0; n&1 == 1; level, n = level+1, n>>1 {
		left := stored[len(stored)-2<<level] // before the subtree that ends here
		leaf = tlog.NodeHash(left, leaf)
		stored = append(stored, leaf)
	}
	return stored
}

// Root is the hash of the tree's first leaves, so many of them.
func (t *Tree) Root(size int64) (tlog.Hash, error) { return tlog.TreeHash(size, t) }

// ReadHashes implements tlog.HashReader.
func (t *Tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	all := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		level, n := tlog.SplitStoredHashIndex(index)
		h, err := t.hash(level, n)
		if err != nil {
			return nil, err
		}
		all[i] = h
	}
	return all, nil
}

// hash returns the nth hash of a level.
func (t *Tree) hash(level int, n int64) (tlog.Hash, error) {
	switch first, start := n<<level, t.Start(); {
	case first+1<<level > t.Size():
		return tlog.Hash{}, fmt.Errorf("the tree of %d leaves has no hash %d at level %d", t.Size(), n, level)
	case first+1<<level <= start && level >= t.height:
		return t.upper[tlog.StoredHashIndex(level-t.height, n)], nil
	case first+1<<level <= start:
		row, err := t.Row(level, n, 1)
		if err != nil {
			return tlog.Hash{}, err
		}
		return tlog.Hash(row), nil
	case first >= start && level <= t.height:
		return t.rest[tlog.StoredHashIndex(level, n-start>>level)], nil
	}
	left, err := t.hash(level-1, 2*n)
	if err != nil {
		return left, err
	}
	right, err := t.hash(level-1, 2*n+1)
	return tlog.NodeHash(left, right), err
}

// SubtreeHeight is the level of a subtree's root.
func (t *Tree) SubtreeHeight() int { return t.height }

// Stored is how many subtrees are in files.
func (t *Tree) Stored() int64 { return t.stored }

// StoredRoot is the root of a subtree that is in a file.
func (t *Tree) StoredRoot(subtree int64) tlog.Hash {
	return t.upper[tlog.StoredHashIndex(0, subtree)]
}

// Row returns hashes of a level from the nth on, all of one subtree that is in a
// file, 32 bytes each.
func (t *Tree) Row(level int, n int64, count int) ([]byte, error) {
	subtree := n << level >> t.height
	kept, offset := 0, int64(0) // a file has the leaves, then the hashes of level 8
	if level >= tiles.Height && t.height >= tiles.Height {
		kept, offset = tiles.Height, tlog.HashSize<<t.height
	}
	below := level - kept
	offset += tlog.HashSize * (n<<below - subtree<<(t.height-kept))
	b := make([]byte, tlog.HashSize*count<<below)
	f, err := t.fsys.Open(HashPath(t.dir, subtree), false)
	if err != nil {
		return nil, fmt.Errorf("opening hashes: %w", err)
	}
	_, err = f.ReadAt(b, offset)
	if errors.Is(err, io.EOF) {
		err = &CorruptError{File: HashPath(t.dir, subtree), Offset: offset, Index: uint64(n << level), What: "the file of hashes is cut off"}
	}
	if err = Joined(err, f.Close()); err != nil {
		return nil, err
	}
	for ; below > 0; below-- {
		b = halve(b)
	}
	return b, nil
}

// halve replaces each two hashes by their parent's.
func halve(row []byte) []byte {
	for i := 0; i < len(row); i += 2 * tlog.HashSize {
		h := tlog.NodeHash(tlog.Hash(row[i:]), tlog.Hash(row[i+tlog.HashSize:]))
		copy(row[i/2:], h[:])
	}
	return row[:len(row)/2]
}

// Load takes the subtrees whose hashes are in files.
func (t *Tree) Load() error {
	roots, err := ReadRoots(t.fsys, t.dir)
	for _, root := range roots {
		t.Push(root)
	}
	return err
}

// ReadRoots reads the roots of the subtrees whose hashes are in files.
func ReadRoots(fsys FS, dir string) (roots []tlog.Hash, err error) {
	data, err := ReadFile(fsys, UpperPath(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the roots of subtrees: %w", err)
	}
	if len(data)%tlog.HashSize != 0 {
		return nil, &CorruptError{File: UpperPath(dir), Offset: int64(len(data)), What: "the file ends within a hash"}
	}
	for ; len(data) > 0; data = data[tlog.HashSize:] {
		roots = append(roots, tlog.Hash(data))
	}
	return roots, nil
}

// Push notes that the hashes of one more subtree are in a file.
func (t *Tree) Push(root tlog.Hash) { t.upper, t.stored = grow(t.upper, t.stored, root), t.stored+1 }

// Complete reports whether the rest has a whole subtree.
func (t *Tree) Complete() bool { return t.count >= 1<<t.height }

// Store writes the first subtree of the rest to its file, and returns when that is
// durable. Nothing is changed before forget.
func (t *Tree) Store() error {
	if err := MkdirDurable(t.fsys, filepath.Join(t.dir, "hash")); err != nil {
		return fmt.Errorf("making the folder of hashes: %w", err)
	}
	if err := WriteDurable(t.fsys, HashPath(t.dir, t.stored), t.SubtreeHashes()); err != nil {
		return fmt.Errorf("writing the hashes of a subtree: %w", err)
	}
	var roots []byte
	for n := range t.stored {
		h := t.upper[tlog.StoredHashIndex(0, n)]
		roots = append(roots, h[:]...)
	}
	root := t.SubtreeRoot()
	if err := WriteDurable(t.fsys, UpperPath(t.dir), append(roots, root[:]...)); err != nil {
		return fmt.Errorf("writing the roots of subtrees: %w", err)
	}
	return nil
}

// SubtreeHashes is the file of the first subtree of the rest: its leaves, and then
// its hashes of level 8, if it has such.
func (t *Tree) SubtreeHashes() (data []byte) {
	data = make([]byte, 0, (tlog.HashSize+1)<<t.height)
	for level := 0; level <= min(tiles.Height, t.height); level += tiles.Height {
		for n := range int64(1) << (t.height - level) {
			if n%1024 == 0 {
				runtime.Gosched() // whoever waits for a record comes first
			}
			h := t.rest[tlog.StoredHashIndex(level, n)]
			data = append(data, h[:]...)
		}
	}
	return data
}

// SubtreeRoot is the root of the first subtree of the rest.
func (t *Tree) SubtreeRoot() tlog.Hash { return t.rest[tlog.StoredHashIndex(t.height, 0)] }

// Forget drops the first subtree of the rest, which is in a file now.
func (t *Tree) Forget() {
	root := t.SubtreeRoot()
	var leaves []tlog.Hash
	for n := int64(1) << t.height; n < t.count; n++ {
		leaves = append(leaves, t.rest[tlog.StoredHashIndex(0, n)])
	}
	t.rest, t.count = t.rest[:0], 0
	t.Push(root)
	for _, leaf := range leaves {
		t.Add(leaf)
	}
}

// rootOf is the root of a row of leaves, a power of two of them.
func RootOf(row []byte) tlog.Hash {
	row = bytes.Clone(row)
	for len(row) > tlog.HashSize {
		row = halve(row)
	}
	return tlog.Hash(row)
}
