package ledger

import (
	"fmt"
	"iter"
	"slices"

	"github.com/sparkoo/transfergate/internal/ledger/format"
)

// Read hands the ledger's entries from an id on to f, see [Dir.Entries]. f's own error
// ends it and is returned as it is.
func Read(dir string, from format.ID, f func(format.Entry) error) error {
	return read(format.OS{}, dir, from, f)
}

func read(fsys format.FS, dir string, from format.ID, f func(format.Entry) error) error {
	for e, err := range at(fsys, dir).Entries(from) {
		if err == nil {
			err = f(e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// readOnce is Dir.Entries, and takes for damage what a writer may have done meanwhile.
func readOnce(fsys format.FS, dir string, from format.ID) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		numbers, err := epochsIn(fsys, dir)
		if err != nil {
			yield(Entry{}, err)
			return
		}
		for _, number := range numbers {
			if number < from.Epoch {
				continue
			}
			if number > from.Epoch {
				from = format.ID{Epoch: number}
			}
			w, err := format.WalkEpoch(fsys, dir, number)
			if err != nil {
				yield(Entry{}, err)
				return
			}
			for fr, err := range w.Frames(from.Index) {
				if err != nil {
					yield(Entry{}, err)
					return
				}
				for e := range fr.Entries(from.Index) {
					if !yield(e, nil) {
						return
					}
				}
			}
		}
	}
}

// epochsIn are the numbers of the epochs of a ledger, oldest first.
func epochsIn(fsys format.FS, dir string) ([]uint32, error) {
	numbers, _, err := format.ListEpochs(fsys, dir)
	if err == nil && len(numbers) == 0 {
		err = fmt.Errorf("%s holds no ledger: %w", dir, format.ErrNoLedger)
	}
	return numbers, err
}

// Last returns the id to Read the last n entries from; all of them when n is 0.
// Of segments that are full it looks at the ends only.
func Last(dir string, n uint64) (id format.ID, err error) {
	for range format.Rereads {
		if id, err = last(format.OS{}, dir, n); !format.Transient(err) {
			break
		}
	}
	return id, err
}

func last(fsys format.FS, dir string, n uint64) (format.ID, error) {
	numbers, _, err := format.ListEpochs(fsys, dir)
	if err != nil || len(numbers) == 0 || n == 0 {
		return format.ID{}, err
	}
	for _, number := range slices.Backward(numbers) {
		w, err := format.WalkEpoch(fsys, dir, number)
		if err != nil {
			return format.ID{}, err
		}
		skip := func(s *format.Segment, limit uint64) (bool, error) { return format.SealedAt(fsys, s, w.Epoch, limit) }
		size, err := w.Run(skip, func(*format.Frame) error { return nil })
		if err != nil {
			return format.ID{}, err
		}
		if n <= size {
			return format.ID{Epoch: number, Index: size - n}, nil
		}
		n -= size
	}
	return format.ID{}, nil
}
