package query

import (
	"slices"
	"strconv"
	"strings"

	"github.com/sparkoo/transfergate/internal/record"
)

// Segment is a stretch of a ledger's entries by columns, in which queries are answered
// without reading the entries. A row that it has no values of matches nothing: whoever
// has it looks at such an entry itself.
type Segment interface {
	// Len is how many entries it has, and First the number of the first of them.
	Len() int
	First() record.ID

	// Times are when they were written, in microseconds since 1970.
	Times() ([]int64, error)

	// Column is that of a key; nil if there is none, so that only the entries tell.
	Column(k *Key) (*Column, error)
}

// Column are the values of a key in the rows of a [Segment].
type Column struct {
	// Codes say of each row which of Sets are its values.
	Codes []int32
	Sets  [][]string

	// Marks stand instead, where nearly each row has a value of its own, and no row has
	// two: its [Mark], or 0 if it has none.
	Marks []uint32
}

// Mark is a hash of a value, which is never 0.
func Mark(value string) uint32 {
	h := uint64(14695981039346656037) // FNV-1a
	for i := range len(value) {
		h = (h ^ uint64(value[i])) * 1099511628211
	}
	return max(1, uint32(h^h>>32))
}

// Stored are the keys that have columns: all of the record table but what stands in
// the entry only, what holds others, and what an entry has very many values of; and how
// a transfer ended, as an entry after it tells.
func Stored() (all []*Key) {
	for _, k := range keys().all {
		if k.late || k.derive == nil && !k.hidden && !k.inRows && k.Kind != Part {
			all = append(all, k)
		}
	}
	return all
}

// Marked reports whether a column may have marks of the key's values in their place.
func (k *Key) Marked() bool { return k.Kind == Word && !k.fold && !k.late }

// Late reports whether a key follows from how a transfer ended.
func (k *Key) Late() bool { return k.late }

// Derived is the value of a key that is late, empty if there is none.
func (k *Key) Derived(row *Row) string { return k.derive(row) }

// EndKeys are the keys of the members of [Ended], in their order; nil for the number of
// the transfer itself.
func EndKeys() []*Key {
	members := endMembers()
	all := make([]*Key, len(members))
	for i, m := range members {
		if m.Name != recordMember {
			all[i] = KeyNamed("outcome." + m.Name)
		}
	}
	return all
}

// Answer is what a [Segment] tells of a row.
type Answer uint8

// The answers.
const (
	No    Answer = iota
	Maybe        // only the entry can tell
	Yes
)

// Between reports whether rows written in a stretch of time, in microseconds, its ends
// being part of it, can be asked for.
func (m *Matcher) Between(low, high int64) bool {
	meets := func(t *Test) bool {
		switch t.Op {
		case Is:
			return t.Value.low <= high && low <= t.Value.high
		case Range:
			return t.Value.low <= high && low <= t.High.high
		case Above, From:
			return t.in(high)
		case Below, Until:
			return t.in(low)
		default:
			return true
		}
	}
	for i := range m.groups {
		g := &m.groups[i]
		if g.key.Name != timeKey {
			continue
		}
		if len(g.either) > 0 && !slices.ContainsFunc(g.either, meets) {
			return false
		}
		if slices.ContainsFunc(g.each, func(t *Test) bool { return !meets(t) }) {
			return false
		}
	}
	return true
}

// timeKey is the name of the key of when an entry was written.
const timeKey = "time"

// Select is [Matcher.Match] for all rows of a segment. It reads only the columns that it
// needs.
func (m *Matcher) Select(s Segment) ([]Answer, error) { return m.answers(s, m.Wants) }

// SelectUncounted is [Matcher.Uncounted] for all rows of a segment.
func (m *Matcher) SelectUncounted(s Segment) ([]Answer, error) {
	return m.answers(s, func(kind string) bool { return kind == record.TypeCounted && !m.Wants(kind) })
}

