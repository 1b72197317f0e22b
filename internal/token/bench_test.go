package token_test

import (
	"testing"

	"github.com/sparkoo/transfergate/internal/token"
)

// BenchmarkRemembered is a request with a token that was verified before. Its
// limit is 2 µs.
func BenchmarkRemembered(b *testing.B) {
	s := newSigner(b, "k", "RS256")
	v := newVerifier(b, pinned(b, setOf(s)))
	raw := s.sign(claims(map[string]any{"scope": "a token of some length, as they are in practice, with scopes and roles and all the rest that nobody reads"}))
	if _, err := v.Verify(b.Context(), raw); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		if _, err := v.Verify(b.Context(), raw); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFirst is the first request with a token, by algorithm.
func BenchmarkFirst(b *testing.B) {
	for _, alg := range token.Algorithms() {
		b.Run(alg, func(b *testing.B) {
			s := newSigner(b, "k", alg)
			set, raw := setOf(s), s.signRaw(mustJSON(s.header(map[string]any{"typ": "JWT"})), mustJSON(claims()))
			keys := pinned(b, set)
			v := newVerifier(b, keys, func(c *token.Config) { c.Types = []string{"JWT"} })
			b.ReportAllocs()
			for b.Loop() {
				if err := token.Judge(v, raw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
