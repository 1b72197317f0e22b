package columns

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/query"
	"github.com/sparkoo/transfergate/internal/record"
)

// Maker makes files of columns, one after the other. It knows what stood in the entries
// before. It is for one goroutine.
type Maker struct {
	reader  *reader
	columns []*column // of the builder before
}

// NewMaker returns a maker of files.
func NewMaker() *Maker { return &Maker{reader: newReader()} }

// Build makes the file beside a sealed segment of a ledger, in place of one that is
// there. It holds the segment's rows in memory, some 30 MB.
func (m *Maker) Build(ctx context.Context, dir ledger.Dir, s ledger.Sealed) error {
	b := newBuilder(m.reader, m.columns, s.First, int(s.Entries)) // at most 65,536
	m.columns = b.columns
	b.about.Root = hex.EncodeToString(s.Root[:])
	node := dir.Node()
	for e, err := range dir.Entries(s.First) {
		if err != nil {
			return err
		}
		if b.n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if e.ID != b.id(b.n) {
			return fmt.Errorf("entry %s is missing", b.id(b.n))
		}
		b.add(node, dir.Class, e)
		if b.n == b.rows {
			break // the next may be damaged, which is none of this segment's
		}
	}
	if b.n < b.rows {
		return fmt.Errorf("the segment from %s has %d entries, not %d", s.First, b.n, b.rows)
	}
	b.finish()
	return b.replace(s)
}

// builder collects the values of entries by columns.
type builder struct {
	*reader
	number  int // among those of the reader
	about   about
	first   record.ID
	rows    int       // there is room for
	n       int       // rows there are
	columns []*column // of the keys
	late    lateColumns
	types   []string
	times   []int64

	before map[record.ID]query.Ended // told of the end of transfers before the first row
	after  map[int]query.Ended       // and of rows that came after the entry that tells
}

// newBuilder returns a builder, in the memory of the columns of one before, if any.
func newBuilder(r *reader, used []*column, first record.ID, rows int) *builder {
	r.builders++
	b := &builder{
		reader: r, number: r.builders, about: about{Version: Version, Keys: keysDigest(), First: first.String(), Entries: rows},
		first: first, rows: rows, types: make([]string, rows), times: make([]int64, rows),
		before: make(map[record.ID]query.Ended), after: make(map[int]query.Ended),
	}
	if b.columns = used; used == nil {
		for _, k := range r.keys {
			b.columns = append(b.columns, &column{key: k})
		}
	}
	for _, c := range b.columns {
		c.reset(rows)
	}
	for _, k := range query.EndKeys() {
		var late *column
		if i := slices.Index(r.keys, k); i >= 0 {
			late = b.columns[i]
		}
		b.late = append(b.late, late)
	}
	return b
}

func (b *builder) id(row int) record.ID {
	return record.ID{Epoch: b.first.Epoch, Index: b.first.Index + uint64(row)} // not negative
}

// row is that of an entry; -1 if it is before the first or there is no room for it.
func (b *builder) row(of record.ID) int {
	if of.Epoch != b.first.Epoch || of.Index < b.first.Index || of.Index-b.first.Index >= uint64(b.rows) { // not negative
		return -1
	}
	return int(of.Index - b.first.Index) // below rows
}

// add takes in the next entry.
func (b *builder) add(node, class string, e ledger.Entry) {
	l, at := b.read(e.Data)
	if l == nil {
		b.addRow(query.NewRow(node, class, e.ID, e.Data))
		return
	}
	i := b.n
	b.n++
	b.times[i], b.types[i] = at, l.name
	b.span(at)
	for m := range l.fields {
		f := &l.fields[m]
		switch k := b.found[m]; {
		case k != nil:
			b.put(i, f, k)
		case f.how == loose && b.texts[m] != nil:
			b.columns[f.columns[0]].putText(i, value(b.texts[m]))
		}
	}
	if l.outcomes >= 0 {
		for _, t := range b.told {
			b.ended(i, t)
		}
	}
}

// put sets the values of a row that a text says.
func (b *builder) put(row int, f *field, k *known) {
	if k.builder != b.number {
		k.builder, k.codes = b.number, k.codes[:0]
		for j, set := range k.sets {
			code := int32(0)
			if len(set) > 0 {
				code = b.columns[f.columns[j]].code(set)
			}
			k.codes = append(k.codes, code)
		}
	}
	for j, code := range k.codes {
		if code != 0 {
			b.columns[f.columns[j]].putCode(row, code)
		}
	}
}

