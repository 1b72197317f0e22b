package gateway_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/sparkoo/transfergate/internal/decision"
)

// explaining is a running gateway with an admin API, where the machine itself is
// told what was decided.
func explaining(t *testing.T) (g *gate, ask func(method, query, body string) (int, string)) {
	t.Helper()
	config := replaced(t, site, "admin off", "admin {admin}")
	config = replaced(t, config, "activity storage", "status_to 127.0.0.0/8\n\t\tactivity storage")
	up := newUpstream(t, "sg", nil)
	admin := freeAddr(t)
	g = startGate(t, config, map[string]string{
		"accounts": writeFile(t, "a.ndjson", `{"account":"secret-ana","country":"FR","contracting_party":"sparkoo-br","restricted":true}`),
		"sg":       up.addr, "br": up.addr, "cn": up.addr, "admin": admin,
	})
	return g, func(method, query, body string) (int, string) {
		t.Helper()
		req, err := http.NewRequest(method, "http://"+admin+"/transfer/explain"+query, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(text)
	}
}

// The admin API explains what the gateway then does, of an account too; it records
// nothing and repeats no account id.
func TestExplainOfTheRunningGateway(t *testing.T) {
	g, ask := explaining(t)
	for name, c := range map[string]struct{ method, query, body, want string }{
		"in general":    {http.MethodGet, "?activity=serving&country=BR", "", "allowed  sparkoo-br registered-country sa-brazil-1"},
		"on a day":      {http.MethodGet, "?activity=serving&country=BR&at=2020-01-01", "", "denied no_statement sparkoo-br registered-country "},
		"by staff":      {http.MethodGet, "?activity=support&country=BR&staff=acme@US", "", "denied staff_unknown_recipient sparkoo-br registered-country "},
		"of an account": {http.MethodPost, "", `{"activity":"serving","account":"secret-ana"}`, "denied processing_restricted sparkoo-br account-center "},
	} {
		status, text := ask(c.method, c.query, c.body)
		var answers []decision.Explanation
		if err := json.Unmarshal([]byte(text), &answers); err != nil || status != http.StatusOK || len(answers) != 1 {
			t.Errorf("%s: %d, %v: %s", name, status, err, text)
			continue
		}
		e, region := answers[0], ""
		if len(e.Regions) > 0 {
			region = e.Regions[0].Region
		}
		if got := strings.Join([]string{e.Outcome, string(e.Reason), e.Controller, string(e.Basis), region}, " "); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
		if strings.Contains(text, "secret") {
			t.Errorf("%s: the answer names the account: %s", name, text)
		}
	}
	if records := g.records(); len(ofType(records, "transfer.accepted"))+len(ofType(records, "transfer.refused")) > 0 {
		t.Errorf("explaining left records: %v", records)
	}
	for want, c := range map[string]struct{ method, query, body string }{
		"an account id does not belong into an address": {http.MethodGet, "?activity=serving&account=secret", ""},
		"unknown key in the query; did you mean":        {http.MethodGet, "?activity=serving&contry=BR", ""},
		"did you mean 'serving'?":                       {http.MethodGet, "?activity=servin&country=BR", ""},
		"no site of this gateway serves the activity":   {http.MethodGet, "?activity=surveys&country=BR", ""},
		"the body is not one question as JSON":          {http.MethodPost, "", `{"acount":"secret"}`},
		"have no such account":                          {http.MethodPost, "", `{"activity":"serving","account":"secret"}`},
		"stands twice in the query":                     {http.MethodGet, "?country=BR&country=FR", ""},
	} {
		status, text := ask(c.method, c.query, c.body)
		if status != http.StatusBadRequest || !strings.Contains(text, want) || strings.Contains(text, "secret") {
			t.Errorf("%s: %d %s", want, status, text)
		}
	}
}

// Callers in the named networks are told in Transfer-Status what was decided;
// nobody else is, and no upstream can say it.
func TestTransferStatus(t *testing.T) {
	g, _ := explaining(t)
	if got := g.get("/", "Registered-Country", "BR", "Account-Id", "bob").Header.Get("Transfer-Status"); !strings.HasPrefix(got, "allowed;activity=serving;region=sa-brazil-1") {
		t.Errorf("allowed: %q", got)
	}
	denied := g.get("/v1/support/training/1", "Registered-Country", "BR", "Account-Id", "bob")
	got := denied.Header.Get("Transfer-Status")
	if record := problemOf(t, denied)["record"].(string); !strings.HasPrefix(got, "denied;reason=") || !strings.HasSuffix(got, `;record="`+record+`"`) {
		t.Errorf("denied: %q, problem %s", got, denied.Text)
	}
	up := newUpstream(t, "sg", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Transfer-Status", "allowed") })
	others := startGate(t, replaced(t, site, "activity storage", "status_to 192.0.2.0/24\n\t\tactivity storage"), map[string]string{
		"accounts": writeFile(t, "a.ndjson", `{"account":"a"}`), "sg": up.addr, "br": up.addr, "cn": up.addr,
	})
	if got := others.get("/", "Registered-Country", "BR", "Account-Id", "bob").Header.Values("Transfer-Status"); len(got) > 0 {
		t.Errorf("told to others: %q", got)
	}
}
