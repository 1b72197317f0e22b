package gateway_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/caddyplugin/gateway"
	"github.com/sparkoo/transfergate/internal/assertion"
)

const jwksPath = "/.well-known/transfergate/jwks.json"

// assertionSite is site with an assertion block and the key set's route.
func assertionSite(options string) string {
	text := strings.Replace(site, "\t\tidentity header {", "\t\tassertion {\n\t\t\tissuer https://gw.test\n"+options+"\n\t\t}\n\t\tidentity header {", 1)
	return strings.Replace(text, "transfer_health", "transfer_health\n\ttransfer_jwks", 1)
}

// asserting is a gateway that asserts.
type asserting struct {
	*gate
	regions
	vars map[string]string
}

func startAsserting(t *testing.T, options string) *asserting {
	t.Helper()
	r := regions{newUpstream(t, "sg", nil), newUpstream(t, "br", nil), newUpstream(t, "cn", nil)}
	vars := map[string]string{
		"accounts": writeFile(t, "accounts.ndjson", `{"account":"nobody"}`+"\n"),
		"sg":       r.sg.addr, "br": r.br.addr, "cn": r.cn.addr,
	}
	return &asserting{startGate(t, assertionSite(options), vars), r, vars}
}

// reload loads the same site with other assertion options.
func (g *asserting) reload(options string) {
	g.t.Helper()
	if err := g.load(assertionSite(options), g.vars); err != nil {
		g.t.Fatal(err)
	}
}

// token returns the one assertion the upstream got last.
func token(t *testing.T, u *upstream) string {
	t.Helper()
	values := u.last(t).Header.Values("Transfer-Assertion")
	if len(values) != 1 {
		t.Fatalf("the upstream got %d assertions, want 1", len(values))
	}
	return values[0]
}

// verifier verifies as an upstream in that region would.
func (g *asserting) verifier(region string) *assertion.Verifier {
	return &assertion.Verifier{Keys: &assertion.Remote{URL: "http://" + g.addr + jwksPath}, Issuer: "https://gw.test", Audience: region}
}

// claims verifies the assertion the upstream of a region got last.
func (g *asserting) claims(u *upstream, region string) *assertion.Claims {
	g.t.Helper()
	var claims *assertion.Claims
	var err error
	waitFor(g.t, "the key set is fetched", func() bool { // beside a reload Caddy may close a new connection
		claims, err = g.verifier(region).Verify(g.t.Context(), token(g.t.(*testing.T), u))
		return !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET)
	})
	if err != nil {
		g.t.Fatalf("region %s: %v", region, err)
	}
	return claims
}

// kids lists the ids of the published keys.
func (g *asserting) kids() (ids []string) {
	g.t.Helper()
	var set struct {
		Keys []map[string]string `json:"keys"`
	}
	if err := json.Unmarshal([]byte(g.get(jwksPath).Text), &set); err != nil {
		g.t.Fatal(err)
	}
	for _, k := range set.Keys {
		if k["d"] != "" || k["use"] != "sig" || k["alg"] == "" {
			g.t.Errorf("published key %v", k)
		}
		ids = append(ids, k["kid"])
	}
	return ids
}

