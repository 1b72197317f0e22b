package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestTokenNamesThePerson(t *testing.T) {
	login := newIssuer(t)
	g, r := startChain(t, `{"account":"bruno","contracting_party":"sparkoo-sg"}`, login.source("party_claim contract.party"))
	party := func(id string) map[string]any { return map[string]any{"contract": map[string]any{"party": id}} }
	bruno := party("sparkoo-br")
	bruno["sub"] = "bruno"
	for _, test := range []struct {
		name              string
		fields            []string
		controller, basis string
	}{
		{"the country of the token", login.bearer(nil), "sparkoo-br", "registered-country"},
		{"the same token again", login.bearer(nil), "sparkoo-br", "registered-country"},
		{"the party of the token", login.bearer(party("sparkoo-sg")), "sparkoo-sg", "token-claim"},
		{"the account record", login.bearer(bruno), "sparkoo-sg", "account-center"},
		{"scheme in small letters", []string{"Authorization", "bearer " + login.token(nil)}, "sparkoo-br", "registered-country"},
		{"no token", nil, "sparkoo-sg", "not-registered"},
		{"another scheme", []string{"Authorization", "Basic YTpi"}, "sparkoo-sg", "not-registered"},
	} {
		a := g.do(http.MethodPut, "/v1/objects/x", "", test.fields...)
		if a.StatusCode != 200 || a.Header.Get("Data-Controller") != test.controller {
			t.Errorf("%s: status %d, controller %q: %s", test.name, a.StatusCode, a.Header.Get("Data-Controller"), a.Text)
			continue
		}
		got := r.sg.last(t).Header
		if basis := got.Get("Data-Controller-Basis"); basis != test.basis {
			t.Errorf("%s: basis %q, want %q", test.name, basis, test.basis)
		}
		if test.fields != nil && got.Get("Authorization") != test.fields[1] {
			t.Errorf("%s: the store got Authorization %q", test.name, got.Get("Authorization"))
		}
	}
	records := ofType(g.records(), "transfer.accepted")
	if rec := records[0]; rec["country_source"] != "jwt" || rec["country"] != "BR" || !strings.HasPrefix(fmt.Sprint(rec["subject"]), "h1:") {
		t.Errorf("record %v", rec)
	}
	if got := fmt.Sprint(records[2]["conflicts"]); got != "[claimed-party/country-table]" {
		t.Errorf("conflicts of the party's record: %s", got)
	}
	if got := fmt.Sprint(records[3]["conflicts"]); got != "[account-party/country-table account-party/claimed-party]" {
		t.Errorf("conflicts of the account's record: %s", got)
	}
}

// A token can say that a person is a minor; the account record can say that a
// guardian stands by them (§8).
func TestTokenOfAMinor(t *testing.T) {
	login := newIssuer(t)
	g, r := startChain(t, `{"account":"guarded","guardian":true}`, login.source("minor_claim profile.minor"))
	minor := func(sub string, value any) []string {
		return login.bearer(map[string]any{"sub": sub, "profile": map[string]any{"minor": value}})
	}
	wantChallenge(t, "a minor", g.get("/", minor("jane", true)...), 403, "minor_without_guardian", "")
	wantChallenge(t, "a word", g.get("/", minor("jane", "no")...), 401, "identity_broken", "a claim of the token is missing or malformed")
	if n := r.seen(); n != 0 {
		t.Errorf("%d requests reached a region", n)
	}
	for name, fields := range map[string][]string{"of age": minor("jane", false), "nothing said": login.bearer(nil), "guarded": minor("guarded", true)} {
		if a := g.get("/", fields...); a.StatusCode != 200 {
			t.Errorf("%s: status %d: %s", name, a.StatusCode, a.Text)
		}
	}
}

