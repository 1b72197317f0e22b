package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"go.uber.org/zap"

	"github.com/sparkoo/transfergate/caddyplugin/option"
	"github.com/sparkoo/transfergate/internal/assertion"
	"github.com/sparkoo/transfergate/internal/country"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/suggest"
)

// Assertion adds the field Transfer-Assertion to what an upstream gets: a
// short-lived signed JWT that says what our plain fields say.
//
// It goes to every recipient, also to one from whom identity fields are
// withheld: its subject is another one for each recipient, and names nobody.
type Assertion struct {
	// Issuer of the assertions, an absolute URL. Required.
	Issuer string `json:"issuer,omitempty"`

	// Key is the file that holds the key, PEM or a JSON Web Key (set), or the key
	// itself after the word value, as in value {env.ASSERTION_KEY}. The first key
	// signs, the others are published. Default: a key made when the gateway starts
	// and kept until the process ends
	Key option.Secret `json:"key,omitzero"`

	// SubjectKey is a file with at least 32 random bytes, or the bytes after the
	// word value as above, from which pairwise subjects are derived. Default: the
	// key that signs, so that every subject changes with it
	SubjectKey option.Secret `json:"subject_key,omitzero"`

	// Algorithm the first key must be for: EdDSA or ES256. Default: the key's,
	// and EdDSA for a key that is made
	Algorithm string `json:"algorithm,omitempty"`

	// Lifetime of an assertion, whole seconds up to a minute. Default: 30s
	Lifetime caddy.Duration `json:"lifetime,omitempty"`

	// PerRequest makes an assertion for each request, with the number of the
	// transfer's record, instead of reusing one for the same subject, region
	// and decision. Default: false
	PerRequest bool `json:"per_request,omitempty"`

	signer *assertion.Signer
	keys   []assertion.Key
	ring   *assertion.Ring // stays usable for requests in flight after cleanup
	pooled bool            // this instance holds one reference in the pool
}

// assertionRings holds the keys of each issuer of the process, so that a reload
// keeps a key the gateway made, and publishes for a while those it replaces.
var assertionRings = caddy.NewUsagePool()

// sharedRing is a ring in the pool.
type sharedRing struct{ assertion.Ring }

// Destruct implements caddy.Destructor.
func (*sharedRing) Destruct() error { return nil }

// provisionAssertion reads the keys. It publishes nothing yet.
func (a *App) provisionAssertion() error {
	if a.Assertion == nil {
		return nil
	}
	if err := a.Assertion.provision(a.ctx.Slogger()); err != nil {
		return fmt.Errorf("assertion: %w", err)
	}
	return nil
}

func (s *Assertion) provision(logger *slog.Logger) error {
	if s.Issuer == "" {
		return errors.New("no issuer: say whose assertions these are, as in 'issuer https://gateway.example.com'")
	}
	value, _, err := assertionRings.LoadOrNew(s.Issuer, func() (caddy.Destructor, error) { return new(sharedRing), nil })
	if err != nil {
		return err
	}
	s.ring, s.pooled = &value.(*sharedRing).Ring, true
	if err := s.readKeys(logger); err != nil {
		return err
	}
	material, err := s.readSubjectKey(logger)
	if err != nil {
		return err
	}
	s.signer, err = assertion.New(assertion.Config{
		Issuer: s.Issuer, Keys: s.keys, Lifetime: time.Duration(s.Lifetime), PerRequest: s.PerRequest,
		SubjectKey: material, Now: func() time.Time { return now() },
	})
	return err
}

// readKeys reads the keys, or asks the ring for its own.
func (s *Assertion) readKeys(logger *slog.Logger) error {
	if s.Key.IsZero() {
		algorithm := s.Algorithm
		if algorithm == "" {
			algorithm = assertion.EdDSA
		}
		k, fresh, err := s.ring.Generated(algorithm)
		if err != nil {
			return err
		}
		if fresh {
			logger.Warn("made a key for assertions, which ends with the process: pairwise subjects end with it; name a file as in 'key FILE' to keep them",
				"algorithm", algorithm, "kid", k.ID())
		}
		s.keys = []assertion.Key{k}
		return nil
	}
	raw, where, err := s.Key.Read("key", keyItself, logger)
	if err != nil {
		return err
	}
	if s.keys, err = assertion.ParseKeys(raw); err != nil {
		return fmt.Errorf("%s: %w", where, err)
	}
	if got := s.keys[0].Algorithm(); s.Algorithm != "" && s.Algorithm != got {
		return fmt.Errorf("%s: the first key is for %s, and 'algorithm %s' is written", where, got, s.Algorithm)
	}
	return nil
}

