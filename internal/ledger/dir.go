package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/sparkoo/transfergate/internal/ledger/format"
	"github.com/sparkoo/transfergate/internal/record"
)

// Entry is an entry as it stands in a ledger.
type Entry = format.Entry

// Dir is one ledger at rest, or beside its writer: the folder of a class, with its
// epochs, holds, policies and keys. The folder of the default class holds those of
// the others, see Classes. It takes no lock, changes nothing and holds nothing
// open; a value may be used by any number of goroutines.
type Dir struct {
	// Path is the folder.
	Path string
	// Class names what the ledger keeps.
	Class string

	fsys format.FS
}

// At is the ledger in a folder, which need not exist yet: the default class's, or,
// if the folder is named as a class's is and lies in a ledger's, that class's.
func At(path string) Dir { return at(format.OS{}, path) }

func at(fsys format.FS, path string) Dir {
	d := Dir{Path: path, Class: record.DefaultClass, fsys: fsys}
	if format.ClassParent(fsys, path) != "" {
		d.Class = strings.TrimPrefix(filepath.Base(path), format.ClassPrefix)
	}
	return d
}

// Of is the ledger of a class in the folder.
func (d Dir) Of(class string) Dir {
	if class == d.Class {
		return d
	}
	return Dir{Path: format.ClassFolder(d.Path, class), Class: class, fsys: d.fsys}
}

// Classes are the ledgers of all classes that have a folder, this one first.
func (d Dir) Classes() ([]Dir, error) {
	if d.Class != record.DefaultClass {
		return []Dir{d}, nil
	}
	names, err := format.Classes(d.fsys, d.Path)
	if err != nil {
		return nil, err
	}
	all := make([]Dir, 0, len(names))
	for _, name := range names {
		all = append(all, d.Of(name))
	}
	return all, nil
}

// Named are the ledger of the class of that name, or all if it is empty. A class
// that has no folder is an error.
func (d Dir) Named(class string) ([]Dir, error) {
	all, err := d.Classes()
	if err != nil || class == "" {
		return all, err
	}
	i := slices.IndexFunc(all, func(c Dir) bool { return c.Class == class })
	if i < 0 {
		return nil, fmt.Errorf("the ledger has no class '%s'", class)
	}
	return all[i : i+1], nil
}

// Epochs are the numbers of the epochs that are there, oldest first. A folder
// without any is an error.
func (d Dir) Epochs() ([]uint32, error) { return epochsIn(d.fsys, d.Path) }

// Names are the names in the folder that are the ledger's own, such as an epoch's; not
// those of others, as lost+found.
func (d Dir) Names() (own []string, err error) {
	names, err := d.fsys.Names(d.Path)
	for _, name := range names {
		if format.Own(name) {
			own = append(own, name)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("listing the ledger: %w", err)
	}
	return own, nil
}

// View is a view of an epoch; 0 is the newest. It holds no file open.
func (d Dir) View(epoch uint32) (*View, error) { return openView(d.fsys, d.Path, epoch) }

// Entries yields the ledger's entries from an id on, over all epochs, in order; the
// zero ID is before the first. An entry's Data is valid until the next one is asked
// for. Beside a writer the last entries may not be durable yet: see [Log.Follow].
// The first error is yielded last, with the zero Entry; damage is a *CorruptError.
// What a crash left at the end is passed over. A folder without a ledger is an error.
func (d Dir) Entries(from record.ID) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for again := 0; ; {
			var failed error
			for e, err := range readOnce(d.fsys, d.Path, from) {
				if failed = err; err != nil {
					break
				}
				from, again = record.ID{Epoch: e.Epoch, Index: e.Index + 1}, 0 // it goes on
				if !yield(e, nil) {
					return
				}
			}
			if failed == nil {
				return
			}
			if again++; again == format.Rereads || !format.Transient(failed) {
				yield(Entry{}, failed)
				return
			}
		}
	}
}

// ErrNoEntry: the ledger has no entry of that id.
var ErrNoEntry = errors.New("has no entry")