// A token, or the account record, can say when a person was born; the registers
// say from which age on they are of age (§8). Nothing but the denial is kept.
func TestTokenWithABirthDate(t *testing.T) {
	logged := filepath.Join(t.TempDir(), "log")
	login := newIssuer(t)
	ago := func(years, days int) string { return time.Now().UTC().AddDate(-years, 0, days).Format(time.DateOnly) }
	adult, nineteen, young := ago(18, -1), ago(19, -1), ago(18, 2)
	r := regions{newUpstream(t, "sg", nil), newUpstream(t, "br", nil), newUpstream(t, "cn", nil)}
	g := startGate(t, replaced(t, chain(t, login.source("birth_claim profile.birthdate")), "admin off", "admin off\n\tdebug\n\tlog {\n\t\toutput file "+logged+"\n\t}"), map[string]string{
		"sg": r.sg.addr, "br": r.br.addr, "cn": r.cn.addr,
		"accounts": writeFile(t, "accounts.ndjson", strings.Join([]string{
			`{"account":"guarded","guardian":true}`, `{"account":"young","born":"` + young + `"}`, `{"account":"grown","born":"` + adult + `"}`,
			`{"account":"thai","contracting_party":"sparkoo-th","born":"` + nineteen + `"}`,
		}, "\n")+"\n"),
	})
	born := func(sub string, value any, more ...string) []string {
		claims := map[string]any{"sub": sub, "profile": map[string]any{"birthdate": value}}
		for i := 0; i < len(more); i += 2 {
			claims[more[i]] = more[i+1]
		}
		return login.bearer(claims)
	}
	minors := map[string][]string{
		"a minor": born("jane", young), "a year": born("jane", young[:4]), "in Thailand": born("jane", nineteen, "country", "TH"),
		"by the record": born("young", nil), "by the record, though the token says otherwise": born("young", adult),
		"by the token, though the record says otherwise": born("grown", young), "by the Thai company": born("thai", nil),
	}
	for name, fields := range minors {
		wantChallenge(t, name, g.get("/", fields...), 403, "minor_without_guardian", "")
	}
	for _, value := range []any{"17 May 2010", "0000-05-17", "2010-02-30", 17, true, []string{"2010"}} {
		wantChallenge(t, fmt.Sprint(value), g.get("/", born("jane", value)...), 401, "identity_broken", "a claim of the token is missing or malformed")
	}
	if n := r.seen(); n != 0 {
		t.Errorf("%d requests reached a region", n)
	}
	for name, fields := range map[string][]string{
		"of age": born("jane", adult), "a number": born("jane", 1990), "guarded": born("guarded", young), "nothing said": born("jane", nil), "by the record": born("grown", nil),
	} {
		if a := g.get("/", fields...); a.StatusCode != 200 {
			t.Errorf("%s: status %d: %s", name, a.StatusCode, a.Text)
		}
	}
	if a := g.get("/v1/rights/export", born("jane", young)...); a.StatusCode != 200 {
		t.Errorf("a minor's rights: status %d: %s", a.StatusCode, a.Text)
	}
	records := fmt.Sprint(g.records())
	if n := strings.Count(records, "minor_without_guardian"); n != len(minors) {
		t.Errorf("%d records of %d denials", n, len(minors))
	}
	heard := fmt.Sprint(r.sg.requests(), r.br.requests())
	for where, text := range map[string]string{"the records": records, "the log": readFile(t, logged), "a region": strings.ReplaceAll(heard, "Bearer", "")} {
		for _, date := range []string{adult, nineteen, young, "17 May"} {
			if strings.Contains(text, date) {
				t.Errorf("%s holds the date of birth %s", where, date)
			}
		}
	}
}

// What looks like a placeholder in a claim is that text, and nothing else.
func TestClaimsAreNotExpanded(t *testing.T) {
	t.Setenv("TG_PERSON", "bruno")
	t.Setenv("TG_PARTY", "sparkoo-sg")
	login := newIssuer(t)
	g, r := startChain(t, `{"account":"bruno","contracting_party":"sparkoo-sg"}`, login.source("party_claim party"))
	if a := g.get("/", login.bearer(map[string]any{"sub": "{env.TG_PERSON}"})...); a.StatusCode != 200 || r.br.last(t).Header.Get("Data-Controller-Basis") != "registered-country" {
		t.Errorf("status %d, fields %v", a.StatusCode, r.br.last(t).Header)
	}
	wantChallenge(t, "the party", g.get("/", login.bearer(map[string]any{"party": "{env.TG_PARTY}"})...), 401, "identity_broken", "the credential names an unknown contracting party")
	if a := g.get("/", login.bearer(map[string]any{"sub": "bruno"})...); a.StatusCode != 200 || a.Header.Get("Data-Controller") != "sparkoo-sg" {
		t.Errorf("bruno himself: status %d, controller %q: this test sees nothing", a.StatusCode, a.Header.Get("Data-Controller"))
	}
}

