package assertion

import (
	"cmp"
	"context"
	"crypto"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"
)

// What is wrong with an assertion. The sentences hold nothing of it.
var (
	ErrMalformed    = errors.New("the assertion is not a signed JWT in compact form")
	ErrType         = errors.New("the token is of another type than " + Type)
	ErrAlgorithm    = errors.New("the assertion's algorithm is not the one its key is for")
	ErrUnknownKey   = errors.New("the assertion's key is not in the key set")
	ErrSignature    = errors.New("the assertion's signature is not valid")
	ErrIssuer       = errors.New("the assertion is of another issuer")
	ErrAudience     = errors.New("the assertion is meant for another region")
	ErrExpired      = errors.New("the assertion has expired")
	ErrNotYetValid  = errors.New("the assertion comes from the future: compare the clocks")
	ErrLifetime     = errors.New("the assertion's times are missing, or it lives longer than a minute")
	ErrCriticalHead = errors.New("the assertion has critical header parameters, and there are none")
)

// maxToken is the longest assertion that is looked at, in bytes.
const maxToken = 8 << 10

// DefaultLeeway is how far the clocks of gateway and upstream may differ.
const DefaultLeeway = 5 * time.Second

// Keys finds public keys by id.
type Keys interface {
	// Key returns a key, or [ErrUnknownKey], or why keys cannot be had.
	Key(ctx context.Context, id string) (crypto.PublicKey, error)
}

// Key implements [Keys].
func (s KeySet) Key(_ context.Context, id string) (crypto.PublicKey, error) {
	if k, ok := s[id]; ok {
		return k, nil
	}
	return nil, ErrUnknownKey
}

// Verifier verifies assertions as an upstream should. Any number of goroutines
// may use it.
type Verifier struct {
	// Keys are the issuer's. Required.
	Keys Keys
	// Issuer is what iss must be. Empty: any whose key is in the set.
	Issuer string
	// Audience is the region aud must name. Empty: any. An upstream that does
	// not name its own believes assertions meant for others.
	Audience string
	// Leeway is how far clocks may differ; negative for none. Default: 5 s
	Leeway time.Duration
	// Now is the clock. Default: time.Now
	Now func() time.Time
}

// header is the protected header of an assertion.
type header struct {
	Algorithm string          `json:"alg"`
	KeyID     string          `json:"kid"`
	Type      string          `json:"typ"`
	Critical  json.RawMessage `json:"crit"`
	Base64    json.RawMessage `json:"b64"`
}

// Verify returns what an assertion in compact form says. Nothing of it may be
// believed when there is an error: one of this package, or why keys cannot be had.
func (v *Verifier) Verify(ctx context.Context, raw string) (*Claims, error) {
	if v.Keys == nil {
		return nil, ErrUnknownKey
	}
	h, err := parseHeader(raw)
	if err != nil {
		return nil, err
	}
	key, err := v.Keys.Key(ctx, h.KeyID)
	if err != nil {
		return nil, err
	}
	payload, err := open(raw, h.Algorithm, key)
	if err != nil {
		return nil, err
	}
	claims := new(Claims)
	if json.Unmarshal(payload, claims) != nil {
		return nil, ErrMalformed
	}
	if err := v.check(claims); err != nil {
		return nil, err
	}
	return claims, nil
}

// parseHeader reads what an assertion says of itself.
func parseHeader(raw string) (*header, error) {
	first, _, _ := strings.Cut(raw, ".")
	text, err := base64.RawURLEncoding.DecodeString(first)
	h := new(header)
	switch {
	case len(raw) > maxToken || strings.Count(raw, ".") != 2 || err != nil || json.Unmarshal(text, h) != nil:
		return nil, ErrMalformed
	case h.Critical != nil || h.Base64 != nil:
		return nil, ErrCriticalHead
	case !strings.EqualFold(h.Type, Type):
		return nil, ErrType
	}
	return h, nil
}

// open checks the signature and returns the payload. Which algorithm applies is
// the key's to say, never the token's.
func open(raw, algorithm string, public crypto.PublicKey) ([]byte, error) {
	k, err := newKey(public)
	if err != nil || k.algorithm != algorithm {
		return nil, ErrAlgorithm
	}
	signed, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(algorithm)})
	if err != nil {
		return nil, ErrMalformed
	}
	payload, err := signed.Verify(public)
	if err != nil {
		return nil, ErrSignature
	}
	return payload, nil
}

// check holds the claims to what the verifier expects.
func (v *Verifier) check(c *Claims) error {
	now := time.Now()
	if v.Now != nil {
		now = v.Now()
	}
	leeway := max(0, cmp.Or(v.Leeway, DefaultLeeway))
	lifetime := c.Expires - c.IssuedAt
	switch {
	case c.IssuedAt <= 0 || lifetime <= 0 || lifetime > int64(MaxLifetime/time.Second):
		return ErrLifetime
	case v.Issuer != "" && c.Issuer != v.Issuer:
		return ErrIssuer
	case v.Audience != "" && c.Audience != v.Audience:
		return ErrAudience
	case !now.Before(time.Unix(c.Expires, 0).Add(leeway)):
		return ErrExpired
	case now.Before(time.Unix(c.IssuedAt, 0).Add(-leeway)):
		return ErrNotYetValid
	}
	return nil
}
