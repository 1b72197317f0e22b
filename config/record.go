package config

import (
	"slices"
	"strconv"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"

	"github.com/sparkoo/transfergate/internal/suggest"
)

// record is a mapping of known keys, for example one row of a register.
type record struct {
	source
	node   *yaml.Node
	what   string // what the mapping is, for people: "controller"
	fields []field
	values map[string]*yaml.Node
}

// record reads a mapping and reports every key that is not known or stands twice.
func (s source) record(n *yaml.Node, what string, fields []field) record {
	r := record{source: s, node: n, what: what, fields: fields, values: map[string]*yaml.Node{}}
	if n.Kind != yaml.MappingNode {
		s.report(n, "wrong-shape", "%s must be a mapping; write key: value lines", what)
		return r
	}
	known := keysOf(fields)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		first, twice := r.values[key.Value]
		switch {
		case s.archived && !slices.Contains(known, key.Value): // a key of its time
		case key.Kind != yaml.ScalarNode || !slices.Contains(known, key.Value):
			s.report(key, "unknown-key", "unknown key %q in %s; %s", key.Value, what, suggest.For(key.Value, known))
		case twice:
			s.report(key, "duplicate-key", "key %q stands twice in %s, first on line %d; keep one", key.Value, what, first.Line)
		default:
			r.values[key.Value] = value
		}
	}
	return r
}

// at is the node of a key's value, or the record itself if the key is missing.
func (r record) at(key string) *yaml.Node {
	if n := r.values[key]; n != nil {
		return n
	}
	return r.node
}

// has reports whether the key is written at all.
func (r record) has(key string) bool { return r.values[key] != nil }

// want returns a key's value, or nil after reporting that it is missing.
func (r record) want(key string) *yaml.Node {
	n := r.values[key]
	if n == nil && r.node.Kind == yaml.MappingNode && !r.archived {
		r.report(r.node, "missing-key", "%s without %q; add it", r.what, key)
	}
	return n
}

// value returns a field's value, or nil if it is missing, which is reported if it
// has to be there.
func (r record) value(f *field) *yaml.Node {
	if f.must {
		return r.want(f.key)
	}
	return r.values[f.key]
}

// text is a value of one line, empty if there is none.
func (r record) text(key string) string {
	f := r.field(key, textField)
	n := r.value(f)
	if n == nil {
		return ""
	}
	v := r.scalar(n, key)
	r.check(f.form, key, item{v, n})
	return v
}

// check holds a text to a form. The empty text was reported before.
func (r record) check(f *form, key string, it item) {
	if f != nil && f.check != nil && it.value != "" {
		f.check(r, key, it)
	}
}

// scalar reads one line of text. Names and addresses end up in header fields, so
// nothing that does not print may stand in them.
func (r record) scalar(n *yaml.Node, key string) string {
	switch {
	case n.Kind != yaml.ScalarNode:
		r.report(n, "wrong-shape", "%q must be one value, not a list or mapping; write %s: text", key, key)
		return ""
	case n.ShortTag() == "!!null" || strings.TrimSpace(n.Value) == "":
		r.report(n, "empty", "%q of %s is empty; fill it in", key, r.what)
		return ""
	case n.ShortTag() != "!!str" && n.ShortTag() != "!!timestamp":
		r.report(n, "wrong-shape", "%q must be text, not %s; put it in quotes", key, n.Value)
		return ""
	case strings.TrimSpace(n.Value) != n.Value || strings.ContainsFunc(n.Value, func(c rune) bool { return !unicode.IsPrint(c) }):
		r.report(n, "not-printable", "%q holds %+q, which has blanks around it or letters that do not print; write one plain line", key, n.Value)
		return ""
	}
	return n.Value
}

// flag is true or false; false if the key is missing.
func (r record) flag(key string) bool {
	n := r.value(r.field(key, flagField))
	if n == nil {
		return false
	}
	if n.Kind != yaml.ScalarNode || n.Value != "true" && n.Value != "false" || n.ShortTag() != "!!bool" {
		r.report(n, "not-a-flag", "%q is %q, neither true nor false; write true or false", key, n.Value)
	}
	return n.Value == "true"
}

// number is a whole number from 1, zero if the key is missing.
func (r record) number(key string) int {
	n := r.value(r.field(key, numberField))
	if n == nil {
		return 0
	}
	v, err := strconv.Atoi(n.Value)
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!int" || err != nil || v < 1 {
		r.report(n, "not-a-number", "%q is %q, not a whole number from 1; write %s: 12", key, n.Value, key)
		return 0
	}
	return v
}
