package gateway_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/caddyplugin/gateway"
)

// refusedSite logs to a file and counts.
const refusedSite = `{
	admin {admin}
	metrics
	log default {
		output file {log}
	}
	transfer {
		demo
		node gw-sg-1 SG sparkoo-sg
		ledger {ledger}
		{chain}
		identity header {
			from 127.0.0.0/8
			reference_field Reference
		}
	}
}

http://{addr} {
	transfer {
		activity serving
		region ap-southeast-3 {sg}
	}
}
`

// TestRefusedCredentialsSayWhy: whoever is refused for what says who they are, the
// operator learns the cause from the record, the metric and the log, and nobody a
// value of the request.
//
//clause:tests §5(j).5
func TestRefusedCredentialsSayWhy(t *testing.T) {
	login, misspelt, stranger := newIssuer(t), newIssuer(t), newIssuer(t)
	admin, log := freeAddr(t), filepath.Join(t.TempDir(), "log")
	g := startGate(t, refusedSite, map[string]string{
		"admin": admin, "log": log, "sg": newUpstream(t, "sg", nil).addr,
		"chain": login.source("account_ids shared", "max_token 2KiB", "party_claim party", "minor_claim minor", "birth_claim birth", "consents_claim consents",
			"reference_claim reference", "staff_entity_claim entity", "staff_country_claim place",
			"ticket_claim ticket", "access_reason_claim why", "approval_claim approval", "subject field Subject-Account") +
			"\n" + misspelt.source("account_ids own", "account_claim subb"),
	})
	now := time.Now()
	with := func(name string, value any) []string { return login.bearer(map[string]any{name: value}) }
	staff := func(name string, value any) []string {
		return login.bearer(map[string]any{"entity": "huawei-cloud-cn", "place": "CN", name: value})
	}
	const secret = "sekretvalue"
	odd := map[string]any{"is": secret}
	tests := []struct {
		cause  string
		status int
		fields []string
	}{
		{"account_claim_missing", 401, misspelt.bearer(nil)},
		{"account_claim_malformed", 401, with("sub", odd)},
		{"country_claim_malformed", 401, with("country", odd)},
		{"party_claim_malformed", 401, with("party", odd)},
		{"minor_claim_malformed", 401, with("minor", secret)},
		{"birth_claim_malformed", 401, with("birth", secret)},
		{"consents_claim_malformed", 401, with("consents", secret)},
		{"reference_malformed", 401, with("reference", secret)},
		{"staff_entity_claim_malformed", 401, with("entity", odd)},
		{"staff_country_claim_malformed", 401, with("place", odd)},
		{"ticket_malformed", 401, with("ticket", odd)},
		{"ticket_malformed", 401, staff("ticket", secret+" for Jane Doe")},
		{"access_reason_unknown", 401, with("why", odd)},
		{"access_reason_unknown", 401, staff("why", secret)},
		{"approval_malformed", 401, with("approval", odd)},
		{"approval_malformed", 401, staff("approval", "approval:"+secret)},
		{"staff_id_malformed", 403, []string{"Account-Id", "ana", "Staff-Entity", "huawei-cloud-cn", "Staff-Country", "CN", "Staff-Id", "a\xff" + secret}},
		{"ticket_malformed", 401, []string{"Account-Id", "ana", "Staff-Entity", "huawei-cloud-cn", "Staff-Country", "CN", "Staff-Ticket", secret + "@x"}},
		{"token_times_malformed", 401, with("exp", secret)},
		{"token_times_malformed", 401, with("nbf", secret)},
		{"token_times_malformed", 401, with("iat", secret)},
		{"token_without_expiry", 401, with("exp", nil)},
		{"token_expired", 401, with("exp", now.Add(-time.Minute).Unix())},
		{"token_not_yet_valid", 401, with("nbf", now.Add(24*time.Hour).Unix())},
		{"token_too_large", 401, with("x", strings.Repeat("x", 3<<10))},
		{"token_malformed", 401, []string{"Authorization", "Bearer " + secret}},
		{"token_audience", 401, with("aud", secret)},
		{"token_issuer", 401, stranger.bearer(nil)},
		{"token_type", 401, with("header typ", "JWT")},
		{"token_algorithm", 401, with("header alg", "none")},
		{"token_critical", 401, with("header crit", []string{secret})},
		{"token_key_unknown", 401, with("header kid", secret)},
		{"token_signature", 401, []string{"Authorization", "Bearer " + forged(login.token(nil))}},
		{"party_unknown", 401, with("party", secret)},
		{"account_malformed", 401, with("sub", "e\u0301"+secret)},
		{"token_repeated", 400, append(login.bearer(nil), login.bearer(nil)...)},
		{"field_repeated", 400, []string{"Account-Id", secret, "Account-Id", secret}},
		{"account_malformed", 400, []string{"Account-Id", "e\u0301" + secret}},
		{"reference_malformed", 401, []string{"Account-Id", "ana", "Reference", secret}},
		{"person_not_named", 400, []string{"Reference", "case:1"}},
	}
	for _, test := range tests {
		before := len(ofType(g.records(), "transfer.refused"))
		if a := g.get("/", test.fields...); a.StatusCode != test.status {
			t.Errorf("%s: status %d: %s", test.cause, a.StatusCode, a.Text)
			continue
		}
		refused := ofType(g.records(), "transfer.refused")
		if len(refused) != before+1 || refused[before]["cause"] != test.cause {
			t.Errorf("%s: recorded %v", test.cause, refused[before:])
		}
	}
	metrics := scrape(t, admin)
	for _, test := range tests {
		if !regexp.MustCompile(`caddy_transfer_identity_refusals_total\{cause="` + test.cause + `",source="(jwt|header)"\} [1-9]`).MatchString(metrics) {
			t.Errorf("%s is not counted", test.cause)
		}
	}
	g.get("/", misspelt.bearer(nil)...) // the same again
	waitFor(t, "the log is written", func() bool { return strings.Contains(readFile(t, log), "person_not_named") })
	lines := slices.DeleteFunc(strings.Split(readFile(t, log), "\n"), func(line string) bool { return !strings.Contains(line, `"cause":`) })
	for _, test := range tests {
		n := 0
		for _, line := range lines {
			if strings.Contains(line, `"cause":"`+test.cause+`"`) && regexp.MustCompile(`"source":"(jwt|header)","position":[123],`).MatchString(line) {
				n++
			}
		}
		if want := 1; n != want && !strings.HasSuffix(test.cause, "_malformed") { // which two sources have
			t.Errorf("%s: %d lines, want %d", test.cause, n, want)
		}
		if n == 0 {
			t.Errorf("%s: no line", test.cause)
		}
	}
	for where, text := range map[string]string{"log": readFile(t, log), "metrics": metrics, "ledger": fmt.Sprint(g.records())} {
		if strings.Contains(text, secret) {
			t.Errorf("the %s repeats a value of the request", where)
		}
	}
}

