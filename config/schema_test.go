package config_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/sparkoo/transfergate/config"
)

var update = flag.Bool("update", false, "write the schemas in config/schema anew")

// The schemas in config/schema are those of the tables the registers are read by.
// "go test ./config -run TestSchemas -update" writes them.
func TestSchemas(t *testing.T) {
	for _, name := range config.SchemaNames() {
		want, err := config.Schema(name)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("schema", name+".json")
		if *update {
			if err := os.WriteFile(path, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what the tables say; write it with -update", path)
		}
	}
	if _, err := config.Schema("law"); err == nil || err.Error() != `no register "law"; did you mean 'laws'?` {
		t.Errorf("an unknown register: %v", err)
	}
}

// schemaOf compiles the schema of a register with a validator that knows nothing of ours.
func schemaOf(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	file, err := os.Open(filepath.Join("schema", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	doc, err := jsonschema.UnmarshalJSON(file)
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource(name, doc); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile(name)
	if err != nil {
		t.Fatal(err)
	}
	if schema.DraftVersion != 7 {
		t.Errorf("schema %s is of draft %d, want 7", name, schema.DraftVersion)
	}
	return schema
}

// plain is what an editor takes a YAML document for: dates are text to it (YAML 1.2).
func plain(t *testing.T, data []byte) any {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	var value func(n *yaml.Node) any
	value = func(n *yaml.Node) any {
		if n.Kind == yaml.MappingNode {
			object := map[string]any{}
			for i := 0; i < len(n.Content); i += 2 {
				object[n.Content[i].Value] = value(n.Content[i+1])
			}
			return object
		}
		if n.Kind == yaml.SequenceNode {
			list := []any{}
			for _, child := range n.Content {
				list = append(list, value(child))
			}
			return list
		}
		switch n.ShortTag() {
		case "!!bool":
			return n.Value == "true"
		case "!!int":
			if v, err := strconv.Atoi(n.Value); err == nil {
				return v
			}
		case "!!null":
			return nil
		}
		return n.Value
	}
	return value(doc.Content[0])
}

// The registers that ship, and those of the tests, are what the schemas say, and
// their first line tells an editor where its schema is.
func TestRegistersAreOfTheirSchema(t *testing.T) {
	for _, name := range config.SchemaNames() {
		schema := schemaOf(t, name)
		for _, dir := range []string{"policy", "testdata/small"} {
			data, err := os.ReadFile(filepath.Join(dir, name+".yaml"))
			if err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(plain(t, data)); err != nil {
				t.Errorf("%s/%s: %v", dir, name, err)
			}
			first, _, _ := strings.Cut(string(data), "\n")
			if dir != "policy" {
				continue
			}
			path, ok := strings.CutPrefix(first, "# yaml-language-server: $schema=")
			if !ok || filepath.Join(dir, path) != filepath.Join("schema", name+".json") {
				t.Errorf("%s.yaml begins with %q, which names no schema", name, first)
			}
		}
	}
}

// TestSchemasRefuse: an editor sees what reading refuses, as far as it can be seen in
// one place.
func TestSchemasRefuse(t *testing.T) {
	for _, test := range []struct{ register, old, new string }{
		{"controllers", "rights_portal: https", "right_portal: https"},
		{"controllers", "rights_portal: https", "rights_portal: http"},
		{"controllers", "    name: One\n", ""},
		{"controllers", "country: BR", "country: UK"},
		{"controllers", "default: true", "default: yes, please"},
		{"controllers", "dpo@example.com", "at example.com"},
		{"laws", "default: prohibited", "default: forbidden"},
		{"laws", "mechanisms:\n      - {tag: br-lgpd-art33-iib-scc", "mechanism:\n      - {tag: br-lgpd-art33-iib-scc"},
		{"laws", "tag: br-lgpd-art33-iib-scc", "tag: BR-LGPD"},
		{"laws", "valid_until: 2026-06-01", "valid_until: June"},
		{"laws", `north: ["NO"]`, `north: "NO"`},
		{"laws", "GF: SG", "GF: [SG]"},
		{"regions", "storage: true", "storage: [true]"},
		{"recipients", "kinds: [4c]", "kinds: [4e]"},
		{"recipients", "kinds: [4c]", "kinds: []"},
		{"recipients", "field:X-Trace", "fields:X-Trace"},
		{"activities", "kind: 9-operator", "kind: operator"},
		{"activities", "order: home", "report: {owner: x}"},
		{"safeguards", "recipients: any", "recipients: all"},
		{"safeguards", "recipients: any", "recipients: []"},
		{"safeguards", "exporters: [one-br, one-sg]", "exporters: [one-br, one-br]"},
		{"safeguards", "every_months: 6", "every_months: 0"},
		{"safeguards", "every_months: 6", "every_months: six"},
		{"safeguards", "notification", "notified"},
		{"statement", "1a: {title: A, dpv: [pd:Name]}", "1a: {title: A}"},
		{"statement", "1a: {title: A, dpv: [pd:Name]}", "1a: {title: A, dpv: [Name]}"},
		{"statement", "  1l:", "  1m:"},
		{"statement", "§9: Storage", "9: Storage"},
		{"statement", "sha256: e3b0", "sha256: E3B0"},
	} {
		data, err := os.ReadFile(filepath.Join("testdata/small", test.register+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(data, []byte(test.old)) {
			t.Fatalf("%s does not hold %q", test.register, test.old)
		}
		spoiled := bytes.Replace(data, []byte(test.old), []byte(test.new), 1)
		if err := schemaOf(t, test.register).Validate(plain(t, spoiled)); err == nil {
			t.Errorf("%s with %q instead of %q is of its schema", test.register, test.new, test.old)
		}
		fsys := small(t)
		edit(t, fsys, test.register+".yaml", test.old, test.new)
		if _, err := config.LoadFS(fsys, "p"); err == nil {
			t.Errorf("%s with %q instead of %q is read", test.register, test.new, test.old)
		}
	}
}
