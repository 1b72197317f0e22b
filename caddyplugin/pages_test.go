package caddyplugin_test

import (
	"cmp"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/testsupport"
)

// page holds a reference page of deploy/docs to what it is made from.
func page(t *testing.T, name, text string) {
	t.Helper()
	testsupport.Golden(t, filepath.Join("..", "deploy", "docs", name), text, *update)
}

// The reference page of the reason codes has a line for each.
func TestReasonsPage(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Reason codes\n\n" +
		"Why a request was denied, or failed: `reason` of a problem document, of a record and of `caddy_transfer_reasons_total`. A code is never\n" +
		"renamed, and never used for something else. `transfergate transfer reasons` prints the same; the [runbook](../runbook.md) says what to do at night.\n\n" +
		"This page is made from the table of `internal/decision`: `go test ./caddyplugin -run TestReasonsPage -update`.\n\n" +
		"| reason | status | clause | meaning | what would make it pass |\n|---|---|---|---|---|\n")
	for _, reason := range decision.Reasons() {
		info := reason.Info()
		fmt.Fprintf(&b, "| `%s` | %d %s | %s | %s | %s |\n", reason, info.Status, http.StatusText(info.Status), cmp.Or(info.Clause, "-"), info.Title, info.Unlock)
	}
	page(t, "reasons.md", b.String())
}

// The reference page of the admin API has a line for each of its routes, which the doc of
// adminapi.Routes says in a word.
func TestAdminAPIPage(t *testing.T) { page(t, "admin-api.md", adminAPIPage(t)) }

func adminAPIPage(t *testing.T) string {
	t.Helper()
	source, err := os.ReadFile(filepath.Join("adminapi", "adminapi.go"))
	if err != nil {
		t.Fatal(err)
	}
	means := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^//\t(GET|POST) +(/transfer/[^ ?]*)(\S*) +(.+)$`).FindAllStringSubmatch(string(source), -1) {
		means[m[1]+" "+m[2]] = m[4]
		if m[3] != "" {
			means[m[1]+" "+m[2]] += ": `" + m[3] + "`"
		}
	}
	var b strings.Builder
	b.WriteString("# Admin API\n\n" +
		"Below [the admin address](../README.md#the-admin-address) of Caddy, whose own API stands beside it. What is asked with GET changes nothing. What is asked with POST,\n" +
		"but for `explain`, is an order: over the unix socket, or [signed by an operator](../README.md#the-admin-address). Answers are JSON; an error is\n" +
		"`{\"error\": \"...\"}` with 404 where there is no gateway or no such thing, 422 where what was asked for is refused, 503 where the ledger is away.\n" +
		"The commands of `transfergate transfer` are its client.\n\n" +
		"This page is made from the routes: `go test ./caddyplugin -run TestAdminAPIPage -update`.\n\n" +
		"| route | what |\n|---|---|\n")
	for _, pattern := range adminPaths(t) {
		if means[pattern] == "" {
			t.Errorf("the doc of adminapi.Routes does not say what %s is", pattern)
		}
		fmt.Fprintf(&b, "| `%s` | %s |\n", pattern, means[pattern])
	}
	return b.String()
}
