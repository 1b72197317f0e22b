package format

import (
	"crypto/sha256"
	"errors"
	"io/fs"
	"iter"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/sparkoo/transfergate/internal/record"
)

// Entry is one entry of a ledger.
type Entry struct {
	record.ID
	Data []byte // valid until the next one is asked for
}

// Rereads is how often damage is looked at again: a writer that went on to
// another segment meanwhile, or deleted an epoch, looks like damage, and only
// damage stays.
const Rereads = 3

// Transient reports whether an error may be gone when one looks again.
func Transient(err error) bool { return IsDamage(err) || errors.Is(err, fs.ErrNotExist) }

// Frames yields the frames from the one with the entry from on, each valid until the
// next one is asked for. It passes over segments that end before it. An error is
// yielded last, with no frame.
func (w *Walker) Frames(from uint64) iter.Seq2[*Frame, error] {
	return func(yield func(*Frame, error) bool) {
		w.start = from
		skip := func(_ *Segment, limit uint64) (bool, error) { return limit <= from, nil }
		enough := errors.New("enough")
		_, err := w.Run(skip, func(fr *Frame) error {
			if fr.First+uint64(fr.Count) > from && !yield(fr, nil) {
				return enough
			}
			return nil
		})
		if err != nil && !errors.Is(err, enough) {
			yield(nil, err)
		}
	}
}

// Entries yields the frame's entries from the index on.
func (fr *Frame) Entries(from uint64) iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		index := fr.First
		for rest := fr.Payload; len(rest) > 0; index++ {
			data, after, _ := CutEntry(rest) // was checked with the frame
			if index >= from && !yield(Entry{record.ID{Epoch: fr.Epoch, Index: index}, data}) {
				return
			}
			rest = after
		}
	}
}

// Leaves yields the frame's entries, each with its hash as RFC 6962 hashes a leaf. It
// overwrites the entries' lengths: the payload must be the caller's, who reads it
// once.
func (fr *Frame) Leaves() iter.Seq2[Entry, tlog.Hash] {
	return func(yield func(Entry, tlog.Hash) bool) {
		index := fr.First
		for rest := fr.Payload; len(rest) > 0; index++ {
			data, after, _ := CutEntry(rest)
			rest[1] = 0 // the prefix of a leaf, right before the entry
			if !yield(Entry{record.ID{Epoch: fr.Epoch, Index: index}, data}, sha256.Sum256(rest[1:2+len(data)])) {
				return
			}
			rest = after
		}
	}
}

// WalkEpoch returns a walker of an epoch.
func WalkEpoch(fsys FS, dir string, number uint32) (*Walker, error) {
	e, err := ReadEpoch(fsys, dir, number)
	if err != nil {
		return nil, err
	}
	return NewWalker(fsys, EpochDir(dir, number), e)
}

// ErrNoLedger: the folder holds no epoch.
var ErrNoLedger = errors.New("no epoch-... folder with an EPOCH file")