// The affiliate gets neither the token nor what says it in another way.
func TestTokenIsWithheld(t *testing.T) {
	login := newIssuer(t)
	g, r := startChain(t, "", login.source(), login.source("from cookie session"), login.source("from field Access-Token"))
	for _, fields := range [][]string{
		login.bearer(nil), {"Cookie", "a=b; session=" + login.token(nil)}, {"Access-Token", login.token(nil)},
	} {
		if a := g.get("/v1/support/1", fields...); a.StatusCode != 200 || a.Text != "cn" {
			t.Fatalf("%s: status %d: %s", fields[0], a.StatusCode, a.Text)
		}
		if got := r.cn.last(t).Header; len(got[fields[0]]) != 0 {
			t.Errorf("the affiliate got %s", fields[0])
		}
		if a := g.get("/", fields...); a.StatusCode != 200 || a.Text != "br" {
			t.Fatalf("%s: status %d: %s", fields[0], a.StatusCode, a.Text)
		}
		if got := r.br.last(t).Header.Get(fields[0]); got != fields[1] {
			t.Errorf("the controller's own region got %s %q", fields[0], got)
		}
	}
}

// Every way a token can be wrong, and what its sender is told. No upstream sees
// any of them.
func TestTokensThatAreRefused(t *testing.T) {
	login, stranger := newIssuer(t), newIssuer(t)
	stranger.URL, stranger.kid = login.URL, login.kid // and another key
	g, r := startChain(t, "", login.source("party_claim party"), login.source("from cookie session"), login.source("from field Access-Token"))
	good := login.token(nil)
	now := time.Now()
	const bad = "identity_broken"
	for _, test := range []struct {
		name        string
		fields      []string
		status      int
		reason      string
		description string
	}{
		{"opaque", []string{"Authorization", "Bearer s3cr3t"}, 401, bad, "the token is not a signed JWT in compact form"},
		{"nothing", []string{"Authorization", "Bearer"}, 401, bad, "the token is not a signed JWT in compact form"},
		{"a tab before it", []string{"Authorization", "Bearer\t" + good + "x"}, 401, bad, "the token is not a signed JWT in compact form"},
		{"two in one field", []string{"Authorization", "Bearer " + good + ", Bearer " + good}, 401, bad, "the token is not a signed JWT in compact form"},
		{"too large", []string{"Authorization", "Bearer " + strings.Repeat("a", 17<<10)}, 401, bad, "the token is too large"},
		{"forged", stranger.bearer(nil), 401, bad, "the token's signature is not valid"},
		{"expired", login.bearer(map[string]any{"exp": now.Add(-time.Minute).Unix()}), 401, bad, "the token has expired"},
		{"not valid yet", login.bearer(map[string]any{"nbf": now.Add(time.Minute).Unix()}), 401, bad, "the token is not valid yet"},
		{"no expiry", login.bearer(map[string]any{"exp": nil}), 401, bad, "the token has no expiry"},
		{"someone else's audience", login.bearer(map[string]any{"aud": "console"}), 401, bad, "the token is meant for another audience"},
		{"someone else's issuer", login.bearer(map[string]any{"iss": "https://evil.test"}), 401, bad, "the token's issuer is not accepted"},
		{"an ID token", login.bearer(map[string]any{"header typ": "JWT"}), 401, bad, "the token's type is not accepted"},
		{"alg none", login.bearer(map[string]any{"header alg": "none"}), 401, bad, "the token's algorithm is not accepted"},
		{"alg HS256", login.bearer(map[string]any{"header alg": "HS256"}), 401, bad, "the token's algorithm is not accepted"},
		{"crit", login.bearer(map[string]any{"header crit": []string{"x"}}), 401, bad, "the token has critical header parameters, which are not accepted"},
		{"unknown key", login.bearer(map[string]any{"header kid": "x"}), 401, bad, "the token's key is unknown"},
		{"no account", login.bearer(map[string]any{"sub": nil}), 401, bad, "a claim of the token is missing or malformed"},
		{"account an object", login.bearer(map[string]any{"sub": map[string]any{}}), 401, bad, "a claim of the token is missing or malformed"},
		{"unknown party", login.bearer(map[string]any{"party": "sparkoo-xx"}), 401, bad, "the credential names an unknown contracting party"},
		{"unlisted party", login.bearer(map[string]any{"party": "unlisted"}), 401, bad, "the credential names an unknown contracting party"},
		{"no country", login.bearer(map[string]any{"country": nil}), 403, "country_unknown", ""},
		{"no such country", login.bearer(map[string]any{"country": "UK"}), 403, "country_invalid", ""},
		{"a placeholder", login.bearer(map[string]any{"country": "{env.HOME}"}), 403, "country_invalid", ""},
		{"two fields", append(login.bearer(nil), login.bearer(nil)...), 400, "identity_ambiguous", ""},
		{"two schemes", append(login.bearer(nil), "Authorization", "Basic YTpi"), 400, "identity_ambiguous", ""},
		{"two cookies", []string{"Cookie", "session=" + good + "; session=" + good}, 400, "identity_ambiguous", ""},
		{"two lines", []string{"Access-Token", good, "Access-Token", good}, 400, "identity_ambiguous", ""},
		{"good and broken", []string{"Access-Token", good, "Cookie", "session=x"}, 401, bad, "the token is not a signed JWT in compact form"},
	} {
		a := g.get("/", test.fields...)
		wantChallenge(t, test.name, a, test.status, test.reason, test.description)
		if len(test.fields) > 1 && len(test.fields[1]) > 30 && strings.Contains(a.Text, test.fields[1][7:30]) {
			t.Errorf("%s: the answer repeats the token: %s", test.name, a.Text)
		}
	}
	if n := r.seen(); n != 0 {
		t.Errorf("%d requests reached a region", n)
	}
	for _, fields := range [][]string{{"Cookie", "session="}, {"Access-Token", ""}} { // no token, and not a broken one
		if a := g.get("/", fields...); a.StatusCode != 200 || a.Text != "sg" {
			t.Errorf("%q: status %d, %q; want Singapore, as for anybody", fields, a.StatusCode, a.Text)
		}
	}
	if a := g.get("/", "Authorization", "Bearer "+good); a.StatusCode != 200 {
		t.Errorf("after all that: status %d: %s", a.StatusCode, a.Text)
	}
}

