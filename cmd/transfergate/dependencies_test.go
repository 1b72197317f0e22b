package main_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/sparkoo/transfergate/"

// allowed says which of our own packages a package may import: one line a package.
// What is not in the list may import nothing of ours.
const allowed = `
cmd/transfergate: caddyplugin caddyplugin/fleet internal/version
cmd/transferbench: internal/bench
internal/bench: config internal/decision
caddyplugin: caddyplugin/accounts caddyplugin/command caddyplugin/console caddyplugin/gateway caddyplugin/identity caddyplugin/logserver
caddyplugin/command: caddyplugin/adminapi caddyplugin/command/cli caddyplugin/command/demo caddyplugin/command/ledger caddyplugin/command/policy caddyplugin/logserver internal/approval internal/assertion internal/durable internal/fields internal/regular internal/release
caddyplugin/command/demo: caddyplugin/command/cli caddyplugin/gateway config
caddyplugin/command/policy: caddyplugin/adminapi caddyplugin/command/cli caddyplugin/gateway config controllers internal/approval internal/country internal/coverage internal/decision internal/durable internal/ledger internal/policydiff internal/policytest internal/question internal/record internal/regular internal/suggest internal/whatif internal/world
caddyplugin/command/ledger: caddyplugin/adminapi caddyplugin/command/cli internal/anchor internal/decision internal/evidence internal/ledger internal/ledger/verify internal/query internal/query/columns internal/query/scan internal/record internal/regular internal/report internal/review internal/tiles
caddyplugin/command/cli: caddyplugin/adminapi internal/ledger internal/record internal/regular
caddyplugin/fleet: internal/fleet/s3
caddyplugin/console: caddyplugin/gateway caddyplugin/option internal/console internal/ledger internal/query/scan internal/record internal/repeats internal/report
caddyplugin/logserver: caddyplugin/gateway caddyplugin/option caddyplugin/recorder internal/assertion internal/ledger internal/record internal/regular internal/repeats internal/tiles
caddyplugin/identity: caddyplugin/gateway caddyplugin/option internal/decision internal/guard internal/lastgood internal/reference internal/regular internal/suggest internal/token
caddyplugin/accounts: caddyplugin/gateway caddyplugin/option controllers internal/directory internal/lastgood internal/suggest
caddyplugin/gateway: caddyplugin/adminapi caddyplugin/option caddyplugin/recorder caddyplugin/sitecheck controllers internal/approval internal/assertion internal/country internal/decision internal/durable internal/fields internal/geo internal/guard internal/lastgood internal/ledger internal/policydiff internal/policystore internal/question internal/record internal/refusals internal/regular internal/repeats internal/suggest internal/version internal/whatif internal/world
caddyplugin/adminapi: caddyplugin/recorder internal/approval internal/decision internal/ledger internal/policystore internal/question internal/record internal/report internal/review internal/suggest
caddyplugin/sitecheck: internal/decision internal/fields internal/guard internal/suggest
caddyplugin/recorder: caddyplugin/option internal/anchor internal/durable internal/fleet internal/ledger internal/query/columns internal/record internal/refusals internal/regular internal/repeats internal/suggest
caddyplugin/option: internal/regular
config: internal/country internal/decision internal/policydiff internal/question internal/regular internal/suggest internal/world
controllers: internal/country internal/decision internal/lastgood internal/reference internal/regular internal/suggest
internal/policystore: config controllers internal/approval internal/decision internal/durable internal/fields internal/lastgood internal/regular
internal/lastgood: internal/durable internal/regular
internal/console: config internal/coverage internal/decision internal/ledger internal/ledger/verify internal/policydiff internal/query internal/record internal/report internal/review internal/tiles internal/world
internal/console/consoletest: config internal/decision internal/ledger internal/record
internal/coverage: config internal/decision
internal/policydiff: internal/country internal/decision internal/world
internal/policytest: config internal/decision internal/fields internal/policydiff internal/whatif
internal/query: internal/country internal/record internal/suggest
internal/query/columns: internal/ledger internal/query internal/record
internal/query/scan: internal/ledger internal/query internal/query/columns internal/record
internal/question: internal/country internal/decision internal/suggest
internal/whatif: controllers internal/country internal/decision internal/fields internal/question internal/record internal/suggest
internal/guard: internal/decision internal/fields
internal/directory: controllers internal/cache internal/durable internal/fetch internal/regular internal/repeats
internal/durable:
internal/fetch:
internal/cache:
internal/fields: internal/decision
internal/fleet: internal/fetch internal/ledger internal/ledger/format internal/record internal/regular internal/suggest internal/tiles
internal/fleet/fleettest: internal/fleet internal/ledger/format internal/record internal/tiles
internal/fleet/s3: internal/fetch internal/fleet
internal/geo: internal/country internal/lastgood internal/regular
internal/decision: internal/country internal/suggest
internal/decision/decisiontest: internal/decision
internal/approval: internal/regular
internal/assertion: internal/cache internal/fetch internal/suggest
internal/country:
internal/ledger: internal/durable internal/ledger/format internal/record internal/repeats internal/tiles
internal/ledger/format: internal/durable internal/record internal/regular internal/tiles
internal/ledger/verify: internal/ledger/format internal/record internal/tiles
internal/record:
internal/refusals:
internal/release: internal/approval internal/regular
internal/repeats:
internal/report: config internal/decision internal/ledger internal/ledger/verify internal/query internal/query/scan internal/record internal/suggest internal/tiles internal/whatif internal/world
internal/review: config internal/decision internal/ledger internal/query internal/query/scan internal/record internal/tiles internal/whatif
internal/suggest:
internal/version:
internal/world:
internal/reference: internal/decision
internal/regular:
internal/testsupport:
internal/tiles: internal/durable internal/regular
internal/anchor: internal/durable internal/fetch internal/regular internal/tiles
internal/evidence: internal/record internal/tiles
internal/tiles/tilestest: internal/tiles
internal/token: internal/cache internal/fetch internal/lastgood internal/regular internal/suggest
`