// Entry returns the entry of that id. ErrNoEntry if there is none.
func (d Dir) Entry(id record.ID) (Entry, error) {
	for e, err := range d.Entries(id) {
		if err != nil {
			return Entry{}, err
		}
		if e.ID == id {
			return Entry{ID: id, Data: bytes.Clone(e.Data)}, nil
		}
		break
	}
	return Entry{}, fmt.Errorf("the ledger %s %w %s", d.Path, ErrNoEntry, id)
}

// Last is the id to have Entries begin with for the last n entries; all of them
// when n is 0. Of segments that are full it looks at the ends only.
func (d Dir) Last(n uint64) (id record.ID, err error) {
	for range format.Rereads {
		if id, err = last(d.fsys, d.Path, n); !format.Transient(err) {
			break
		}
	}
	return id, err
}

// Size is how many entries an epoch has. Of segments that are full it looks at the
// ends only. Damage is a *CorruptError, which names the first entry that cannot be
// read.
func (d Dir) Size(epoch uint32) (n uint64, err error) {
	for range format.Rereads {
		if n, err = size(d.fsys, d.Path, epoch); !format.Transient(err) {
			break
		}
	}
	return n, err
}

// Holds are the holds on this ledger, by reference.
func (d Dir) Holds() ([]Hold, error) { return readHolds(d.fsys, d.Path) }

// ClassHold is a hold and the class of the records it keeps.
type ClassHold struct {
	Hold
	// Class is empty in an order that is meant for all.
	Class string `json:"class,omitempty"`
}

// AllHolds are the holds on the ledgers of all classes, by class and reference.
func (d Dir) AllHolds() ([]ClassHold, error) {
	classes, err := d.Classes()
	if err != nil {
		return nil, err
	}
	var all []ClassHold
	for _, c := range classes {
		holds, err := c.Holds()
		if err != nil {
			return nil, err
		}
		for _, h := range holds {
			all = append(all, ClassHold{h, c.Class})
		}
	}
	return all, nil
}

// Policy returns the policy that records name by the digest. It verifies nothing.
// The error satisfies errors.Is(err, fs.ErrNotExist) if it is not kept.
func (d Dir) Policy(digest string) ([]byte, error) { return format.ReadPolicy(d.fsys, d.Path, digest) }

// Snapshot returns the policy that [Log.Snapshot] was given last under the digest, held to
// the entry that says it was kept: the one of the newest epoch that has any, as each run of
// a gateway says so of the policy in force. It reads that epoch. The error is a
// *format.CorruptError if the file is another one than was kept.
func (d Dir) Snapshot(digest string) ([]byte, error) {
	blob, err := d.Policy(digest)
	if err != nil {
		return nil, err
	}
	said, err := d.snapshotEntry(digest)
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(blob); said.SHA256 != hex.EncodeToString(sum[:]) {
		return nil, &format.CorruptError{File: format.PolicyPath(d.Path, digest), What: "it is not the policy that was kept, as the ledger's entry says"}
	}
	return blob, nil
}

// snapshotEntry is the entry of a policy that is kept.
func (d Dir) snapshotEntry(digest string) (said record.Policy, err error) {
	epochs, err := d.Epochs()
	if err != nil {
		return said, err
	}
	for _, epoch := range slices.Backward(epochs) {
		any := false
		for e, err := range d.Entries(record.ID{Epoch: epoch}) {
			if err != nil {
				return said, err
			}
			if e.Epoch != epoch {
				break
			}
			if !record.IsOf(e.Data, record.TypePolicy) {
				continue
			}
			any = true
			if err := said.Parse(e.Data); err != nil {
				return said, fmt.Errorf("reading the entry %s of a policy: %w", e.ID, err)
			}
			if said.Policy == digest {
				return said, nil
			}
		}
		if any {
			break
		}
	}
	return said, fmt.Errorf("no entry of the newest epoch says that the policy %s was kept", digest)
}

// Policies are the digests of the policies that are kept, sorted.
func (d Dir) Policies() ([]string, error) { return format.Policies(d.fsys, d.Path) }