// Nobody is anonymous because the key service is down.
func TestKeyServiceDown(t *testing.T) {
	login := newIssuer(t)
	login.down.Store(true)
	g, r := startChain(t, "", login.source())
	wantChallenge(t, "down from the start", g.get("/", login.bearer(nil)...), 503, "keys_unavailable", "")
	if a := g.get("/ready"); a.StatusCode != 503 || !strings.Contains(a.Text, "never loaded") {
		t.Errorf("ready without keys: status %d: %s", a.StatusCode, a.Text)
	}
	if a := g.get("/"); a.StatusCode != 200 || a.Text != "sg" {
		t.Errorf("without a token: status %d: %s", a.StatusCode, a.Text)
	}
	if n := r.seen(); n != 1 {
		t.Errorf("%d requests reached a region, want 1", n)
	}
	login.down.Store(false)
	waitFor(t, "the service is heard again", func() bool { return g.get("/", login.bearer(nil)...).StatusCode == 200 })

	login.down.Store(true)
	if a := g.get("/", login.bearer(map[string]any{"jti": "2"})...); a.StatusCode != 200 {
		t.Errorf("down again, and the keys are known: status %d: %s", a.StatusCode, a.Text)
	}
	waitFor(t, "an unknown key may be a good one", func() bool {
		return g.get("/", login.bearer(map[string]any{"header kid": "new"})...).StatusCode == 503
	})
}

