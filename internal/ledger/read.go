package ledger

import (
	"fmt"
	"slices"

	"github.com/sparkoo/transfergate/internal/ledger/format"
)

// Read hands the ledger's entries from an id on, over all epochs, to f in
// order; the zero ID is before the first. It
// takes no lock and may run beside the ledger's writer; the last entries it
// sees then may not be durable yet. It stops at the first error: f's own is
// returned as it is; damage is a *CorruptError. What a crash left at the end is
// passed over. A folder without a ledger is an error.
func Read(dir string, from format.ID, f func(format.Entry) error) error {
	return read(format.OS{}, dir, from, f)
}

func read(fsys format.FS, dir string, from format.ID, f func(format.Entry) error) (err error) {
	for again := 0; again < format.Rereads; again++ {
		err = readOnce(fsys, dir, from, func(e format.Entry) error {
			from, again = format.ID{Epoch: e.Epoch, Index: e.Index + 1}, 0 // it goes on
			return f(e)
		})
		if !format.Transient(err) {
			return err
		}
	}
	return err
}

func readOnce(fsys format.FS, dir string, from format.ID, f func(format.Entry) error) error {
	numbers, _, err := format.ListEpochs(fsys, dir)
	if err != nil {
		return err
	}
	if len(numbers) == 0 {
		return fmt.Errorf("%s holds no ledger: %w", dir, format.ErrNoLedger)
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
			return err
		}
		if err := w.Read(from.Index, func(fr *format.Frame) error { return fr.Entries(from.Index, f) }); err != nil {
			return err
		}
	}
	return nil
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
