package token

import (
	"context"
	"slices"

	"github.com/go-jose/go-jose/v4"
)

// VerifySignature finds the key for a token in a key set and checks the
// signature, by the rules of a Verifier for everything but claims.
func VerifySignature(set []byte, raw string, algorithms []string) (payload []byte, err error) {
	allowed, err := allowList(algorithms)
	if err != nil {
		return nil, err
	}
	s, err := parseSet(set, allowed)
	if err != nil {
		return nil, err
	}
	keys := &Keys{pinned: true, algorithms: allowed}
	keys.current.Store(s)
	v := &Verifier{keys: keys, config: Config{Types: []string{"jwt"}}}
	h, payload, err := parse(raw)
	if err != nil {
		return nil, err
	}
	if err := v.checkHeader(h); err != nil {
		return nil, err
	}
	k, err := keys.find(context.Background(), h.KeyID)
	if err != nil {
		return nil, err
	}
	algorithm := jose.SignatureAlgorithm(h.Algorithm)
	if !slices.Contains(k.algorithms, algorithm) {
		return nil, invalid(BadAlgorithm)
	}
	if k.verify(raw, algorithm) != nil {
		return nil, invalid(BadSignature)
	}
	return payload, nil
}

// CheckSet tells why a key set is refused, and which of its keys are not used.
func CheckSet(set []byte, algorithms []string) (keys int, ignored string, err error) {
	allowed, err := allowList(algorithms)
	if err != nil {
		return 0, "", err
	}
	s, err := parseSet(set, allowed)
	if err != nil {
		return 0, "", err
	}
	return len(s.byID), s.ignored, nil
}

// Remembered returns how many tokens a verifier remembers.
func (v *Verifier) Remembered() int { return v.memo.Len() }

// Judge verifies a token as if it had never been seen.
func Judge(v *Verifier, raw string) error {
	_, err := v.judge(context.Background(), raw, v.config.Now())
	return err
}
