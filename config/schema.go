package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/sparkoo/transfergate/internal/country"
	"github.com/sparkoo/transfergate/internal/suggest"
)

// SchemaNames lists the registers that have a JSON Schema: the names of their files
// without the ending, in the order in which they are read. The slice is the caller's.
func SchemaNames() []string {
	names := make([]string, len(fileNames))
	for i, file := range fileNames {
		names[i] = strings.TrimSuffix(file, ".yaml")
	}
	return names
}

// Schema is the JSON Schema (draft-07) of a register, for editors: which keys there
// are, which values, and what they mean. It is made from the table by which the
// register is read. What holds between rows or registers no schema can say: loading
// finds that. An unknown name is an error.
func Schema(name string) ([]byte, error) {
	if !slices.Contains(SchemaNames(), name) {
		return nil, fmt.Errorf("no register %q; %s", name, suggest.For(name, SchemaNames()))
	}
	schema := objectSchema(registers[name+".yaml"])
	schema["$schema"] = "http://json-schema.org/draft-07/schema#"
	schema["title"] = name + ".yaml"
	schema["definitions"] = node{"country": node{
		"type": "string", "enum": country.All(),
		"description": "A country or territory: ISO 3166-1 alpha-2.",
	}}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(schema); err != nil {
		return nil, fmt.Errorf("encoding the schema of register %q: %w", name, err)
	}
	return b.Bytes(), nil
}

// node is one schema.
type node map[string]any

// objectSchema is the schema of a mapping of fields.
func objectSchema(fields []field) node {
	properties, required := node{}, []string{}
	for i := range fields {
		f := &fields[i]
		properties[f.key] = fieldSchema(f)
		if f.must {
			required = append(required, f.key)
		}
	}
	return node{"type": "object", "additionalProperties": false, "properties": properties, "required": required}
}

// fieldSchema is the schema of a field's value, with what it means.
func fieldSchema(f *field) node {
	schema := valueSchema(f)
	if f.doc != "" {
		schema["description"] = f.doc
	}
	return schema
}

func valueSchema(f *field) node {
	switch f.is {
	case flagField:
		return node{"type": "boolean"}
	case numberField:
		return node{"type": "integer", "minimum": 1}
	case listField:
		return listSchema(f, f.must)
	case setField:
		return node{"oneOf": []node{{"const": "any"}, listSchema(f, true)}}
	case mappingField:
		return objectSchema(f.fields)
	case tableField:
		return node{"type": "array", "minItems": 1, "items": objectSchema(f.fields)}
	case dictionaryField:
		value := formSchema(f.form)
		if f.many {
			value = listSchema(f, false)
		}
		return node{"type": "object", "propertyNames": formSchema(f.keys), "additionalProperties": value}
	default: // textField
		return formSchema(f.form)
	}
}

// listSchema is a list of texts, each once.
func listSchema(f *field, some bool) node {
	schema := node{"type": "array", "uniqueItems": true, "items": formSchema(f.form)}
	if some {
		schema["minItems"] = 1
	}
	return schema
}

// formSchema is one line of text.
func formSchema(f *form) node {
	if f == countryForm {
		// In a node of its own: draft-07 ignores what stands beside a $ref.
		return node{"allOf": []node{{"$ref": "#/definitions/country"}}}
	}
	schema := node{"type": "string", "minLength": 1}
	switch {
	case f == nil:
		return schema
	case f.words != nil:
		return node{"type": "string", "enum": f.words}
	}
	if f.pattern != "" {
		schema["pattern"] = f.pattern
	}
	if f.format != "" {
		schema["format"] = f.format
	}
	return schema
}
