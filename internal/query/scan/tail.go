package scan

import (
	"bytes"
	"context"
	"errors"
	"sync"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/query/columns"
	"github.com/sparkoo/transfergate/internal/record"
)

// tails are the last entries of each class's ledger, which have no columns beside them, by
// columns in memory: at most a window of each. Who asks again pays only for what was
// written meanwhile.
type tails struct {
	sync.Mutex
	of    map[string]*tail
	maker *columns.Maker // nil before anything was read
}

// tail is such an end.
type tail struct {
	*columns.Growing
	last []byte // its last entry
}

// errGone: the entries that are there are others than were.
var errGone = errors.New("the ledger's end is another one")

// rows are n entries of a class from the first on, all of one window.
func (t *tails) rows(ctx context.Context, dir ledger.Dir, first record.ID, n, window int) (*columns.Rows, error) {
	t.Lock()
	defer t.Unlock()
	if t.maker == nil {
		t.maker = columns.NewMaker()
	}
	kept := t.of[dir.Class]
	if kept == nil || kept.First() != first || kept.extend(ctx, dir, n) != nil { // what a writer could not sync it writes anew
		kept = &tail{Growing: t.maker.Growing(dir.Class, first, window)}
		if err := kept.extend(ctx, dir, n); err != nil {
			return nil, err
		}
	}
	if kept.Len() < n {
		return nil, errGone
	}
	if n < window { // else it will be sealed
		t.of[dir.Class] = kept
	}
	return kept.Rows(n), nil
}

// extend reads on until there are n entries.
func (t *tail) extend(ctx context.Context, dir ledger.Dir, n int) error {
	from, again := t.First(), t.Len() > 0
	if again {
		from.Index += uint64(t.Len() - 1) // not negative
	}
	node := dir.Node()
	for e, err := range dir.Entries(from) {
		if err != nil {
			return err
		}
		if again {
			if e.ID != from || !bytes.Equal(e.Data, t.last) {
				return errGone
			}
			again = false
		} else {
			if !t.Add(node, e) {
				return errGone
			}
			t.last = append(t.last[:0], e.Data...)
		}
		if t.Len() >= n {
			return nil
		}
		if t.Len()%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
	}
	if again {
		return errGone
	}
	return nil
}

// firstStep is how many of the last entries are fetched at first.
const firstStep = 256

// recent answers by columns in memory, those of the window that ends at b.high, and tells
// whether it could: otherwise the window is read.
func (b *backward) recent(epoch uint32) bool {
	if b.whole {
		return false
	}
	low := b.low()
	rows, err := b.tails.rows(b.ctx, b.dir, record.ID{Epoch: epoch, Index: low}, int(b.high-low), int(b.size)) // at most a window
	if err != nil || b.answer(rows, firstStep) != nil {
		return false
	}
	b.high = low
	return true
}

// low is where the window begins that ends at b.high.
func (b *backward) low() uint64 { return max((b.high-1)/b.size*b.size, b.segments.end()) }
