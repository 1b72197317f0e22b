package token

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/sparkoo/transfergate/internal/cache"
)

// The defaults and bounds of a [Config].
const (
	DefaultLeeway   = 30 * time.Second
	MaxLeeway       = 5 * time.Minute
	DefaultRemember = 10_000
	DefaultMaxToken = 16 << 10 // bytes
	MaxMaxToken     = 1 << 20  // bytes
)

// Config says which tokens a [Verifier] accepts.
type Config struct {
	// Issuer is what iss must be, to the letter. Required.
	Issuer string

	// Audience are the names of this service; AudienceClaim must hold one of them.
	// Required.
	Audience []string

	// AudienceClaim is the claim that says for whom a token is; some issuers leave out
	// aud and have client_id. Default: aud
	AudienceClaim string

	// MaxToken is how long a token may be, in bytes. Default: 16 KiB; at most 1 MiB
	MaxToken int

	// Types are the values of typ that are accepted. "JWT" also stands for tokens
	// without typ. Default: at+jwt, the access tokens of RFC 9068, as another
	// token of the same issuer, such as an ID token, gives no access.
	Types []string

	// Claims are the names of the claims to read. A name with dots stands for a
	// path through nested objects, unless a claim has that very name.
	Claims []string

	// Flags are the names of claims to read that are true or false.
	Flags []string

	// Consents is the name of a claim with what the person consents to: true or
	// false for all of it, or an object with true or false for each name. Empty for
	// none.
	Consents string

	// Leeway is how far clocks may differ; 0 stands for the default, less than 0
	// for none. Default: 30 s; at most 5 min.
	Leeway time.Duration

	// Remember is how many verified tokens are remembered. Default: 10,000
	Remember int

	// Now is the clock. Default: time.Now
	Now func() time.Time

	// Enough is after how many tokens a claim that none of them had counts as unseen:
	// its name is perhaps misspelt. Default: 300
	Enough uint64

	// Unseen is told once, when so many tokens came, the names of unseen claims if there
	// are any. Default: nobody
	Unseen func(claims []string)
}

// Verifier verifies tokens. Any number of goroutines may use it.
type Verifier struct {
	config Config
	keys   *Keys
	memo   *cache.Cache[digest, *Token] // verified tokens; junk cannot push them out

	sightings sightings
}

// New returns a verifier that takes its keys from keys. The configuration is
// copied. It fails if the configuration leaves open who is trusted.
func New(config Config, keys *Keys) (*Verifier, error) {
	switch {
	case config.Issuer == "":
		return nil, errors.New("no issuer: name the one whose tokens are accepted")
	case len(config.Audience) == 0 || slices.Contains(config.Audience, ""):
		return nil, errors.New("no audience: name this service as tokens do")
	case slices.Contains(config.Types, ""):
		return nil, errors.New("an empty type: write JWT for tokens without one")
	case slices.Contains(config.Claims, "") || slices.Contains(config.Flags, ""):
		return nil, errors.New("a claim without a name")
	case config.MaxToken < 0 || config.MaxToken > MaxMaxToken:
		return nil, fmt.Errorf("tokens of %d bytes: at most %d", config.MaxToken, MaxMaxToken)
	case config.Leeway > MaxLeeway:
		return nil, fmt.Errorf("leeway of %s: at most %s; let clocks be set right instead", config.Leeway, MaxLeeway)
	}
	config.Audience = slices.Clone(config.Audience)
	config.Claims = slices.Clone(config.Claims)
	config.Flags = slices.Clone(config.Flags)
	types := []string{"at+jwt"}
	if len(config.Types) > 0 {
		types = nil
	}
	for _, t := range config.Types {
		types = append(types, mediaType(t))
	}
	config.Types = types
	config.Leeway = max(0, cmp.Or(config.Leeway, DefaultLeeway))
	config.AudienceClaim = cmp.Or(config.AudienceClaim, "aud")
	config.MaxToken = cmp.Or(config.MaxToken, DefaultMaxToken)
	config.Remember = cmp.Or(config.Remember, DefaultRemember)
	if config.Now == nil {
		config.Now = time.Now
	}
	config.Enough = cmp.Or(config.Enough, DefaultEnough)
	v := &Verifier{config: config, keys: keys, memo: cache.New[digest, *Token](config.Remember)}
	v.sightings.unseen = slices.Concat(config.Claims, config.Flags)
	if config.Consents != "" {
		v.sightings.unseen = append(v.sightings.unseen, config.Consents)
	}
	return v, nil
}

// digest identifies a token.
type digest = [sha256.Size]byte

// Verify returns what a token in compact form says. The error is an
// [*InvalidError] if the token is at fault, and [ErrUnavailable] if it could not
// be judged. It waits for keys for at most a few seconds, and no longer than ctx.
func (v *Verifier) Verify(ctx context.Context, raw string) (*Token, error) {
	now := v.config.Now()
	if len(raw) > v.config.MaxToken {
		return nil, invalid(TooLarge)
	}
	id := sha256.Sum256([]byte(raw))
	if t, ok := v.memo.Get(id); ok && v.keys.has(t.signer) {
		if err := t.usable.check(now); err != nil {
			v.memo.Delete(id) // it makes room for one that is of use
			return nil, err
		}
		return t, nil
	}
	t, err := v.judge(ctx, raw, now)
	if err != nil {
		return nil, err
	}
	v.memo.Put(id, t, v.config.Remember)
	v.sightings.note(t, v.config.Enough, v.config.Unseen)
	return t, nil
}

// judge verifies a token that is not remembered. What it says of itself comes
// first, so that a token which would be refused anyhow makes nobody fetch keys;
// nothing of it is believed until its signature is checked. Its issuer comes
// before all else: whose token it is decides who may judge it.
func (v *Verifier) judge(ctx context.Context, raw string, now time.Time) (*Token, error) {
	h, payload, err := parse(raw)
	if err != nil {
		return nil, err
	}
	claims, err := v.ours(payload)
	if err != nil {
		return nil, err
	}
	if err := v.checkHeader(h); err != nil {
		return nil, err
	}
	t, err := v.readClaims(claims, now)
	if err != nil {
		return nil, err
	}
	t.signer, err = v.keys.find(ctx, h.KeyID)
	if err != nil {
		return nil, err
	}
	algorithm := jose.SignatureAlgorithm(h.Algorithm)
	if !slices.Contains(t.signer.algorithms, algorithm) {
		return nil, invalid(BadAlgorithm)
	}
	if err := t.signer.verify(raw, algorithm); err != nil {
		return nil, invalid(BadSignature)
	}
	return t, nil
}
