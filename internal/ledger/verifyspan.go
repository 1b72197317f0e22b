package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/sparkoo/transfergate/internal/tiles"
)

// verifiedEpoch is an epoch as far as it was verified.
type verifiedEpoch struct {
	walker *walker
	epoch  epoch
	size   int64       // of its files in bytes
	roots  []tlog.Hash // of full segments, as the file says

	tree           *tree
	entries, bytes uint64
	signed         uint64 // entries that its checkpoint covers
	found          []notedEntry
	next           *previous // the epoch its last entry says is next; nil if there is none
	joined         bool      // what is left of a deleted epoch after it names it and its checkpoint
}

// verifiedSpan is what reading an archive gave.
type verifiedSpan struct {
	Root  tlog.Hash
	Bytes uint64
	Notes []notedEntry
}

// notedEntry is an entry of a type that Verify looks into.
type notedEntry struct {
	Index uint64
	Data  []byte
}

// noteEnds are the last bytes of such entries.
var noteEnds = func() (all [][]byte) {
	for _, kind := range []string{TypePolicy, TypeClosed, TypeDeleted} {
		all = append(all, noteEnd(kind))
	}
	return all
}()

// noteEnd is how an entry of a type ends, see closing.
func noteEnd(kind string) []byte {
	o := object(`{"":0`)
	o.text("type", kind)
	o.text("v", schema)
	return append(o, '}')[len(`{"":0`):]
}

// keepNoted keeps a copy of the entry if Verify looks into it.
func keepNoted(found []notedEntry, e Entry) []notedEntry {
	keep := e.Index == 0
	for _, end := range noteEnds {
		keep = keep || bytes.HasSuffix(e.Data, end)
	}
	if keep {
		found = append(found, notedEntry{e.Index, bytes.Clone(e.Data)})
	}
	return found
}

// load reads what the epoch says of its full segments.
func (e *verifiedEpoch) load(fsys FS) error {
	stored := newTree(fsys, e.walker.dir, e.epoch)
	if err := stored.load(); err != nil {
		return err
	}
	e.roots = nil
	for n := range stored.stored {
		e.roots = append(e.roots, stored.upper[tlog.StoredHashIndex(0, n)])
	}
	if archived := int64(e.walker.archived / e.epoch.SegmentEntries); archived > stored.stored {
		return &CorruptError{File: upperPath(e.walker.dir), Offset: stored.stored * tlog.HashSize, Index: uint64(stored.start()),
			What: fmt.Sprintf("the file knows of %d full segments; %d are sealed", stored.stored, archived)}
	}
	e.tree = newTree(fsys, e.walker.dir, e.epoch)
	return nil
}

// archive verifies one archive and its hashes.
func (v *verification) archive(e *verifiedEpoch, i int) (s verifiedSpan, err error) {
	path := archivePath(e.walker.dir, int64(i))
	a, err := openArchive(v.fsys, path, e.epoch, int64(i))
	if err != nil {
		return s, err
	}
	if known, ok := v.state.span(e.epoch.Origin, i); ok && known.Root == e.roots[i] {
		v.done.Add(a.size())
		v.resumed.Add(e.epoch.SegmentEntries)
		return known, a.file.Close()
	}
	span := newTree(v.fsys, e.walker.dir, e.epoch)
	span.stored = int64(i)
	span.rest = make([]tlog.Hash, 0, 2<<span.height)
	err = a.frames(e.epoch, 0, func(fr *frame) error {
		s.Bytes += uint64(fr.length) - 2*uint64(fr.count)
		index := fr.first
		for rest := fr.payload; len(rest) > 0; index++ {
			entry, after, leaf := cutLeaf(rest)
			span.add(leaf)
			s.Notes = keepNoted(s.Notes, Entry{ID{fr.epoch, index}, entry})
			rest = after
		}
		v.done.Add(int64(a.rows[(fr.first-a.first)/e.epoch.bundleEntries()].packed))
		return nil
	})
	if err = errors.Join(err, a.file.Close()); err != nil {
		return s, unjoin(err)
	}
	place := func(index uint64) (string, int64) {
		return path, a.rows[(index-a.first)/e.epoch.bundleEntries()].offset
	}
	if err := e.checkSpan(v.fsys, span, place); err != nil {
		return s, err
	}
	s.Root = span.spanRoot()
	return s, v.state.add(e.epoch.Origin, i, s)
}

// checkSpan compares the first span of a tree's rest, which was computed from
// entries, with the files of hashes. place tells where an entry lies.
func (e *verifiedEpoch) checkSpan(fsys FS, t *tree, place func(index uint64) (string, int64)) error {
	n := t.stored
	path := hashPath(t.dir, n)
	f, err := fsys.Open(path, false)
	if err != nil {
		return fmt.Errorf("opening hashes: %w", err)
	}
	data := make([]byte, 2*tlog.HashSize<<t.height)
	size, err := f.ReadAt(data, 0)
	data = data[:size]
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	want := t.spanHashes()
	first := uint64(n << t.height)
	if root := t.spanRoot(); bytes.Equal(data, want) && root != e.roots[n] {
		return &CorruptError{File: upperPath(t.dir), Offset: n * tlog.HashSize, Index: first,
			What: "the root of a full segment is not that of its entries", Expected: root.String(), Found: e.roots[n].String()}
	} else if bytes.Equal(data, want) {
		return nil
	}
	if len(data) != len(want) {
		return &CorruptError{File: path, Offset: int64(min(len(data), len(want))), Index: first,
			What: fmt.Sprintf("the file has %d bytes, not %d", len(data), len(want))}
	}
	at := 0
	for data[at] == want[at] {
		at++
	}
	at -= at % tlog.HashSize
	kept, computed := tlog.Hash(data[at:]), tlog.Hash(want[at:])
	if leaf := uint64(at / tlog.HashSize); leaf < 1<<t.height && rootOf(data[:tlog.HashSize<<t.height]) == e.roots[n] {
		file, offset := place(first + leaf)
		return &CorruptError{File: file, Offset: offset, Index: first + leaf,
			What: "the entry is not the one the tree has", Expected: kept.String(), Found: computed.String()}
	}
	index := first + uint64(at/tlog.HashSize)
	if over := at/tlog.HashSize - 1<<t.height; over >= 0 {
		index = first + uint64(over)<<tiles.Height
	}
	return &CorruptError{File: path, Offset: int64(at), Index: index,
		What: "the hash is not that of the entry", Expected: computed.String(), Found: kept.String()}
}

// rootOf is the root of a row of leaves, a power of two of them.
func rootOf(row []byte) tlog.Hash {
	row = bytes.Clone(row)
	for len(row) > tlog.HashSize {
		row = halve(row)
	}
	return tlog.Hash(row)
}
