package token_test

import (
	"maps"
	"math/big"
	"slices"
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

// A key that is not fit for use is left out, and the log can say why.
func TestKeysThatAreNotUsed(t *testing.T) {
	good := newSigner(t, "good", "ES256").jwk()
	ec, rsa, ed := newSigner(t, "ec", "ES256").jwk(), newSigner(t, "rsa", "RS256").jwk(), newSigner(t, "ed", "EdDSA").jwk()
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
		{"RSA without alg", changed(rsa, map[string]any{"alg": nil}), ""},
		{"Ed25519", ed, ""},
		{"member nobody knows", changed(ec, map[string]any{"x-vendor": 1}), ""},
		{"symmetric", map[string]any{"kty": "oct", "kid": "oct", "k": b64(make([]byte, 32))}, "1 symmetric"},
		{"for encryption", changed(rsa, map[string]any{"use": "enc", "alg": "RSA-OAEP"}), "1 use"},
		{"key_ops encrypt", changed(rsa, map[string]any{"key_ops": []string{"encrypt"}}), "1 key_ops"},
		{"key_ops empty", changed(ec, map[string]any{"key_ops": []string{}}), "1 key_ops"},
		{"key_ops text", changed(ec, map[string]any{"key_ops": "verify"}), "1 malformed"},
		{"RSA 1024", changed(rsa, map[string]any{"n": modulus(1024)}), "1 weak"},
		{"RSA 2047", changed(rsa, map[string]any{"n": modulus(2047)}), "1 weak"},
		{"RSA 2048", changed(rsa, map[string]any{"n": modulus(2048)}), ""},
		{"RSA with 100,000 bits", changed(rsa, map[string]any{"n": modulus(100_000)}), "1 malformed"},
		{"RSA exponent 3", changed(rsa, map[string]any{"e": "Aw"}), "1 weak"},
		{"RSA exponent even", changed(rsa, map[string]any{"e": "AQAC"}), "1 weak"},
		{"RSA CVE-2017-15361", changed(rsa, map[string]any{"n": b64(roca.Bytes())}), "1 weak"},
		{"point beside the curve", changed(ec, map[string]any{"x": ec["y"], "y": ec["x"]}), "1 malformed"},
		{"point of another curve", changed(ec, map[string]any{"crv": "P-384", "alg": "ES384"}), "1 malformed"},
		{"alg of another curve", changed(ec, map[string]any{"alg": "ES384"}), "1 algorithm"},
		{"alg of another kind", changed(ec, map[string]any{"alg": "RS256"}), "1 algorithm"},
		{"alg none", changed(ec, map[string]any{"alg": "none"}), "1 algorithm"},
		{"alg HS256", changed(rsa, map[string]any{"alg": "HS256"}), "1 algorithm"},
		{"kty unknown", changed(ec, map[string]any{"kty": "AKP"}), "1 unsupported"},
		{"crv X25519", changed(ed, map[string]any{"crv": "X25519"}), "1 unsupported"},
		{"no kty", changed(ec, map[string]any{"kty": nil}), "1 malformed"},
		{"private", changed(ec, map[string]any{"d": b64(append(make([]byte, 31), 1))}), "1 private"},
		{"kid too long", changed(ec, map[string]any{"kid": string(make([]byte, 257))}), "1 malformed"},
		{"not an object", "key", "1 malformed"},
		{"no kid beside another", changed(ec, map[string]any{"kid": nil}), "1 no kid"},
		{"kid of another", changed(ec, map[string]any{"kid": "good"}), "2 duplicate kid"},
	} {
		keys, ignored, err := token.CheckSet(mustJSON(map[string]any{"keys": []any{good, test.jwk}}), nil)
		want := 2
		switch test.want {
		case "":
		case "2 duplicate kid":
			if err == nil || err.Error() != "it holds no usable key (2 keys; not used: 2 duplicate kid)" {
				t.Errorf("%s: got %d keys, %v", test.name, keys, err)
			}
			continue
		default:
			want = 1
		}
		if err != nil || keys != want || ignored != test.want {
			t.Errorf("%s: got %d keys, %q, %v; want %d, %q", test.name, keys, ignored, err, want, test.want)
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
		`{"keys":[null,{"kty":"oct"}]}`:   "it holds no usable key (2 keys; not used: 1 malformed, 1 symmetric)",
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
		"none":  "algorithm 'none' cannot be allowed; there are RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA",
		"HS256": "algorithm 'HS256' cannot be allowed; there are RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA",
		"":      "algorithm '' cannot be allowed; there are RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA",
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
