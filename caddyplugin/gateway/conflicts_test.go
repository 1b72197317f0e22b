package gateway_test

import (
	"fmt"
	"strings"
	"testing"
)

// Whatever names the person, what another source says against it stands in the
// record as a pair, and nothing more: no value of either.
func TestConflictsStandInTheRecord(t *testing.T) {
	login := newIssuer(t)
	config := chain(t, login.source("party_claim party"), "identity header {\nfrom 127.0.0.0/8\n}", "geoip ../../internal/geo/testdata/test-data/GeoIP2-Country-Test.mmdb")
	config = replaced(t, config, "admin off", "admin off\n\tservers {\n\t\ttrusted_proxies static 127.0.0.0/8\n\t\ttrusted_proxies_strict\n\t}")
	r := regions{newUpstream(t, "sg", nil), newUpstream(t, "br", nil), newUpstream(t, "cn", nil)}
	g := startGate(t, config, map[string]string{
		"accounts": writeFile(t, "accounts.ndjson", `{"account":"bruno","country":"CL","contracting_party":"sparkoo-sg"}`+"\n"),
		"sg":       r.sg.addr, "br": r.br.addr, "cn": r.cn.addr,
	})
	const visitor, other = "67.43.156.1", "kim@thimphu.example" // no salt or digest can hold either
	bhutan := []string{"X-Forwarded-For", visitor}              // by MaxMind's test data
	for _, test := range []struct {
		name   string
		fields []string
		want   string
	}{
		{"nobody disagrees", login.bearer(nil), ""},
		{"the same person", append(login.bearer(nil), "Registered-Country", "BR", "Account-Id", "jane"), ""},
		{"an address elsewhere", append(login.bearer(nil), bhutan...), "registered-country/visitor-country"},
		{"a proxy", append(login.bearer(nil), "Registered-Country", "TH", "Account-Id", other), "jwt-account/header-account jwt-country/header-country"},
		{"a proxy about staff", append(login.bearer(nil), "Account-Id", other, "Staff-Entity", "x", "Staff-Country", "CN"), ""},
		{"all at once", append(append(login.bearer(map[string]any{"sub": "bruno", "party": "sparkoo-br"}), "Registered-Country", "TH"), bhutan...),
			"account-country/claimed-country account-party/country-table account-party/claimed-party claimed-party/country-table jwt-country/header-country registered-country/visitor-country"},
	} {
		before := len(g.records())
		if a := g.do("PUT", "/v1/objects/x", "", test.fields...); a.StatusCode != 200 {
			t.Errorf("%s: status %d: %s", test.name, a.StatusCode, a.Text)
			continue
		}
		var got any
		for _, rec := range ofType(g.records()[before:], "transfer.accepted") {
			got = rec["conflicts"]
			if text := fmt.Sprint(rec); strings.Contains(text, visitor) || strings.Contains(text, other) {
				t.Errorf("%s: the record keeps what was said: %s", test.name, text)
			}
		}
		if want := fmt.Sprint(strings.Fields(test.want)); fmt.Sprint(got) != want && !(got == nil && test.want == "") {
			t.Errorf("%s: conflicts %v, want %s", test.name, got, want)
		}
	}
}

// Why the Singapore company answers for somebody is counted apart: another country
// than those of the table, nobody registered, or their contract.
func TestReasonsForSingaporeAreCountedApart(t *testing.T) {
	g, _, admin, _ := startProbes(t, "")
	count := func(basis, table string) (n float64) {
		for line := range strings.Lines(scrape(t, admin)) {
			fmt.Sscanf(line, `caddy_transfer_controller_basis_total{basis="`+basis+`",table="`+table+`"} %g`, &n)
		}
		return n
	}
	for _, why := range []struct {
		fields       []string
		basis, table string
	}{
		{[]string{"Registered-Country", "FR"}, "registered-country", "other-country"},
		{nil, "not-registered", "not-registered"},
		{[]string{"Account-Id", "bruno"}, "account-center", "account-center"},
	} {
		before := count(why.basis, why.table)
		a := g.get("/", why.fields...)
		if got := a.Header.Get("Data-Controller"); got != "sparkoo-sg" {
			t.Errorf("%v: controller %q", why.fields, got)
		}
		if after := count(why.basis, why.table); after != before+1 {
			t.Errorf("%v: counted %v times as %s, %s", why.fields, after-before, why.basis, why.table)
		}
	}
}

// Consent that a token withdraws is withdrawn whatever the record says, and the
// other way round; it stops what rests on consent and nothing else (§7).
func TestConsentsOfAToken(t *testing.T) {
	login := newIssuer(t)
	config := strings.Replace(withMarketing, "identity header {\n\t\t\tfrom 127.0.0.0/8\n\t\t}", login.source("consents_claim profile.consents"), 1)
	g, r, _ := startChoices(t, config, `{"account":"jane","country":"BR"}
{"account":"surveyless","country":"BR","disabled":["surveys"]}
{"account":"withdrawn","country":"BR","withdrawn":true}`)
	paths := []string{"/news/1", "/survey/1", "/", "/v1/objects/x", "/v1/rights/1"}
	for _, test := range []struct {
		account string
		claim   any
		stops   string // of paths: y or n
	}{
		{"jane", nil, "nnnnn"},
		{"jane", true, "nnnnn"},
		{"jane", false, "yynnn"},
		{"jane", map[string]any{"marketing": false}, "ynnnn"},
		{"jane", map[string]any{"surveys": false, "marketing": true}, "nynnn"},
		{"jane", map[string]any{"2b": false}, "ynnnn"},
		{"jane", map[string]any{"2g": false}, "nnnnn"}, // a purpose that no activity has
		{"jane", map[string]any{"serving": false, "storage": false}, "nnnnn"},
		{"jane", map[string]any{"newsletter": true}, "nnnnn"},
		{"jane", map[string]any{"newsletter": false}, "yynnn"}, // whatever that was
		{"surveyless", map[string]any{"surveys": true, "marketing": false}, "yynnn"},
		{"surveyless", true, "nynnn"},
		{"withdrawn", map[string]any{"surveys": true, "marketing": true}, "yynnn"},
		{"nobody", false, "yynnn"},
	} {
		fields := login.bearer(map[string]any{"sub": test.account, "profile": map[string]any{"consents": test.claim}})
		for i, path := range paths {
			reason := ""
			if test.stops[i] == 'y' {
				reason = "consent_withdrawn"
			}
			wants(t, g, r, reason, "§7", "GET", path, fields...)
			if t.Failed() {
				t.Fatalf("the case is %s, %v", test.account, test.claim)
			}
		}
	}
	fields := login.bearer(map[string]any{"profile": map[string]any{"consents": []string{"marketing"}}})
	wantChallenge(t, "a list", g.get("/", fields...), 401, "identity_broken", "a claim of the token is missing or malformed")
}
