package ledger

import (
	"errors"
	"fmt"
)

// Entry is one entry of a ledger.
type Entry struct {
	Index uint64
	Data  []byte // valid until the function it was handed to returns
}

// Read hands the newest epoch's entries from the index on to f, in order. It
// takes no lock and may run beside the ledger's writer; the last entries it
// sees then may not be durable yet. It stops at the first error: f's own is
// returned as it is; damage is a *CorruptError. What a crash left at the end is
// passed over. A folder without a ledger is an error.
func Read(dir string, from uint64, f func(Entry) error) error {
	return read(osFS{}, dir, from, f)
}

// rereads is how often damage is looked at again: a writer that went on to
// another segment meanwhile looks like damage, and only damage stays.
const rereads = 3

func read(fsys FS, dir string, from uint64, f func(Entry) error) (err error) {
	for range rereads {
		err = readOnce(fsys, dir, from, func(e Entry) error {
			from = e.Index + 1
			return f(e)
		})
		if _, damaged := errors.AsType[*CorruptError](err); !damaged {
			return err
		}
	}
	return err
}

func readOnce(fsys FS, dir string, from uint64, f func(Entry) error) error {
	w, err := walkNewest(fsys, dir)
	if err != nil {
		return err
	}
	skip := func(_ *walked, limit uint64) (bool, error) { return limit <= from, nil }
	_, err = w.run(skip, func(fr *frame) error { return fr.entries(from, f) })
	return err
}

// entries hands on the frame's entries from the index on.
func (fr *frame) entries(from uint64, f func(Entry) error) error {
	index := fr.first
	for rest := fr.payload; len(rest) > 0; index++ {
		data, after, _ := cutEntry(rest) // was checked with the frame
		if index >= from {
			if err := f(Entry{index, data}); err != nil {
				return err
			}
		}
		rest = after
	}
	return nil
}

// walkNewest returns a walker of the folder's newest epoch.
func walkNewest(fsys FS, dir string) (*walker, error) {
	e, _, ok, err := findEpoch(fsys, dir)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("%s holds no ledger: %w", dir, errNoLedger)
	}
	return newWalker(fsys, epochDir(dir, e.Number), e)
}

var errNoLedger = errors.New("no epoch-... folder with an EPOCH file")