// readSubjectKey reads what pairwise subjects are derived from; nil if it is not
// configured.
func (s *Assertion) readSubjectKey(logger *slog.Logger) ([]byte, error) {
	if s.SubjectKey.IsZero() {
		return nil, nil
	}
	raw, where, err := s.SubjectKey.Read("subject_key", keyItself, logger)
	if err != nil {
		return nil, err
	}
	raw = bytes.TrimRight(raw, "\r\n")
	if len(raw) < assertion.MinSubjectKey {
		return nil, fmt.Errorf("%s has %d bytes: at least %d are needed, as of 'openssl rand -base64 32'", where, len(raw), assertion.MinSubjectKey)
	}
	return raw, nil
}

// keyItself reports whether a key stands where a file's name does: line breaks, or a
// beginning like that of JSON, told formerly.
func keyItself(_, value string) bool {
	return strings.Contains(value, "\n") || strings.HasPrefix(value, "{")
}

// publish makes the keys those of the issuer.
func (s *Assertion) publish() {
	if s != nil {
		s.ring.Publish(s.keys, now())
	}
}

// cleanup gives the ring back.
func (s *Assertion) cleanup() error {
	if s == nil || !s.pooled {
		return nil
	}
	s.pooled = false
	_, err := assertionRings.Delete(s.Issuer)
	return err
}

// assert signs what the region is told about the request.
func (t *attempt) assert() (err error) {
	s := t.handler.app.Assertion
	if s == nil {
		return nil
	}
	if t.assertion, err = s.signer.Sign(t.assertionFacts()); err != nil {
		t.handler.app.mishap(t.handler.logger, "a region got no request, as no assertion could be made for it", "", zap.Error(err))
		return errAssertion
	}
	return nil
}

// assertionFacts are what the region is told about this request.
func (t *attempt) assertionFacts() assertion.Facts {
	x, d := t.exchange, t.decision
	f := assertion.Facts{
		Account:   x.identity.Account,
		Recipient: t.candidate.Recipient.ID, Region: t.candidate.Region.Code,
		Basis: string(d.Basis), Country: d.Country,
		Safeguards: strings.Join(t.candidate.Tags(), " "),
		Record:     x.record,
	}
	if c := d.Controller; c != nil {
		f.Controller = c.ID
		if c.Unlisted {
			f.ControllerName = c.Name
		}
	}
	if d.Activity != nil {
		f.Activity = d.Activity.ID
	}
	if d.Statement != nil {
		f.Statement = d.Statement.ID
	}
	if staff := x.identity.Staff; staff != nil {
		f.Actor = actor(x.state.Policy, staff)
	}
	return f
}

// actor is a member of staff as an assertion names them. As in a record, what no
// register knows is not passed on.
func actor(p *decision.Policy, staff *decision.Place) assertion.Actor {
	actor := assertion.Actor{Entity: "unlisted"}
	if knows(p, staff.Entity) {
		actor.Entity = staff.Entity
	}
	if country.Valid(staff.Country) {
		actor.Country = staff.Country
	}
	return actor
}

// unmarshalAssertion parses the option. Syntax:
//
//	assertion {
//	    issuer      <url>
//	    key         [value] <secret>
//	    subject_key [value] <secret>
//	    algorithm   EdDSA|ES256
//	    lifetime    <duration>
//	    per_request
//	}
func (a *App) unmarshalAssertion(d *caddyfile.Dispenser) error {
	if d.NextArg() {
		return d.ArgErr()
	}
	a.Assertion = new(Assertion)
	return option.Block(d, nil, a.Assertion.unmarshalOption)
}

func (s *Assertion) unmarshalOption(d *caddyfile.Dispenser, word string) error {
	switch word {
	case "issuer":
		return allArgs(d, "issuer URL", &s.Issuer)

	case "key":
		return option.Secrets(d, "key [value] SECRET", &s.Key)

	case "subject_key":
		return option.Secrets(d, "subject_key [value] SECRET", &s.SubjectKey)

	case "algorithm":
		if err := allArgs(d, "algorithm EdDSA|ES256", &s.Algorithm); err != nil {
			return err
		}
		if known := []string{assertion.EdDSA, assertion.ES256}; !slices.Contains(known, s.Algorithm) {
			return d.Errf("algorithm '%s' cannot sign assertions; %s", s.Algorithm, suggest.OneOf(known))
		}
		return nil

	case "lifetime":
		var text string
		if err := allArgs(d, "lifetime DURATION", &text); err != nil {
			return err
		}
		lifetime, err := caddy.ParseDuration(text)
		if err != nil || lifetime < time.Second || lifetime > assertion.MaxLifetime || lifetime%time.Second != 0 {
			return d.Errf("lifetime '%s' is not in whole seconds from 1s to 60s", text)
		}
		s.Lifetime = caddy.Duration(lifetime)
		return nil

	case "per_request":
		s.PerRequest = true
		return allArgs(d, "per_request")
	}
	return d.Errf("unrecognized option '%s' of assertion; %s", word,
		suggest.For(word, []string{"issuer", "key", "subject_key", "algorithm", "lifetime", "per_request"}))
}

// Interface guards
var _ caddy.Destructor = (*sharedRing)(nil)
