package gateway_test

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// readmeBlock returns the fenced block of README.md with that info string.
func readmeBlock(t *testing.T, info string) string {
	t.Helper()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile("(?s)```" + info + "\n(.*?)```").FindSubmatch(readme)
	if m == nil {
		t.Fatalf("README.md has no block of %s", info)
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

// The README's redacted access log holds what was decided, and nothing of the
// person.
func TestREADMERedactedLog(t *testing.T) {
	block := readmeBlock(t, "caddyfile")
	start, end := strings.Index(block, "(redacted)"), strings.Index(block, "developer.example.com {")
	log := filepath.Join(t.TempDir(), "access.log")
	snippet := strings.Replace(block[start:end], "log {", "log {\noutput file "+log, 1)
	config := strings.Replace(site, "http://{addr} {", snippet+"\nhttp://{addr} {\nimport redacted", 1)
	up := newUpstream(t, "sg", nil)
	g := startGate(t, config, map[string]string{
		"accounts": writeFile(t, "a.ndjson", `{"account":"nobody"}`), "sg": up.addr, "br": up.addr, "cn": up.addr,
	})
	g.get("/secret-path?token=secret-query", "Registered-Country", "BR", "Account-Id", "secret-account", "Cookie", "secret-cookie")

	var line string
	waitFor(t, "the access log has a line", func() bool {
		f, err := os.Open(log)
		if err != nil {
			return false
		}
		defer f.Close()
		scanner := bufio.NewScanner(f)
		for scanner.Scan() {
			line = scanner.Text()
		}
		return line != ""
	})
	var entry map[string]any
	if err := json.Unmarshal([]byte(line), &entry); err != nil {
		t.Fatal(err)
	}
	if entry["transfer_controller"] != "sparkoo-br" || entry["transfer_region"] != "sa-brazil-1" || entry["transfer_outcome"] != "allowed" {
		t.Errorf("the line lacks what was decided: %s", line)
	}
	for _, secret := range []string{"secret", "127.0.0.1:", `"remote_ip"`, `"client_ip"`, `"uri"`} {
		if strings.Contains(strings.ReplaceAll(line, g.addr, "gateway"), secret) {
			t.Errorf("the line holds %q: %s", secret, line)
		}
	}
}
