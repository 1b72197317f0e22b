package ledger

import (
	"errors"
	"fmt"
)

// Report is what Verify found.
type Report struct {
	Epoch    uint32
	Segments int
	// Entries is how many there are: their indices are 0 to Entries-1.
	Entries uint64
	// Bytes are the entries' own bytes.
	Bytes uint64
	// Torn tells that the log ends in bytes of a crash, or of a writer at work,
	// which nothing vouches for; Tail says where and what.
	Torn bool
	Tail string
}

// Verify reads the ledger whole, every epoch: checksums, indices, promises, seals. It
// takes no lock. The first bad place is returned as a *CorruptError, with the
// report of what came before it. Entries that were cut off together with every
// trace of them are not seen: that takes a checkpoint kept elsewhere.
func Verify(dir string) (Report, error) { return verify(osFS{}, dir) }

func verify(fsys FS, dir string) (r Report, err error) {
	for range rereads {
		r, err = verifyOnce(fsys, dir)
		if _, damaged := errors.AsType[*CorruptError](err); !damaged {
			return r, err
		}
	}
	return r, err
}

func verifyOnce(fsys FS, dir string) (r Report, err error) {
	numbers, _, err := listEpochs(fsys, dir)
	if err != nil {
		return r, err
	}
	if len(numbers) == 0 {
		return r, fmt.Errorf("%s holds no ledger: %w", dir, errNoLedger)
	}
	for _, number := range numbers {
		if err := verifyEpoch(fsys, dir, number, &r); err != nil {
			return r, err
		}
	}
	return r, nil
}

func verifyEpoch(fsys FS, dir string, number uint32, r *Report) error {
	w, err := walkEpoch(fsys, dir, number)
	if err != nil {
		return err
	}
	signed, c, err := readCheckpoint(fsys, w.dir, w.epoch) // before the entries: a writer may go on
	if err != nil {
		return err
	}
	r.Epoch, r.Segments = number, r.Segments+len(w.segments)
	t := newTree(fsys, w.dir, w.epoch)
	var hasher leafHasher
	_, err = w.run(nil, func(fr *frame) error {
		r.Entries += uint64(fr.count)
		r.Bytes += uint64(fr.length) - 2*uint64(fr.count)
		return fr.entries(0, func(e Entry) error {
			t.add(hasher.leaf(e.Data))
			if t.complete() {
				t.push(t.spanRoot())
				t.rest, t.count = t.rest[:0], 0
			}
			return nil
		})
	})
	for _, t := range w.tails[:min(1, len(w.tails))] {
		bad := frameError{t.offset, t.what}
		r.Torn, r.Tail = true, w.segments[t.segment].path+": "+bad.Error()
	}
	if err != nil || signed == nil {
		return err
	}
	return t.covers(c, checkpointPath(w.dir))
}
