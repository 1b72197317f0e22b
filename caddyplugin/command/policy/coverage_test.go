package policy

import (
	"bytes"
	"encoding/json"
	"os"
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
