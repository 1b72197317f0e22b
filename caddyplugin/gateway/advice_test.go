package gateway_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/caddyplugin/gateway"
)

// unwise is a gateway for production in which much loads that somebody should look at.
const unwise = `{
	admin off
	http_port {port}
	transfer {
		node gw-sg-1 SG sparkoo-sg
		ledger {ledger}
		mode report dpo 2025-12-31
		assertion {
			issuer https://gw.test
			key {key}
		}
		identity header {
			from 127.0.0.1/32
			country_field Registered-Country
		}
		identity jwt http://127.0.0.1:1/keys {
			issuer https://login.test
			audience developer
		}
	}
}
http://gw.test:{port} {
	@objects path /v1/objects/*
	transfer {
		activity storage @objects
		region ap-southeast-3 https://a.ap-southeast-3.myhuaweicloud.com
	}
}
`

// startUnwise runs it. The day is 20 November 2026, eleven days before Chile's law changes.
func startUnwise(t *testing.T) *quietGate {
	t.Helper()
	var clock atomicTime
	clock.set(time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC))
	t.Cleanup(gateway.SetClock(clock.now))
	return startQuiet(t, replaced(t, unwise, "{key}", exposedKey(t)))
}

// exposedKey is a key for assertions whose file everybody may read.
func exposedKey(t *testing.T) string {
	key := writeFile(t, "assertion.pem", newEd25519(t))
	if err := os.Chmod(key, 0o644); err != nil { //nolint:gosec // what is tested
		t.Fatal(err)
	}
	return key
}

// What loads and is worth a look is said when the gateway starts, a line each, and once
// as long as it stays so.
func TestWhatWasSilentSpeaks(t *testing.T) {
	q := startUnwise(t)
	warnings := [][]string{
		{`"code":"report-over"`, "report mode ended on 2025-12-31", "Caddyfile:10"},
		{`"code":"key-exposed"`, "others than its owner", "chmod", "Caddyfile:13"},
		{`"code":"identity-order"`, "identity header", "identity jwt", "Caddyfile:15"},
		{`"code":"no-catch-all"`, "no activity", "Caddyfile:28"},
		{`"code":"countries-denied"`, "embedded policy", "storage", "of 250 countries", "Europe", "Africa"},
		{`"code":"law-changing"`, "2026-12-01", "law cl", "ends"},
	}
	for _, w := range warnings {
		if n := q.said(append([]string{`"level":"warn"`}, w...)...); n != 1 {
			t.Errorf("%q: %d lines, want 1", w, n)
		}
	}
	if n := q.said("requests that lack only a safeguard pass"); n > 0 {
		t.Errorf("a mode that is over is said to be on: %d lines", n)
	}
	before := q.said(`"level":"warn"`, `"code"`)
	changed := replaced(t, q.caddyfile, "http_port", "grace_period 1s\n\thttp_port")
	if err := q.load(changed, q.vars); err != nil {
		t.Fatal(err)
	}
	if n := q.said(`"level":"warn"`, `"code"`); n != before {
		t.Errorf("%d warnings, and %d after a reload that changes nothing of it", before, n)
	}
	if err := q.load(replaced(t, changed, "mode report dpo 2025-12-31", "mode report dpo 2025-12-30"), q.vars); err != nil {
		t.Fatal(err)
	}
	if n := q.said(`"code":"report-over"`, "2025-12-30"); n != 1 {
		t.Errorf("what is new after a reload: %d lines, want 1", n)
	}
}

// What is as it should be is not warned of.
func TestAdviceIsSilentOtherwise(t *testing.T) {
	var clock atomicTime
	clock.set(time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)) // no date of the policy is near
	t.Cleanup(gateway.SetClock(clock.now))
	q := startQuiet(t, site)
	for _, code := range []string{"report-over", "key-exposed", "identity-order", "no-catch-all", "countries-denied", "law-changing", "safeguard-expired"} {
		if n := q.said(`"code":"` + code + `"`); n > 0 {
			t.Errorf("%s: %d lines", code, n)
		}
	}
}

// A safeguard that is over is named, whenever a policy is put in force, and so is a
// row's report mode.
func TestExpiredSafeguardSpeaks(t *testing.T) {
	var clock atomicTime
	clock.set(time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC))
	t.Cleanup(gateway.SetClock(clock.now))
	dir := copyPolicy(t)
	q := startQuiet(t, replaced(t, site, "\t\tdemo\n", "\t\tdemo\n\t\tpolicy "+dir+"\n"))
	if n := q.said(`"code":"safeguard-expired"`); n > 0 {
		t.Fatalf("%d lines before", n)
	}
	text, err := os.ReadFile(dir + "/safeguards.yaml")
	if err != nil {
		t.Fatal(err)
	}
	over := strings.Replace(string(text), "  - id: br-support-cn\n", "  - id: br-support-cn\n    valid_until: 2026-05-01\n", 1)
	if over == string(text) {
		t.Fatal("the row is not there")
	}
	if err := os.WriteFile(dir+"/safeguards.yaml", []byte(over), 0o600); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "it is said", func() bool {
		return q.said(`"level":"warn"`, `"code":"safeguard-expired"`, "br-support-cn", "2026-05-01") == 1
	})
}
