package query

import (
	"slices"
	"strconv"
	"strings"

	"github.com/sparkoo/transfergate/internal/record"
)

// Matcher tells which rows a query asks for. It is for one goroutine.
type Matcher struct {
	types  []string
	asked  bool // for types, by name
	reader *reader
	groups []group // one for each key
}

// group is what is asked of one key.
type group struct {
	key                *Key
	at, lack           int     // where its values are, and those of what it lacks, or -1
	either, each, none []*Test // one of them holds, unless there is none; all do; none does
}

// Matcher returns what tells the query's rows.
func (q *Query) Matcher() *Matcher {
	m := &Matcher{types: q.types(), asked: q.asksType()}
	var keys []*Key
	place := func(k *Key) int {
		at := slices.Index(keys, k)
		if at < 0 {
			at, keys = len(keys), append(keys, k)
		}
		return at
	}
	for i := range q.Terms {
		t := &q.Terms[i]
		at := slices.IndexFunc(m.groups, func(g group) bool { return g.key == t.Key })
		if at < 0 {
			g := group{key: t.Key, at: place(t.Key), lack: -1}
			if t.Key.lack != nil {
				g.lack = place(t.Key.lack)
			}
			at, m.groups = len(m.groups), append(m.groups, g)
		}
		switch g := &m.groups[at]; {
		case t.Not:
			g.none = append(g.none, &t.Test)
		case t.Op.bound():
			g.each = append(g.each, &t.Test)
		default:
			g.either = append(g.either, &t.Test)
		}
	}
	m.reader = newReader(keys)
	return m
}

// Wants reports whether entries of a type can be rows at all.
func (m *Matcher) Wants(kind string) bool {
	return slices.Contains(m.types, kind) || m.asked && m.reader.plans[kind] == nil
}

// Uncounted reports whether an entry of the type refusals.counted, which is no row
// where nobody asks for it, counts denials that the query asks for.
func (m *Matcher) Uncounted(row *Row) bool {
	return row.Damage == nil && row.Type == record.TypeCounted && !m.Wants(row.Type) && m.holds(row, true) && row.Damage == nil
}

// Match reports whether the query asks for a row. A row whose entry turns out to be
// malformed gets Damage, and matches.
func (m *Matcher) Match(row *Row) bool { return m.match(row, true) }

// May is Match while it is not known yet how a transfer ended.
func (m *Matcher) May(row *Row) bool { return m.match(row, false) }

func (m *Matcher) match(row *Row, ended bool) bool {
	if row.Damage != nil {
		return true
	}
	return m.Wants(row.Type) && m.holds(row, ended)
}

// holds is match for a row of any type.
func (m *Matcher) holds(row *Row, ended bool) bool {
	if err := m.reader.read(row); err != nil {
		row.Damage = err
		return true
	}
	for i := range m.groups {
		if g := &m.groups[i]; (ended || !g.key.late) && !g.holds(m.reader.values) {
			return false
		}
	}
	return true
}

func (g *group) holds(values [][]string) bool {
	lacks := g.lack >= 0 && slices.Contains(values[g.lack], "true")
	holds := func(t *Test) bool { return t.holds(g.key, values[g.at]) || lacks && t.Op == Absent }
	if len(g.either) > 0 && !slices.ContainsFunc(g.either, holds) || slices.ContainsFunc(g.none, holds) {
		return false
	}
	return !slices.ContainsFunc(g.each, func(t *Test) bool { return !holds(t) })
}

// holds reports whether one of the values is what is asked for.
func (t *Test) holds(k *Key, values []string) bool {
	switch t.Op {
	case Absent:
		return len(values) == 0
	case There:
		return len(values) > 0
	default:
		return slices.ContainsFunc(values, func(value string) bool { return t.is(k, value) })
	}
}

// is reports whether a value is what is asked for.
func (t *Test) is(k *Key, value string) bool {
	switch k.Kind {
	case Number:
		n, err := strconv.ParseInt(value, 10, 64)
		return err == nil && t.in(n)
	case Moment:
		at, ok := instant(value)
		return ok && t.in(at)
	default:
		if k.fold {
			value = strings.ToLower(value)
		}
		return t.Value.matches(value)
	}
}
