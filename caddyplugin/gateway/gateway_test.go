package gateway_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/caddyplugin/gateway"
)

// §11, the Brazilian row.
const (
	brazilName    = `"Sparkoo Technologies Do Brasil Ltda."`
	brazilAddress = `%"Avenida Doutor Chucri Zaidan, S/N, conjunto 252, Edif%c3%adcio EZ Towers, Vila S%c3%a3o Francisco, S%c3%a3o Paulo/SP, CEP 04711-130"`
)

func TestServingNamesTheController(t *testing.T) {
	g, r := startSite(t, "")
	a := g.get("/", "Registered-Country", "BR", "Account-Id", "someone")
	if a.StatusCode != 200 {
		t.Fatalf("status %d: %s", a.StatusCode, a.Text)
	}
	got := r.br.last(t).Header
	for name, want := range map[string]string{
		"Data-Controller":         "sparkoo-br",
		"Data-Controller-Name":    brazilName,
		"Data-Controller-Address": brazilAddress,
		"Data-Controller-Basis":   "registered-country",
		"Data-Subject-Country":    "BR",
		"Data-Region":             "sa-brazil-1",
		"Privacy-Statement":       `"2023-11-21"`,
	} {
		if !slices.Equal(got[name], []string{want}) {
			t.Errorf("upstream got %s %q, want %q", name, got[name], want)
		}
	}
	if v := got.Get("Data-Transfer"); !strings.HasPrefix(v, "BR;activity=serving;") || !strings.Contains(v, `;record="gw-sg-1#`) {
		t.Errorf("upstream got Data-Transfer %q", v)
	}
	for name, want := range map[string]string{"Data-Controller": "sparkoo-br", "Data-Controller-Name": brazilName, "Privacy-Statement": `"2023-11-21"`, "Cache-Control": "private"} {
		if got := a.Header[name]; !slices.Equal(got, []string{want}) {
			t.Errorf("client got %s %q, want %q", name, got, want)
		}
	}
	if link := a.Header.Get("Link"); !strings.HasSuffix(link, `>; rel="privacy-policy"`) {
		t.Errorf("client got Link %q", link)
	}
	if id := got.Get("Account-Id"); id != "" {
		t.Errorf("the upstream got the identity field Account-Id")
	}
}

func TestStorageLandsInSingapore(t *testing.T) {
	g, r := startSite(t, "")
	// The eight controllers' countries, the EU, a country without a law, anonymous.
	for _, code := range []string{"ZA", "CL", "PE", "BR", "TH", "HK", "SA", "SG", "FR", "GB", "CN", "AR", ""} {
		fields := []string{"Registered-Country", code}
		if code == "" {
			fields = nil
		}
		a := g.do(http.MethodPut, "/v1/objects/x", "content", fields...)
		if a.StatusCode != 200 || a.Text != "sg" {
			t.Errorf("%q: status %d from %q: %s", code, a.StatusCode, a.Header.Get("Upstream"), a.Text)
		}
	}
	if n := len(r.br.requests()) + len(r.cn.requests()); n != 0 {
		t.Errorf("%d storage requests left Singapore", n)
	}
	if body := string(r.sg.last(t).Body); body != "content" {
		t.Errorf("the store got body %q", body)
	}
}

func TestSupportNeedsBothLaws(t *testing.T) {
	g, r := startSite(t, "")
	a := g.do(http.MethodPost, "/v1/support/tickets", "help", "Registered-Country", "BR", "Account-Id", "someone", "Cookie", "session=1", "Referer", "http://x.test/", "User-Agent", "test")
	if a.StatusCode != 200 || a.Text != "cn" {
		t.Fatalf("status %d: %s", a.StatusCode, a.Text)
	}
	got := r.cn.last(t).Header
	transfer := got.Get("Data-Transfer")
	if !strings.Contains(transfer, "br-lgpd-") || !strings.Contains(transfer, "sg-pdpa-") {
		t.Errorf("Data-Transfer %q lacks a Brazilian or a Singaporean safeguard", transfer)
	}
	for _, name := range []string{"Cookie", "Referer", "User-Agent", "X-Forwarded-For", "Account-Id", "Registered-Country"} {
		if v, found := got[name]; found && v[0] != "" && !(name == "User-Agent" && strings.HasPrefix(v[0], "Go-http")) {
			t.Errorf("the affiliate got %s %q", name, v)
		}
	}
	accepted := ofType(g.records(), "transfer.accepted")
	if len(accepted) != 1 {
		t.Fatalf("%d records, want 1", len(accepted))
	}
	rec := accepted[0]
	if rec["region"] != "cn-north-4" || rec["recipient"] != "huawei-cloud-cn" || rec["demo"] != true || rec["decision"] != "allowed" || rec["enforced"] != true {
		t.Errorf("record %v", rec)
	}
	var withheld []string
	for _, w := range rec["withheld"].([]any) {
		withheld = append(withheld, w.(string))
	}
	for _, want := range []string{"cookies", "referer", "user-agent", "client-address"} {
		if !slices.Contains(withheld, want) {
			t.Errorf("withheld %q lacks %q", withheld, want)
		}
	}
	subject, _ := rec["subject"].(string)
	if !strings.HasPrefix(subject, "h1:") || strings.Contains(subject, "someone") {
		t.Errorf("subject %q is no pseudonym", subject)
	}
}

