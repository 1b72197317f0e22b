package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
)

// Entry is one entry of a ledger.
type Entry struct {
	ID
	Data []byte // valid until the function it was handed to returns
}

// Read hands the ledger's entries from an id on, over all epochs, to f in
// order; the zero ID is before the first. It
// takes no lock and may run beside the ledger's writer; the last entries it
// sees then may not be durable yet. It stops at the first error: f's own is
// returned as it is; damage is a *CorruptError. What a crash left at the end is
// passed over. A folder without a ledger is an error.
func Read(dir string, from ID, f func(Entry) error) error {
	return read(osFS{}, dir, from, f)
}

// rereads is how often damage is looked at again: a writer that went on to
// another segment meanwhile, or deleted an epoch, looks like damage, and only
// damage stays.
const rereads = 3

// passing tells whether an error may be gone when one looks again.
func passing(err error) bool { return isDamage(err) || errors.Is(err, fs.ErrNotExist) }

func read(fsys FS, dir string, from ID, f func(Entry) error) (err error) {
	for again := 0; again < rereads; again++ {
		err = readOnce(fsys, dir, from, func(e Entry) error {
			from, again = ID{e.Epoch, e.Index + 1}, 0 // it goes on
			return f(e)
		})
		if !passing(err) {
			return err
		}
	}
	return err
}

func readOnce(fsys FS, dir string, from ID, f func(Entry) error) error {
	numbers, _, err := listEpochs(fsys, dir)
	if err != nil {
		return err
	}
	if len(numbers) == 0 {
		return fmt.Errorf("%s holds no ledger: %w", dir, errNoLedger)
	}
	for _, number := range numbers {
		if number < from.Epoch {
			continue
		}
		if number > from.Epoch {
			from = ID{Epoch: number}
		}
		w, err := walkEpoch(fsys, dir, number)
		if err != nil {
			return err
		}
		if err := w.read(from.Index, func(fr *frame) error { return fr.entries(from.Index, f) }); err != nil {
			return err
		}
	}
	return nil
}

// read hands on the frames from the one with the entry from on. It passes over
// segments that end before it.
func (w *walker) read(from uint64, visit func(*frame) error) error {
	w.start = from
	skip := func(_ *walked, limit uint64) (bool, error) { return limit <= from, nil }
	_, err := w.run(skip, func(fr *frame) error {
		if fr.first+uint64(fr.count) <= from {
			return nil
		}
		return visit(fr)
	})
	return err
}

// entries hands on the frame's entries from the index on.
func (fr *frame) entries(from uint64, f func(Entry) error) error {
	index := fr.first
	for rest := fr.payload; len(rest) > 0; index++ {
		data, after, _ := cutEntry(rest) // was checked with the frame
		if index >= from {
			if err := f(Entry{ID{fr.epoch, index}, data}); err != nil {
				return err
			}
		}
		rest = after
	}
	return nil
}

// walkEpoch returns a walker of an epoch.
func walkEpoch(fsys FS, dir string, number uint32) (*walker, error) {
	e, err := readEpoch(fsys, dir, number)
	if err != nil {
		return nil, err
	}
	return newWalker(fsys, epochDir(dir, number), e)
}

var errNoLedger = errors.New("no epoch-... folder with an EPOCH file")

// Last returns the id to Read the last n entries from; all of them when n is 0.
// Of segments that are full it looks at the ends only.
func Last(dir string, n uint64) (id ID, err error) {
	for range rereads {
		if id, err = last(osFS{}, dir, n); !passing(err) {
			break
		}
	}
	return id, err
}

func last(fsys FS, dir string, n uint64) (ID, error) {
	numbers, _, err := listEpochs(fsys, dir)
	if err != nil || len(numbers) == 0 || n == 0 {
		return ID{}, err
	}
	for _, number := range slices.Backward(numbers) {
		w, err := walkEpoch(fsys, dir, number)
		if err != nil {
			return ID{}, err
		}
		skip := func(s *walked, limit uint64) (bool, error) { return sealedAt(fsys, s, w.epoch, limit) }
		size, err := w.run(skip, func(*frame) error { return nil })
		if err != nil {
			return ID{}, err
		}
		if n <= size {
			return ID{number, size - n}, nil
		}
		n -= size
	}
	return ID{}, nil
}