// pemOf encodes a private key.
func pemOf(t *testing.T, private any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func newEd25519(t *testing.T) string {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return pemOf(t, private)
}

func newP256(t *testing.T) string {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return pemOf(t, private)
}

func kidOf(t *testing.T, text string) string {
	t.Helper()
	keys, err := assertion.ParseKeys([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return keys[0].ID()
}

// What the assertion says is what the plain fields say, for each algorithm.
func TestAssertionVerifies(t *testing.T) {
	for _, algorithm := range []string{"EdDSA", "ES256"} {
		t.Run(algorithm, func(t *testing.T) {
			g := startAsserting(t, "algorithm "+algorithm+"\nlifetime 20s")
			g.get("/v1/support/tickets", "Registered-Country", "BR", "Account-Id", "account-of-ana")
			c := g.claims(g.cn, "cn-north-4")
			header := g.cn.last(t).Header
			if c.Controller != "sparkoo-br" || c.Basis != "registered-country" || c.Country != "BR" || c.Activity != "support" ||
				c.Statement != "2023-11-21" || c.Expires-c.IssuedAt != 20 || c.Subject == "" || c.ID == "" || c.Record != "" || c.ControllerName != "" {
				t.Errorf("claims %+v", c)
			}
			if !strings.Contains(header.Get("Data-Transfer"), `safeguards="`+c.Safeguards+`"`) || !strings.Contains(c.Safeguards, "br-lgpd-") {
				t.Errorf("safeguards %q, and Data-Transfer is %s", c.Safeguards, header.Get("Data-Transfer"))
			}
			if subject := ofType(g.records(), "transfer.accepted")[0]["subject"].(string); strings.Contains(subject, c.Subject) || strings.Contains(c.Subject, "account-of-ana") {
				t.Errorf("subject %q, and the ledger's pseudonym is %q", c.Subject, subject)
			}
		})
	}
}

func TestAssertionIsRefused(t *testing.T) {
	g := startAsserting(t, "")
	g.get("/", "Registered-Country", "BR", "Account-Id", "ana")
	good := token(t, g.br)
	for _, c := range []struct {
		name, token, region string
		later               time.Duration
		want                error
	}{
		{"good", good, "sa-brazil-1", 0, nil},
		{"tampered with", good[:len(good)-10] + "AAAAAAAAAA", "sa-brazil-1", 0, assertion.ErrSignature},
		{"meant for another region", good, "cn-north-4", 0, assertion.ErrAudience},
		{"expired", good, "sa-brazil-1", time.Minute, assertion.ErrExpired},
	} {
		v := g.verifier(c.region)
		v.Now = func() time.Time { return time.Now().Add(c.later) }
		if _, err := v.Verify(t.Context(), c.token); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

// Two recipients know one account by two names, also after a reload.
func TestAssertionSubjectsArePairwise(t *testing.T) {
	g := startAsserting(t, "")
	ask := func() (store, affiliate string) {
		g.do(http.MethodPut, "/v1/objects/x", "content", "Registered-Country", "BR", "Account-Id", "ana")
		g.get("/v1/support/tickets", "Registered-Country", "BR", "Account-Id", "ana")
		return g.claims(g.sg, "ap-southeast-3").Subject, g.claims(g.cn, "cn-north-4").Subject
	}
	store, affiliate := ask()
	if store == "" || affiliate == "" || store == affiliate {
		t.Errorf("the store knows ana as %q, the affiliate as %q", store, affiliate)
	}
	kids := g.kids()
	g.reload("lifetime 10s")
	if again, other := ask(); again != store || other != affiliate || g.kids()[0] != kids[0] || len(g.kids()) != 1 {
		t.Error("a reload changed the key that the gateway made")
	}
}

func TestAssertionOfNobody(t *testing.T) {
	g := startAsserting(t, "")
	g.get("/")
	if c := g.claims(g.sg, "ap-southeast-3"); c.Subject != "" || c.Country != "" || c.Basis != "not-registered" || c.Controller != "sparkoo-sg" {
		t.Errorf("claims %+v", c)
	}
}

func TestAssertionIsReused(t *testing.T) {
	g := startAsserting(t, "lifetime 60s")
	ask := func(account string) string {
		g.get("/", "Registered-Country", "BR", "Account-Id", account)
		return token(t, g.br)
	}
	first := ask("ana")
	if ask("ana") != first || ask("bea") == first {
		t.Error("an assertion is not reused for its person, or is for another")
	}
	g.reload("per_request")
	a, b := ask("ana"), ask("ana")
	if a == b {
		t.Error("two requests share an assertion that was to be made for each")
	}
	if c := g.claims(g.br, "sa-brazil-1"); c.Record == "" || !strings.Contains(g.br.last(t).Header.Get("Data-Transfer"), `record="`+c.Record+`"`) {
		t.Errorf("the assertion names record %q, and Data-Transfer is %s", c.Record, g.br.last(t).Header.Get("Data-Transfer"))
	}
}

// Forged copies are removed, whether or not the gateway asserts anything itself.
func TestForgedAssertionIsRemoved(t *testing.T) {
	g := startAsserting(t, "")
	forged := []string{"Transfer-Assertion", "eyJ.forged.x", "transfer_assertion", "eyJ.forged.y", "Transfer.Assertion", "eyJ.forged.z"}
	check := func(want int) {
		t.Helper()
		g.get("/", append(forged, "Registered-Country", "BR")...)
		for name, values := range g.br.last(t).Header {
			if strings.Contains(strings.Join(values, " "), "forged") {
				t.Errorf("the upstream got %s %q", name, values)
			}
		}
		if n := len(g.br.last(t).Header.Values("Transfer-Assertion")); n != want {
			t.Errorf("the upstream got %d assertions, want %d", n, want)
		}
	}
	check(1)
	if err := g.load(site, g.vars); err != nil {
		t.Fatal(err)
	}
	check(0)
}

// A new key is published before it signs, and an old one after it signed.
func TestAssertionRotation(t *testing.T) {
	clock := new(atomicTime)
	start := time.Now()
	clock.set(start)
	t.Cleanup(gateway.SetClock(clock.now))
	first, second := newEd25519(t), newP256(t)
	path := writeFile(t, "assertion.pem", first)
	g := startAsserting(t, "key "+path)
	expect := func(what string, ids ...string) {
		t.Helper()
		if got := strings.Join(g.kids(), " "); got != strings.Join(ids, " ") {
			t.Errorf("%s: published are %q, want %q", what, got, ids)
		}
	}
	rewrite := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		g.reload("key " + path)
	}
	ask := func() string {
		g.get("/", "Registered-Country", "BR", "Account-Id", "ana")
		return token(t, g.br)
	}
	verify := func(what, token string) {
		t.Helper()
		v := g.verifier("sa-brazil-1")
		v.Now = clock.now
		if _, err := v.Verify(t.Context(), token); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	old := ask()
	expect("one key", kidOf(t, first))
	rewrite(first + second)
	expect("the next key is announced", kidOf(t, first), kidOf(t, second))
	rewrite(second)
	expect("the first key is gone from the file", kidOf(t, second), kidOf(t, first))
	verify("an assertion of the old key", old)
	verify("an assertion of the new key", ask())
	clock.set(start.Add(assertion.Overlap))
	expect("the overlap is over", kidOf(t, second))
}

// A key may come through a placeholder: the key itself, or its file's name; formerly
// without the word 'value' also the key itself.
func TestAssertionKeyFromPlaceholder(t *testing.T) {
	key := newEd25519(t)
	t.Setenv("TEST_ASSERTION_KEY", key)
	g := startAsserting(t, "key {env.TEST_ASSERTION_KEY}")
	if ids := g.kids(); len(ids) != 1 || ids[0] != kidOf(t, key) {
		t.Errorf("published are %q", ids)
	}
	t.Setenv("TEST_ASSERTION_KEY", writeFile(t, "key.pem", key))
	subjects := writeFile(t, "subjects", strings.Repeat("s", 32)+"\n")
	g.reload("key {env.TEST_ASSERTION_KEY}\nsubject_key " + subjects)
	g.get("/", "Registered-Country", "BR", "Account-Id", "ana")
	before := g.claims(g.br, "sa-brazil-1").Subject
	t.Setenv("TEST_ASSERTION_KEY", newP256(t))
	g.reload("key value {env.TEST_ASSERTION_KEY}\nsubject_key " + subjects)
	g.get("/", "Registered-Country", "BR", "Account-Id", "ana")
	if after := g.claims(g.br, "sa-brazil-1").Subject; after != before {
		t.Errorf("with a subject_key, the subject was %q and is %q under another key", before, after)
	}
}

// A configuration that is only validated beside the gateway publishes nothing.
func TestValidationPublishesNothing(t *testing.T) {
	g := startAsserting(t, "")
	before := g.kids()
	if err := validate(g.expand(assertionSite("algorithm ES256"), g.vars)); err != nil {
		t.Fatal(err)
	}
	if after := g.kids(); len(after) != 1 || after[0] != before[0] {
		t.Errorf("published were %q and are %q", before, after)
	}
}

func TestJWKSOverHTTP(t *testing.T) {
	g := startAsserting(t, "")
	a := g.get(jwksPath)
	if a.StatusCode != 200 || a.Header.Get("Content-Type") != "application/jwk-set+json" || a.Header.Get("Cache-Control") != "public, max-age=300" {
		t.Errorf("status %d, header %v", a.StatusCode, a.Header)
	}
	if b := g.get(jwksPath, "If-None-Match", a.Header.Get("ETag")); b.StatusCode != http.StatusNotModified || b.Text != "" {
		t.Errorf("status %d for who has it", b.StatusCode)
	}
	if b := g.do(http.MethodHead, jwksPath, ""); b.StatusCode != 200 || b.ContentLength != int64(len(a.Text)) {
		t.Errorf("HEAD: status %d, length %d", b.StatusCode, b.ContentLength)
	}
	if b := g.do(http.MethodPost, jwksPath, "x"); b.StatusCode != http.StatusMethodNotAllowed || b.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: status %d", b.StatusCode)
	}
	// What is not the path is a request like any other.
	if b := g.get(jwksPath + "/x"); b.StatusCode != 200 || b.Text != "sg" {
		t.Errorf("another path: status %d", b.StatusCode)
	}
	config := strings.Replace(assertionSite(""), "transfer_jwks", "transfer_jwks /keys", 1)
	if err := g.load(config, g.vars); err != nil {
		t.Fatal(err)
	}
	if b := g.get("/keys"); b.Text != a.Text {
		t.Errorf("the configured path: status %d", b.StatusCode)
	}
	if b := g.get(jwksPath); b.Text != "sg" {
		t.Errorf("the default path beside a configured one: status %d", b.StatusCode)
	}
}

func TestAssertionLoadErrors(t *testing.T) {
	empty, short, public := writeFile(t, "empty.pem", ""), writeFile(t, "short", "short"), writeFile(t, "public.jwk",
		`{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`)
	good := writeFile(t, "good.pem", newEd25519(t))
	t.Setenv("TEST_ASSERTION_SECRET", "{\"kty\":\"secret-text\"}")
	t.Setenv("TEST_ASSERTION_PATH", "/nowhere/secret-text")
	for _, c := range []struct{ options, want string }{
		{"key /nowhere/key.pem", "assertion: key: open /nowhere/key.pem: no such file or directory"},
		{"key " + empty, "assertion: key '" + empty + "': there is no key in it: PEM or a JSON Web Key is expected"},
		{"key " + public, "assertion: key '" + public + "': key 1 is public, and the first key signs: put a private key first"},
		{"key " + good + "\nalgorithm ES256", "assertion: key '" + good + "': the first key is for EdDSA, and 'algorithm ES256' is written"},
		{"key {env.TEST_ASSERTION_NONE}", "assertion: key '{env.TEST_ASSERTION_NONE}': "},
		{"key {env.TEST_ASSERTION_SECRET}", "assertion: key '{env.TEST_ASSERTION_SECRET}': key 1: it is malformed"},
		{"key {env.TEST_ASSERTION_PATH}", "assertion: key '{env.TEST_ASSERTION_PATH}' names no file that can be read: no such file or directory"},
		{"subject_key /nowhere/subjects", "assertion: subject_key: open /nowhere/subjects: no such file or directory"},
		{"subject_key " + short, "assertion: subject_key '" + short + "' has 5 bytes: at least 32 are needed, as of 'openssl rand -base64 32'"},
	} {
		err := validate(grammarCase{options: goodOptions + "\nassertion {\nissuer https://gw.test\n" + c.options + "\n}"}.caddyfile(t))
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret-text") {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
	for options, want := range map[string]string{
		"":               "assertion: no issuer: say whose assertions these are, as in 'issuer https://gateway.example.com'",
		"issuer gw.test": "assertion: issuer 'gw.test' is no URL such as https://gateway.example.com, without query and fragment",
	} {
		err := validate(grammarCase{options: goodOptions + "\nassertion {\n" + options + "\n}"}.caddyfile(t))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}
