package gateway_test

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/caddyplugin/gateway"
)

// withMarketing is the site with the two activities that rest on consent.
var withMarketing = strings.NewReplacer(
	"\t@rights path", "\t@news path /news/*\n\t@survey path /survey/*\n\t@rights path",
	"\t\tactivity rights", "\t\tactivity marketing @news\n\t\tactivity surveys @survey\n\t\tactivity rights",
).Replace(site)

// startChoices runs a site with accounts, whose file it names.
func startChoices(t *testing.T, config, accounts string) (g *gate, r regions, file string) {
	t.Helper()
	r = regions{newUpstream(t, "sg", nil), newUpstream(t, "br", nil), newUpstream(t, "cn", nil)}
	file = writeFile(t, "accounts.ndjson", accounts+"\n")
	g = startGate(t, config, map[string]string{"accounts": file, "sg": r.sg.addr, "br": r.br.addr, "cn": r.cn.addr})
	return g, r, file
}

// seen counts the requests that reached any region.
func (r regions) seen() int {
	return len(r.sg.requests()) + len(r.br.requests()) + len(r.cn.requests())
}

// replaceFile puts new content in a file's place at once.
func replaceFile(t testing.TB, file, content string) {
	t.Helper()
	if err := os.WriteFile(file+".new", []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
}

// wants fails unless a request is answered as told: with 200, or with 403 for a
// reason, which then stands in the problem document.
func wants(t *testing.T, g *gate, r regions, reason, clause, method, path string, fields ...string) {
	t.Helper()
	before := r.seen()
	a := g.do(method, path, "", fields...)
	if reason == "" {
		if a.StatusCode != 200 || r.seen() != before+1 {
			t.Errorf("%s %s %v: status %d, want 200: %s", method, path, fields, a.StatusCode, a.Text)
		}
		return
	}
	p := problemOf(t, a)
	if a.StatusCode != 403 || p["reason"] != reason || p["clause"] != clause || p["unlock"] == nil || p["record"] == nil {
		t.Errorf("%s %s %v: status %d, %v, want %s %s", method, path, fields, a.StatusCode, p, reason, clause)
	}
	if r.seen() != before {
		t.Errorf("%s %s %v: a region saw a request that was denied", method, path, fields)
	}
}

// Choices are enforced once the account file says so, without a reload, and
// given back the same way. The record says which choice it was.
func TestChoicesFollowTheAccountFile(t *testing.T) {
	names := []string{"restricted", "objects", "shuns", "withdrawn", "disabled", "closed", "minor", "guarded"}
	free := ""
	for _, name := range names {
		free += `{"account":"` + name + `","country":"BR"}` + "\n"
	}
	g, r, file := startChoices(t, withMarketing, free)
	paths := []string{"/", "/v1/objects/x", "/v1/support/1", "/news/1", "/survey/1", "/v1/rights/1"}
	for _, path := range paths {
		wants(t, g, r, "", "", "GET", path, "Account-Id", "closed")
	}

	replaceFile(t, file, `{"account":"restricted","country":"BR","restricted":true}
{"account":"objects","country":"BR","objections":["2c"]}
{"account":"shuns","country":"BR","objections":["huawei-cloud-cn","sparkoo-br"]}
{"account":"withdrawn","country":"BR","withdrawn":true}
{"account":"disabled","country":"BR","disabled":["surveys"]}
{"account":"closed","country":"BR","closed":true}
{"account":"minor","country":"BR","minor":true}
{"account":"guarded","country":"BR","minor":true,"guardian":true}
`)
	waitFor(t, "the new records are in force", func() bool { return g.get("/", "Account-Id", "closed").StatusCode == 403 })
	for _, test := range []struct {
		account, reason, clause string
		stops                   string // of paths: y or n
	}{
		{"restricted", "processing_restricted", "§7", "ynyyyn"},
		{"objects", "purpose_objected", "§7", "nnynnn"},
		{"shuns", "recipient_objected", "§7", "nnynnn"},
		{"withdrawn", "consent_withdrawn", "§7", "nnnyyn"},
		{"disabled", "consent_withdrawn", "§7", "nnnnyn"},
		{"closed", "account_closed", "§7", "yyyyyn"},
		{"minor", "minor_without_guardian", "§8", "yyyyyn"},
		{"guarded", "", "", "nnnnnn"},
	} {
		for i, path := range paths {
			reason := test.reason
			if test.stops[i] == 'n' {
				reason = ""
			}
			wants(t, g, r, reason, test.clause, "GET", path, "Account-Id", test.account)
		}
	}
	wants(t, g, r, "", "", "DELETE", "/v1/objects/x", "Account-Id", "closed")
	wants(t, g, r, "account_closed", "§7", "PUT", "/v1/objects/x", "Account-Id", "closed")
	wants(t, g, r, "", "", "GET", "/", "Account-Id", "stranger", "Registered-Country", "BR")
	if a := g.get("/", "Account-Id", "shuns"); a.Text != "sg" {
		t.Errorf("served by %q, whom the person objects to, or by nobody", a.Text)
	}
	staff := []string{"Staff-Entity", "huawei-cloud-cn", "Staff-Country", "CN", "Staff-Id", "agent-7", "Staff-Ticket", "T-1", "Account-Id"}
	wants(t, g, r, "", "", "GET", "/v1/support/1", append(staff, "guarded")...)
	wants(t, g, r, "staff_denied", "§5(f)", "GET", "/v1/support/1", append(staff, "restricted")...) // why is not theirs to know
	wants(t, g, r, "staff_denied", "§5(f)", "GET", "/v1/support/1", append(staff, "shuns")...)

	clauses := map[any]any{}
	for _, rec := range ofType(g.records(), "transfer.refused") {
		clauses[rec["reason"]] = rec["clause"]
		if rec["decision"] != "denied" || rec["enforced"] != true {
			t.Errorf("record %v", rec)
		}
	}
	for _, reason := range []string{"processing_restricted", "purpose_objected", "recipient_objected", "consent_withdrawn", "account_closed"} {
		if clauses[reason] != "§7" {
			t.Errorf("the records of %s cite %v, want §7", reason, clauses[reason])
		}
	}
	if clauses["minor_without_guardian"] != "§8" {
		t.Errorf("the records of minors cite %v, want §8", clauses["minor_without_guardian"])
	}

	replaceFile(t, file, free)
	waitFor(t, "the choices are taken back", func() bool { return g.get("/", "Account-Id", "closed").StatusCode == 200 })
	wants(t, g, r, "", "", "GET", "/v1/support/1", "Account-Id", "shuns")
}

// Consent ends at the moment the record names, with no new record and no reload.
func TestConsentEndsAtItsMoment(t *testing.T) {
	moment := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	var clock atomicTime
	clock.set(moment.Add(-time.Second))
	t.Cleanup(gateway.SetClock(clock.now))
	g, r, _ := startChoices(t, withMarketing, `{"account":"ana","country":"BR","withdrawn":"2026-11-25T12:00:00Z"}`)
	wants(t, g, r, "", "", "GET", "/news/1", "Account-Id", "ana")
	clock.set(moment)
	wants(t, g, r, "consent_withdrawn", "§7", "GET", "/news/1", "Account-Id", "ana")
	wants(t, g, r, "", "", "GET", "/", "Account-Id", "ana")
}

// Sec-GPC stops marketing when it says 1 and nothing else, for anybody.
func TestOptOutSignal(t *testing.T) {
	g, r, _ := startChoices(t, withMarketing, `{"account":"ana","country":"BR"}`)
	const field = "Sec-GPC"
	for _, who := range [][]string{nil, {"Account-Id", "ana"}, {"Registered-Country", "FR"}} {
		wants(t, g, r, "opt_out_signal", "§7", "GET", "/news/1", append(who, field, "1")...)
		wants(t, g, r, "opt_out_signal", "§7", "GET", "/news/1", append(who, "sec-gpc", "0", "SEC-GPC", "1")...)
		for _, value := range []string{"0", "true", "01", "1.0", "?1", "1;x", "1, 1", `"1"`} {
			wants(t, g, r, "", "", "GET", "/news/1", append(who, field, value)...)
		}
		wants(t, g, r, "", "", "GET", "/", append(who, field, "1")...)
		wants(t, g, r, "", "", "PUT", "/v1/objects/x", append(who, field, "1")...)
	}
	if got := r.sg.last(t).Header.Get(field); got != "1" {
		t.Errorf("the upstream got %s %q, want 1", field, got)
	}
}

// Report mode waives a missing safeguard, and never a choice.
func TestReportModeKeepsChoices(t *testing.T) {
	var clock atomicTime
	clock.set(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC))
	t.Cleanup(gateway.SetClock(clock.now))
	report := strings.Replace(withMarketing, "\t\tdemo\n", "\t\tdemo\n\t\tmode report dpo@example.test 2026-12-31\n", 1)
	g, r, _ := startChoices(t, report, `{"account":"ana","country":"BR"}
{"account":"bia","country":"BR","restricted":true}
{"account":"caio","country":"BR","objections":["huawei-cloud-cn"]}
{"account":"davi","country":"BR","withdrawn":true}`)
	const uncovered = "/v1/support/training/1"
	wants(t, g, r, "", "", "GET", uncovered, "Account-Id", "ana")
	wants(t, g, r, "processing_restricted", "§7", "GET", uncovered, "Account-Id", "bia")
	wants(t, g, r, "recipient_objected", "§7", "GET", uncovered, "Account-Id", "caio")
	wants(t, g, r, "consent_withdrawn", "§7", "GET", "/news/1", "Account-Id", "davi")
}

