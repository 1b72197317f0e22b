package columns

import (
	"maps"
	"slices"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/query"
	"github.com/sparkoo/transfergate/internal/record"
)

// Growing are entries that are not sealed yet, by columns in memory; some 30 MB for those
// of a segment. Whoever has it adds the entry that comes next. It is for one goroutine.
type Growing struct {
	b     *builder
	class string
}

// Growing returns what has room for so many entries of a class, from the first on. It is
// for the maker's goroutine, too.
func (m *Maker) Growing(class string, first record.ID, room int) *Growing {
	return &Growing{newBuilder(m.reader, nil, first, room), class}
}

// First is the first entry.
func (g *Growing) First() record.ID { return g.b.first }

// Len is how many entries there are.
func (g *Growing) Len() int { return g.b.n }

// Add adds an entry, and returns false if it is not the next one, or there is no room.
func (g *Growing) Add(node string, e ledger.Entry) bool {
	if g.b.n == g.b.rows || e.ID != g.b.id(g.b.n) {
		return false
	}
	g.b.add(node, g.class, e)
	return true
}

// Rows are the first n entries, with all that was told of their end. They stay what they
// are when more are added, and may be read meanwhile.
func (g *Growing) Rows(n int) *Rows {
	b := g.b
	r := &Rows{ending: ending{first: b.first, n: n}, class: g.class, low: b.about.Low, high: b.about.High, times: b.times[:n], columns: make(map[*query.Key]*query.Column)}
	odd, _ := slices.BinarySearch(b.about.Odd, n)
	r.odd = b.about.Odd[:odd:odd]
	r.before = slices.Collect(maps.Values(b.before))
	late := make(lateColumns, len(b.late))
	for i, c := range b.late {
		if c != nil {
			late[i] = c.copied(n, len(b.after) > 0)
		}
	}
	late.putAll(b.after, b.types[:n])
	for _, c := range b.columns {
		if i := slices.Index(b.late, c); i >= 0 {
			c = late[i]
		} else if c.key.Late() {
			c = &column{key: c.key, rows: n}
			late.derive(c, b.types[:n])
		}
		r.columns[c.key] = c.shown(n)
	}
	return r
}

// copied is a copy of the first rows of a column, to be changed in place or also added to.
func (c *column) copied(n int, added bool) *column {
	other := &column{key: c.key, rows: n, sets: slices.Clip(c.sets)}
	if c.codes != nil {
		other.codes = slices.Clone(c.codes[:n])
	}
	if c.numbers != nil {
		other.numbers = slices.Clone(c.numbers[:n])
	}
	if added {
		other.single = maps.Clone(c.single)
	}
	return other
}

// shown are the first rows of a column, as queries see them.
func (c *column) shown(n int) *query.Column {
	switch {
	case c.marks != nil:
		return &query.Column{Marks: c.marks[:n:n]}
	case c.numbers != nil:
		return &query.Column{Numbers: c.numbers[:n:n]}
	case c.codes != nil:
		return &query.Column{Codes: c.codes[:n:n], Sets: slices.Clip(c.sets)}
	}
	return nil
}

// Rows are the entries of a [Growing] at a moment. They are for one goroutine.
type Rows struct {
	ending
	class     string
	low, high int64
	times     []int64
	odd       []int
	before    []query.Ended
	columns   map[*query.Key]*query.Column // nil where no row has a value
	corrects  map[*query.Key]bool          // those of them that say what entries after the rows tell
}

var _ query.Segment = (*Rows)(nil)

// Span is when the oldest and the newest entries were written, or before and after that.
func (r *Rows) Span() (low, high int64) { return r.low, r.high }

// Odd are the rows without values.
func (r *Rows) Odd() []int { return r.odd }

// Ends are what entries tell of the end of transfers before the rows.
func (r *Rows) Ends() []query.Ended { return r.before }

// Times implements query.Segment.
func (r *Rows) Times() ([]int64, error) { return r.times, nil }

// Close does nothing: no file is open.
func (r *Rows) Close() error { return nil }

// Column implements query.Segment.
func (r *Rows) Column(k *query.Key) (*query.Column, error) {
	if k.Name == "class" {
		return &query.Column{Codes: make([]int32, r.n), Sets: [][]string{{r.class}}}, nil
	}
	c, there := r.columns[k]
	if !there || k.Name == timeColumn {
		return nil, nil
	}
	if c != nil && !k.Late() {
		return c, nil
	}
	if c == nil {
		c = &query.Column{Codes: make([]int32, r.n), Sets: [][]string{nil}}
		r.columns[k] = c
	}
	if !k.Late() || r.corrects[k] {
		return c, nil
	}
	if r.corrects == nil {
		r.corrects = make(map[*query.Key]bool)
	}
	r.corrects[k] = true
	return r.corrected(k, c, func(name string) (*query.Column, error) { return r.Column(query.KeyNamed(name)) })
}

// Ended is what is told of the end of the transfer that a row is; nil if nothing is.
func (r *Rows) Ended(i int) (query.Ended, error) { return r.endedAt(i, r) }
