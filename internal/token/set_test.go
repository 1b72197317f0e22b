package token_test

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/sparkoo/transfergate/internal/token"
)

// changed is a key with some members replaced or, with nil, removed.
func changed(jwk map[string]any, changes map[string]any) map[string]any {
	jwk = maps.Clone(jwk)
	maps.Copy(jwk, changes)
	maps.DeleteFunc(jwk, func(_ string, v any) bool { return v == nil })
	return jwk
}

func member(jwk any, name string) any {
	members, _ := jwk.(map[string]any)
	return members[name]
}

// A key that is not fit for use is left out, and the log can say why.
func TestKeysThatAreNotUsed(t *testing.T) {
	good := newSigner(t, "good", "ES256").jwk()
	ec, rsaJWK, ed := newSigner(t, "ec", "ES256").jwk(), newSigner(t, "rsa", "RS256").jwk(), newSigner(t, "ed", "EdDSA").jwk()
	modulus := func(bits uint) string {
		n := new(big.Int).Lsh(big.NewInt(1), bits-1)
		return b64(n.Add(n, big.NewInt(1)).Bytes())
	}
	// A power of 65537 is one modulo every prime, as the moduli of CVE-2017-15361 are.
	roca := new(big.Int).Exp(big.NewInt(65537), big.NewInt(130), nil)
	for _, test := range []struct {
		name string
		jwk  any
		want string // why it is not used; empty if it is
	}{
		{"as published", ec, ""},
		{"no use", changed(ec, map[string]any{"use": nil}), ""},
		{"no alg", changed(ec, map[string]any{"alg": nil}), ""},
		{"key_ops verify", changed(ec, map[string]any{"key_ops": []string{"verify"}}), ""},
		{"RSA without alg", changed(rsaJWK, map[string]any{"alg": nil}), ""},
		{"Ed25519", ed, ""},
		{"member nobody knows", changed(ec, map[string]any{"x-vendor": 1}), ""},
		{"certificate members that are odd", changed(rsaJWK, map[string]any{
			"x5c": []string{"no certificate"}, "x5t": "AA==", "x5t#S256": strings.Repeat("0f", 32), "x5u": 7}), ""},
		{"symmetric", map[string]any{"kty": "oct", "kid": "oct", "k": b64(make([]byte, 32))}, "symmetric (member kty)"},
		{"for encryption", changed(rsaJWK, map[string]any{"use": "enc", "alg": "RSA-OAEP"}), "use (member use)"},
		{"key_ops encrypt", changed(rsaJWK, map[string]any{"key_ops": []string{"encrypt"}}), "key_ops (member key_ops)"},
		{"key_ops empty", changed(ec, map[string]any{"key_ops": []string{}}), "key_ops (member key_ops)"},
		{"key_ops text", changed(ec, map[string]any{"key_ops": "verify"}), "malformed (member key_ops)"},
		{"RSA 1024", changed(rsaJWK, map[string]any{"n": modulus(1024)}), "weak"},
		{"RSA 2047", changed(rsaJWK, map[string]any{"n": modulus(2047)}), "weak"},
		{"RSA 2048", changed(rsaJWK, map[string]any{"n": modulus(2048)}), ""},
		{"RSA with 100,000 bits", changed(rsaJWK, map[string]any{"n": modulus(100_000)}), "malformed"},
		{"RSA exponent 3", changed(rsaJWK, map[string]any{"e": "Aw"}), "weak"},
		{"RSA exponent even", changed(rsaJWK, map[string]any{"e": "AQAC"}), "weak"},
		{"RSA CVE-2017-15361", changed(rsaJWK, map[string]any{"n": b64(roca.Bytes())}), "weak"},
		{"point beside the curve", changed(ec, map[string]any{"x": ec["y"], "y": ec["x"]}), "malformed"},
		{"point of another curve", changed(ec, map[string]any{"crv": "P-384", "alg": "ES384"}), "malformed"},
		{"alg of another curve", changed(ec, map[string]any{"alg": "ES384"}), "algorithm (member alg)"},
		{"alg of another kind", changed(ec, map[string]any{"alg": "RS256"}), "algorithm (member alg)"},
		{"alg none", changed(ec, map[string]any{"alg": "none"}), "algorithm (member alg)"},
		{"alg HS256", changed(rsaJWK, map[string]any{"alg": "HS256"}), "algorithm (member alg)"},
		{"kty unknown", changed(ec, map[string]any{"kty": "AKP"}), "unsupported"},
		{"crv X25519", changed(ed, map[string]any{"crv": "X25519"}), "unsupported"},
		{"no kty", changed(ec, map[string]any{"kty": nil}), "malformed (member kty)"},
		{"private", changed(ec, map[string]any{"d": b64(append(make([]byte, 31), 1))}), "private (member d)"},
		{"kid too long", changed(ec, map[string]any{"kid": string(make([]byte, 257))}), "malformed (member kid)"},
		{"not an object", "key", "malformed"},
		{"no kid beside another", changed(ec, map[string]any{"kid": nil}), "no kid"},
		{"kid of another", changed(ec, map[string]any{"kid": "good"}), "duplicate kid"},
	} {
		keys, ignored, err := token.CheckSet(mustJSON(map[string]any{"keys": []any{good, test.jwk}}), nil)
		want := 2
		switch test.want {
		case "":
		case "duplicate kid":
			if err == nil || err.Error() != `it holds no usable key (2 keys; not used: "good": another key has this kid (member kid); "good": another key has this kid (member kid))` {
				t.Errorf("%s: got %d keys, %v", test.name, keys, err)
			}
			continue
		default:
			want = 1
		}
		left := test.want
		if kid, _ := member(test.jwk, "kid").(string); len(kid) > 64 {
			left = fmt.Sprintf("key 2 %q...: %s", kid[:64], left)
		} else if test.want == "no kid" {
			left = "a key without kid beside others (member kid)"
		} else if left != "" {
			left = fmt.Sprintf("key 2 %q: %s", kid, left)
		}
		if err != nil || keys != want || ignored != left {
			t.Errorf("%s: got %d keys, %q, %v; want %d, %q", test.name, keys, ignored, err, want, left)
		}
	}
}