// forged is a token with another token's signature.
func forged(token string) string {
	at := strings.LastIndexByte(token, '.') + 1
	flipped := byte('A')
	if token[at] == 'A' {
		flipped = 'B'
	}
	return token[:at] + string(flipped) + token[at+1:]
}

// A cause that comes often is logged once and then counted.
func TestRefusalsAreLoggedOnceThenCounted(t *testing.T) {
	clock := new(atomicTime)
	began := time.Now()
	clock.set(began)
	t.Cleanup(gateway.SetClock(clock.now))
	admin, log := freeAddr(t), filepath.Join(t.TempDir(), "log")
	g := startGate(t, refusedSite, map[string]string{"admin": admin, "log": log, "sg": newUpstream(t, "sg", nil).addr, "chain": ""})
	refuse := func() {
		if a := g.get("/", "Account-Id", "a", "Account-Id", "b"); a.StatusCode != http.StatusBadRequest {
			t.Fatalf("status %d", a.StatusCode)
		}
	}
	for range 20 {
		refuse()
	}
	clock.set(began.Add(time.Hour))
	refuse()
	var found [][]string
	waitFor(t, "two lines", func() bool {
		text, err := os.ReadFile(log)
		found = regexp.MustCompile(`"cause":"field_repeated".*"times":(\d+)`).FindAllStringSubmatch(string(text), -1)
		return err == nil && len(found) >= 2
	})
	if len(found) != 2 || found[0][1] != "1" || found[1][1] != "20" {
		t.Errorf("logged %q, want the first, and the 20 since an hour later", found)
	}
}

// TestCausesAreDocumented: the runbook says of every cause what it means.
func TestCausesAreDocumented(t *testing.T) {
	runbook := readFile(t, filepath.Join("..", "..", "deploy", "runbook.md"))
	for _, cause := range gateway.Causes() {
		if !strings.Contains(runbook, "`"+string(cause)+"`") {
			t.Errorf("the runbook does not know the cause %s", cause)
		}
	}
}