// addRow is add for an entry that is read by query.Values.
func (b *builder) addRow(row query.Row) {
	i := b.n
	b.n++
	b.times[i], b.types[i] = row.Time, row.Type
	if row.Damage == nil && row.Type == record.TypeOutcome {
		row.Damage = query.ReadOutcomes(row.Data, func(of record.ID, end query.Ended) { b.ended(i, toldOf(of, end)) })
	}
	if row.Time != 0 {
		b.span(row.Time)
	}
	values := b.values.Of(&row)
	if row.Damage != nil || !knownType(row.Type) {
		b.about.Odd = append(b.about.Odd, i)
		return
	}
	for at, column := range b.stated {
		if c := b.columns[column]; c.key.Name != timeColumn {
			c.put(i, owned(values[at]))
		}
	}
}

func toldOf(of record.ID, end query.Ended) told {
	t := told{of: of}
	for _, cell := range end {
		t.cells = append(t.cells, []byte(cell))
	}
	return t
}

// ended takes in what the entry of a row tells of the end of a transfer. What is told
// last counts.
func (b *builder) ended(by int, t told) {
	row := b.row(t.of)
	if row < 0 && t.of.Compare(b.first) >= 0 {
		return
	}
	if row >= 0 && row < by {
		delete(b.after, row)
		if b.types[row] == record.TypeAccepted { // nothing else ends
			b.late.put(row, t.cells)
		}
		return
	}
	end := make(query.Ended, len(t.cells))
	for i, cell := range t.cells {
		end[i] = string(cell)
	}
	if row < 0 {
		b.before[t.of] = end
	} else {
		b.after[row] = end
	}
}

// lateColumns are those of the members of query.Ended; nil for the transfer's number.
type lateColumns []*column

// put sets how the transfer of a row ended.
func (l lateColumns) put(row int, cells [][]byte) {
	for i, c := range l {
		switch {
		case c == nil:
		case len(cells[i]) > 0:
			c.putText(row, cells[i])
		case c.codes != nil:
			c.codes[row] = 0
		}
	}
}

// putAll is put for the rows that are transfers.
func (l lateColumns) putAll(after map[int]query.Ended, types []string) {
	for row, end := range after {
		if row < len(types) && types[row] == record.TypeAccepted {
			l.put(row, toldOf(record.ID{}, end).cells)
		}
	}
}

// words are the codes of the words by which is told how the transfer of a row ended; from
// numbers nothing follows.
func (l lateColumns) words(row int) (codes [8]int32) {
	for i, c := range l {
		if c != nil && c.codes != nil && c.key.Kind == query.Word {
			codes[i] = c.codes[row]
		}
	}
	return codes
}

// ended are the words of such codes.
func (l lateColumns) ended(codes [8]int32) query.Ended {
	end := make(query.Ended, len(l))
	for i, code := range codes {
		if code != 0 {
			end[i] = l[i].sets[code][0]
		}
	}
	return end
}

// finish puts what follows from how transfers ended, of which the entries after them
// tell.
func (b *builder) finish() {
	b.late.putAll(b.after, b.types)
	for _, c := range b.columns {
		if c.key.Late() && !slices.Contains(b.late, c) {
			b.late.derive(c, b.types)
		}
	}
	for _, end := range b.before {
		b.about.Ends = append(b.about.Ends, end)
	}
	slices.SortFunc(b.about.Ends, func(x, y query.Ended) int { return slices.Compare(x, y) })
}

// derive puts a value that follows from an entry's type and how it ended.
func (l lateColumns) derive(c *column, types []string) {
	type cause struct {
		kind  string
		words [8]int32
	}
	known := make(map[cause]int32)
	for i, kind := range types {
		of := cause{kind, l.words(i)}
		code, there := known[of]
		if !there {
			if value := c.key.Derived(&query.Row{Type: kind, Ended: l.ended(of.words)}); value != "" {
				code = c.codeOf([]byte(value))
			}
			known[of] = code
		}
		if code != 0 {
			c.putCode(i, code)
		}
	}
}

func (b *builder) span(at int64) {
	if b.about.Low == 0 || at < b.about.Low {
		b.about.Low = at
	}
	b.about.High = max(b.about.High, at)
}

// knownType reports whether this program knows a type of entry.
var knownType = func() func(string) bool {
	all := make(map[string]bool)
	for _, t := range record.Types() {
		all[t.Name] = true
	}
	return func(kind string) bool { return all[kind] }
}()
