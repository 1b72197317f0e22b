package gateway_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// issuer is a login service: it signs access tokens and publishes its keys over
// HTTPS. It can be broken.
type issuer struct {
	*httptest.Server
	t       testing.TB
	kid     string
	key     ed25519.PrivateKey
	ca      string // file with its certificate
	down    atomic.Bool
	fetches atomic.Int64
	set     atomic.Pointer[string] // what is published
}

func newIssuer(t testing.TB) *issuer {
	t.Helper()
	i := &issuer{t: t}
	i.rotate("2026-1")
	i.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		i.fetches.Add(1)
		if i.down.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		w.Write([]byte(*i.set.Load()))
	}))
	i.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	i.StartTLS()
	t.Cleanup(i.Close)
	i.ca = writeFile(t, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.Certificate().Raw})))
	return i
}

// rotate signs with a new key from now on, and publishes that key alone.
func (i *issuer) rotate(kid string) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		i.t.Fatal(err)
	}
	i.kid, i.key = kid, private
	set := fmt.Sprintf(`{"keys":[{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","use":"sig","kid":%q,"x":%q}]}`, kid, base64.RawURLEncoding.EncodeToString(public))
	i.set.Store(&set)
}

// token signs a token for jane, who registered in Brazil. Changes replace claims
// or, with nil, remove them; those that begin with "header " are the header's.
func (i *issuer) token(changes map[string]any) string {
	header := map[string]any{"alg": "EdDSA", "typ": "at+jwt", "kid": i.kid}
	claims := map[string]any{
		"iss": i.URL, "aud": "developer", "sub": "jane", "country": "BR",
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	}
	for name, value := range changes {
		if parameter, ok := strings.CutPrefix(name, "header "); ok {
			header[parameter] = value
		} else {
			claims[name] = value
		}
	}
	part := func(object map[string]any) string {
		maps.DeleteFunc(object, func(_ string, v any) bool { return v == nil })
		text, err := json.Marshal(object)
		if err != nil {
			i.t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(text)
	}
	signed := part(header) + "." + part(claims)
	return signed + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(i.key, []byte(signed)))
}

// bearer is the field a token comes in.
func (i *issuer) bearer(changes map[string]any) []string {
	return []string{"Authorization", "Bearer " + i.token(changes)}
}

// source is an identity source that believes the issuer.
func (i *issuer) source(options ...string) string {
	return "identity jwt " + i.URL + " {\nissuer " + i.URL + "\naudience developer\nca " + i.ca + "\n" + strings.Join(options, "\n") + "\n}"
}

// chain replaces the identity sources of site.
func chain(t testing.TB, sources ...string) string {
	return replaced(t, site, "identity header {\n\t\t\tfrom 127.0.0.0/8\n\t\t}", strings.Join(sources, "\n"))
}

// startChain runs a site with an identity chain.
func startChain(t testing.TB, accounts string, sources ...string) (*gate, regions) {
	t.Helper()
	r := regions{newUpstream(t, "sg", nil), newUpstream(t, "br", nil), newUpstream(t, "cn", nil)}
	if accounts == "" {
		accounts = `{"account":"nobody"}`
	}
	return startGate(t, chain(t, sources...), map[string]string{
		"accounts": writeFile(t, "accounts.ndjson", accounts+"\n"),
		"sg":       r.sg.addr, "br": r.br.addr, "cn": r.cn.addr,
	}), r
}

// wantChallenge checks a refusal: status, reason, and what WWW-Authenticate says.
func wantChallenge(t *testing.T, what string, a answer, status int, reason, description string) {
	t.Helper()
	p := problemOf(t, a)
	if a.StatusCode != status || p["reason"] != reason {
		t.Errorf("%s: status %d, reason %v; want %d, %s", what, a.StatusCode, p["reason"], status, reason)
	}
	challenge := ""
	if status == http.StatusUnauthorized {
		challenge = `Bearer error="invalid_token", error_description="` + description + `"`
	}
	if got := a.Header.Get("WWW-Authenticate"); got != challenge {
		t.Errorf("%s: WWW-Authenticate %q, want %q", what, got, challenge)
	}
	if retry := a.Header.Get("Retry-After"); (retry != "") != (status == http.StatusServiceUnavailable) {
		t.Errorf("%s: Retry-After %q", what, retry)
	}
	if a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s: Cache-Control %q", what, a.Header.Get("Cache-Control"))
	}
}