func TestCategoryNotCovered(t *testing.T) {
	g, r := startSite(t, "")
	a := g.get("/v1/support/training/1", "Registered-Country", "BR", "Account-Id", "someone")
	p := problemOf(t, a)
	if a.StatusCode != 403 || p["reason"] != "no_safeguard" || p["law"] != "br" && p["law"] != "sg" {
		t.Errorf("status %d, problem %v", a.StatusCode, p)
	}
	if unlock, _ := p["unlock"].(string); !strings.Contains(unlock, "1g") {
		t.Errorf("unlock %q does not name the category 1g", unlock)
	}
	if clause, _ := p["clause"].(string); clause == "" {
		t.Error("the problem names no clause")
	}
	if a.Header.Get("Data-Controller") != "sparkoo-br" || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("denial with header %v", a.Header)
	}
	if n := len(r.sg.requests()) + len(r.br.requests()) + len(r.cn.requests()); n != 0 {
		t.Errorf("%d upstreams saw the request", n)
	}
	refused := ofType(g.records(), "transfer.refused")
	if len(refused) != 1 || refused[0]["reason"] != "no_safeguard" || refused[0]["decision"] != "denied" {
		t.Errorf("records %v", refused)
	}
}

func TestNobodyIdentified(t *testing.T) {
	g, r := startSite(t, "")
	if a := g.get("/"); a.StatusCode != 200 || a.Text != "sg" || a.Header.Get("Data-Controller") != "sparkoo-sg" {
		t.Errorf("serving: status %d, body %q, controller %q", a.StatusCode, a.Text, a.Header.Get("Data-Controller"))
	}
	if basis := r.sg.last(t).Header.Get("Data-Controller-Basis"); basis != "not-registered" {
		t.Errorf("basis %q", basis)
	}
	if a := g.get("/v1/support/1"); a.StatusCode != 403 {
		t.Errorf("support: status %d", a.StatusCode)
	}
	if a := g.get("/community/1"); a.StatusCode != 200 {
		t.Errorf("public: status %d: %s", a.StatusCode, a.Text)
	}
	if len(r.cn.requests()) != 0 {
		t.Error("an affiliate saw an anonymous request")
	}
}

func TestIdentityWithoutCountry(t *testing.T) {
	g, _ := startSite(t, "")
	a := g.get("/", "Account-Id", "nobody")
	if p := problemOf(t, a); a.StatusCode != 403 || p["reason"] != "country_unknown" {
		t.Errorf("status %d, %v", a.StatusCode, p)
	}
	if a := g.get("/community/1", "Account-Id", "nobody"); a.StatusCode != 200 {
		t.Errorf("public: status %d: %s", a.StatusCode, a.Text)
	}
}

