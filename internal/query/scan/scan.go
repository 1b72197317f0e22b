// Package scan answers queries from a ledger's folder, all classes and epochs, newest
// first. What a segment has by columns beside it (package columns) is not read to find
// rows or to count them. The rest is read once, and kept by columns while it is the end of
// a ledger; entries that cannot be, because something among them is damaged, are read each
// time.
//
// It says what the folder holds. Whether that is what was written, and all of it, only
// the verifier can say.
package scan

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"slices"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/query"
	"github.com/sparkoo/transfergate/internal/record"
)

// Folder is a ledger's folder as a source of rows. It may be read beside its writer.
type Folder struct {
	dir    ledger.Dir
	window uint64
	whole  bool // columns are not looked at
	tails  *tails
}

var _ query.Source = Folder{}

// Of is the ledger of a folder, with those of the classes in it.
func Of(dir ledger.Dir) Folder {
	return Folder{dir: dir, window: window, tails: &tails{of: make(map[string]*tail)}}
}

// Whole is the folder, of which every entry is read whether it has columns or not.
func (f Folder) Whole() Folder {
	f.whole = true
	return f
}

// Newest implements query.Source.
func (f Folder) Newest(context.Context) (query.Cursor, error) {
	classes, err := f.dir.Classes()
	if err != nil {
		return nil, err
	}
	c := make(query.Cursor)
	for _, dir := range classes {
		epochs, err := dir.Epochs()
		if err != nil {
			return nil, err
		}
		newest := epochs[len(epochs)-1]
		size, damage, err := sizeOf(dir, newest)
		if err != nil {
			return nil, err
		}
		if damage != nil {
			size++ // what cannot be read is a row too
		}
		c[dir.Class] = record.ID{Epoch: newest, Index: size}
	}
	return c, nil
}

// sizeOf is how many entries of an epoch can be read, and what is wrong with the next.
func sizeOf(dir ledger.Dir, epoch uint32) (n uint64, damage *ledger.CorruptError, err error) {
	n, err = dir.Size(epoch)
	if errors.As(err, &damage) {
		return damage.Index, damage, nil
	}
	return n, nil, err
}

// Rows implements query.Source.
func (f Folder) Rows(ctx context.Context, q *query.Query, after query.Cursor) iter.Seq2[query.Row, error] {
	return func(yield func(query.Row, error) bool) {
		if err := f.read(ctx, q.Matcher(), after, nil, func(row query.Row) bool { return yield(row, nil) }); err != nil {
			yield(query.Row{}, err)
		}
	}
}

// Entry is the row of the entry of that number, whatever its type; the node in it is
// not looked at. It is read for itself, and what follows it until an entry tells how it
// ended. It is an error if there is none; what is damaged is a row that says so.
func (f Folder) Entry(ctx context.Context, name record.Name) (query.Row, error) {
	dir := f.dir
	if name.Class != "" {
		dir = f.dir.Of(name.Class)
	}
	e, err := dir.Entry(name.ID)
	if cut := new(ledger.CorruptError); errors.As(err, &cut) {
		row := query.NewRow(dir.Node(), dir.Class, name.ID, nil)
		row.Damage = cut
		return row, nil
	}
	if err != nil {
		return query.Row{}, err
	}
	row := query.NewRow(dir.Node(), dir.Class, e.ID, e.Data)
	if row.Type != record.TypeAccepted {
		return row, nil
	}
	for e, err := range dir.Entries(record.ID{Epoch: e.Epoch, Index: e.Index + 1}) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return row, err
		}
		if !record.IsOf(e.Data, record.TypeOutcome) {
			continue
		}
		err = query.ReadOutcomes(e.Data, func(of record.ID, end query.Ended) {
			if of == row.Name.ID {
				row.Ended = end
			}
		})
		if err != nil {
			return row, fmt.Errorf("entry %s, which tells how transfers ended: %w", e.ID, err)
		}
		if row.Ended != nil {
			break
		}
	}
	return row, nil
}

