package record

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
)

// Type is what is known of a type of entry.
type Type struct {
	Name    string
	Since   string // the version that brought it
	Means   string
	Members []Member // in the order of their names, as they are written
}

// Types lists the types of entries with their members. The slices are the caller's.
func Types() []Type {
	transfer, key, hold := transferTable.list(), keyTable.list(), holdTable.list()
	return []Type{
		{TypeAccepted, version1, "A request was let pass that transfers personal data. The record is durable before the first byte leaves.", transfer},
		{TypeRefused, version1, "A request was denied.", transfer},
		{TypeOutcome, version1, "How transfers ended. Outcomes are gathered, and written within a second.", outcomesTable.list()},
		{TypeCounted, version1, "Denials that have no record of their own: after the first of a minute about the same, the rest are counted. It stands before the record of any later minute's denial.", countedTable.list()},
		{TypeGenesis, version1, "Entry 0 of an epoch: what it is, and what was before it.", genesisTable.list()},
		{TypeRecovered, version1, "After a crash the torn end of the log was cut off. None of it had been acknowledged.", recoveredTable.list()},
		{TypePolicy, version1, "A policy is kept beside the epochs, so that the records that name it can be explained.", policyTable.list()},
		{TypeClosed, version1, "The last entry of an epoch that another follows.", closedTable.list()},
		{TypeDeleted, version1, "An epoch was deleted because the time of its records ran out.", deletedTable.list()},
		{TypeKeyCreated, version1, "A key of pseudonyms was made.", key},
		{TypeKeyDestroyed, version1, "A key of pseudonyms was destroyed: nobody can tell any more whom the records of its period are about.", key},
		{TypeKeysRewrapped, version1, "Another secret wraps the keys of pseudonyms.", key},
		{TypeHoldSet, version1, "Epochs are kept beyond their time, for a court or an authority.", hold},
		{TypeHoldLifted, version1, "A hold has ended.", hold},
		{TypeOversight, version1, "A configuration came into force that asks for other approvals of policies than the one before, or obeys other operators.", oversightTable.list()},
	}
}

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
		properties["v"] = node{"enum": Versions(), "description": properties["v"].(node)["description"]}
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
