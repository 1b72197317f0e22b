package reference_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/reference"
)

func TestParse(t *testing.T) {
	until := time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC) // 1798675200 s after 1970
	long := strings.Repeat("a", 64)
	for text, want := range map[string]decision.Reference{
		"consent:9f2c":    {Kind: decision.Consent, ID: "9f2c"},
		"instruction:77":  {Kind: decision.Instruction, ID: "77"},
		"consent:" + long: {Kind: decision.Consent, ID: long},
		"case:2026-17;approver=legal-ops;until=@1798675200":   {Kind: decision.Case, ID: "2026-17", Approver: "legal-ops", Until: until},
		"case:2026_17; until=@1798675200; approver=legal.ops": {Kind: decision.Case, ID: "2026_17", Approver: "legal.ops", Until: until},
	} {
		got, err := reference.Parse(text)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v, want %+v", text, got, err, want)
			continue
		}
		// What stands in a record reads back the same.
		if again, err := reference.Parse(got.String()); err != nil || again != got {
			t.Errorf("%s stands in a record as %s, which reads %+v, %v", text, got, again, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{
		"", "9f2c", "consent", "consent:", "Consent:1", "ticket:1", `"consent:1"`, "consent:1, consent:2", "consent:a b", "consent:a@b.example",
		"consent:a/b", "consent:1:2", "consent:" + strings.Repeat("a", 65), "consent:1;approver=x", "consent:1\r\nX: y", "consent:é",
		"case:1", "case:1;approver=x", "case:1;until=@1", "case:1;approver=x;until=1", `case:1;approver="Jane Doe";until=@1`,
		"case:1;approver=x;until=@1;more", "case:1;approver=x/y;until=@1", "case:1;approver=x;until=@1.5",
	} {
		if r, err := reference.Parse(text); !errors.Is(err, reference.ErrMalformed) || r != (decision.Reference{}) {
			t.Errorf("%q: %+v, %v", text, r, err)
		}
	}
	if text := "consent:jane.doe@example.com"; strings.Contains(errorOf(text), "jane") {
		t.Errorf("the error of %s shows it", text)
	}
}

func errorOf(text string) string {
	_, err := reference.Parse(text)
	return err.Error()
}
