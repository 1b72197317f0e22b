package fleet

import (
	"errors"
	"io/fs"
	"iter"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/regular"
)

// ledgerLog is a ledger as a shipper reads it.
type ledgerLog struct {
	log    *ledger.Log
	reader *ledger.Reader
	sizes  map[uint32]uint64 // of epochs that are not written any more
}

// LogOf is an open ledger as a shipper reads it. It may be closed meanwhile.
func LogOf(l *ledger.Log) Log {
	return &ledgerLog{log: l, reader: l.Reader(), sizes: make(map[uint32]uint64)}
}

// Read implements [Log].
func (l *ledgerLog) Read(from record.ID) iter.Seq2[ledger.Entry, error] {
	return l.reader.Entries(from)
}

// End implements [Log].
func (l *ledgerLog) End() record.ID { return l.log.End() }

// Behind implements [Log].
func (l *ledgerLog) Behind(from record.ID) (n uint64, err error) {
	end := l.log.End()
	if from.Epoch == end.Epoch {
		return end.Index - min(from.Index, end.Index), nil
	}
	numbers, err := l.log.Dir().Epochs()
	if err != nil {
		return 0, err
	}
	for _, number := range numbers {
		if number < from.Epoch || number >= end.Epoch {
			continue
		}
		size, err := l.size(number)
		if err != nil {
			return 0, err
		}
		n += size
		if number == from.Epoch {
			n -= min(from.Index, size)
		}
	}
	return n + end.Index, nil
}

// size is how many entries an epoch has that is not written any more.
func (l *ledgerLog) size(epoch uint32) (uint64, error) {
	if n, known := l.sizes[epoch]; known {
		return n, nil
	}
	n, err := l.log.Dir().Size(epoch)
	if err == nil {
		l.sizes[epoch] = n
	}
	return n, err
}

// Checkpoint implements [Log].
func (l *ledgerLog) Checkpoint(epoch uint32) ([]byte, error) {
	view, err := l.log.Dir().View(epoch)
	if err != nil {
		return nil, unlessGone(err)
	}
	signed, err := view.Checkpoint()
	return signed, unlessGone(err)
}

// Segment implements [Log].
func (l *ledgerLog) Segment(epoch uint32, number uint64) (*Segment, error) {
	all, err := l.log.Dir().Sealed(epoch)
	if err == nil && number >= uint64(len(all)) {
		err = l.unfinished(epoch, number)
	}
	if err != nil || number >= uint64(len(all)) {
		return nil, unlessGone(err)
	}
	s := all[number]
	found := &Segment{End: s.First.Index + s.Entries}
	if found.Archive, err = regular.ReadFile(s.Archive, MaxObject); err == nil {
		found.Hashes, err = regular.ReadFile(s.Hashes, MaxObject)
	}
	if err != nil {
		return nil, unlessGone(err)
	}
	return found, nil
}

// unfinished is ErrUnfinished if an epoch that is not written any more has a full segment of
// that number.
func (l *ledgerLog) unfinished(epoch uint32, number uint64) error {
	if epoch >= l.log.End().Epoch {
		return nil
	}
	size, err := l.size(epoch)
	if err != nil {
		return err
	}
	full, err := l.log.Dir().SegmentEntries(epoch)
	if err == nil && size >= (number+1)*full {
		err = ErrUnfinished
	}
	return err
}

// Settings implements [Log].
func (l *ledgerLog) Settings(epoch uint32) ([]byte, error) {
	return l.log.Dir().Settings(epoch)
}

func unlessGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
