package token_test

import (
	"crypto/sha256"
	"encoding/json"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/sparkoo/transfergate/internal/token"
)

// scopes make a token as long as they are in practice.
var scopes = map[string]any{"scope": "a token of some length, as they are in practice, with scopes and roles and all the rest that nobody reads"}

// BenchmarkRemembered is a request with a token that was verified before: its
// limit is 2 µs. Beside it stand the hash of the token alone, which is what a
// look-up cannot do without, and what a verifier that remembers nothing costs.
func BenchmarkRemembered(b *testing.B) {
	s := newSigner(b, "k", "RS256")
	set := setOf(s)
	v := newVerifier(b, pinned(b, set))
	raw := s.sign(claims(scopes))
	if _, err := v.Verify(b.Context(), raw); err != nil {
		b.Fatal(err)
	}
	for name, do := range map[string]func() error{
		"remembered": func() error { _, err := v.Verify(b.Context(), raw); return err },
		"hash-alone": func() error { hashed = sha256.Sum256([]byte(raw)); return nil },
		"go-jose":    func() error { return goJose(raw, set, jose.RS256) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := do(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

var hashed [sha256.Size]byte

// goJose verifies as its documentation shows, with a key set that is parsed anew.
func goJose(raw string, set []byte, alg jose.SignatureAlgorithm) error {
	var keys jose.JSONWebKeySet
	if err := json.Unmarshal(set, &keys); err != nil {
		return err
	}
	parsed, err := jwt.ParseSigned(raw, []jose.SignatureAlgorithm{alg})
	if err != nil {
		return err
	}
	var std jwt.Claims
	if err := parsed.Claims(&keys, &std); err != nil {
		return err
	}
	return std.Validate(jwt.Expected{Issuer: issuer, AnyAudience: jwt.Audience{audience}, Time: today})
}

// BenchmarkFirst is the first request with a token, by algorithm, beside go-jose
// with the same key.
func BenchmarkFirst(b *testing.B) {
	for _, alg := range token.Algorithms() {
		s := newSigner(b, "k", alg)
		raw := s.signRaw(mustJSON(s.header(map[string]any{"typ": "JWT"})), mustJSON(claims()))
		v := newVerifier(b, pinned(b, setOf(s)), func(c *token.Config) { c.Types = []string{"JWT"} })
		public := s.private.Public()
		for name, do := range map[string]func() error{
			"ours": func() error { return token.Judge(v, raw) },
			"go-jose": func() error {
				parsed, err := jwt.ParseSigned(raw, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(alg)})
				if err != nil {
					return err
				}
				var std jwt.Claims
				if err := parsed.Claims(public, &std); err != nil {
					return err
				}
				return std.Validate(jwt.Expected{Issuer: issuer, AnyAudience: jwt.Audience{audience}, Time: today})
			},
		} {
			b.Run(alg+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := do(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
