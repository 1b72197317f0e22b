package ledger

import (
	"fmt"
	"iter"
	"slices"

	"github.com/sparkoo/transfergate/internal/ledger/format"
	"github.com/sparkoo/transfergate/internal/record"
)

// readOnce is Dir.Entries, and takes for damage what a writer may have done meanwhile.
func readOnce(fsys format.FS, dir string, from record.ID) iter.Seq2[Entry, error] {
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
				from = record.ID{Epoch: number}
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

// last is Dir.Last, and takes for damage what a writer may have done meanwhile.
func last(fsys format.FS, dir string, n uint64) (record.ID, error) {
	numbers, _, err := format.ListEpochs(fsys, dir)
	if err != nil || len(numbers) == 0 || n == 0 {
		return record.ID{}, err
	}
	for _, number := range slices.Backward(numbers) {
		size, err := size(fsys, dir, number)
		if err != nil {
			return record.ID{}, err
		}
		if n <= size {
			return record.ID{Epoch: number, Index: size - n}, nil
		}
		n -= size
	}
	return record.ID{}, nil
}

// size is Dir.Size, and takes for damage what a writer may have done meanwhile.
func size(fsys format.FS, dir string, number uint32) (uint64, error) {
	w, err := format.WalkEpoch(fsys, dir, number)
	if err != nil {
		return 0, err
	}
	skip := func(s *format.Segment, limit uint64) (bool, error) { return format.SealedAt(fsys, s, w.Epoch, limit) }
	return w.Run(skip, func(*format.Frame) error { return nil })
}
