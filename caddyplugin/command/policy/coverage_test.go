package policy

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sparkoo/transfergate/caddyplugin/command/cli"
	"github.com/sparkoo/transfergate/internal/coverage"
)

// The command prints the table that is in the documentation; a policy with a
// clause that nothing answers is a finding.
func TestCoverage(t *testing.T) {
	var out bytes.Buffer
	code, err := printCoverage(&out, "", false)
	want, readErr := os.ReadFile("../../../config/COVERAGE.md")
	if code != cli.Fine || err != nil || readErr != nil || out.String() != string(want) {
		t.Errorf("exit %d, %v, %v; the table differs from the documentation: %t", code, err, readErr, out.String() != string(want))
	}
	more := copyPolicy(t, func(name, text string) string {
		if name == "statement.yaml" {
			text, _, _ = strings.Cut(text, "digest_of:") // as registers are that have none
			return strings.Replace(text, "  §11: ", "  §12: Something new\n  §11: ", 1)
		}
		return text
	})
	out.Reset()
	code, err = printCoverage(&out, more, true)
	if code != cli.Findings || err == nil || !strings.HasPrefix(err.Error(), "clause §12 has no answer") {
		t.Errorf("exit %d, %v", code, err)
	}
	var rows []coverage.Row
	if err := json.Unmarshal(out.Bytes(), &rows); err != nil || len(rows) < 50 {
		t.Errorf("%d rows, %v", len(rows), err)
	}
}

// The text of a statement is held against the register: the clauses of each, and, once
// the register has the digests that are printed, the words.
func TestCoverageOfAStatement(t *testing.T) {
	path := filepath.Join(t.TempDir(), "statement.txt")
	text := "We care.\n1. Data\nWe take:\n(a) names;\n2. Uses\n3. New\nWe will sing.\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	code, err := printStatement(&out, "", path, false)
	if code != cli.Findings || err == nil {
		t.Errorf("exit %d, %v", code, err)
	}
	for _, want := range []string{
		"differs: the digests of the register are of its own words",
		"differs: the register has §9, and the text does not\n",
		"digest_of: published\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, &out)
		}
	}
	if code, err := printStatement(&out, "", filepath.Join(t.TempDir(), "none.txt"), true); code != cli.Error || err == nil {
		t.Errorf("a file that is not there: exit %d, %v", code, err)
	}
}
