package identity

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"golang.org/x/net/http/httpguts"

	"github.com/sparkoo/transfergate/caddyplugin/gateway"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/token"
)

func init() {
	caddy.RegisterModule(JWT{})
}

// JWT believes signed access tokens (RFC 7519, RFC 9068). A request without one
// is left to the next source; a broken or expired one is 401, one that cannot be
// judged because the key service is down is 503: neither is ever anonymous.
//
// Several sources of this kind may stand in a chain, one for each issuer. A token
// of an issuer that none of them has is 401.
//
// The token stays in the request: it proves itself, and the policy says which
// recipients it is withheld from.
type JWT struct {
	// URL of the issuer's key set; https, or http on loopback. It is fetched when
	// the gateway starts and in the background, never while a configuration is
	// validated. Proxies named by the environment are used. Required, unless keys
	// are pinned.
	URL string `json:"url,omitempty"`

	// File with a key set, for networks without a key service. It is read when
	// the configuration is loaded. Default: none
	Keys string `json:"keys,omitempty"`

	// The issuer, as it stands in iss. Required.
	Issuer string `json:"issuer,omitempty"`

	// Names of this service; the audience claim must hold one of them. Required.
	Audience []string `json:"audience,omitempty"`

	// Claim that says for whom a token is. Access tokens of Amazon Cognito have no
	// aud, but client_id. Default: aud
	AudienceClaim string `json:"audience_claim,omitempty"`

	// How long a token may be, in bytes, at most 1 MiB. Default: 16 KiB
	MaxToken int `json:"max_token,omitempty"`

	// Cookie that carries the token. Default: none
	Cookie string `json:"cookie,omitempty"`

	// Header field that carries the token and nothing else. Default: the bearer
	// token of Authorization
	Field string `json:"field,omitempty"`

	// Token types that are accepted; JWT also stands for tokens without one. With
	// JWT, mind that an issuer's ID tokens may pass if they name the audience.
	// Default: at+jwt
	Types []string `json:"types,omitempty"`

	// Signature algorithms that are accepted; a key without one of its own is for
	// the first of them that fits it. Default: RS256, RS384, RS512, PS256, PS384,
	// PS512, ES256, ES384, ES512, EdDSA
	Algorithms []string `json:"algorithms,omitempty"`

	// Claim with the account id. A token without it is broken, as the account
	// record prevails over all the token says. Default: sub
	AccountClaim string `json:"account_claim,omitempty"`

	// What the account ids are: "shared", ids of the account directory whichever issuer
	// names them, or "own", the issuer's own, so that the account is the issuer, a "#"
	// and the id. Required where the sources have more than one issuer. The account that
	// a member of staff asks for is written as it is. Default: shared
	AccountIDs gateway.AccountIDs `json:"account_ids,omitempty"`

	// Claim with the registered country. Default: country
	CountryClaim string `json:"country_claim,omitempty"`

	// Claim with the id of the contracting party, a controller of the registers.
	// An id the registers lack is 401. Default: none
	PartyClaim string `json:"party_claim,omitempty"`

	// Claim that is true when the person is not of age where they live (§8). It
	// holds even if the account record does not say so. Default: none
	MinorClaim string `json:"minor_claim,omitempty"`

	// Claim with when the person was born, a year such as 2010 or a day such as
	// 2010-05-17, as in birthdate of OpenID Connect. The registers say from which
	// age on people are of age (§8). Default: none
	BirthClaim string `json:"birth_claim,omitempty"`

	// Claim with what the person consents to: true or false, or an object with true
	// or false for activities or purposes (2a to 2g). What is false was withdrawn,
	// whatever the account record says, and what the record withdrew stays so
	// whatever the token says (§7). False for a name the policy does not know stands
	// for all, as nobody can tell what it was meant to stop. Default: none
	ConsentsClaim string `json:"consents_claim,omitempty"`

	// Claim with a reference to the person's consent or instruction, or to a case
	// (§4), as in consent:9f2c or case:2026-17;approver=legal-ops;until=@1798675200.
	// Default: none
	ReferenceClaim string `json:"reference_claim,omitempty"`

	// Claim with the entity a member of staff works for. A token that has it is a
	// member of staff's. Default: none
	StaffEntityClaim string `json:"staff_entity_claim,omitempty"`

	// Claim with the country that member of staff is in. Required with the entity's.
	StaffCountryClaim string `json:"staff_country_claim,omitempty"`

	// Claim with the number of the ticket that member of staff works on. What it says
	// prevails over the field. Default: none
	TicketClaim string `json:"ticket_claim,omitempty"`

	// Claim with why they look: support-request, troubleshooting, security or legal.
	// What it says prevails over the field. Default: none
	AccessReasonClaim string `json:"access_reason_claim,omitempty"`

	// Claim with who approved the access, and until when, as in
	// approval:A-7;approver=duty-manager;until=@1798675200. Default: none
	ApprovalClaim string `json:"approval_claim,omitempty"`

	StaffWords

	// Where a member of staff's request names the data subject. Required with the
	// entity's claim.
	Subject *Subject `json:"subject,omitempty"`

	// How far clocks may differ, at most 5m. Default: 30s
	Leeway *caddy.Duration `json:"leeway,omitempty"`

	// How old the key set may grow while its service fails; from then on tokens
	// cannot be judged. Default: 24h
	StaleLimit caddy.Duration `json:"stale_limit,omitempty"`

	// Folder that keeps the last good key set, so that a restart does not need the
	// key service; it is not used when it is older than stale_limit. Whoever can write to
	// the folder can forge identities. Default: the ledger's folder
	Cache string `json:"cache,omitempty"`

	// File with the certificates, in PEM, that vouch for the key service.
	// Default: the system's
	CA string `json:"ca,omitempty"`

	anyCountry bool                            // nobody asked for a claim with the country
	told       *atomic.Pointer[func([]string)] // who is told of claims that no token has

	logger   *slog.Logger
	shared   *sharedKeys // nil with pinned keys
	keys     *token.Keys
	verifier *token.Verifier
}

