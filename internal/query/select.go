package query

import (
	"slices"
	"strconv"
	"strings"

	"github.com/sparkoo/transfergate/internal/record"
)

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
	case column.Numbers != nil:
		return g.weigh(all, func(t *Test, i int) Answer { return certain(t.of(column.Numbers[i])) })
	}
	return g.codes(s, column, all)
}

func certain(holds bool) Answer {
	if holds {
		return Yes
	}
	return No
}

// of reports whether a number, or none if it is negative, is what the test asks for.
func (t *Test) of(n int64) bool {
	switch t.Op {
	case Absent:
		return n < 0
	case There:
		return n >= 0
	default:
		return n >= 0 && t.in(n)
	}
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
