package decision_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/sparkoo/transfergate/internal/decision"
)

// TestEveryReasonIsDocumented reads the constants from the source, so that a new
// one cannot be forgotten.
func TestEveryReasonIsDocumented(t *testing.T) {
	var want []decision.Reason
	file, err := parser.ParseFile(token.NewFileSet(), "reason.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		code, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, decision.Reason(code))
		return true
	})
	if got := decision.Reasons(); !slices.Equal(got, want) {
		t.Errorf("documented\n%v\nconstants\n%v", got, want)
	}
}

// TestInfo holds the statuses; 403 unless the table says otherwise.
func TestInfo(t *testing.T) {
	status := map[decision.Reason]int{
		"identity_broken": 401, "identity_ambiguous": 400, "path_ambiguous": 400, "request_ambiguous": 400, "host_missing": 400,
		"upgrade_refused": 400, "body_broken": 400, "body_too_large": 413, "method_not_allowed": 405, "region_down": 503, "ledger_unavailable": 503, "ledger_unshipped": 503,
		"directory_down": 503, "keys_unavailable": 503, "too_early": 425, "region_failed": 502, "region_fell_through": 500,
	}
	// http marks what is HTTP's matter and has no clause.
	http := []decision.Reason{
		"identity_ambiguous", "identity_broken", "method_not_allowed", "path_ambiguous", "request_ambiguous", "host_missing",
		"upgrade_refused", "body_broken", "body_too_large", "region_failed", "region_fell_through", "too_early",
	}
	clause := regexp.MustCompile(`^(introduction|§(1?[0-9])(\([a-z]\))?)$`)
	for _, r := range decision.Reasons() {
		info := r.Info()
		want := 403
		if s, ok := status[r]; ok {
			want = s
		}
		if info.Status != want {
			t.Errorf("%s: status %d, want %d", r, info.Status, want)
		}
		if info.Title == "" || info.Unlock == "" {
			t.Errorf("%s: no title or nothing that unlocks it: %+v", r, info)
		}
		if slices.Contains(http, r) != (info.Clause == "") || info.Clause != "" && !clause.MatchString(info.Clause) {
			t.Errorf("%s: clause %q", r, info.Clause)
		}
	}
	for _, r := range []decision.Reason{"", "unheard_of"} {
		if info := r.Info(); info.Status != 403 || info.Title == "" || info.Unlock == "" {
			t.Errorf("%q: %+v, want a plain 403", r, info)
		}
	}
}
