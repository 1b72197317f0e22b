package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"

	"github.com/sparkoo/transfergate/internal/decision"
)

// source is one register file being read. It collects what is wrong with it.
type source struct {
	path     string // as problems name it
	problems *Problems
}

// report notes a problem at a node. The text is a sentence and, after a
// semicolon, what to do.
func (s source) report(n *yaml.Node, code, format string, args ...any) {
	*s.problems = append(*s.problems, Problem{
		File: s.path, Line: n.Line, Column: n.Column,
		Code: code, Text: fmt.Sprintf(format, args...),
	})
}

// yamlLine finds the line in an error of the YAML library.
var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

// parse reads the one document of a register. It returns nil when there is
// nothing to go on with.
func (s source) parse(data []byte) *yaml.Node {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var doc yaml.Node
	if err := decoder.Decode(&doc); err != nil {
		s.reportSyntax(err)
		return nil
	}
	var second yaml.Node
	if err := decoder.Decode(&second); err == nil {
		s.report(&second, "second-document", "the file holds a second document; keep one document in a file")
		return nil
	} else if !errors.Is(err, io.EOF) {
		s.reportSyntax(err)
		return nil
	}
	if !s.plain(&doc) {
		return nil
	}
	return doc.Content[0]
}

// reportSyntax notes that a file is not YAML. The library names the line in
// which the broken list or mapping begins, or the line before it.
func (s source) reportSyntax(err error) {
	if errors.Is(err, io.EOF) {
		s.report(&yaml.Node{Line: 1, Column: 1}, "empty-file", "the file is empty; write the register, or take the default one")
		return
	}
	line, text := 1, err.Error()
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		if n, convErr := strconv.Atoi(m[1]); convErr == nil {
			line = n
		}
		text = m[2]
	}
	s.report(&yaml.Node{Line: line, Column: 1}, "not-yaml", "not YAML: %s; mend the syntax on this line or the next ones", text)
}

// plain reports anchors, aliases and tags. A register must be readable where it
// stands, by somebody who does not know YAML well.
func (s source) plain(n *yaml.Node) bool {
	switch {
	case n.Kind == yaml.AliasNode:
		s.report(n, "not-plain", "alias *%s is not read; write the value out", n.Value)
		return false
	case n.Anchor != "":
		s.report(n, "not-plain", "anchor &%s is not read; leave it out", n.Anchor)
		return false
	case n.Style&yaml.TaggedStyle != 0:
		s.report(n, "not-plain", "tag %s is not read; leave it out", n.Tag)
		return false
	}
	ok := true
	for _, child := range n.Content {
		ok = s.plain(child) && ok
	}
	return ok
}

// record is a mapping of known keys, for example one row of a register.
type record struct {
	source
	node   *yaml.Node
	what   string // what the mapping is, for people: "controller"
	values map[string]*yaml.Node
}

// record reads a mapping and reports every key that is not known or stands twice.
func (s source) record(n *yaml.Node, what string, known ...string) record {
	r := record{source: s, node: n, what: what, values: map[string]*yaml.Node{}}
	if n.Kind != yaml.MappingNode {
		s.report(n, "wrong-shape", "%s must be a mapping; write key: value lines", what)
		return r
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		first, twice := r.values[key.Value]
		switch {
		case key.Kind != yaml.ScalarNode || !slices.Contains(known, key.Value):
			s.report(key, "unknown-key", "unknown key %q in %s; %s", key.Value, what, hint(key.Value, known))
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

// has tells whether the key is written at all.
func (r record) has(key string) bool { return r.values[key] != nil }

// want returns a required key's value, or nil after reporting that it is missing.
func (r record) want(key string) *yaml.Node {
	n := r.values[key]
	if n == nil && r.node.Kind == yaml.MappingNode {
		r.report(r.node, "missing-key", "%s without %q; add it", r.what, key)
	}
	return n
}

// text is a required value of one line.
func (r record) text(key string) string {
	if n := r.want(key); n != nil {
		return r.scalar(n, key)
	}
	return ""
}

// optional is a value of one line, or empty if the key is missing.
func (r record) optional(key string) string {
	if n := r.values[key]; n != nil {
		return r.scalar(n, key)
	}
	return ""
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
	n := r.values[key]
	if n == nil {
		return false
	}
	if n.Kind != yaml.ScalarNode || n.Value != "true" && n.Value != "false" || n.ShortTag() != "!!bool" {
		r.report(n, "not-a-flag", "%q is %q, neither true nor false; write true or false", key, n.Value)
	}
	return n.Value == "true"
}

// item is one entry of a list, with where it stands.
type item struct {
	value string
	node  *yaml.Node
}

// values returns the entries.
func values(items []item) []string {
	var vs []string
	for _, it := range items {
		vs = append(vs, it.value)
	}
	return vs
}

// items reads a list of one-line texts, each once; nothing if the key is missing.
func (r record) items(key string) []item {
	n := r.values[key]
	if n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		r.report(n, "wrong-shape", "%q must be a list; write %s: [A, B]", key, key)
		return nil
	}
	var list []item
	first := map[string]int{}
	for _, child := range n.Content {
		v := r.scalar(child, key)
		if v == "" {
			continue
		}
		if line, twice := first[v]; twice {
			r.report(child, "duplicate-item", "%q stands twice in %q, first on line %d; keep one", v, key, line)
			continue
		}
		first[v] = child.Line
		list = append(list, item{v, child})
	}
	return list
}

// some reads a required list with at least one entry.
func (r record) some(key string) []item {
	n := r.want(key)
	if n == nil {
		return nil
	}
	if n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
		r.report(n, "empty", "%q of %s is empty; fill it in", key, r.what)
	}
	return r.items(key)
}

// set reads a required list, or the word any. check is called for every entry.
func (r record) set(key string, check func(item)) decision.Set {
	n := r.values[key]
	switch {
	case n == nil || n.Kind == yaml.SequenceNode && len(n.Content) == 0 || n.ShortTag() == "!!null":
		if r.node.Kind == yaml.MappingNode {
			r.report(r.at(key), "empty-set", "%s with no %q matches nothing; list them, or say any if you mean it", r.what, key)
		}
		return decision.Set{}
	case n.Kind == yaml.ScalarNode && n.Value == "any":
		return decision.Set{Any: true}
	case n.Kind == yaml.ScalarNode:
		r.report(n, "wrong-shape", "%q must be a list or the word any, not %q; write %s: [A, B]", key, n.Value, key)
		return decision.Set{}
	}
	items := r.items(key)
	for _, it := range items {
		if it.value == "any" {
			r.report(it.node, "wrong-shape", "the word any stands in the list %q; write %s: any, without brackets", key, key)
			continue
		}
		check(it)
	}
	return decision.Set{Of: values(items)}
}

// rows reads the list under key, one record for each entry.
func (r record) rows(key, what string, known ...string) []record {
	n := r.want(key)
	if n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		r.report(n, "wrong-shape", "%q must be a list with at least one %s; start each with a dash", key, what)
		return nil
	}
	var rows []record
	for _, child := range n.Content {
		rows = append(rows, r.record(child, what, known...))
	}
	return rows
}

// again returns the entries of a list that was read, and reported on, before.
func (r record) again(key string) []item {
	n := r.values[key]
	if n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	var list []item
	for _, child := range n.Content {
		if child.Kind == yaml.ScalarNode && child.Value != "" && !slices.ContainsFunc(list, func(it item) bool { return it.value == child.Value }) {
			list = append(list, item{child.Value, child})
		}
	}
	return list
}
