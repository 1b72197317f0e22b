package console_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/console"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/ledger"
)

// No page is larger than a slow line bears: 60 kB.
func TestPagesAreLight(t *testing.T) {
	c := pages(t)
	for _, address := range []string{
		"", "overview", "overview?days=90", "transfers", "transfers?q=at%3A%3E-30d", "safeguards", "policy", "coverage", "keys", "reports", "person", "export", "record?n=gw-sg-1%231.9",
	} {
		w := get(c, address, console.Officer)
		if size := w.Body.Len(); w.Code != 200 || size > 60<<10 {
			t.Errorf("%q: %d, %d bytes", address, w.Code, size)
		}
	}
}

// What the policy changed against the one before it is said in sentences, from what the
// ledger keeps; a ledger with one policy says that.
func TestPolicyChanges(t *testing.T) {
	if page := get(pages(t), "policy", console.Viewer).Body.String(); !strings.Contains(page, "The ledger has had no other policy.") {
		t.Errorf("with one policy:\n%s", page)
	}
	folder := t.TempDir() + "/ledger"
	l := ledger.New(folder, ledger.Options{Node: "gw-sg-1", Now: func() time.Time { return now }})
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	before, err := config.DefaultRegisters()
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Snapshot(before.Policy.Digest, before.Archive()); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	after := *before.Policy
	after.Digest = strings.Repeat("ab", 32)
	after.Safeguards = nil
	for _, s := range before.Policy.Safeguards {
		if s.ID != "br-support-cn" {
			after.Safeguards = append(after.Safeguards, s)
		}
	}
	options := over(t, folder).Options
	options.Policy = func() *decision.Policy { return &after }
	options.Demo = true
	page := get(console.New(options), "policy", console.Viewer).Body.String()
	for _, want := range []string{
		before.Policy.Digest[:12] + "</a>, which was in force before",
		"People registered in BR: security, support no longer go to cn-north-4 (CN)",
		"br-support-cn",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
}

// Each clause of the statement has what enforces it.
func TestCoveragePage(t *testing.T) {
	page := get(pages(t), "coverage", console.Viewer).Body.String()
	for _, want := range []string{`<tr id="§9">`, "not a gateway&#39;s task, because", `<tr id="§4(c)">`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(page, ">nothing<") {
		t.Error("a clause has no answer")
	}
}

// The clauses are those that the gateway's own policy answers, by what the ledger keeps of
// it, and with the tests of its folder as long as that has the same policy.
func TestCoverageIsOfTheOwnPolicy(t *testing.T) {
	source := filepath.Join(t.TempDir(), "policy")
	if err := os.CopyFS(source, os.DirFS("../../config/policy")); err != nil {
		t.Fatal(err)
	}
	edit := func(file, old, replacement string) {
		t.Helper()
		path := filepath.Join(source, file)
		text, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(text), old) {
			t.Fatalf("%s: %v", file, err)
		}
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(text), old, replacement)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	edit("activities.yaml", "surveys", "polls")
	edit("tests.yaml", "surveys", "polls")
	own, err := config.LoadFolder(source)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir() + "/ledger"
	l := ledger.New(folder, ledger.Options{Node: "gw-sg-1", Now: func() time.Time { return now }})
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	if err := l.Snapshot(own.Registers.Policy.Digest, own.Registers.Archive()); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	options := over(t, folder).Options
	options.Policy = func() *decision.Policy { return own.Registers.Policy }
	options.InForce = func() console.InForce { return console.InForce{Source: source, Loaded: now} }
	page := get(console.New(options), "coverage", console.Viewer).Body.String()
	for _, want := range []string{"activity polls", own.Registers.Policy.Digest[:12]} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(page, "are not known here") {
		t.Error("the tests of the folder are not taken")
	}
	edit("activities.yaml", "polls", "asking")
	edit("tests.yaml", "polls", "asking")
	page = get(console.New(options), "coverage", console.Viewer).Body.String()
	if !strings.Contains(page, "activity polls") || !strings.Contains(page, "are not known here") {
		t.Error("with another policy in the folder the page is of that one, or says nothing")
	}
}

// The register has forms that other reports have not.
func TestFormsOfTheRegister(t *testing.T) {
	c := pages(t)
	for _, tt := range []struct {
		kind, format, begins string
		status               int
	}{
		{"register", "xlsx", "PK", 200},
		{"register", "jsonld", "{\n  \"@context\"", 200},
		{"staff", "xlsx", "<!doctype", 400},
		{"staff", "jsonld", "<!doctype", 400},
		{"register", "pdf", "<!doctype", 400},
	} {
		w := get(c, "report?from=2026-11-01&to=2026-11-30&kind="+tt.kind+"&format="+tt.format, console.Reviewer)
		attached := w.Header().Get("Content-Disposition") != ""
		if w.Code != tt.status || !strings.HasPrefix(w.Body.String(), tt.begins) || attached != (tt.status == 200) {
			t.Errorf("%s as %s: %d, %.40q, attached %t", tt.kind, tt.format, w.Code, w.Body, attached)
		}
	}
}