// answers looks at the rows of some types only.
func (m *Matcher) answers(s Segment, wants func(kind string) bool) ([]Answer, error) {
	all := make([]Answer, s.Len())
	types, err := s.Column(KeyNamed(typeKey))
	if err != nil {
		return nil, err
	}
	wanted := make([]Answer, len(types.Sets))
	some := false
	for i, set := range types.Sets {
		if len(set) > 0 && wants(set[0]) {
			wanted[i], some = Yes, true
		}
	}
	if !some {
		return all, nil
	}
	for i, code := range types.Codes {
		all[i] = wanted[code]
	}
	for i := range m.groups {
		if err := m.groups[i].narrow(s, all); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// narrow puts what the group says of each row to what is known of it.
func (g *group) narrow(s Segment, all []Answer) error {
	switch g.key.Name {
	case timeKey:
		times, err := s.Times()
		if err != nil {
			return err
		}
		return g.weigh(all, func(t *Test, i int) Answer { return certain(t.Op == There || t.in(times[i])) })
	case "record":
		first := s.First().Index
		return g.weigh(all, func(t *Test, i int) Answer { return t.numbers(first + uint64(i)) })
	}
	column, err := s.Column(g.key)
	if err != nil {
		return err
	}
	switch {
	case column == nil:
		return g.weigh(all, func(*Test, int) Answer { return Maybe })
	case column.Marks != nil:
		return g.marks(column.Marks, all)
	}
	return g.codes(s, column, all)
}

func certain(holds bool) Answer {
	if holds {
		return Yes
	}
	return No
}

// numbers tells whether the test can be of the number of the entry with that index.
func (t *Test) numbers(index uint64) Answer {
	switch t.Op {
	case There:
		return Yes
	case Is:
		last := t.Value.parts[len(t.Value.parts)-1]
		if dot := strings.LastIndexByte(last, '.'); dot >= 0 && last[dot+1:] != strconv.FormatUint(index, 10) {
			return No
		}
		return Maybe
	default:
		return No
	}
}

// weigh is holds where a test has three answers.
func (g *group) weigh(all []Answer, of func(t *Test, row int) Answer) error {
	for i, before := range all {
		if before == No {
			continue
		}
		answer := Yes
		if len(g.either) > 0 {
			answer = No
			for _, t := range g.either {
				answer = max(answer, of(t, i))
			}
		}
		for _, t := range g.each {
			answer = min(answer, of(t, i))
		}
		for _, t := range g.none {
			answer = min(answer, Yes-of(t, i))
		}
		all[i] = min(before, answer)
	}
	return nil
}

// marks narrows by hashes: another one is another value, and the same may be.
func (g *group) marks(marks []uint32, all []Answer) error {
	wanted := make(map[*Test]uint32)
	for _, t := range slices.Concat(g.either, g.each, g.none) {
		if t.Op == Is && g.key.Kind == Word && !t.Value.starred() && len(t.Value.parts) == 1 {
			wanted[t] = Mark(t.Value.parts[0])
		}
	}
	return g.weigh(all, func(t *Test, i int) Answer {
		mark, exact := wanted[t]
		switch {
		case t.Op == Absent:
			return certain(marks[i] == 0)
		case t.Op == There:
			return certain(marks[i] != 0)
		case marks[i] == 0 || exact && mark != marks[i]:
			return No
		default:
			return Maybe
		}
	})
}

// codes narrows by the sets of values that there are, each looked at once.
func (g *group) codes(s Segment, column *Column, all []Answer) error {
	lacks := &Column{Codes: column.Codes, Sets: make([][]string, len(column.Sets))} // nothing
	if g.lack >= 0 {
		missing, err := s.Column(g.key.lack)
		if err != nil {
			return err
		}
		if lacks = missing; missing == nil {
			return g.weigh(all, func(*Test, int) Answer { return Maybe })
		}
	}
	lack := make([]int, len(lacks.Sets))
	for i, set := range lacks.Sets {
		if slices.Contains(set, "true") {
			lack[i] = 1
		}
	}
	values := make([][]string, max(g.at, g.lack)+1)
	var table [2][]Answer
	for _, n := range []int{0, 1} {
		table[n] = make([]Answer, len(column.Sets))
		for code, set := range column.Sets {
			if g.lack >= 0 {
				values[g.lack] = [][]string{nil, {"true"}}[n]
			}
			values[g.at] = set
			table[n][code] = certain(g.holds(values))
		}
	}
	for i := range all {
		all[i] = min(all[i], table[lack[lacks.Codes[i]]][column.Codes[i]])
	}
	return nil
}

// Columnar reports whether all that rows of a segment are counted by stands in columns
// of it.
func (c *Counter) Columnar(s Segment) (bool, error) {
	for _, k := range c.by.By {
		column, err := s.Column(k)
		if err != nil || column == nil || column.Marks != nil {
			return false, err
		}
	}
	return true, nil
}

// AddSegment counts the rows of a segment of which the answer is Yes. The segment is
// Columnar.
func (c *Counter) AddSegment(s Segment, answers []Answer) error {
	times, err := s.Times()
	if err != nil {
		return err
	}
	none := &Column{Codes: make([]int32, s.Len()), Sets: [][]string{nil}}
	columns := []*Column{none, none}
	for i, k := range c.by.By {
		if columns[i], err = s.Column(k); err != nil {
			return err
		}
	}
	a, b := columns[0], columns[1]
	t := &tally{bucket: c.by.Bucket, width: int64(len(b.Sets)), size: int64(len(a.Sets)) * int64(len(b.Sets)), buckets: make(map[string]*cells)}
	for i, answer := range answers {
		if answer == Yes {
			t.at(times[i]).add(int64(a.Codes[i])*t.width+int64(b.Codes[i]), times[i])
		}
	}
	for bucket, cells := range t.buckets {
		for i := range cells.batches {
			n := &cells.batches[i]
			c.counts.Total.join(n)
			sets := [][]string{a.Sets[n.key/t.width], b.Sets[n.key%t.width]}
			if err := c.eachSet(sets[:len(c.by.By)], nil, bucket, n); err != nil {
				return err
			}
		}
	}
	return nil
}

// eachSet counts rows with the same values in all groups of these.
func (c *Counter) eachSet(sets [][]string, values []string, bucket string, n *batch) error {
	if len(sets) > 0 {
		all := sets[0]
		if len(all) == 0 {
			all = []string{""}
		}
		for _, value := range all {
			if err := c.eachSet(sets[1:], append(slices.Clip(values), value), bucket, n); err != nil {
				return err
			}
		}
		return nil
	}
	if c.by.Bucket != "" {
		values = append(slices.Clip(values), bucket)
	}
	if len(values) == 0 {
		return nil
	}
	g, err := c.group(values)
	if err == nil {
		g.join(n)
	}
	return err
}

// batch are rows of the same values: how many, and when the first and the last of them
// were written.
type batch struct {
	key         int64
	rows        uint64
	first, last int64
}

// join counts them.
func (c *Count) join(n *batch) {
	rows := c.Rows
	c.add(n.first)
	c.add(n.last)
	c.Rows = rows + n.rows
}

// tally counts rows by a number below size and a bucket of time.
type tally struct {
	bucket      Bucket
	width, size int64
	buckets     map[string]*cells

	now       *cells
	low, high int64 // when the bucket begins and ends that now is of
}

// at are the cells of the bucket of a moment, which is mostly that of the row before.
func (t *tally) at(moment int64) *cells {
	if t.now != nil && (t.bucket == "" || t.low <= moment && moment < t.high) {
		return t.now
	}
	name := ""
	if t.bucket != "" {
		name = t.bucket.of(moment)
		t.low, t.high = t.bucket.bounds(moment)
	}
	if t.now = t.buckets[name]; t.now == nil {
		t.now = new(cells)
		if t.size <= denseCells {
			t.now.dense = make([]int32, t.size)
		} else {
			t.now.sparse = make(map[int64]int32)
		}
		t.buckets[name] = t.now
	}
	return t.now
}

// denseCells is how many cells are found by their place.
const denseCells = 1 << 16

// cells are batches by their keys: where each is, counted from 1.
type cells struct {
	batches []batch
	dense   []int32
	sparse  map[int64]int32
}

func (c *cells) add(key, at int64) {
	var i int32
	if c.dense != nil {
		i = c.dense[key]
	} else {
		i = c.sparse[key]
	}
	if i == 0 {
		c.batches = append(c.batches, batch{key: key, first: at, last: at})
		i = int32(len(c.batches)) //nolint:gosec // not more than rows of a segment
		if c.dense != nil {
			c.dense[key] = i
		} else {
			c.sparse[key] = i
		}
	}
	s := &c.batches[i-1]
	s.rows++
	s.first, s.last = min(s.first, at), max(s.last, at)
}