// CaddyModule returns the Caddy module information.
func (JWT) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "transfer.identity.jwt", New: func() caddy.Module { return new(JWT) }}
}

// Provision checks the configuration and loads keys from files. It asks no
// network.
func (j *JWT) Provision(ctx caddy.Context) error {
	j.logger, j.told = ctx.Slogger(), new(atomic.Pointer[func([]string)])
	if err := j.check(); err != nil {
		return fmt.Errorf("identity jwt: %w", err)
	}
	if j.AccountClaim == "" {
		j.AccountClaim = "sub"
	}
	if j.CountryClaim == "" {
		j.CountryClaim, j.anyCountry = "country", true
	}
	if j.Subject != nil && j.Subject.Claim == j.AccountClaim {
		return fmt.Errorf("identity jwt: the subject's claim and account_claim are both '%s', which names the member of staff", j.AccountClaim)
	}
	if err := j.provisionKeys(gateway.LastGoodOf(ctx)); err != nil {
		return fmt.Errorf("identity jwt: %w", err)
	}
	config := token.Config{Unseen: j.tellUnseen, Issuer: j.Issuer, Audience: j.Audience, AudienceClaim: j.AudienceClaim, MaxToken: j.MaxToken, Types: j.Types, Claims: j.claims(), Consents: j.ConsentsClaim}
	if j.MinorClaim != "" {
		config.Flags = []string{j.MinorClaim}
	}
	if j.Leeway != nil {
		config.Leeway = time.Duration(*j.Leeway)
		if config.Leeway <= 0 {
			config.Leeway = -1 // none
		}
	}
	var err error
	if j.verifier, err = token.New(config, j.keys); err != nil {
		return fmt.Errorf("identity jwt: %w", err)
	}
	return nil
}

// check refuses what contradicts itself.
func (j *JWT) check() error {
	staff := []bool{j.StaffEntityClaim != "", j.StaffCountryClaim != "", j.Subject != nil}
	switch {
	case (j.URL == "") == (j.Keys == ""):
		return errors.New("name the URL of the key set, or pin keys with 'keys FILE': one of the two")
	case j.Keys != "" && (j.Cache != "" || j.CA != "" || j.StaleLimit != 0):
		return errors.New("'cache', 'ca' and 'stale_limit' are for a key service, and keys are pinned")
	case j.Cookie != "" && j.Field != "":
		return errors.New("a token comes from one place: a cookie or a field; write a source for each")
	case j.Cookie != "" && !httpguts.ValidHeaderFieldName(j.Cookie): // both are tokens
		return fmt.Errorf("'%s' is no name of a cookie", j.Cookie)
	case !slices.Contains([]gateway.AccountIDs{"", gateway.SharedIDs, gateway.OwnIDs}, j.AccountIDs):
		return fmt.Errorf("account_ids '%s': account ids are 'shared', those of the account directory, or 'own', the issuer's", j.AccountIDs)
	case slices.Contains(staff, true) && slices.Contains(staff, false):
		return errors.New("staff_entity_claim, staff_country_claim and subject come together: who asks, from where, and whose data")
	case j.StaffEntityClaim == "" && j.accounts():
		return errors.New("tickets, reasons and approvals are asked of staff: name their entity with staff_entity_claim")
	}
	if err := j.StaffWords.provision(); err != nil {
		return err
	}
	if j.Subject != nil {
		if err := j.Subject.provision(); err != nil {
			return err
		}
	}
	return j.checkField()
}