// A person's rights request goes to Singapore whatever the laws miss, and the
// record shows what they miss. Nobody else's does (§7).
func TestRightsAlwaysPass(t *testing.T) {
	g, r, _ := startChoices(t, withMarketing, `{"account":"eva","country":"BR","closed":true,"minor":true,"restricted":true,"objections":["2c","sparkoo-sg"],"contracting_party":{"name":"Revenda","address":"Rua 1","country":"BR"}}
{"account":"ada"}`)
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
		wants(t, g, r, "", "", method, "/v1/rights/1", "Account-Id", "eva")
	}
	if n := len(r.sg.requests()); n != 3 {
		t.Errorf("Singapore saw %d rights requests, want 3", n)
	}
	got := r.sg.last(t).Header.Get("Data-Transfer")
	if !strings.HasPrefix(got, `SG;activity=rights;safeguards="";`) {
		t.Errorf("Data-Transfer %s, want one without safeguards", got)
	}
	for _, rec := range ofType(g.records(), "transfer.accepted") {
		legs, err := json.Marshal(rec["legs"])
		if err != nil {
			t.Fatal(err)
		}
		if rec["decision"] != "allowed" || rec["reason"] != nil || !strings.Contains(string(legs), `"law":"br","missing":true`) {
			t.Errorf("decision %v, reason %v, legs %s", rec["decision"], rec["reason"], legs)
		}
	}
	staff := []string{"Staff-Entity", "sparkoo-sg", "Staff-Country", "SG", "Staff-Id", "agent-7", "Staff-Ticket", "T-1", "Account-Id", "eva"}
	wants(t, g, r, "staff_denied", "§5(f)", "GET", "/v1/rights/1", staff...)
	if refused := ofType(g.records(), "transfer.refused"); refused[len(refused)-1]["reason"] != "recipient_objected" {
		t.Errorf("staff are denied because of %v", refused[len(refused)-1]["reason"])
	}
	wants(t, g, r, "", "", "GET", "/v1/rights/1", "Account-Id", "ada") // whose country nobody knows
	wants(t, g, r, "country_unknown", "§11", "GET", "/v1/objects/1", "Account-Id", "ada")
}

// An account file that objects to what the registers lack is not taken.
func TestObjectionToNobody(t *testing.T) {
	config := strings.NewReplacer("{addr}", "127.0.0.1:0", "{ledger}", t.TempDir(), "{sg}", "127.0.0.1:1", "{br}", "127.0.0.1:1", "{cn}", "127.0.0.1:1",
		"{accounts}", writeFile(t, "accounts.ndjson", `{"account":"jane","objections":["huawei-cloud-xn"]}`)).Replace(site)
	err := validate(config)
	const want = `accounts.ndjson:1: an item of objections is not a purpose 2a to 2g or a recipient of the registers; did you mean 'huawei-cloud-cn'?`
	if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "jane") {
		t.Errorf("error %v, want %s", err, want)
	}
}
