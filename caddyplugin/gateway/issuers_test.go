package gateway_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// assertedSubject is the sub of the assertion that an upstream got last.
func assertedSubject(t *testing.T, u *upstream) string {
	t.Helper()
	parts := strings.Split(u.last(t).Header.Get("Transfer-Assertion"), ".")
	if len(parts) != 3 {
		t.Fatalf("no assertion: %v", u.last(t).Header)
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims struct{ Sub string }
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	return claims.Sub
}

// TestSubjectsAreUniquePerIssuer: the same subject of another issuer is another
// person, in the account record that holds, in the pseudonym and in what upstreams
// are told.
//
//clause:tests §5(h).2
func TestSubjectsAreUniquePerIssuer(t *testing.T) {
	first, second := newIssuer(t), newIssuer(t)
	config := chain(t, first.source("account_ids shared"), second.source("account_ids own"), "identity header {\nfrom 127.0.0.0/8\n}")
	config = replaced(t, config, "demo\n", "demo\n\t\tassertion {\n\t\t\tissuer http://gw.test\n\t\t}\n")
	own := second.URL + "#jane"
	r := regions{newUpstream(t, "sg", nil), newUpstream(t, "br", nil), newUpstream(t, "cn", nil)}
	g := startGate(t, config, map[string]string{
		"accounts": writeFile(t, "accounts.ndjson", `{"account":"jane","country":"CL","contracting_party":"sparkoo-cl"}
{"account":"`+own+`","country":"TH","contracting_party":"sparkoo-th"}`+"\n"),
		"sg": r.sg.addr, "br": r.br.addr, "cn": r.cn.addr,
	})
	type person struct{ controller, pseudonym, asserted string }
	who := func(fields ...string) person {
		t.Helper()
		a := g.do(http.MethodPut, "/v1/objects/x", "", fields...)
		if a.StatusCode != 200 {
			t.Fatalf("status %d: %s", a.StatusCode, a.Text)
		}
		accepted := ofType(g.records(), "transfer.accepted")
		return person{a.Header.Get("Data-Controller"), fmt.Sprint(accepted[len(accepted)-1]["subject"]), assertedSubject(t, r.sg)}
	}
	jane, other := who(first.bearer(nil)...), who(second.bearer(nil)...)
	if jane.controller != "sparkoo-cl" || other.controller != "sparkoo-th" || jane.pseudonym == other.pseudonym || jane.asserted == other.asserted {
		t.Errorf("jane of the first issuer is %v, of the second %v", jane, other)
	}
	// Shared ids are those of the directory, as a proxy names them; a proxy may name both.
	if byProxy := who("Account-Id", "jane"); byProxy != jane {
		t.Errorf("the account jane is %v, her token's %v", byProxy, jane)
	}
	if byProxy := who("Account-Id", own); byProxy != other {
		t.Errorf("the account %s is %v, her token's %v", own, byProxy, other)
	}
	// No other issuer gets there by spelling it.
	wantChallenge(t, "the second's account in the first's token", g.get("/", first.bearer(map[string]any{"sub": own})...), 401, "identity_broken", "the credential names a malformed account id")
	// Staff ask for an account as it is.
	a := g.get("/v1/support/1", "Staff-Entity", "huawei-cloud-cn", "Staff-Country", "CN", "Staff-Id", "agent-7", "Staff-Ticket", "T-1", "Account-Id", own)
	if accepted := ofType(g.records(), "transfer.accepted"); a.StatusCode != 200 || accepted[len(accepted)-1]["subject"] != other.pseudonym {
		t.Errorf("staff for %s: status %d: %s", own, a.StatusCode, a.Text)
	}
}

// TestIssuersSayWhoseTheirAccountsAre: with one issuer nothing need be said; with more
// of them, a chain that leaves it open is not loaded.
func TestIssuersSayWhoseTheirAccountsAre(t *testing.T) {
	source := func(issuer, more string) string {
		return "identity jwt https://" + issuer + "/jwks {\nissuer https://" + issuer + "\naudience developer\n" + more + "\n}\n"
	}
	for _, test := range []struct{ name, options, want string }{
		{"one issuer", source("a.test", ""), ""},
		{"one issuer twice", source("a.test", "") + source("a.test", "from cookie session"), ""},
		{"one issuer, its own", source("a.test", "account_ids own"), ""},
		{"both said", source("a.test", "account_ids shared") + source("b.test", "account_ids own"), ""},
		{"both shared", source("a.test", "account_ids shared") + source("b.test", "account_ids shared"), ""},
		{"nothing said", source("a.test", "") + source("b.test", ""), "identity: 2 issuers, and the same subject may be another person with each: " +
			"write 'account_ids shared' in the source of an issuer whose subjects are ids of the account directory, 'account_ids own' in any other; " +
			"nothing is said for 'https://a.test', 'https://b.test'"},
		{"one said", source("a.test", "account_ids shared") + source("b.test", ""), "nothing is said for 'https://b.test'"},
		{"both of one issuer", source("a.test", "account_ids own") + source("a.test", "account_ids shared\nfrom cookie session"), "identity source 2: issuer 'https://a.test' has account_ids 'shared' here and 'own' before"},
		{"a # in the issuer", strings.Replace(source("a.test", "account_ids own"), "issuer https://a.test", "issuer https://a.test/#b", 1), "cannot stand before its own account ids"},
		{"unknown word", source("a.test", "account_ids mine"), "account_ids 'mine': account ids are 'shared', those of the account directory, or 'own', the issuer's, at Caddyfile:"},
	} {
		c := grammarCase{options: goodOptions + "\n" + test.options}
		err := validate(c.caddyfile(t))
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v, want %s", test.name, err, test.want)
		}
	}
}
