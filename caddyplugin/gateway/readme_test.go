package gateway_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// readmeBlock returns the fenced block of README.md with that info string.
func readmeBlock(t *testing.T, info string) string {
	t.Helper()
	return blockOf(t, "README.md", info)
}

// blockOf returns the fenced block of a page, named from the repository's root, with that
// info string.
func blockOf(t *testing.T, page, info string) string {
	t.Helper()
	readme, err := os.ReadFile(filepath.Join("..", "..", page))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile("(?s)```" + info + "\n(.*?)```").FindSubmatch(readme)
	if m == nil {
		t.Fatalf("%s has no block of %s", page, info)
	}
	return string(m[1])
}

// The README's configuration loads as it stands, but for the folders it names.
func TestREADMEConfiguration(t *testing.T) {
	accounts := writeFile(t, "accounts.ndjson", `{"account":"a"}`)
	policy, err := filepath.Abs("../../config/policy")
	if err != nil {
		t.Fatal(err)
	}
	country, err := filepath.Abs("../../internal/geo/country.mmdb")
	if err != nil {
		t.Fatal(err)
	}
	config := strings.NewReplacer(
		// Caddy begins to probe while it still loads, and races with itself when a
		// probe fails at once.
		"health_uri /healthz", "",
		"/etc/transfergate/policy", policy,
		"/etc/transfergate/accounts.ndjson", accounts,
		"/var/lib/transfergate/ledger", filepath.Join(t.TempDir(), "ledger"),
		"/var/lib/transfergate/country.mmdb", country,
	).Replace(readmeBlock(t, "caddyfile"))
	if err := validate(config); err != nil {
		t.Error(err)
	}
}
