package record_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/coverage"
	"github.com/sparkoo/transfergate/internal/record"
)

// compiled is the schema, for a validator that knows nothing of ours.
func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := record.Schema()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("record.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("record.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func validate(t *testing.T, schema *jsonschema.Schema, entry []byte) error {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(entry))
	if err != nil {
		t.Fatal(err)
	}
	return schema.Validate(doc)
}

// The entries of the earlier program are valid, and changed ones are not.
func TestSchema(t *testing.T) {
	schema := compiled(t)
	for i, line := range golden(t) {
		if err := validate(t, schema, line); err != nil {
			t.Errorf("entry %d: %v\n%s", i, err, line)
		}
	}
	for old, changed := range map[string]string{
		`"activity":"support"`:        `"activity":""`,
		`"bytes":0`:                   `"bytes":-1`,
		`"categories":["1a","1h"`:     `"categories":[1,"1h"`,
		`"enforced":true,`:            ``,
		`"decision":"allowed"`:        `"decision":"perhaps"`,
		`"retain_until":"2031-11-30"`: `"retain_until":"soon"`,
		`"kind":"collection"`:         `"kind":7`,
		`"type":"transfer.accepted"`:  `"type":"policy.snapshot"`,
		`"v":"xfer/1"`:                `"v":"xfer/0"`,
	} {
		line := bytes.Replace(usual(t), []byte(old), []byte(changed), 1)
		if bytes.Equal(line, usual(t)) {
			t.Fatalf("the record has no %s", old)
		}
		if validate(t, schema, line) == nil {
			t.Errorf("%s for %s is valid", changed, old)
		}
	}
}

// Every member of every entry is documented, and so are those of inner objects.
func TestMembersAreDocumented(t *testing.T) {
	registers, err := config.DefaultRegisters()
	if err != nil {
		t.Fatal(err)
	}
	var clauses []string
	for _, term := range registers.Terms.Clauses {
		clauses = append(clauses, term.Tag)
	}
	page := record.Markdown()
	var look func(within string, members []record.Member)
	look = func(within string, members []record.Member) {
		for _, m := range members {
			name := within + m.Name
			if len(m.Means) < 10 || m.Kind == "" || !slices.Contains(record.Versions(), m.Since) {
				t.Errorf("%s: %+v", name, m)
			}
			for _, clause := range m.Clauses {
				if !slices.Contains(clauses, clause) {
					t.Errorf("%s: the statement has no clause %s", name, clause)
				}
			}
			if !strings.Contains(page, "| `"+name+"` |") || !strings.Contains(page, m.Means) {
				t.Errorf("the page does not document %s", name)
			}
			look(name+".", m.Members)
		}
	}
	for _, kind := range record.Types() {
		if !strings.Contains(page, "## `"+kind.Name+"`") || !strings.Contains(page, kind.Means) {
			t.Errorf("the page does not document %s", kind.Name)
		}
		look("", kind.Members)
	}
}

var update = flag.Bool("update", false, "write the page of the record anew")

// The page in the documentation is that of the tables.
func TestUpToDate(t *testing.T) {
	const file = "../../deploy/RECORDS.md"
	if *update {
		if err := os.WriteFile(file, []byte(record.Markdown()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != record.Markdown() {
		t.Errorf("%s is out of date (%v): run go test ./internal/record -run TestUpToDate -update", file, err)
	}
}

// A member by which a clause shows, as the marks in the sources say, names the clause.
func TestMarkedMembersHaveAClause(t *testing.T) {
	marks, err := coverage.Marks()
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, mark := range marks {
		for _, name := range mark.Record {
			named[name] = true
		}
	}
	if len(named) < 20 {
		t.Fatalf("the marks name only %d members", len(named))
	}
	for _, m := range record.Types()[0].Members {
		if named[m.Name] && len(m.Clauses) == 0 {
			t.Errorf("%s has no clause", m.Name)
		}
		delete(named, m.Name)
	}
	if len(named) > 0 {
		t.Errorf("marks name what is no member of a record: %v", named)
	}
}

// The schema is JSON with letters as they are.
func TestSchemaText(t *testing.T) {
	text, err := record.Schema()
	if err != nil || !json.Valid(text) || bytes.Contains(text, []byte(`\u00`)) {
		t.Errorf("%v in %.200s", err, text)
	}
}
