package tiles

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// ErrBeyond says that an entry is not in the tree yet: its index is not below
// the checkpoint's size.
var ErrBeyond = errors.New("not in the log at this checkpoint")

// A Tree is a log at one checkpoint. Whatever it returns was checked against
// the checkpoint's root hash; a hash or entry that does not lead there is an
// error. Its methods may be called by any number of goroutines.
type Tree struct {
	Checkpoint

	// Signed is the checkpoint as the source gave it, with its signatures.
	Signed []byte

	source Source
}

// OpenTree reads the source's latest checkpoint and verifies it with the log's
// key.
func OpenTree(source Source, log note.Verifier) (*Tree, error) {
	signed, err := source.Checkpoint()
	if err != nil {
		return nil, fmt.Errorf("reading the checkpoint: %w", err)
	}
	return OpenTreeAt(source, signed, log)
}

// OpenTreeAt is OpenTree at a signed checkpoint that the source need not have
// as its latest.
func OpenTreeAt(source Source, signed []byte, log note.Verifier) (*Tree, error) {
	c, err := OpenCheckpoint(signed, log)
	if err != nil {
		return nil, err
	}
	if c.N == 0 {
		if empty, _ := tlog.TreeHash(0, nil); c.Hash != empty {
			return nil, errors.New("the checkpoint has no entries and another root hash than an empty tree")
		}
	}
	return &Tree{Checkpoint: c, Signed: signed, source: source}, nil
}

// Entry returns the entry at index and the proof that it is there. The error
// is ErrBeyond if the tree does not reach so far.
func (t *Tree) Entry(index int64) ([]byte, tlog.RecordProof, error) {
	if index < 0 || index >= t.N {
		return nil, nil, fmt.Errorf("entry %d of %d of %s: %w", index, t.N, t.Origin, ErrBeyond)
	}
	n := index / Width
	entries, err := t.entries(n)
	if err != nil {
		return nil, nil, err
	}
	entry := entries[index%Width]
	proof, err := tlog.ProveRecord(t.N, index, t.hashes(nil))
	if err != nil {
		return nil, nil, fmt.Errorf("proving entry %d of %s: %w", index, t.Origin, err)
	}
	if err := tlog.CheckRecord(proof, t.N, t.Hash, index, tlog.RecordHash(entry)); err != nil {
		return nil, nil, fmt.Errorf("entry %d of %s is not what its checkpoint promised: %w", index, t.Origin, err)
	}
	return entry, proof, nil
}

// Consistency returns the proof that the tree of the first old entries is the
// beginning of this one. It is empty if old is 0 or the size of this tree.
func (t *Tree) Consistency(old int64) (tlog.TreeProof, error) {
	if old < 0 || old > t.N {
		return nil, fmt.Errorf("%d of %d entries of %s: %w", old, t.N, t.Origin, ErrBeyond)
	}
	if old == 0 || old == t.N {
		return nil, nil
	}
	proof, err := tlog.ProveTree(t.N, old, t.hashes(nil))
	if err != nil {
		return nil, fmt.Errorf("proving that the log %s grew from %d to %d entries: %w", t.Origin, old, t.N, err)
	}
	return proof, nil
}

// width is how many hashes or entries a tile of the level has in this tree.
func (t *Tree) width(level int, n int64) int {
	return int(min(Width, t.N>>(Height*max(level, 0))-n*Width))
}

// entries reads an entry bundle and checks nothing but its form.
func (t *Tree) entries(n int64) ([][]byte, error) {
	width := t.width(bundles, n)
	data, err := t.source.Bundle(n, width)
	if err != nil {
		return nil, fmt.Errorf("reading the entry bundle %d of %s: %w", n, t.Origin, err)
	}
	entries, err := SplitBundle(data)
	if err == nil && len(entries) != width {
		err = fmt.Errorf("%d entries, want %d", len(entries), width)
	}
	if err != nil {
		return nil, fmt.Errorf("the entry bundle %d of %s: %w", n, t.Origin, err)
	}
	return entries, nil
}

// hashes reads the tree's hashes. save is called with tiles that were checked;
// it may be nil.
func (t *Tree) hashes(save func(tlog.Tile, []byte)) tlog.HashReader {
	return tlog.TileHashReader(t.Tree, tileReader{t.source, save})
}

// tileReader reads a source's tiles for tlog, which checks them.
type tileReader struct {
	source Source
	save   func(tlog.Tile, []byte)
}

func (r tileReader) Height() int { return Height }

func (r tileReader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, t := range tiles {
		var err error
		if data[i], err = r.source.Tile(t); err != nil {
			return nil, fmt.Errorf("reading %s: %w", Path(t), err)
		}
	}
	return data, nil
}

func (r tileReader) SaveTiles(tiles []tlog.Tile, data [][]byte) {
	if r.save == nil {
		return
	}
	for i, t := range tiles {
		r.save(t, data[i])
	}
}

// AppendEntry appends an entry of at most 65535 bytes to an entry bundle.
func AppendEntry(bundle, entry []byte) []byte {
	bundle = binary.BigEndian.AppendUint16(bundle, uint16(len(entry)))
	return append(bundle, entry...)
}

// SplitBundle returns the entries of an entry bundle. They share its memory.
func SplitBundle(bundle []byte) ([][]byte, error) {
	var entries [][]byte
	for rest := bundle; len(rest) > 0; {
		if len(rest) < 2 || len(rest)-2 < int(binary.BigEndian.Uint16(rest)) {
			return nil, fmt.Errorf("entry %d is cut off", len(entries))
		}
		end := 2 + int(binary.BigEndian.Uint16(rest))
		entries = append(entries, rest[2:end:end])
		rest = rest[end:]
	}
	return entries, nil
}
