package config

import (
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/sparkoo/transfergate/internal/decision"
)

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

// list reads a list of one-line texts, each once.
func (r record) list(key string) []item {
	f := r.field(key, listField)
	n := r.value(f)
	if n == nil {
		return nil
	}
	if f.must && n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
		r.report(n, "empty", "%q of %s is empty; fill it in", key, r.what)
	}
	return r.items(f, n)
}

// items reads the entries of a list.
func (r record) items(f *field, n *yaml.Node) []item {
	if n.Kind != yaml.SequenceNode {
		r.report(n, "wrong-shape", "%q must be a list; write %s: [A, B]", f.key, f.key)
		return nil
	}
	var list []item
	first := map[string]int{}
	for _, child := range n.Content {
		v := r.scalar(child, f.key)
		if v == "" {
			continue
		}
		if line, twice := first[v]; twice {
			r.report(child, "duplicate-item", "%q stands twice in %q, first on line %d; keep one", v, f.key, line)
			continue
		}
		first[v] = child.Line
		if f.is == setField && v == "any" {
			r.report(child, "wrong-shape", "the word any stands in the list %q; write %s: any, without brackets", f.key, f.key)
		} else {
			r.check(f.form, f.key, item{v, child})
		}
		list = append(list, item{v, child})
	}
	return list
}

// set reads a list, or the word any.
func (r record) set(key string) decision.Set {
	f := r.field(key, setField)
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
	return decision.Set{Of: values(r.items(f, n))}
}

// mapping reads the mapping under a key, and reports whether there is one.
func (r record) mapping(key string) (record, bool) {
	f := r.field(key, mappingField)
	n := r.value(f)
	if n == nil {
		return record{}, false
	}
	return r.record(n, f.what, f.fields), true
}

// rows reads the list under key, one record for each entry.
func (r record) rows(key string) []record {
	f := r.field(key, tableField)
	n := r.value(f)
	if n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		r.report(n, "wrong-shape", "%q must be a list with at least one %s; start each with a dash", key, f.what)
		return nil
	}
	var rows []record
	for _, child := range n.Content {
		rows = append(rows, r.record(child, f.what, f.fields))
	}
	return rows
}

// entry is one key of a dictionary with what stands there.
type entry struct {
	key   item
	items []item // one, or as many as the list has
}

// entries reads a dictionary, in its order.
func (r record) entries(key string) []entry {
	f := r.field(key, dictionaryField)
	n := r.value(f)
	if n == nil {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		r.report(n, "wrong-shape", "%s must be a mapping; write key: value lines", f.what)
		return nil
	}
	var list []entry
	first := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		e := entry{key: item{n.Content[i].Value, n.Content[i]}}
		if line, twice := first[e.key.value]; twice {
			r.report(e.key.node, "duplicate-key", "key %q stands twice in %s, first on line %d; keep one", e.key.value, f.what, line)
			continue
		}
		first[e.key.value] = n.Content[i+1].Line
		r.check(f.keys, key, e.key)
		if f.many {
			e.items = r.items(f, n.Content[i+1])
		} else {
			it := item{r.scalar(n.Content[i+1], e.key.value), n.Content[i+1]}
			r.check(f.form, key, it)
			e.items = []item{it}
		}
		list = append(list, e)
	}
	return list
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
