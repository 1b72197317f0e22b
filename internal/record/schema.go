package record

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
)

// node is one schema.
type node map[string]any

// Schema is the JSON Schema (draft-07) of an entry, made from the tables. Members
// and values that they do not name are allowed, as a later program may write them.
func Schema() ([]byte, error) {
	var entries []node
	for _, t := range Types() {
		schema := objectSchema(t.Members)
		schema["title"], schema["description"] = t.Name, t.Means
		properties := schema["properties"].(node)
		properties["type"] = node{"const": t.Name}
		properties["v"] = node{"enum": from(t.Since), "description": properties["v"].(node)["description"]}
		entries = append(entries, schema)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(node{
		"$schema": "http://json-schema.org/draft-07/schema#",
		"title":   "An entry of a transfer ledger",
		"oneOf":   entries,
	})
	if err != nil {
		return nil, fmt.Errorf("encoding the schema of records: %w", err)
	}
	return b.Bytes(), nil
}

// objectSchema is the schema of an object with such members.
func objectSchema(members []Member) node {
	properties, required := node{}, []string{}
	for i := range members {
		m := &members[i]
		schema := valueSchema(m)
		schema["description"] = m.Means
		properties[m.Name] = schema
		if m.Always {
			required = append(required, m.Name)
		}
	}
	return node{"type": "object", "properties": properties, "required": required}
}

// valueSchema is the schema of a member's value.
func valueSchema(m *Member) node {
	text := func(pattern string) node { return node{"type": "string", "pattern": pattern} }
	switch m.Kind {
	case Texts:
		return node{"type": "array", "minItems": 1, "items": node{"type": "string"}}
	case Number:
		return node{"type": "integer", "minimum": 0, "maximum": maxNumber}
	case Truth:
		return node{"type": "boolean"}
	case Instant:
		return node{"type": "string", "format": "date-time", "pattern": `^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z$`}
	case Day:
		return node{"type": "string", "format": "date"}
	case UUID:
		return text(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	case Random:
		return text(`^[A-Za-z0-9_-]{22}$`)
	case Bytes:
		return text(`^[A-Za-z0-9+/]+={0,2}$`)
	case Place:
		return text(`^\d+\.\d+$`)
	case Object:
		return objectSchema(m.Members)
	case Objects:
		return node{"type": "array", "items": objectSchema(m.Members)}
	case Rows:
		return node{"type": "array", "minItems": 1, "items": rowSchema(m.Members)}
	default: // Text
		schema := node{"type": "string", "minLength": 1}
		if len(m.Values) > 0 {
			schema["enum"] = slices.Clone(m.Values)
		}
		return schema
	}
}

// rowSchema is the schema of a list of the members' values in their order.
func rowSchema(members []Member) node {
	items := make([]node, len(members))
	for i := range members {
		items[i] = valueSchema(&members[i])
		items[i]["description"] = members[i].Name + ": " + members[i].Means
	}
	return node{"type": "array", "items": items, "minItems": len(items), "maxItems": len(items)}
}