// accounts reports whether it is said where staff account for what they do.
func (j *JWT) accounts() bool {
	return j.TicketClaim != "" || j.AccessReasonClaim != "" || j.ApprovalClaim != "" || len(j.names()) > 0
}

func (j *JWT) checkField() (err error) {
	if j.Field == "" {
		return nil
	}
	if j.Field, err = fieldName(j.Field); err != nil {
		return err
	}
	if j.Subject != nil && j.Field == j.Subject.Field {
		return fmt.Errorf("field '%s' is both the token's and the data subject's", j.Field)
	}
	if slices.Contains(j.names(), j.Field) {
		return fmt.Errorf("field '%s' is both the token's and the ticket's or reason's", j.Field)
	}
	if j.Field == "Authorization" || j.Field == "Cookie" {
		return fmt.Errorf("field '%s' holds more than a token: write 'from header' or 'from cookie NAME'", j.Field)
	}
	return nil
}

// claims are the names of the claims to read.
func (j *JWT) claims() []string {
	names := []string{j.AccountClaim, j.CountryClaim, j.PartyClaim, j.StaffEntityClaim, j.StaffCountryClaim, j.BirthClaim, j.ReferenceClaim, j.TicketClaim, j.AccessReasonClaim, j.ApprovalClaim}
	if j.Subject != nil {
		names = append(names, j.Subject.Claim)
	}
	return slices.DeleteFunc(names, func(name string) bool { return name == "" })
}

// Fields implements gateway.FieldReader. Authorization and cookies are not
// among them: a policy withholds those by words of their own.
func (j *JWT) Fields() []string {
	return slices.DeleteFunc(append(j.names(), j.Field, j.Subject.field()), func(name string) bool { return name == "" })
}

// SubjectField implements gateway.SubjectReader.
func (j *JWT) SubjectField() string { return j.Subject.field() }

// AccessFields implements gateway.AccessReader.
func (j *JWT) AccessFields() []string { return j.names() }

// AccountIssuer implements gateway.AccountIssuer.
func (j *JWT) AccountIssuer() (issuer string, ids gateway.AccountIDs) { return j.Issuer, j.AccountIDs }

// Watch implements gateway.Refresher.
func (j *JWT) Watch(ctx caddy.Context) { j.keys.Run(ctx, j.logger) }

// Status implements gateway.Refresher.
func (j *JWT) Status() (synced time.Time, failures uint64) { return j.keys.Status() }

// LastGood implements gateway.LastGoodKeeper.
func (j *JWT) LastGood() time.Time { return j.keys.LastGood() }

// allConsents says that the person consents to nothing.
var allConsents = []string{gateway.AllConsents}

// source is the name of this source in records.
const source = "jwt"

// Identify implements gateway.IdentitySource.
func (j *JWT) Identify(r *http.Request) (gateway.Identity, error) {
	lines, said := j.Subject.take(r), j.StaffWords.take(r)
	raw, found, err := j.credential(r)
	if err != nil || !found {
		return gateway.Identity{}, err
	}
	t, err := j.verify(r.Context(), raw)
	if err != nil {
		return gateway.Identity{}, err
	}
	return j.identity(r, t, lines, said)
}

func (j *JWT) verify(ctx context.Context, raw string) (*token.Token, error) {
	t, err := j.verifier.Verify(ctx, raw)
	if err == nil {
		return t, nil
	}
	if fault := new(token.InvalidError); errors.As(err, &fault) {
		return nil, &gateway.IdentityError{
			Source: source, Reason: decision.IdentityBroken, Cause: j.cause(fault),
			Description: fault.Error(), Foreign: fault.Fault == token.BadIssuer,
		}
	}
	return nil, &gateway.IdentityError{Source: source, Reason: decision.KeysUnavailable}
}

