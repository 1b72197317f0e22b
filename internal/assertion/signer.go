package assertion

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"
)

// Config says what a [Signer] makes.
type Config struct {
	// Issuer is the iss of every assertion, an absolute URL. Required.
	Issuer string

	// Keys are those that are published; the first signs. Required.
	Keys []Key

	// Lifetime of an assertion in whole seconds. Default: 30 s; at most 60 s.
	Lifetime time.Duration

	// PerRequest makes an assertion for each request, with the record's number.
	PerRequest bool

	// SubjectKey is what pairwise subjects are derived from, at least 32 bytes.
	// Default: the key that signs, so that subjects change when it does.
	SubjectKey []byte

	// Remember is how many assertions are kept for reuse, of about 1 KB each.
	// Default: 10,000
	Remember int

	// Now is the clock. Default: time.Now
	Now func() time.Time
}

// Signer makes assertions. Any number of goroutines may use it.
type Signer struct {
	issuer     string
	lifetime   time.Duration
	perRequest bool
	now        func() time.Time
	subjects   subjects
	reused     *reused
	jws        jose.Signer
}

// New returns a signer.
func New(config Config) (*Signer, error) {
	if err := checkIssuer(config.Issuer); err != nil {
		return nil, err
	}
	lifetime := cmp.Or(config.Lifetime, DefaultLifetime)
	switch {
	case lifetime < time.Second || lifetime > MaxLifetime || lifetime%time.Second != 0:
		return nil, fmt.Errorf("lifetime of %s: whole seconds from 1s to %s", lifetime, MaxLifetime)
	case len(config.Keys) == 0 || !config.Keys[0].Private():
		return nil, errors.New("no key to sign with")
	case config.SubjectKey != nil && len(config.SubjectKey) < MinSubjectKey:
		return nil, fmt.Errorf("a subject key of %d bytes: at least %d", len(config.SubjectKey), MinSubjectKey)
	}
	s := &Signer{
		issuer: config.Issuer, lifetime: lifetime, perRequest: config.PerRequest, now: config.Now,
		reused: newReused(cmp.Or(config.Remember, DefaultRemember), lifetime/2),
	}
	if s.now == nil {
		s.now = time.Now
	}
	if err := s.useKey(config.Keys[0], config.SubjectKey); err != nil {
		return nil, err
	}
	return s, nil
}

// useKey prepares signing with a key, and naming subjects.
func (s *Signer) useKey(k Key, material []byte) (err error) {
	if material == nil {
		if material, err = k.secret(); err != nil {
			return err
		}
	}
	if s.subjects, err = newSubjects(material); err != nil {
		return err
	}
	key := jose.SigningKey{
		Algorithm: jose.SignatureAlgorithm(k.algorithm),
		Key:       jose.JSONWebKey{Key: k.private, KeyID: k.id},
	}
	s.jws, err = jose.NewSigner(key, new(jose.SignerOptions).WithType(Type))
	return err
}

// checkIssuer wants an absolute URL without query and fragment (RFC 8414 section 2).
func checkIssuer(issuer string) error {
	u, err := url.Parse(issuer)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.User != nil {
		return fmt.Errorf("issuer '%s' is no URL such as https://gateway.example.com, without query and fragment", issuer)
	}
	return nil
}

// Sign returns an assertion of the facts in compact form. It has at least half
// of its lifetime, less a second, before it.
func (s *Signer) Sign(f Facts) (string, error) {
	now := s.now()
	if s.perRequest {
		return s.sign(&f, now)
	}
	f.Record = ""
	if token := s.reused.get(f, now); token != "" {
		return token, nil
	}
	token, err := s.sign(&f, now)
	if err == nil {
		s.reused.put(f, token, now)
	}
	return token, err
}

// sign makes a new assertion.
func (s *Signer) sign(f *Facts, now time.Time) (string, error) {
	payload, err := json.Marshal(s.claims(f, now))
	if err != nil {
		return "", fmt.Errorf("encoding an assertion: %w", err)
	}
	signed, err := s.jws.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("signing an assertion: %w", err)
	}
	return signed.CompactSerialize()
}
