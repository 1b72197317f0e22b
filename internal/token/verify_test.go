package token_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/token"
)

// pinned are keys from a file.
func pinned(t testing.TB, set []byte) *token.Keys {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(path, set, 0o600); err != nil {
		t.Fatal(err)
	}
	keys, err := token.PinnedKeys(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// config is that of most tests.
func config(changes ...func(*token.Config)) token.Config {
	c := token.Config{
		Issuer: issuer, Audience: []string{"other", audience}, Claims: []string{"sub", "country"},
		Now: func() time.Time { return today },
	}
	for _, change := range changes {
		change(&c)
	}
	return c
}

func newVerifier(t testing.TB, keys *token.Keys, changes ...func(*token.Config)) *token.Verifier {
	t.Helper()
	v, err := token.New(config(changes...), keys)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestEveryAlgorithm(t *testing.T) {
	for _, alg := range token.Algorithms() {
		s := newSigner(t, "k-"+alg, alg)
		v := newVerifier(t, pinned(t, setOf(s)))
		for range 2 { // verified, then remembered
			got, err := v.Verify(t.Context(), s.sign(claims()))
			if err != nil || got.Claim("sub") != "jane" || got.Claim("country") != "BR" || got.Claim("iss") != "" {
				t.Errorf("%s: got %v, %v", alg, got, err)
			}
		}
		raw := s.sign(claims())
		for name, forged := range map[string]string{
			"another payload":   strings.Replace(raw, ".", "."+b64(mustJSON(claims(map[string]any{"sub": "eve"})))+".", 1)[:strings.Index(raw, ".")+1] + b64(mustJSON(claims(map[string]any{"sub": "eve"}))) + raw[strings.LastIndexByte(raw, '.'):],
			"another signature": s.sign(claims(map[string]any{"sub": "eve"})),
			"another's key":     newSigner(t, s.kid, alg).sign(claims(map[string]any{"x": 1})),
		} {
			if name == "another signature" {
				forged = raw[:strings.LastIndexByte(raw, '.')] + forged[strings.LastIndexByte(forged, '.'):]
			}
			if name == "another's key" && alg[1] == 'S' && alg[0] != 'E' {
				continue // the tests have but one RSA key
			}
			if _, err := v.Verify(t.Context(), forged); faultOf(err) != token.BadSignature {
				t.Errorf("%s, %s: got %v", alg, name, err)
			}
		}
	}
}

func TestClaimsAndTimes(t *testing.T) {
	at := func(d time.Duration) int64 { return today.Add(d).Unix() }
	s := newSigner(t, "k", "EdDSA")
	v := newVerifier(t, pinned(t, setOf(s)), func(c *token.Config) { c.Claims = []string{"sub", "country", "org.party", "a.b"} })
	for _, test := range []struct {
		name    string
		changes map[string]any
		want    token.Fault
	}{
		{"as it is", nil, ""},
		{"audience in a list", map[string]any{"aud": []string{"x", audience}}, ""},
		{"no issuer", map[string]any{"iss": nil}, token.BadIssuer},
		{"issuer with a slash", map[string]any{"iss": issuer + "/"}, token.BadIssuer},
		{"issuer in a list", map[string]any{"iss": []string{issuer}}, token.BadIssuer},
		{"no audience", map[string]any{"aud": nil}, token.BadAudience},
		{"someone else's audience", map[string]any{"aud": "console"}, token.BadAudience},
		{"someone else's audiences", map[string]any{"aud": []string{"console", "Developer"}}, token.BadAudience},
		{"no audience in the list", map[string]any{"aud": []string{}}, token.BadAudience},
		{"audience a number", map[string]any{"aud": []any{audience, 1}}, token.BadAudience},
		{"audience null", map[string]any{"aud": []any{nil}}, token.BadAudience},
		{"no expiry", map[string]any{"exp": nil}, token.NoExpiry},
		{"expiry as text", map[string]any{"exp": fmt.Sprint(at(time.Hour))}, token.BadClaims},
		{"expiry negative", map[string]any{"exp": -1}, token.BadClaims},
		{"expiry beyond the calendar", map[string]any{"exp": 1e300}, token.BadClaims},
		{"expiry with a fraction", map[string]any{"exp": float64(at(time.Hour)) + 0.5}, ""},
		{"expired within the leeway", map[string]any{"exp": at(-29 * time.Second)}, ""},
		{"expired at the leeway", map[string]any{"exp": at(-30 * time.Second)}, token.Expired},
		{"expired", map[string]any{"exp": at(-time.Hour)}, token.Expired},
		{"nbf within the leeway", map[string]any{"nbf": at(30 * time.Second)}, ""},
		{"nbf after the leeway", map[string]any{"nbf": at(31 * time.Second)}, token.NotYetValid},
		{"nbf null", map[string]any{"nbf": json.RawMessage("null")}, ""},
		{"iat null", map[string]any{"iat": json.RawMessage("null")}, ""},
		{"exp null", map[string]any{"exp": json.RawMessage("null")}, token.NoExpiry},
		{"aud null", map[string]any{"aud": json.RawMessage("null")}, token.BadAudience},
		{"nbf as text", map[string]any{"nbf": "now"}, token.BadClaims},
		{"iat within the leeway", map[string]any{"iat": at(30 * time.Second)}, ""},
		{"iat after the leeway", map[string]any{"iat": at(31 * time.Second)}, token.NotYetValid},
		{"no iat", map[string]any{"iat": nil}, ""},
		{"claim missing", map[string]any{"country": nil}, ""},
		{"claim a list", map[string]any{"country": []string{"BR"}}, token.BadClaims},
		{"claim an object", map[string]any{"sub": map[string]any{}}, token.BadClaims},
		{"claim true", map[string]any{"sub": true}, token.BadClaims},
		{"claim a fraction", map[string]any{"sub": 1.5}, token.BadClaims},
		{"claim of 256 bytes", map[string]any{"sub": strings.Repeat("a", 256)}, ""},
		{"claim of 257 bytes", map[string]any{"sub": strings.Repeat("a", 257)}, token.BadClaims},
		{"claim with a control character", map[string]any{"sub": "a\nb"}, token.BadClaims},
		{"claim with broken text", map[string]any{"sub": "a\uFFFD"}, token.BadClaims},
		{"path through text", map[string]any{"org": "x"}, token.BadClaims},
		{"path into nothing", map[string]any{"org": map[string]any{}}, ""},
	} {
		_, err := v.Verify(t.Context(), s.sign(claims(test.changes)))
		if faultOf(err) != test.want || test.want == "" && err != nil {
			t.Errorf("%s: got %v, want %q", test.name, err, test.want)
		}
	}
}

func TestFlags(t *testing.T) {
	s := newSigner(t, "k", "EdDSA")
	v := newVerifier(t, pinned(t, setOf(s)), func(c *token.Config) { c.Flags = []string{"minor", "a.b"} })
	for _, test := range []struct {
		value any
		want  bool
		fault token.Fault
	}{
		{true, true, ""}, {false, false, ""}, {nil, false, ""}, {json.RawMessage("null"), false, ""},
		{"true", false, token.BadClaims}, {1, false, token.BadClaims}, {[]bool{true}, false, token.BadClaims},
	} {
		for _, change := range []map[string]any{{"minor": test.value}, {"a": map[string]any{"b": test.value}}} {
			got, err := v.Verify(t.Context(), s.sign(claims(change)))
			if faultOf(err) != test.fault || err == nil && (got.Flag("minor") || got.Flag("a.b")) != test.want {
				t.Errorf("%v: got %v, %v", change, got, err)
			}
		}
	}
}

func TestConsents(t *testing.T) {
	s := newSigner(t, "k", "EdDSA")
	v := newVerifier(t, pinned(t, setOf(s)), func(c *token.Config) { c.Consents = "a.consents" })
	many := map[string]bool{}
	for i := range 65 {
		many[fmt.Sprint(i)] = true
	}
	for _, test := range []struct {
		value string // as JSON
		all   bool
		names []string
		fault token.Fault
	}{
		{"null", false, nil, ""}, {"true", false, nil, ""}, {"false", true, nil, ""}, {"{}", false, nil, ""},
		{`{"marketing":true}`, false, nil, ""},
		{`{"surveys":false,"marketing":false,"serving":true}`, false, []string{"marketing", "surveys"}, ""},
		{`"false"`, false, nil, token.BadClaims}, {"0", false, nil, token.BadClaims}, {`["marketing"]`, false, nil, token.BadClaims},
		{`{"marketing":"false"}`, false, nil, token.BadClaims}, {`{"marketing":null}`, false, nil, token.BadClaims},
		{`{"marketing":{"mail":false}}`, false, nil, token.BadClaims}, {`{"":false}`, false, nil, token.BadClaims},
		{`{"marketing":true,"marketing":false}`, false, nil, token.BadClaims},
		{`{"` + strings.Repeat("x", 257) + `":false}`, false, nil, token.BadClaims},
		{string(jsonOf(t, many)), false, nil, token.BadClaims},
	} {
		got, err := v.Verify(t.Context(), s.sign(claims(map[string]any{"a": map[string]any{"consents": json.RawMessage(test.value)}})))
		if faultOf(err) != test.fault {
			t.Errorf("%s: %v, want %q", test.value, err, test.fault)
		} else if err == nil {
			if all, names := got.Refused(); all != test.all || !slices.Equal(names, test.names) {
				t.Errorf("%s: %v, %q", test.value, all, names)
			}
		}
	}
	if got, err := v.Verify(t.Context(), s.sign(claims(nil))); err != nil {
		t.Error(err)
	} else if all, names := got.Refused(); all || names != nil {
		t.Errorf("without the claim: %v, %q", all, names)
	}
}

func jsonOf(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// A name with dots is a path, unless a claim has that very name.
func TestNestedClaims(t *testing.T) {
	s := newSigner(t, "k", "EdDSA")
	const url = "https://example.test/country"
	v := newVerifier(t, pinned(t, setOf(s)), func(c *token.Config) { c.Claims = []string{"org.unit.country", "org.id", url, "account"} })
	got, err := v.Verify(t.Context(), s.sign(claims(map[string]any{
		"org": map[string]any{"unit": map[string]any{"country": "TH"}, "id": "nested"}, "org.id": "literal", url: "CL", "account": 9007199254740993,
	})))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"org.unit.country": "TH", "org.id": "literal", url: "CL", "account": "9007199254740993", "org": "",
	} {
		if value := got.Claim(name); value != want {
			t.Errorf("%s: got %q, want %q", name, value, want)
		}
	}
}

func TestHeaders(t *testing.T) {
	s, other := newSigner(t, "k", "ES256"), newSigner(t, "other", "ES384")
	evil := newSigner(t, "evil", "ES256")
	strict := newVerifier(t, pinned(t, setOf(s, other)))
	loose := newVerifier(t, pinned(t, setOf(s, other)), func(c *token.Config) { c.Types = []string{"JWT", "at+jwt"} })
	for _, test := range []struct {
		name          string
		header        map[string]any
		strict, loose token.Fault
	}{
		{"as it is", nil, "", ""},
		{"typ in full", map[string]any{"typ": "application/at+jwt"}, "", ""},
		{"typ in capitals", map[string]any{"typ": "AT+JWT"}, "", ""},
		{"typ JWT", map[string]any{"typ": "JWT"}, token.BadType, ""},
		{"no typ", map[string]any{"typ": nil}, token.BadType, ""},
		{"typ of a logout token", map[string]any{"typ": "logout+jwt"}, token.BadType, token.BadType},
		{"typ a number", map[string]any{"typ": 1}, token.Malformed, token.Malformed},
		{"crit", map[string]any{"crit": []string{"exp"}, "exp": 1}, token.Critical, token.Critical},
		{"crit empty", map[string]any{"crit": []string{}}, token.Critical, token.Critical},
		{"b64", map[string]any{"b64": false, "crit": []string{"b64"}}, token.Critical, token.Critical},
		{"b64 without crit", map[string]any{"b64": false}, token.Critical, token.Critical},
		{"no kid", map[string]any{"kid": nil}, token.NoKeyID, token.NoKeyID},
		{"kid unknown", map[string]any{"kid": "K"}, token.UnknownKey, token.UnknownKey},
		{"kid of another key", map[string]any{"kid": "other"}, token.BadAlgorithm, token.BadAlgorithm},
		{"kid too long", map[string]any{"kid": strings.Repeat("k", 257)}, token.UnknownKey, token.UnknownKey},
		{"alg none", map[string]any{"alg": "none"}, token.BadAlgorithm, token.BadAlgorithm},
		{"alg None", map[string]any{"alg": "None"}, token.BadAlgorithm, token.BadAlgorithm},
		{"alg HS256", map[string]any{"alg": "HS256"}, token.BadAlgorithm, token.BadAlgorithm},
		{"alg in small letters", map[string]any{"alg": "es256"}, token.BadAlgorithm, token.BadAlgorithm},
		{"alg missing", map[string]any{"alg": nil}, token.BadAlgorithm, token.BadAlgorithm},
		{"alg of the wrong curve", map[string]any{"alg": "ES384"}, token.BadAlgorithm, token.BadAlgorithm},
		{"a key of its own", map[string]any{"jwk": s.jwk(), "jku": "https://evil.test/keys", "x5u": "https://evil.test/cert"}, "", ""},
	} {
		raw := s.signRaw(mustJSON(s.header(test.header)), mustJSON(claims()))
		if _, err := strict.Verify(t.Context(), raw); faultOf(err) != test.strict || test.strict == "" && err != nil {
			t.Errorf("%s: got %v, want %q", test.name, err, test.strict)
		}
		if _, err := loose.Verify(t.Context(), raw); faultOf(err) != test.loose || test.loose == "" && err != nil {
			t.Errorf("%s, JWT accepted: got %v, want %q", test.name, err, test.loose)
		}
	}
	raw := evil.signRaw(mustJSON(evil.header(map[string]any{"kid": "k", "jwk": evil.jwk()})), mustJSON(claims()))
	if _, err := strict.Verify(t.Context(), raw); faultOf(err) != token.BadSignature {
		t.Errorf("the attacker's own key in the header: got %v", err)
	}
}

//clause:tests §5(j).1
func TestForms(t *testing.T) {
	s := newSigner(t, "k", "EdDSA")
	v := newVerifier(t, pinned(t, setOf(s)))
	good := s.sign(claims())
	parts := strings.Split(good, ".")
	for name, test := range map[string]struct {
		raw  string
		want token.Fault
	}{
		"empty":                {"", token.Malformed},
		"a word":               {"opaque-token", token.Malformed},
		"two parts":            {parts[0] + "." + parts[1], token.Malformed},
		"four parts":           {good + ".", token.Malformed},
		"five parts":           {good + ".x.y", token.Malformed},
		"no header":            {"." + parts[1] + "." + parts[2], token.Malformed},
		"no signature":         {parts[0] + "." + parts[1] + ".", token.Malformed},
		"no payload":           {parts[0] + ".." + parts[2], token.Malformed},
		"padding":              {good + "==", token.Malformed},
		"a space before":       {" " + good, token.Malformed},
		"a line break in it":   {good[:9] + "\n" + good[9:], token.Malformed},
		"standard alphabet":    {good[:9] + "+" + good[10:], token.Malformed},
		"JSON serialization":   {`{"payload":"` + parts[1] + `"}`, token.Malformed},
		"header no object":     {s.signRaw([]byte(`[]`), mustJSON(claims())), token.Malformed},
		"header alg twice":     {s.signRaw([]byte(`{"alg":"none","alg":"EdDSA","kid":"k","typ":"at+jwt"}`), mustJSON(claims())), token.Malformed},
		"header in capitals":   {s.signRaw([]byte(`{"ALG":"EdDSA","kid":"k","typ":"at+jwt"}`), mustJSON(claims())), token.BadAlgorithm},
		"payload no object":    {s.signRaw(mustJSON(s.header()), []byte(`"x"`)), token.Malformed},
		"payload null":         {s.signRaw(mustJSON(s.header()), []byte(`null`)), token.Malformed},
		"payload no JSON":      {s.signRaw(mustJSON(s.header()), []byte(`foo`)), token.Malformed},
		"claim twice":          {s.signRaw(mustJSON(s.header()), []byte(`{"sub":"a","sub":"b"}`)), token.Malformed},
		"issuer in capitals":   {s.signRaw(mustJSON(s.header()), []byte(`{"ISS":"`+issuer+`"}`)), token.BadIssuer},
		"16 KiB and a byte":    {strings.Repeat("a", 16<<10+1), token.TooLarge},
		"deeply nested claims": {s.signRaw(mustJSON(s.header()), []byte(strings.Repeat(`{"a":`, 2000)+"1"+strings.Repeat("}", 2000))), token.BadIssuer},
	} {
		if _, err := v.Verify(t.Context(), test.raw); faultOf(err) != test.want {
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		}
	}
	// Another spelling of the same last character must not be taken for the same token.
	last := good[len(good)-1]
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
		if _, err := v.Verify(t.Context(), good[:len(good)-1]+string(c)); (err == nil) != (byte(c) == last) {
			t.Errorf("last character %c instead of %c: got %v", c, last, err)
		}
	}
}

// A token without a kid means the only key, and nothing when there are two.
func TestTokenWithoutKeyID(t *testing.T) {
	s := newSigner(t, "k", "EdDSA")
	raw := s.signRaw(mustJSON(s.header(map[string]any{"kid": nil})), mustJSON(claims()))
	if _, err := newVerifier(t, pinned(t, setOf(s))).Verify(t.Context(), raw); err != nil {
		t.Errorf("one key: got %v", err)
	}
	two := pinned(t, setOf(s, newSigner(t, "l", "EdDSA")))
	if _, err := newVerifier(t, two).Verify(t.Context(), raw); faultOf(err) != token.NoKeyID {
		t.Errorf("two keys: got %v", err)
	}
}

func TestRemembered(t *testing.T) {
	s := newSigner(t, "k", "EdDSA")
	now := today
	v := newVerifier(t, pinned(t, setOf(s)), func(c *token.Config) {
		c.Remember, c.Now = 10, func() time.Time { return now }
	})
	raw := s.sign(claims())
	first, err := v.Verify(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1000 { // junk does not enter
		v.Verify(t.Context(), fmt.Sprintf("%s%d", raw, i))
	}
	if again, err := v.Verify(t.Context(), raw); again != first || err != nil || v.Remembered() != 1 {
		t.Errorf("got %p and %p, %v; %d remembered", first, again, err, v.Remembered())
	}
	for i := range 100 { // what is used stays, and the bound holds
		if _, err := v.Verify(t.Context(), s.sign(claims(map[string]any{"sub": fmt.Sprint(i)}))); err != nil {
			t.Fatal(err)
		}
		if again, _ := v.Verify(t.Context(), raw); again != first {
			t.Fatalf("forgotten after %d others", i+1)
		}
	}
	if v.Remembered() != 10 {
		t.Errorf("%d remembered, want 10", v.Remembered())
	}
	now = today.Add(time.Hour + 29*time.Second)
	if _, err := v.Verify(t.Context(), raw); err != nil {
		t.Errorf("in the last second: %v", err)
	}
	now = today.Add(time.Hour + 30*time.Second)
	if _, err := v.Verify(t.Context(), raw); faultOf(err) != token.Expired {
		t.Errorf("after its expiry: %v", err)
	}
}

func TestConcurrentUse(t *testing.T) {
	s := newSigner(t, "k", "EdDSA")
	v := newVerifier(t, pinned(t, setOf(s)), func(c *token.Config) { c.Remember = 3 })
	tokens := make([]string, 8)
	for i := range tokens {
		tokens[i] = s.sign(claims(map[string]any{"sub": fmt.Sprint(i)}))
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 200 {
				n := i % len(tokens)
				if got, err := v.Verify(t.Context(), tokens[n]); err != nil || got.Claim("sub") != fmt.Sprint(n) {
					t.Errorf("token %d: got %v, %v", n, got, err)
				}
			}
		})
	}
	wg.Wait()
}

func TestConfigErrors(t *testing.T) {
	keys := pinned(t, setOf(newSigner(t, "k", "EdDSA")))
	for want, change := range map[string]func(*token.Config){
		"no issuer: name the one whose tokens are accepted":             func(c *token.Config) { c.Issuer = "" },
		"no audience: name this service as tokens do":                   func(c *token.Config) { c.Audience = nil },
		"an empty type: write JWT for tokens without one":               func(c *token.Config) { c.Types = []string{""} },
		"a claim without a name":                                        func(c *token.Config) { c.Claims = []string{""} },
		"leeway of 5m1s: at most 5m0s; let clocks be set right instead": func(c *token.Config) { c.Leeway = 301 * time.Second },
	} {
		if _, err := token.New(config(change), keys); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// No leeway means none.
func TestNoLeeway(t *testing.T) {
	s := newSigner(t, "k", "EdDSA")
	v := newVerifier(t, pinned(t, setOf(s)), func(c *token.Config) { c.Leeway = -1 })
	if _, err := v.Verify(t.Context(), s.sign(claims(map[string]any{"exp": today.Unix()}))); faultOf(err) != token.Expired {
		t.Errorf("got %v", err)
	}
}

// Descriptions go into a header field (RFC 6750 section 3: no quote, no backslash).
func TestFaultsFitAHeaderField(t *testing.T) {
	seen := make(map[token.Fault]bool)
	for _, fault := range token.Faults() {
		if seen[fault] || fault == "" || strings.ContainsFunc(string(fault), func(c rune) bool { return c < ' ' || c > '~' || c == '"' || c == '\\' }) {
			t.Errorf("fault %q", fault)
		}
		seen[fault] = true
		if err := error(&token.InvalidError{Fault: fault}); err.Error() != string(fault) {
			t.Errorf("error %q of fault %q", err, fault)
		}
	}
}

func TestPinnedKeysErrors(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := setOf(newSigner(t, "k", "EdDSA"))
	missing := filepath.Join(dir, "missing")
	html, big := write("html", []byte("<html>")), write("big", make([]byte, 1<<20+1))
	mixed := write("mixed", mustJSON(map[string]any{"keys": []any{newSigner(t, "k", "EdDSA").jwk(), map[string]any{"kty": "oct"}}}))
	for path, want := range map[string]string{
		missing: "reading pinned keys: open " + missing + ": no such file or directory",
		html:    "reading pinned keys: " + html + " is no key set: it is not a JSON object with the member 'keys'",
		big:     "reading pinned keys: open " + big + ": it has more than 1048576 bytes, so it is not what is asked for; name another file",
		mixed:   "reading pinned keys: " + mixed + " holds keys that are not used: key 2 \"\": symmetric (member kty); remove them",
	} {
		if _, err := token.PinnedKeys(path, nil); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if _, err := token.PinnedKeys(write("good", good), []string{"none"}); err == nil {
		t.Error("algorithm none was allowed")
	}
	keys, err := token.PinnedKeys(write("good", good), nil)
	if err != nil {
		t.Fatal(err)
	}
	keys.Run(context.Background(), nil) // returns at once
	if fetched, failures := keys.Status(); fetched.IsZero() || failures != 0 {
		t.Errorf("status %v, %d", fetched, failures)
	}
	if errors.Is(errors.New(""), token.ErrUnavailable) {
		t.Error("every error says that the key service is down")
	}
}

func FuzzVerify(f *testing.F) {
	s := newSigner(f, "k", "EdDSA")
	v := newVerifier(f, pinned(f, setOf(s)))
	f.Add(s.sign(claims()))
	f.Add("..")
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Fuzz(func(t *testing.T, raw string) {
		got, err := v.Verify(t.Context(), raw)
		if (got == nil) == (err == nil) {
			t.Errorf("%q: got %v, %v", raw, got, err)
		}
		if err != nil && faultOf(err) == "" {
			t.Errorf("%q: untyped %v", raw, err)
		}
	})
}

// An issuer that leaves out aud says otherwise for whom a token is: Cognito has
// client_id in its access tokens.
func TestAudienceClaim(t *testing.T) {
	s := newSigner(t, "k", "ES256")
	v := newVerifier(t, pinned(t, setOf(s)), func(c *token.Config) { c.AudienceClaim = "client_id" })
	for name, test := range map[string]struct {
		changes map[string]any
		want    token.Fault
	}{
		"client_id":            {map[string]any{"aud": nil, "client_id": audience}, ""},
		"of another":           {map[string]any{"aud": nil, "client_id": "somebody"}, token.BadAudience},
		"aud alone":            {map[string]any{}, token.BadAudience},
		"a number":             {map[string]any{"client_id": 7}, token.BadAudience},
		"a list, of which one": {map[string]any{"client_id": []string{"somebody", audience}}, ""},
	} {
		if _, err := v.Verify(t.Context(), s.sign(claims(test.changes))); faultOf(err) != test.want || (err == nil) != (test.want == "") {
			t.Errorf("%s: %v, want %s", name, err, test.want)
		}
	}
}

// How long a token may be is for the operator to say.
func TestMaxToken(t *testing.T) {
	s := newSigner(t, "k", "ES256")
	raw := s.sign(claims(map[string]any{"groups": strings.Repeat("g", 20<<10)}))
	keys := pinned(t, setOf(s))
	if _, err := newVerifier(t, keys).Verify(t.Context(), raw); faultOf(err) != token.TooLarge {
		t.Errorf("by default: %v", err)
	}
	larger := newVerifier(t, keys, func(c *token.Config) { c.MaxToken = len(raw) })
	if _, err := larger.Verify(t.Context(), raw); err != nil {
		t.Error(err)
	}
	if _, err := larger.Verify(t.Context(), raw+"A"); faultOf(err) != token.TooLarge {
		t.Errorf("a byte more: %v", err)
	}
}