// identity turns a verified token into an identity. Lines are the subject's field,
// said what staff say in fields.
func (j *JWT) identity(r *http.Request, t *token.Token, lines []string, said accessLines) (gateway.Identity, error) {
	id := gateway.Identity{Found: true, Source: source, Account: t.Claim(j.AccountClaim)}
	if id.Account == "" {
		return gateway.Identity{}, badClaim(gateway.AccountClaimMissing)
	}
	if j.StaffEntityClaim != "" {
		entity, country := t.Claim(j.StaffEntityClaim), t.Claim(j.StaffCountryClaim)
		// Without an entity, a country of the claim that customers have too says nothing.
		if entity != "" || country != "" && j.StaffCountryClaim != j.CountryClaim {
			// What else the token says is about the member of staff. The subject is
			// known from the account record alone.
			return j.staff(r, t, decision.Place{Entity: entity, Country: country}, lines, said)
		}
	}
	if j.AccountIDs == gateway.OwnIDs {
		id.Account = gateway.OwnAccount(j.Issuer, id.Account)
	}
	id.Country, id.Party, id.Minor = t.Claim(j.CountryClaim), t.Claim(j.PartyClaim), t.Flag(j.MinorClaim)
	if written := t.Claim(j.BirthClaim); written != "" {
		born, err := decision.ParseBirth(written)
		if err != nil {
			return gateway.Identity{}, badClaim(gateway.BirthClaimMalformed)
		}
		id.Born = born
	}
	if all, names := t.Refused(); all {
		id.Withdrawn = allConsents
	} else {
		id.Withdrawn = names
	}
	return referring(id, t.Claim(j.ReferenceClaim))
}

// staff is the identity of a member of staff's request.
func (j *JWT) staff(r *http.Request, t *token.Token, place decision.Place, lines []string, said accessLines) (id gateway.Identity, err error) {
	person := t.Claim(j.Subject.Claim)
	if j.Subject.Claim == "" {
		if person, err = j.Subject.account(r, lines, source); err != nil {
			return gateway.Identity{}, err
		}
	}
	a := account{j.Issuer + "#" + t.Claim(j.AccountClaim), t.Claim(j.TicketClaim), t.Claim(j.AccessReasonClaim), t.Claim(j.ApprovalClaim)}
	if a, err = a.fill(said, source); err != nil {
		return gateway.Identity{}, err
	}
	if id, err = accounting(gateway.Identity{Found: true, Source: source, Account: person, Staff: &place}, a); err != nil {
		return gateway.Identity{}, err
	}
	return referring(id, t.Claim(j.ReferenceClaim))
}

// credential finds the token in the request.
func (j *JWT) credential(r *http.Request) (raw string, found bool, err error) {
	var values []string
	switch {
	case j.Cookie != "":
		for _, cookie := range r.CookiesNamed(j.Cookie) {
			values = append(values, cookie.Value)
		}
		if values = filled(values); len(values) == 0 {
			return "", false, nil // a cookie that was deleted
		}
	case j.Field != "":
		values = filled(r.Header[j.Field])
	default:
		if values = r.Header["Authorization"]; !slices.ContainsFunc(values, isBearer) {
			return "", false, nil // no credential, or another scheme's
		}
	}
	switch {
	case len(values) == 0:
		return "", false, nil
	case len(values) > 1:
		return "", false, &gateway.IdentityError{Source: source, Reason: decision.IdentityAmbiguous, Cause: gateway.TokenRepeated}
	case j.Cookie == "" && j.Field == "":
		return strings.TrimLeft(values[0][len(bearer):], " \t"), true, nil
	}
	return values[0], true, nil
}

// bearer is the scheme of RFC 6750.
const bearer = "Bearer"

// isBearer reports whether an Authorization field has the scheme, however what
// follows it looks: a credential that is spelled oddly is broken, not absent.
func isBearer(value string) bool {
	if len(value) < len(bearer) || !strings.EqualFold(value[:len(bearer)], bearer) {
		return false
	}
	rest := value[len(bearer):]
	return rest == "" || !httpguts.IsTokenRune(rune(rest[0]))
}

// Interface guards
var (
	_ caddy.Provisioner      = (*JWT)(nil)
	_ caddy.CleanerUpper     = (*JWT)(nil)
	_ gateway.IdentitySource = (*JWT)(nil)
	_ gateway.FieldReader    = (*JWT)(nil)
	_ gateway.SubjectReader  = (*JWT)(nil)
	_ gateway.AccessReader   = (*JWT)(nil)
	_ gateway.Refresher      = (*JWT)(nil)
	_ gateway.AccountIssuer  = (*JWT)(nil)
	_ gateway.LastGoodKeeper = (*JWT)(nil)
	_ gateway.ClaimWatcher   = (*JWT)(nil)
)
