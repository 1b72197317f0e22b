package policy

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/caddyplugin/command/cli"
	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/policytest"
)

// The shipped tests pass; a policy that no longer does what they say fails with
// the place, the explanation and exit code 2.
func TestTestPolicy(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	var out bytes.Buffer
	if code, err := testPolicy(&out, "", false, now); code != cli.Fine || err != nil || !strings.Contains(out.String(), " tests, 0 failures\nflows ") {
		t.Errorf("exit %d, %v:\n%s", code, err, out.String())
	}
	broken := copyPolicy(t, func(name, text string) string {
		return strings.Replace(text, "serves: [BR]", "serves: [PY]", 1)
	})
	out.Reset()
	code, err := testPolicy(&out, broken, false, now)
	if code != cli.Findings || err == nil {
		t.Errorf("exit %d, %v", code, err)
	}
	for _, want := range []string{
		"/tests.yaml:", "Somebody who registered in Brazil has the Brazilian company: expected controller sparkoo-br, found sparkoo-sg\n",
		"   2. The controller is sparkoo-sg (Sparkoo Technologies Singapore Pte. Ltd.) in SG: the country table.",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("lacks %q:\n%.2000s", want, out.String())
		}
	}
	out.Reset()
	code, _ = testPolicy(&out, broken, true, now)
	var report policytest.Report
	if err := json.Unmarshal(out.Bytes(), &report); err != nil || code != cli.Findings || len(report.Failures) == 0 || report.Failures[0].Line == 0 {
		t.Errorf("exit %d, %v: %+v", code, err, report)
	}
	none := copyPolicy(t, same)
	if err := os.Remove(filepath.Join(none, config.TestsFile)); err != nil {
		t.Fatal(err)
	}
	if code, err := testPolicy(&out, none, false, now); code != cli.Error || err == nil || !strings.Contains(err.Error(), "has no tests.yaml") {
		t.Errorf("exit %d, %v", code, err)
	}
}