// Counts implements query.Source.
func (f Folder) Counts(ctx context.Context, q *query.Query, after query.Cursor, by query.Grouping) (*query.Counts, error) {
	c := query.NewCounter(by)
	var wrong error
	err := f.read(ctx, q.Matcher(), after, c, func(row query.Row) bool {
		wrong = c.Add(&row)
		return wrong == nil
	})
	if err := errors.Join(err, wrong); err != nil {
		return nil, err
	}
	return c.Counts(), nil
}

// read yields the rows of all classes, the one next that was written later. What can be
// counted by columns goes to the counter instead, if there is one, and so do denials
// that have no record of their own.
func (f Folder) read(ctx context.Context, m *query.Matcher, after query.Cursor, counter *query.Counter, yield func(query.Row) bool) (err error) {
	classes, err := f.dir.Classes()
	if err != nil {
		return err
	}
	var heads []*backward
	defer func() {
		for _, b := range heads {
			err = errors.Join(err, b.segments.close())
		}
	}()
	for _, dir := range classes {
		before, named := after[dir.Class]
		if !named {
			continue
		}
		b := &backward{ctx: ctx, dir: dir, size: f.window, whole: f.whole, tails: f.tails, node: dir.Node(), matcher: m, before: before, counter: counter, ends: make(map[record.ID]query.Ended)}
		if b.epochs, err = dir.Epochs(); err != nil {
			return err
		}
		heads = append(heads, b)
	}
	for {
		var latest *backward
		for _, b := range heads {
			if err := b.fill(); err != nil {
				return err
			}
			if len(b.rows) > 0 && (latest == nil || b.head().Time > latest.head().Time) {
				latest = b
			}
		}
		if latest == nil || !yield(latest.take()) {
			return nil
		}
	}
}

// window is how many entries are read at once: no segment has more, and each window
// is whole segments.
const window = 1 << 16

// backward reads the ledger of one class from its end.
type backward struct {
	ctx     context.Context
	dir     ledger.Dir
	size    uint64 // of a window
	node    string
	matcher *query.Matcher
	before  record.ID      // rows are before it
	counter *query.Counter // takes what need not be a row; may be nil
	whole   bool           // columns are not looked at
	tails   *tails

	epochs   []uint32 // that are not read yet, oldest first
	begun    bool     // the last of them is
	high     uint64   // its entries from here on are read
	segments segments // of it

	ends   map[record.ID]query.Ended // of transfers that are not read yet
	rows   []query.Row               // that are not taken yet, oldest first
	broken string                    // what was found last of what several windows find
}

func (b *backward) head() *query.Row { return &b.rows[len(b.rows)-1] }

func (b *backward) take() query.Row {
	row := *b.head()
	b.rows = b.rows[:len(b.rows)-1]
	return row
}

// fill reads on until there is a row, or nothing is left.
func (b *backward) fill() error {
	for len(b.rows) == 0 && len(b.epochs) > 0 {
		if err := b.ctx.Err(); err != nil {
			return err
		}
		if b.segments.open != nil {
			if err := b.fetch(); err != nil {
				return err
			}
			continue
		}
		epoch := b.epochs[len(b.epochs)-1]
		if !b.begun {
			size, damage, err := sizeOf(b.dir, epoch)
			if errors.Is(err, fs.ErrNotExist) && b.gone(epoch) {
				b.epochs = b.epochs[:len(b.epochs)-1]
				continue
			}
			if err != nil {
				return err
			}
			b.high, b.begun = size, true
			b.segments = b.indexed(epoch)
			if damage != nil {
				b.cut(record.ID{Epoch: epoch, Index: damage.Index}, damage)
			}
		}
		if b.high == 0 {
			b.epochs, b.begun = b.epochs[:len(b.epochs)-1], false
			continue
		}
		if b.columns() || b.recent(epoch) {
			continue
		}
		if err := b.window(epoch); err != nil {
			return err
		}
	}
	return nil
}

// gone reports whether an epoch was deleted meanwhile, its time having run out.
func (b *backward) gone(epoch uint32) bool {
	left, err := b.dir.Epochs()
	return err == nil && !slices.Contains(left, epoch)
}