// Reserved is how many bytes of an epoch's segments hold nothing yet.
func (d Dir) Reserved(epoch uint32) (int64, error) { return format.Reserved(d.fsys, d.Path, epoch) }

// Begun reports whether a ledger was begun here, as far as can be seen: the folder holds
// an epoch, or the note beside it names one.
func (d Dir) Begun() bool {
	if numbers, _, err := format.ListEpochs(d.fsys, d.Path); err == nil && len(numbers) > 0 {
		return true
	}
	begun, err := format.ReadBegun(d.fsys, d.Path)
	return err == nil && begun.Number() > 0
}

// Node is the node that the newest epoch was begun by, for Options.Node of whoever
// tends the ledger in its place; empty if that cannot be known.
func (d Dir) Node() string { return nodeOf(d.fsys, d.Path) }

// Settings are the bytes of the file EPOCH of an epoch.
func (d Dir) Settings(epoch uint32) ([]byte, error) {
	return format.ReadFile(d.fsys, filepath.Join(format.EpochDir(d.Path, epoch), format.EpochFile))
}

// SegmentEntries is how many entries a full segment of an epoch has.
func (d Dir) SegmentEntries(epoch uint32) (uint64, error) {
	e, err := format.ReadEpoch(d.fsys, d.Path, epoch)
	return e.SegmentEntries, err
}

// Sealed are the sealed segments of an epoch, oldest first: what OnSealed told of,
// or would have.
func (d Dir) Sealed(epoch uint32) ([]Sealed, error) {
	w, err := format.WalkEpoch(d.fsys, d.Path, epoch)
	if err != nil {
		return nil, err
	}
	roots, err := format.ReadRoots(d.fsys, w.Dir)
	if err != nil {
		return nil, err
	}
	var all []Sealed
	for _, s := range w.Segments {
		if s.Archive && s.Number < len(roots) {
			all = append(all, sealed(w.Dir, w.Epoch, int64(s.Number), roots[s.Number]))
		}
	}
	return all, nil
}

// Sealed is a segment that is full and finished: its entries, compressed, and their
// hashes never change again. They go with their epoch.
type Sealed struct {
	First   record.ID // its first entry
	Entries uint64    // how many it has
	Root    tlog.Hash // of the tree of these entries alone (RFC 6962): another root, other entries
	Archive string    // file of the entries
	Hashes  string    // file of their hashes

	dir    string // of the epoch
	number int64
}

func sealed(dir string, e format.Epoch, n int64, root tlog.Hash) Sealed {
	return Sealed{
		First: record.ID{Epoch: e.Number, Index: uint64(n) * e.SegmentEntries}, Entries: e.SegmentEntries, Root: root,
		Archive: format.ArchivePath(dir, n), Hashes: format.HashPath(dir, n), dir: dir, number: n,
	}
}

// Side is the file of a kind, as "parquet", that may stand beside the segment: an
// index, or a note of who has shipped it. The ledger never reads it; it goes with
// its epoch, and must be such as can be made again. kind is of small letters and
// digits. Write it by another name that ends in ".tmp" and rename it.
func (s Sealed) Side(kind string) string { return format.SidePath(s.dir, s.number, kind) }

// EpochOf is the number of the epoch that an origin names; 0 if it names none.
func EpochOf(origin string) uint32 { return format.NumberOf(origin) }

// AtHome reports whether the note stands beside the folder that a writer leaves there, or
// beside that of the set it is of. A copy of the folder has none, unless somebody copied
// the note too.
func (d Dir) AtHome() (bool, error) {
	path := d.Path
	if parent := format.ClassParent(d.fsys, path); parent != "" {
		path = parent
	}
	begun, err := format.ReadBegun(d.fsys, path)
	return begun.There, err
}

// Note is where that note stands.
func (d Dir) Note() string {
	if parent := format.ClassParent(d.fsys, d.Path); parent != "" {
		return format.BegunPath(parent)
	}
	return format.BegunPath(d.Path)
}