// mayImport reads allowed.
func mayImport() map[string][]string {
	arrows := make(map[string][]string)
	for line := range strings.Lines(strings.TrimSpace(allowed)) {
		name, imports, _ := strings.Cut(line, ":")
		arrows[name] = strings.Fields(imports)
	}
	return arrows
}

// Dependencies point down, only cmd and caddyplugin know Caddy, and the decision
// core needs nothing but the standard library.
func TestDependenciesPointDown(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "../../...").CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	arrows := mayImport()
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		name, imports := strings.TrimPrefix(words[0], module), words[1:]
		imported, listed := arrows[name]
		if !listed {
			t.Errorf("package %s is new: say here what it may import", name)
		}
		for _, path := range imports {
			own, ours := strings.CutPrefix(path, module)
			switch {
			case ours && !slices.Contains(imported, own):
				t.Errorf("%s imports %s", name, own)
			case strings.HasPrefix(path, "github.com/caddyserver/") && !strings.HasPrefix(name, "cmd/") && !strings.HasPrefix(name, "caddyplugin"):
				t.Errorf("%s imports Caddy: %s", name, path)
			case name == "internal/decision" && !ours && strings.Contains(path, "."):
				t.Errorf("the decision core imports %s", path)
			}
		}
	}
}

// The product builds without cgo: no package of ours asks for it.
func TestNoCgo(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{if .CgoFiles}}{{.ImportPath}}{{end}}`, "../../...").CombinedOutput()
	if err != nil || len(strings.TrimSpace(string(out))) > 0 {
		t.Errorf("packages with cgo: %s %v", out, err)
	}
}

// A build without caddyplugin/fleet has no client of a store, and no module that only
// such a client needs.
func TestFleetIsApart(t *testing.T) {
	const client = "github.com/minio/minio-go/v7"
	if slices.Contains(goList(t, "-deps", "../../caddyplugin"), client) {
		t.Errorf("a build without the fleet has %s", client)
	}
	if !slices.Contains(goList(t, "-deps", "../../caddyplugin/fleet"), client) {
		t.Errorf("a build with the fleet has no %s: this test looks for the wrong client", client)
	}
}