// damaged makes a row of what cannot be read.
func (b *backward) damaged(id record.ID, why error) {
	if id.Compare(b.before) < 0 {
		row := query.NewRow(b.node, b.dir.Class, id, nil)
		row.Damage = why
		b.rows = append(b.rows, row)
	}
}

// cut is damaged for where reading ends, which windows of one file say alike.
func (b *backward) cut(id record.ID, why *ledger.CorruptError) {
	if text := why.Error(); text != b.broken {
		b.broken = text
		b.damaged(id, why)
	}
}

// window reads the entries of the window that ends at b.high.
func (b *backward) window(epoch uint32) error {
	low := record.ID{Epoch: epoch, Index: b.low()}
	high := record.ID{Epoch: epoch, Index: b.high}
	b.high = low.Index
	ends := make(map[record.ID]query.Ended)
	var cut *ledger.CorruptError
	for e, err := range b.dir.Entries(low) {
		if errors.As(err, &cut) {
			break
		}
		if err != nil {
			return err
		}
		if e.ID.Compare(high) >= 0 {
			break
		}
		if e.Index%1024 == 0 && b.ctx.Err() != nil {
			return b.ctx.Err()
		}
		b.entry(e, ends)
	}
	if cut != nil {
		b.cut(record.ID{Epoch: epoch, Index: min(max(cut.Index, low.Index), high.Index-1)}, cut)
	}
	maps.Copy(ends, b.ends) // what was written later counts
	b.ends = ends
	b.settle()
	maps.DeleteFunc(b.ends, func(id record.ID, _ query.Ended) bool { return id.Compare(low) >= 0 })
	return nil
}

// entry takes in an entry: as a row, as how transfers ended, as denials counted.
func (b *backward) entry(e ledger.Entry, ends map[record.ID]query.Ended) {
	kind := record.TypeOf(e.Data)
	if kind == record.TypeOutcome {
		row := query.NewRow(b.node, b.dir.Class, e.ID, e.Data)
		if row.Damage == nil {
			row.Damage = query.ReadOutcomes(e.Data, func(of record.ID, end query.Ended) { ends[of] = end })
		}
		if row.Damage != nil { // transfers whose end it tells would pass for pending
			b.damaged(e.ID, row.Damage)
			return
		}
	}
	if b.counter != nil && kind == record.TypeCounted && e.ID.Compare(b.before) < 0 {
		b.count(e)
	}
	if e.ID.Compare(b.before) >= 0 || !b.asked(kind) {
		return
	}
	row := query.NewRow(b.node, b.dir.Class, e.ID, e.Data)
	if b.matcher.May(&row) {
		row.Data = bytes.Clone(row.Data)
		b.rows = append(b.rows, row)
	}
}

// count notes denials that have no record of their own.
func (b *backward) count(e ledger.Entry) {
	row := query.NewRow(b.node, b.dir.Class, e.ID, e.Data)
	var c record.Counted
	if b.matcher.Uncounted(&row) && c.Parse(e.Data) == nil {
		b.counter.Uncounted(c.Counted)
	}
}

// known reports whether this program knows a type of entry.
var known = func() func(string) bool {
	all := make(map[string]bool)
	for _, t := range record.Types() {
		all[t.Name] = true
	}
	return func(kind string) bool { return all[kind] }
}()

// end tells a row how it ended, if it is a transfer. What entries tell of others is of
// nothing.
func (b *backward) end(r *query.Row) {
	if r.Type == record.TypeAccepted {
		r.Ended = b.ends[r.Name.ID]
	}
}

// settle tells the rows of a window how they ended, and drops those that are not asked
// for after that.
func (b *backward) settle() {
	b.rows = slices.DeleteFunc(b.rows, func(row query.Row) bool {
		r := &row
		b.end(r)
		return !b.matcher.Match(r)
	})
	for i := range b.rows {
		b.end(&b.rows[i])
	}
	if len(b.rows) > 1 {
		slices.SortStableFunc(b.rows, func(x, y query.Row) int { return x.Name.ID.Compare(y.Name.ID) })
	}
}