func TestSetsThatAreNoSets(t *testing.T) {
	for body, want := range map[string]string{
		``:                                "it is not a JSON object with the member 'keys'",
		`<html><body>Login</body></html>`: "it is not a JSON object with the member 'keys'",
		`[]`:                              "it is not a JSON object with the member 'keys'",
		`{"keys":[]} {}`:                  "it is not a JSON object with the member 'keys'",
		`{"keys":[],"keys":[]}`:           "it is not a JSON object with the member 'keys'",
		`{"keys":{}}`:                     "it is not a JSON object with the member 'keys'",
		`{}`:                              "it holds no usable key (0 keys; not used: )",
		`null`:                            "it holds no usable key (0 keys; not used: )",
		`{"keys":[]}`:                     "it holds no usable key (0 keys; not used: )",
		`{"Keys":[{"kty":"EC"}]}`:         "it holds no usable key (0 keys; not used: )",
		`{"keys":[null,{"kty":"oct"}]}`:   "it holds no usable key (2 keys; not used: key 1 \"\": malformed; key 2 \"\": symmetric (member kty))",
	} {
		if _, _, err := token.CheckSet([]byte(body), nil); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", body, err, want)
		}
	}
}

// A key that names no algorithm is for the first one allowed that fits it.
func TestAlgorithmOfAKeyWithoutOne(t *testing.T) {
	for _, test := range []struct {
		allowed []string
		alg     string
		want    bool
	}{
		{nil, "RS256", true},
		{nil, "PS256", false},
		{[]string{"PS256", "RS256"}, "PS256", true},
		{[]string{"PS256", "RS256"}, "RS256", false},
		{[]string{"ES256"}, "ES256", true},
	} {
		s := newSigner(t, "a", test.alg)
		set := mustJSON(map[string]any{"keys": []any{changed(s.jwk(), map[string]any{"alg": nil})}})
		jws := s.signRaw(mustJSON(s.header(map[string]any{"typ": nil})), []byte("{}"))
		if _, err := token.VerifySignature(set, jws, test.allowed); (err == nil) != test.want {
			t.Errorf("%s with %q allowed: got %v", test.alg, test.allowed, err)
		}
	}
}

func TestAlgorithmsThatCannotBeAllowed(t *testing.T) {
	good := setOf(newSigner(t, "a", "ES256"))
	for name, want := range map[string]string{
		"none":  "algorithm 'none' cannot be allowed; use one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA",
		"HS256": "algorithm 'HS256' cannot be allowed; use one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA",
		"":      "algorithm '' cannot be allowed; use one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA",
	} {
		if _, _, err := token.CheckSet(good, []string{name}); err == nil || err.Error() != want {
			t.Errorf("%q: got %v", name, err)
		}
	}
	if _, _, err := token.CheckSet(good, []string{"ES256", "ES256"}); err == nil || err.Error() != "algorithm 'ES256' is written twice" {
		t.Errorf("twice: got %v", err)
	}
	if slices.ContainsFunc(token.Algorithms(), func(a string) bool { return a == "none" || a[0] == 'H' }) {
		t.Errorf("symmetric algorithms in %q", token.Algorithms())
	}
}

// One key that is listed for several algorithms, as Keycloak does, or twice, is one
// key; two keys under one id are none.
func TestOneKeyListedTwice(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	first, other := newSigner(t, "k", "RS256"), &signer{"k", "RS256", private}
	as := func(s *signer, alg string) any { return changed(s.jwk(), map[string]any{"alg": alg}) }
	for name, test := range map[string]struct {
		keys []any
		want map[string]bool // by the algorithm of a token
	}{
		"once":                {[]any{as(first, "RS256")}, map[string]bool{"RS256": true, "RS512": false, "PS256": false}},
		"twice":               {[]any{as(first, "RS256"), as(first, "RS256")}, map[string]bool{"RS256": true, "RS512": false}},
		"for two algorithms":  {[]any{as(first, "RS256"), as(first, "RS512")}, map[string]bool{"RS256": true, "RS512": true, "PS256": false}},
		"for two kinds":       {[]any{as(first, "PS256"), as(first, "RS256")}, map[string]bool{"RS256": true, "PS256": true}},
		"two keys":            {[]any{as(first, "RS256"), as(other, "RS256")}, map[string]bool{"RS256": false}},
		"two keys, one twice": {[]any{as(first, "RS256"), as(other, "RS256"), as(first, "RS512")}, map[string]bool{"RS256": false, "RS512": false}},
	} {
		for alg, want := range test.want {
			s := *first
			s.alg = alg
			raw := s.signRaw(mustJSON(s.header(map[string]any{"typ": "JWT"})), mustJSON(claims()))
			_, err := token.VerifySignature(mustJSON(map[string]any{"keys": test.keys}), raw, nil)
			if (err == nil) != want {
				t.Errorf("%s, token with %s: %v", name, alg, err)
			}
		}
	}
}