// A rotated key is accepted within seconds, under a flood of junk; the flood
// causes no more than one fetch a second.
func TestRotationUnderJunk(t *testing.T) {
	login := newIssuer(t)
	g, _ := startChain(t, "", login.source())
	if a := g.get("/", login.bearer(nil)...); a.StatusCode != 200 {
		t.Fatalf("status %d: %s", a.StatusCode, a.Text)
	}
	began, before := time.Now(), login.fetches.Load()
	junk := make([]string, 200)
	for i := range junk {
		junk[i] = login.token(map[string]any{"header kid": fmt.Sprint("junk-", i)})
	}
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for i := worker; i < len(junk); i += 4 {
				if a := g.get("/", "Authorization", "Bearer "+junk[i]); a.StatusCode != 401 {
					t.Errorf("junk %d: status %d", i, a.StatusCode)
				}
			}
		})
	}
	wg.Wait()
	if n, most := login.fetches.Load()-before, int64(time.Since(began).Seconds())+1; n > most {
		t.Errorf("%d fetches in %s, want at most %d", n, time.Since(began), most)
	}
	old := login.token(nil)
	login.rotate("2026-2")
	waitFor(t, "the rotated key is accepted", func() bool { return g.get("/", login.bearer(nil)...).StatusCode == 200 })
	wantChallenge(t, "the key that is gone", g.get("/", "Authorization", "Bearer "+old), 401, "identity_broken", "the token's key is unknown")
}

// Staff: the token names entity and country, the subject comes from a claim of
// its own, and what else the token says is not the subject's.
func TestStaffToken(t *testing.T) {
	login := newIssuer(t)
	g, r := startChain(t, `{"account":"ana","country":"BR"}
{"account":"nocountry"}`, login.source("staff_entity_claim work.entity", "staff_country_claim work.country", "ticket_claim ticket", "subject claim act_for", "party_claim party"))
	staff := func(entity, country, subject any) []string {
		return login.bearer(map[string]any{"sub": "agent-7", "country": "TH", "party": "sparkoo-th", "ticket": "T-1", "act_for": subject, "work": map[string]any{"entity": entity, "country": country}})
	}
	for _, test := range []struct {
		name   string
		fields []string
		reason string
	}{
		{"no subject", staff("huawei-cloud-cn", "CN", nil), "staff_without_subject"},
		{"a subject nobody knows", staff("huawei-cloud-cn", "CN", "nobody"), "staff_denied"},
		{"a subject whose country nobody knows", staff("huawei-cloud-cn", "CN", "nocountry"), "staff_denied"},
		{"the agent's own account", staff("huawei-cloud-cn", "CN", "agent-7"), "staff_denied"},
		{"an entity nobody knows", staff("evil-corp", "CN", "ana"), "staff_unknown_recipient"},
		{"another country", staff("huawei-cloud-cn", "SG", "ana"), "staff_unknown_recipient"},
		{"no country", staff("huawei-cloud-cn", nil, "ana"), "staff_unknown_recipient"},
		{"no entity", staff(nil, "CN", "ana"), "staff_unknown_recipient"},
	} {
		a := g.get("/v1/support/1", test.fields...)
		if p := problemOf(t, a); a.StatusCode != 403 || p["reason"] != test.reason {
			t.Errorf("%s: status %d, %v", test.name, a.StatusCode, p)
		}
	}
	if n := r.seen(); n != 0 {
		t.Errorf("%d requests reached a region", n)
	}
	a := g.get("/v1/support/1", staff("huawei-cloud-cn", "CN", "ana")...)
	if a.StatusCode != 200 || a.Header.Get("Data-Controller") != "sparkoo-br" {
		t.Fatalf("status %d, controller %q: %s", a.StatusCode, a.Header.Get("Data-Controller"), a.Text)
	}
	rec := ofType(g.records(), "transfer.accepted")[0]
	if rec["requester"] != "huawei-cloud-cn@CN" || rec["country"] != "BR" || rec["basis"] != "registered-country" {
		t.Errorf("record %v", rec)
	}
	if a := g.get("/", login.bearer(nil)...); a.StatusCode != 200 || a.Header.Get("Data-Controller") != "sparkoo-br" {
		t.Errorf("a customer's token: status %d: %s", a.StatusCode, a.Text)
	}
}