func TestAccountRecordPrevails(t *testing.T) {
	g, r := startSite(t, `{"account":"bruno","country":"BR","contracting_party":"sparkoo-sg"}
{"account":"eva","country":"BT","contracting_party":{"name":"Revenda Açaí Ltda","address":"Rua São João 1","country":"BT"}}`)
	a := g.do(http.MethodPut, "/v1/objects/x", "", "Account-Id", "bruno", "Registered-Country", "BR")
	if a.StatusCode != 200 || a.Header.Get("Data-Controller") != "sparkoo-sg" {
		t.Fatalf("status %d, controller %q: %s", a.StatusCode, a.Header.Get("Data-Controller"), a.Text)
	}
	got := r.sg.last(t).Header
	if got.Get("Data-Controller-Basis") != "account-center" || got.Get("Data-Subject-Country") != "BR" {
		t.Errorf("basis %q, country %q", got.Get("Data-Controller-Basis"), got.Get("Data-Subject-Country"))
	}
	if rec := ofType(g.records(), "transfer.accepted")[0]; rec["conflicts"] == nil {
		t.Errorf("the record names no conflict: %v", rec)
	}

	a = g.do(http.MethodPut, "/v1/objects/x", "", "Account-Id", "eva")
	if a.StatusCode != 200 || a.Header.Get("Data-Controller") != "unlisted" {
		t.Fatalf("unlisted party: status %d, controller %q: %s", a.StatusCode, a.Header.Get("Data-Controller"), a.Text)
	}
	got = r.sg.last(t).Header
	if got.Get("Data-Controller-Name") != `%"Revenda A%c3%a7a%c3%ad Ltda"` || got.Get("Data-Controller-Address") != `%"Rua S%c3%a3o Jo%c3%a3o 1"` {
		t.Errorf("unlisted party %q at %q", got.Get("Data-Controller-Name"), got.Get("Data-Controller-Address"))
	}
}

func TestStaff(t *testing.T) {
	g, r := startSite(t, `{"account":"ana","country":"BR"}`)
	staff := []string{"Staff-Entity", "huawei-cloud-cn", "Staff-Country", "CN", "Staff-Id", "agent-7", "Staff-Ticket", "T-1"}
	a := g.get("/v1/support/1", staff...)
	if p := problemOf(t, a); a.StatusCode != 403 || p["reason"] != "staff_without_subject" {
		t.Errorf("no subject: status %d, %v", a.StatusCode, p)
	}
	a = g.get("/v1/support/1", append(staff, "Account-Id", "ana")...)
	if a.StatusCode != 200 {
		t.Fatalf("status %d: %s", a.StatusCode, a.Text)
	}
	rec := ofType(g.records(), "transfer.accepted")[0]
	legs, _ := json.Marshal(rec["legs"])
	if !strings.Contains(string(legs), "br-lgpd-") || !strings.Contains(string(legs), "sg-pdpa-") {
		t.Errorf("legs %s", legs)
	}
	if rec["requester"] != "huawei-cloud-cn@CN" {
		t.Errorf("requester %v", rec["requester"])
	}
	wantStaff(t, rec, "T-1", "", "")
	if rec["controller"] != "sparkoo-br" {
		t.Errorf("controller %v", rec["controller"])
	}
	_ = r
}

func TestChileChangesAtMidnightInSantiago(t *testing.T) {
	// 2026-12-01T00:00 in Santiago is 03:00 UTC.
	midnight := time.Date(2026, 12, 1, 3, 0, 0, 0, time.UTC)
	var clock atomicTime
	clock.set(midnight.Add(-time.Second))
	t.Cleanup(gateway.SetClock(clock.now))
	g, r := startSite(t, "")
	safeguards := func() string {
		if a := g.do(http.MethodPut, "/v1/objects/x", "", "Registered-Country", "CL"); a.StatusCode != 200 {
			t.Fatalf("status %d: %s", a.StatusCode, a.Text)
		}
		return r.sg.last(t).Header.Get("Data-Transfer")
	}
	if got := safeguards(); !strings.Contains(got, "cl-ley19628-pre2026-none") {
		t.Errorf("before: %s", got)
	}
	clock.set(midnight)
	if got := safeguards(); strings.Contains(got, "cl-ley19628") || !strings.Contains(got, "cl-ley21719-art27-") {
		t.Errorf("after: %s", got)
	}
}

func TestNodeElsewhereAsksForMore(t *testing.T) {
	_, r := startSite(t, "") // only for its upstreams
	config := strings.NewReplacer("node gw-sg-1 SG sparkoo-sg", "node gw-za-1 ZA sparkoo-za\n\t\taccept_ledger_outside").Replace(site)
	var got [2]string
	for i, c := range []string{site, config} {
		g := startGate(t, c, map[string]string{"accounts": writeFile(t, "a.ndjson", `{"account":"nobody"}`), "sg": r.sg.addr, "br": r.br.addr, "cn": r.cn.addr})
		if a := g.do(http.MethodPut, "/v1/objects/x", "", "Registered-Country", "BR"); a.StatusCode != 200 {
			t.Fatalf("status %d: %s", a.StatusCode, a.Text)
		}
		got[i] = r.sg.last(t).Header.Get("Data-Transfer")
	}
	if strings.Contains(got[0], "za-popia-") || !strings.Contains(got[1], "za-popia-") {
		t.Errorf("SG node %s\nZA node %s", got[0], got[1])
	}
}
