package gateway_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestRightsRequestsAlwaysPass: a country that is no code is as good as none where a
// person asks for their rights (§7), and the record says that it was no code. Nothing
// else passes.
func TestRightsRequestsAlwaysPass(t *testing.T) {
	g, r := startSite(t, `{"account":"cl","country":"CL"}`)
	invalid := []string{"XX", "UK", "EL", "AN", "br", "BRA", "076", "evil value"}
	for _, code := range invalid {
		for _, account := range []string{"", "cl", "nobody-knows"} {
			a := g.get("/v1/rights/access", "Registered-Country", code, "Account-Id", account)
			if a.StatusCode != http.StatusOK {
				t.Errorf("rights of %q, account %q: status %d: %s", code, account, a.StatusCode, a.Text)
			}
		}
		for _, path := range []string{"/", "/v1/objects/x", "/community/x", "/v1/support/x"} {
			if a := g.get(path, "Registered-Country", code); a.StatusCode != 403 || problemOf(t, a)["reason"] != "country_invalid" {
				t.Errorf("%s of %q: status %d: %s", path, code, a.StatusCode, a.Text)
			}
		}
	}
	if n := len(r.br.requests()) + len(r.cn.requests()); n != 0 {
		t.Errorf("%d requests left Singapore", n)
	}
	for _, sent := range r.sg.requests() {
		if got := sent.Header["Data-Subject-Country"]; len(got) != 0 && got[0] != "CL" {
			t.Errorf("the upstream is told the country %q", got)
		}
	}
	for _, record := range g.records() {
		if record["activity"] != "rights" {
			continue
		}
		pairs, _ := record["conflicts"].([]any)
		if country, has := record["country"]; !slices.Contains(pairs, any("claimed-country/iso-3166")) || has && country != "CL" {
			t.Errorf("conflicts %v, country %v", pairs, record["country"])
		}
	}
	// Staff ask for nobody's own rights.
	a := g.get("/v1/rights/access", "Registered-Country", "UK", "Account-Id", "cl", "Staff-Entity", "huawei-cloud-cn", "Staff-Country", "CN", "Staff-Id", "agent-7", "Staff-Ticket", "T-1")
	if a.StatusCode != 403 {
		t.Errorf("staff: status %d", a.StatusCode)
	}
}

// TestInvalidCountryOfARecord: one account record with an invalid country is refused
// alone. Its person's country is unknown, whatever is claimed, and what they chose holds.
func TestInvalidCountryOfARecord(t *testing.T) {
	records := strings.Join([]string{
		`{"account":"good","country":"BR"}`,
		`{"account":"nowhere","country":"XX"}`,
		`{"account":"small","country":"br"}`,
		`{"account":"closed","country":"UK","closed":true}`,
		`{"account":"party","country":"BR","contracting_party":{"name":"N","address":"A","country":"EL"}}`,
	}, "\n")
	g, r := startSite(t, records)
	for _, account := range []string{"nowhere", "small", "closed", "party"} {
		if a := g.get("/v1/rights/access", "Account-Id", account, "Registered-Country", "BR"); a.StatusCode != http.StatusOK {
			t.Errorf("rights of %s: status %d: %s", account, a.StatusCode, a.Text)
		}
		if a := g.get("/", "Account-Id", account, "Registered-Country", "BR"); a.StatusCode != 403 || problemOf(t, a)["reason"] != "country_unknown" {
			t.Errorf("%s: status %d: %s", account, a.StatusCode, a.Text)
		}
	}
	if n := len(r.br.requests()); n != 0 {
		t.Errorf("Brazil saw %d requests", n)
	}
	if a := g.get("/", "Account-Id", "good"); a.StatusCode != http.StatusOK {
		t.Errorf("the sound record: status %d: %s", a.StatusCode, a.Text)
	}
	err := validate(strings.NewReplacer(
		"accounts file {accounts}", "accounts file "+writeFile(t, "a.ndjson", records)+" {\nstrict\n}",
		"{ledger}", t.TempDir(), "{addr}", "127.0.0.1:1", "{sg}", "127.0.0.1:1", "{br}", "127.0.0.1:1", "{cn}", "127.0.0.1:1",
	).Replace(site))
	if err == nil || !strings.Contains(err.Error(), `a.ndjson:2: country "XX" is not an ISO 3166-1 alpha-2 code`) {
		t.Errorf("strict: %v", err)
	}
}

// TestKosovoOnTheWire: XK is a country as any other that the registers give no law: it
// stands in header and record as it came, and none that is another's.
func TestKosovoOnTheWire(t *testing.T) {
	g, r := startSite(t, `{"account":"kosovo","country":"XK"}`)
	for _, who := range [][]string{{"Registered-Country", "XK"}, {"Account-Id", "kosovo", "Registered-Country", "XK"}} {
		if a := g.get("/", who...); a.StatusCode != http.StatusOK {
			t.Errorf("%v: status %d: %s", who, a.StatusCode, a.Text)
		}
		if a := g.get("/v1/support/x", who...); a.StatusCode != http.StatusForbidden || problemOf(t, a)["reason"] != "law_unknown" {
			t.Errorf("%v: support: status %d: %s", who, a.StatusCode, a.Text)
		}
	}
	if n := len(r.br.requests()) + len(r.cn.requests()); n != 0 {
		t.Errorf("%d requests left Singapore", n)
	}
	for _, sent := range r.sg.requests() {
		if got := sent.Header.Get("Data-Subject-Country"); got != "XK" {
			t.Errorf("the upstream is told the country %q", got)
		}
	}
	for _, record := range g.records() {
		if country, has := record["country"]; has && country != "XK" {
			t.Errorf("a record has the country %v", country)
		}
	}
}