// Two issuers in one chain: each judges its own tokens, and a token of neither is
// refused, even if a proxy in front vouches for somebody.
func TestTwoIssuers(t *testing.T) {
	customers, staff, stranger := newIssuer(t), newIssuer(t), newIssuer(t)
	g, r := startChain(t, "", customers.source("account_ids shared"), staff.source("typ JWT", "account_ids shared"), "identity header {\nfrom 127.0.0.0/8\n}")
	typ := map[string]any{"header typ": "JWT", "country": "TH"}
	for name, test := range map[string]struct {
		fields     []string
		controller string
	}{
		"the first":           {customers.bearer(nil), "sparkoo-br"},
		"the second":          {staff.bearer(typ), "sparkoo-th"},
		"a proxy":             {[]string{"Registered-Country", "CL"}, "sparkoo-cl"},
		"the second, a proxy": {append(staff.bearer(typ), "Registered-Country", "CL"), "sparkoo-th"},
	} {
		if a := g.do(http.MethodPut, "/v1/objects/x", "", test.fields...); a.StatusCode != 200 || a.Header.Get("Data-Controller") != test.controller {
			t.Errorf("%s: status %d, controller %q: %s", name, a.StatusCode, a.Header.Get("Data-Controller"), a.Text)
		}
	}
	before := r.seen()
	const foreign = "the token's issuer is not accepted"
	wantChallenge(t, "neither", g.get("/", stranger.bearer(nil)...), 401, "identity_broken", foreign)
	wantChallenge(t, "neither, a proxy", g.get("/", append(stranger.bearer(nil), "Registered-Country", "CL")...), 401, "identity_broken", foreign)
	wantChallenge(t, "the second with the first's type", g.get("/", staff.bearer(nil)...), 401, "identity_broken", "the token's type is not accepted")
	wantChallenge(t, "broken, a proxy", g.get("/", "Authorization", "Bearer x", "Registered-Country", "CL"), 401, "identity_broken", "the token is not a signed JWT in compact form")
	if r.seen() != before {
		t.Error("a refused request reached a region")
	}
}

// Pinned keys need no network, and validating a configuration asks nobody.
func TestKeysWithoutNetwork(t *testing.T) {
	login := newIssuer(t)
	file := writeFile(t, "keys.json", *login.set.Load())
	g, _ := startChain(t, "", "identity jwt {\nissuer "+login.URL+"\naudience developer\nkeys "+file+"\n}")
	if a := g.get("/", login.bearer(nil)...); a.StatusCode != 200 {
		t.Errorf("status %d: %s", a.StatusCode, a.Text)
	}
	wantChallenge(t, "unknown key", g.get("/", login.bearer(map[string]any{"header kid": "x"})...), 401, "identity_broken", "the token's key is unknown")

	c := grammarCase{options: goodOptions + "\n" + login.source()}
	if err := validate(c.caddyfile(t)); err != nil {
		t.Error(err)
	}
	if n := login.fetches.Load(); n != 0 {
		t.Errorf("%d fetches, want none", n)
	}
}

// A reload while the key service is down keeps the keys; so does a restart, with
// a cache.
func TestKeysOutliveTheConfiguration(t *testing.T) {
	login := newIssuer(t)
	cached := login.source("cache " + t.TempDir())
	g, r := startChain(t, "", cached)
	vars := map[string]string{"accounts": writeFile(t, "a.ndjson", `{"account":"nobody"}`), "sg": r.sg.addr, "br": r.br.addr, "cn": r.cn.addr}
	if a := g.get("/", login.bearer(nil)...); a.StatusCode != 200 {
		t.Fatalf("status %d: %s", a.StatusCode, a.Text)
	}
	login.down.Store(true)
	if err := g.load(chain(t, cached)+"# changed", vars); err != nil {
		t.Fatal(err)
	}
	if a := g.get("/", login.bearer(map[string]any{"jti": "2"})...); a.StatusCode != 200 {
		t.Errorf("after a reload: status %d: %s", a.StatusCode, a.Text)
	}
	if n := login.fetches.Load(); n != 1 {
		t.Errorf("%d fetches, want 1", n)
	}
	// A configuration without the source lets the keys go, as a restart does.
	if err := g.load(chain(t), vars); err != nil {
		t.Fatal(err)
	}
	if err := g.load(chain(t, cached), vars); err != nil {
		t.Fatal(err)
	}
	if a := g.get("/", login.bearer(map[string]any{"jti": "3"})...); a.StatusCode != 200 {
		t.Errorf("after a restart: status %d: %s", a.StatusCode, a.Text)
	}
}

