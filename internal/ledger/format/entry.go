package format

import (
	"errors"
	"io/fs"
)

// Entry is one entry of a ledger.
type Entry struct {
	ID
	Data []byte // valid until the function it was handed to returns
}

// Rereads is how often damage is looked at again: a writer that went on to
// another segment meanwhile, or deleted an epoch, looks like damage, and only
// damage stays.
const Rereads = 3

// Transient reports whether an error may be gone when one looks again.
func Transient(err error) bool { return IsDamage(err) || errors.Is(err, fs.ErrNotExist) }

// Read hands on the frames from the one with the entry from on. It passes over
// segments that end before it.
func (w *Walker) Read(from uint64, visit func(*Frame) error) error {
	w.start = from
	skip := func(_ *Segment, limit uint64) (bool, error) { return limit <= from, nil }
	_, err := w.Run(skip, func(fr *Frame) error {
		if fr.First+uint64(fr.Count) <= from {
			return nil
		}
		return visit(fr)
	})
	return err
}

// Entries hands on the frame's entries from the index on.
func (fr *Frame) Entries(from uint64, f func(Entry) error) error {
	index := fr.First
	for rest := fr.Payload; len(rest) > 0; index++ {
		data, after, _ := CutEntry(rest) // was checked with the frame
		if index >= from {
			if err := f(Entry{ID{fr.Epoch, index}, data}); err != nil {
				return err
			}
		}
		rest = after
	}
	return nil
}

// WalkEpoch returns a walker of an epoch.
func WalkEpoch(fsys FS, dir string, number uint32) (*Walker, error) {
	e, err := ReadEpoch(fsys, dir, number)
	if err != nil {
		return nil, err
	}
	return NewWalker(fsys, EpochDir(dir, number), e)
}

// ErrEnough ends a walk early.
var ErrEnough = errors.New("enough")

var ErrNoLedger = errors.New("no epoch-... folder with an EPOCH file")
