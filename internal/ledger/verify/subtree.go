package verify

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/sparkoo/transfergate/internal/ledger/format"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/tiles"
)

// verifiedEpoch is an epoch as far as it was verified.
type verifiedEpoch struct {
	walker *format.Walker
	epoch  format.Epoch
	size   int64       // of its files in bytes
	roots  []tlog.Hash // of full segments, as the file says

	tree           *format.Tree
	entries, bytes uint64
	signed         uint64 // entries that its checkpoint covers
	found          []notedEntry
	more           bool          // entries that are written only after the first checkpoint
	next           *record.Epoch // the epoch its last entry says is next; nil if there is none
	lost           bool          // damage was found, and is acknowledged
	joined         bool          // what is left of a deleted epoch after it names it and its checkpoint
}

// verifiedSubtree is what reading an archive gave.
type verifiedSubtree struct {
	Root  tlog.Hash
	Bytes uint64
	Notes []notedEntry
	Form  int // which entries are noted: notedForm, or what an earlier version noted
}

// notedForm changes with the types of entries that are noted.
const notedForm = 2

// standingTypes are those that say what stands, beside the genesis.
var standingTypes = []string{record.TypeHoldSet, record.TypeHoldLifted, record.TypeStanding, record.TypeKeyDestroyed}

// notedEntry is an entry of a type that is looked into.
type notedEntry struct {
	Index uint64
	Data  []byte
}

// keepNoted keeps a copy of the entry if it is looked into.
func keepNoted(found []notedEntry, e format.Entry) []notedEntry {
	if e.Index == 0 || record.IsOf(e.Data, record.TypePolicy, record.TypeClosed, record.TypeDeleted) || record.IsOf(e.Data, standingTypes...) {
		found = append(found, notedEntry{e.Index, bytes.Clone(e.Data)})
	}
	return found
}

// load reads what the epoch says of its full segments.
func (e *verifiedEpoch) load(fsys format.FS) error {
	var err error
	if e.roots, err = format.ReadRoots(fsys, e.walker.Dir); err != nil {
		return err
	}
	stored := int64(len(e.roots))
	if archived := int64(e.walker.Archived / e.epoch.SegmentEntries); archived > stored {
		return &format.CorruptError{File: format.UpperPath(e.walker.Dir), Offset: stored * tlog.HashSize, Index: uint64(stored) * e.epoch.SegmentEntries,
			What: fmt.Sprintf("the file knows of %d full segments; %d are sealed", stored, archived)}
	}
	e.tree = format.NewTree(fsys, e.walker.Dir, e.epoch)
	return nil
}

// archive verifies one archive and its hashes.
func (v *verification) archive(e *verifiedEpoch, i int) (s verifiedSubtree, err error) {
	path := format.ArchivePath(e.walker.Dir, int64(i))
	a, err := format.OpenArchive(v.fsys, path, e.epoch, int64(i))
	if err != nil {
		return s, err
	}
	if known, ok := v.state.subtree(e.epoch.Origin, i); ok && known.Root == e.roots[i] && known.Form == notedForm {
		v.done.Add(a.Size())
		v.resumed.Add(e.epoch.SegmentEntries)
		return known, a.Close()
	}
	subtree := format.NewSubtree(v.fsys, e.walker.Dir, e.epoch, int64(i))
	err = a.Frames(e.epoch, 0, func(fr *format.Frame) error {
		s.Bytes += uint64(fr.Length) - 2*uint64(fr.Count)
		for entry, leaf := range fr.Leaves() {
			subtree.Add(leaf)
			s.Notes = keepNoted(s.Notes, entry)
		}
		_, size := a.BundleOf(e.epoch, fr.First)
		v.done.Add(int64(size))
		return nil
	})
	if err = format.Joined(err, a.Close()); err != nil {
		return s, err
	}
	place := func(index uint64) (string, int64) {
		offset, _ := a.BundleOf(e.epoch, index)
		return path, offset
	}
	if err := e.checkSubtree(v.fsys, subtree, place); err != nil {
		return s, err
	}
	s.Root, s.Form = subtree.SubtreeRoot(), notedForm
	return s, v.state.add(e.epoch.Origin, i, s)
}

// checkSubtree compares the first subtree of a tree's rest, which was computed from
// entries, with the files of hashes. place tells where an entry lies.
func (e *verifiedEpoch) checkSubtree(fsys format.FS, t *format.Tree, place func(index uint64) (string, int64)) error {
	n := t.Stored()
	path := format.HashPath(e.walker.Dir, n)
	f, err := fsys.Open(path, false)
	if err != nil {
		return fmt.Errorf("opening hashes: %w", err)
	}
	data := make([]byte, 2*tlog.HashSize<<t.SubtreeHeight())
	size, err := f.ReadAt(data, 0)
	data = data[:size]
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	want := t.SubtreeHashes()
	first := uint64(n << t.SubtreeHeight())
	if root := t.SubtreeRoot(); bytes.Equal(data, want) && root != e.roots[n] {
		return &format.CorruptError{File: format.UpperPath(e.walker.Dir), Offset: n * tlog.HashSize, Index: first,
			What: "the root of a full segment is not that of its entries", Expected: root.String(), Found: e.roots[n].String()}
	} else if bytes.Equal(data, want) {
		return nil
	}
	if len(data) != len(want) {
		return &format.CorruptError{File: path, Offset: int64(min(len(data), len(want))), Index: first,
			What: fmt.Sprintf("the file has %d bytes, not %d", len(data), len(want))}
	}
	at := 0
	for data[at] == want[at] {
		at++
	}
	at -= at % tlog.HashSize
	kept, computed := tlog.Hash(data[at:]), tlog.Hash(want[at:])
	if leaf := uint64(at / tlog.HashSize); leaf < 1<<t.SubtreeHeight() && format.RootOf(data[:tlog.HashSize<<t.SubtreeHeight()]) == e.roots[n] {
		file, offset := place(first + leaf)
		return &format.CorruptError{File: file, Offset: offset, Index: first + leaf,
			What: "the entry is not the one the tree has", Expected: kept.String(), Found: computed.String()}
	}
	index := first + uint64(at/tlog.HashSize)
	if over := at/tlog.HashSize - 1<<t.SubtreeHeight(); over >= 0 {
		index = first + uint64(over)<<tiles.Height
	}
	return &format.CorruptError{File: path, Offset: int64(at), Index: index,
		What: "the hash is not that of the entry", Expected: computed.String(), Found: kept.String()}
}
