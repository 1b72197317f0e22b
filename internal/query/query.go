package query

import (
	"slices"
	"strings"

	"github.com/sparkoo/transfergate/internal/record"
)

// Query is what is asked: terms, which [Parse] reads and String writes. The zero
// Query asks for all transfers and denials. It does not change, and may be used by
// any number of goroutines.
type Query struct {
	Terms []Term
}

// Term is a test of one key.
type Term struct {
	Not bool
	Key *Key
	Test

	begin, end int // bytes of the text it was read from
}

// Equal is the term that a key has exactly a value. It panics if there is no such key.
func Equal(key, value string) Term {
	t := Term{Key: KeyNamed(key), Test: Test{Op: Is, Value: Value{Text: value, Exact: true}}}
	t.Value.pattern(t.Key.fold)
	return t
}

// Names reports whether the term asks for the number of a record, and this is it.
func (t *Term) Names(n record.Name) bool {
	return !t.Not && t.Op == Is && t.Key.Name == "record" && t.Value.matches(n.String())
}

// Test is a comparison with a value, or with two for a range.
type Test struct {
	Op          Op
	Value, High Value
}

// String writes the query so that it can be read again: keys by their names, words in
// quotation marks where they would be read otherwise.
func (q *Query) String() string {
	texts := make([]string, len(q.Terms))
	for i := range q.Terms {
		texts[i] = q.Terms[i].String()
	}
	return strings.Join(texts, " ")
}

// String writes the term.
func (t *Term) String() string {
	not := ""
	if t.Not {
		not = "-"
	}
	return not + t.Key.Name + ":" + t.Test.text()
}

func (t *Test) text() string {
	switch t.Op {
	case Is:
		return t.Value.quoted()
	case Range:
		return t.Value.Text + ".." + t.High.Text
	case Absent, There:
		return string(t.Op)
	default:
		return string(t.Op) + t.Value.Text
	}
}

// quoted writes a word as it is read again.
func (v *Value) quoted() string {
	if !v.Exact {
		return v.Text
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(v.Text) + `"`
}

// types are the types of entries that can be rows of the answer: those that a term
// names, else transfers and denials if they have every key that is asked for, else
// all that do.
func (q *Query) types() []string {
	has := func(kind string) bool {
		return !slices.ContainsFunc(q.Terms, func(t Term) bool { return !t.Not && !t.Key.In(kind) })
	}
	var all, moved []string
	asked := q.asksType()
	for _, t := range types() {
		if asked && !q.typed(t.Name) || !asked && !has(t.Name) {
			continue
		}
		all = append(all, t.Name)
		if transferred(t.Name) {
			moved = append(moved, t.Name)
		}
	}
	if !asked && len(moved) > 0 { // the rest have the keys too, and are not meant
		return moved
	}
	return all
}

// typed reports whether the terms about types ask for one.
func (q *Query) typed(kind string) bool {
	wanted := false
	for i := range q.Terms {
		if t := &q.Terms[i]; t.Key.Name == typeKey && t.holds(t.Key, []string{kind}) {
			if t.Not {
				return false
			}
			wanted = true
		}
	}
	return wanted
}

// asksType reports whether a term says which types of entries are meant.
func (q *Query) asksType() bool {
	return slices.ContainsFunc(q.Terms, func(t Term) bool { return !t.Not && t.Key.Name == typeKey })
}

// typeKey is the name of the key by which entries of other types are asked for.
const typeKey = "type"