// The age of the keys can be watched.
func TestKeyMetrics(t *testing.T) {
	login := newIssuer(t)
	g, _, admin, _ := startProbes(t, login.source())
	began := time.Now()
	if a := g.get("/", login.bearer(nil)...); a.StatusCode != 200 {
		t.Fatalf("status %d: %s", a.StatusCode, a.Text)
	}
	res, err := http.Get("http://" + admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	metrics, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	// startProbes has another identity source, behind ours.
	var synced float64
	for line := range strings.Lines(string(metrics)) {
		fmt.Sscanf(line, `caddy_transfer_identity_sync_timestamp_seconds{position="1",source="jwt"} %g`, &synced)
	}
	if synced < float64(began.Add(-time.Minute).Unix()) {
		t.Errorf("synced %v", synced)
	}
	if !strings.Contains(string(metrics), `caddy_transfer_identity_refresh_failures_total{position="1",source="jwt"} 0`) {
		t.Error("no count of failures")
	}
}

func TestTokenGrammar(t *testing.T) {
	const good = "issuer https://a.test\naudience developer\n"
	jwt := func(options string) string {
		return goodOptions + "\nidentity jwt https://a.test/jwks {\n" + good + options + "\n}"
	}
	empty := writeFile(t, "empty.pem", "")
	for _, c := range []grammarCase{
		{name: "everything", options: jwt("from cookie session\naudience_claim client_id\nmax_token 32KiB\naccount_claim sub\ncountry_claim a.b\nparty_claim p\nminor_claim m\nbirth_claim b\nconsents_claim n\nreference_claim r\nstaff_entity_claim e\nstaff_country_claim country\nsubject claim s\ntyp JWT at+jwt\nalgorithms ES256 EdDSA\nleeway 0s\nstale_limit 2h\ncache /nonexistent")},
		{name: "two URLs", options: goodOptions + "\nidentity jwt https://a.test https://b.test", want: "wrong argument count or unexpected line ending after 'https://b.test', at Caddyfile:7"},
		{name: "unknown word", options: jwt("isuer x"), want: "unrecognized option 'isuer' of identity jwt; did you mean 'issuer'?, at Caddyfile:10"},
		{name: "twice", options: jwt("issuer x"), want: "'issuer' is written twice, at Caddyfile:10"},
		{name: "without a value", options: jwt("party_claim"), want: "wrong argument count or unexpected line ending after 'party_claim', at Caddyfile:10"},
		{name: "without values", options: jwt("typ"), want: "wrong argument count or unexpected line ending after 'typ', at Caddyfile:10"},
		{name: "from nowhere", options: jwt("from cookie"), want: "a token comes 'from header', 'from cookie NAME' or 'from field NAME', at Caddyfile:10"},
		{name: "max_token", options: jwt("max_token 2MiB"), want: "max_token '2MiB' is no size such as 32KiB, at most 1.0 MiB, at Caddyfile:10"},
		{name: "max_token twice", options: jwt("max_token 1KiB\nmax_token 2KiB"), want: "'max_token' is written twice, at Caddyfile:11"},
		{name: "audience_claim", options: jwt("audience_claim"), want: "wrong argument count or unexpected line ending after 'audience_claim', at Caddyfile:10"},
		{name: "leeway", options: jwt("leeway soon"), want: "leeway 'soon' is no duration such as 30s or 24h, at Caddyfile:10"},
		{name: "stale limit", options: jwt("stale_limit 0s"), want: "stale_limit '0s' is no duration such as 30s or 24h, at Caddyfile:10"},
		{name: "no keys", options: goodOptions + "\nidentity jwt {\n" + good + "}", want: "identity jwt: name the URL of the key set, or pin keys with 'keys FILE': one of the two"},
		{name: "both keys", options: jwt("keys x"), want: "identity jwt: name the URL of the key set, or pin keys with 'keys FILE': one of the two"},
		{name: "pinned with a cache", options: goodOptions + "\nidentity jwt {\n" + good + "keys x\ncache y\n}", want: "identity jwt: 'cache', 'ca' and 'stale_limit' are for a key service, and keys are pinned"},
		{name: "pinned file missing", options: goodOptions + "\nidentity jwt {\n" + good + "keys /nonexistent\n}", want: "identity jwt: reading pinned keys: open /nonexistent: no such file or directory"},
		{name: "plain text", options: goodOptions + "\nidentity jwt http://a.test/jwks {\n" + good + "}", want: "identity jwt: the key set at a.test would be asked in plain text, and anybody on the way could read and replace what is said: use https"},
		{name: "no issuer", options: goodOptions + "\nidentity jwt https://a.test {\naudience x\n}", want: "identity jwt: no issuer: name the one whose tokens are accepted"},
		{name: "no audience", options: goodOptions + "\nidentity jwt https://a.test {\nissuer x\n}", want: "identity jwt: no audience: name this service as tokens do"},
		{name: "algorithm", options: jwt("algorithms ES256 none"), want: "identity jwt: algorithm 'none' cannot be allowed; use one of RS256,"},
		{name: "leeway too long", options: jwt("leeway 1h"), want: "identity jwt: leeway of 1h0m0s: at most 5m0s; let clocks be set right instead"},
		{name: "half of staff", options: jwt("staff_entity_claim e"), want: "identity jwt: staff_entity_claim, staff_country_claim and subject come together: who asks, from where, and whose data"},
		{name: "staff as subject", options: jwt("staff_entity_claim e\nstaff_country_claim c\nsubject claim sub"), want: "identity jwt: the subject's claim and account_claim are both 'sub', which names the member of staff"},
		{name: "subject from nowhere", options: jwt("subject header x"), want: "the data subject comes from 'claim NAME', 'field NAME' or 'path N', the number of a path's segment from 1, at Caddyfile:10"},
		{name: "subject before the first segment", options: jwt("subject path 0"), want: "the data subject comes from 'claim NAME', 'field NAME' or 'path N'"},
		{name: "subject's field", options: jwt("staff_entity_claim e\nstaff_country_claim c\nsubject field Cookie"), want: "identity jwt: field 'Cookie' holds more than an account id"},
		{name: "subject in the token's field", options: jwt("staff_entity_claim e\nstaff_country_claim c\nsubject field X-Token\nfrom field x-token"), want: "identity jwt: field 'X-Token' is both the token's and the data subject's"},
		{name: "subject's field that a proxy fills in", options: goodOptions + "\nidentity header {\nfrom 10.0.0.0/8\n}\nidentity jwt https://a.test/jwks {\n" + good + "staff_entity_claim e\nstaff_country_claim c\nsubject field account-id\n}",
			want: "field 'Account-Id' names the data subject for one identity source and something else for another: give each its own"},
		{name: "field that does not arrive", options: jwt("from field Access_Token"), want: "identity jwt: 'Access_Token' is no field name that reaches the gateway; use letters, digits and '-'"},
		{name: "field Authorization", options: jwt("from field authorization"), want: "identity jwt: field 'Authorization' holds more than a token: write 'from header' or 'from cookie NAME'"},
		{name: "cookie name", options: jwt("from cookie a=b"), want: "identity jwt: 'a=b' is no name of a cookie"},
		{name: "certificates missing", options: jwt("ca /nonexistent"), want: "identity jwt: reading the certificates for the key service: open /nonexistent: no such file or directory"},
		{name: "certificates empty", options: jwt("ca " + empty), want: "identity jwt: " + empty + " holds no certificate in PEM"},
	} {
		t.Run(c.name, func(t *testing.T) {
			switch err := validate(c.caddyfile(t)); {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}
