package gateway

import (
	"errors"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/sparkoo/transfergate/caddyplugin/sitecheck"
	"github.com/sparkoo/transfergate/controllers"
	"github.com/sparkoo/transfergate/internal/country"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/guard"
	"github.com/sparkoo/transfergate/internal/policystore"
)

// exchangeVar is the request variable that carries the exchange.
const exchangeVar = sitecheck.ExchangeVar

// exchange is what the gateway knows about one request. Matchers that come
// before the handler begin it; the handler completes it. It belongs to the
// request's goroutine.
type exchange struct {
	state *policystore.State // what it is judged by, from first to last

	// who
	subject    controllers.Subject
	identity   Identity
	identified bool
	invalid    bool       // the identity's country is no country code
	conflicts  []string   // pairs of sources that disagree about the subject
	answers    []Identity // by source, for the case that it is resolved again
	authUser   string     // the authenticated user it was resolved for
	origin     string     // visitor's country by GeoIP, a hint
	refusal    decision.Reason
	refuser    refuser // who refused it, and why; no cause where the reason says all
	challenge  string  // what a 401 says about the credential
	position   int     // of the source that identified, in the chain from 1

	// what was decided; nil until the handler has decided
	decision  *decision.Decision
	candidate *decision.Candidate
	shadow    []byte          // what the shadow policy would have decided instead, for the record
	attempt   *attempt        // the latest
	record    string          // "node#index" of the transfer's record
	outcome   string          // empty until the handler has answered
	reason    decision.Reason // as the requester is told it
	actual    decision.Reason // for the operator
	tell      bool            // the caller gets Transfer-Status
}

// The outcomes of an exchange.
const (
	outcomeAllowed = "allowed"
	outcomeDenied  = "denied"
	outcomeFailed  = "failed"

	outcomePreflight = "preflight" // about nobody, and nothing was decided
)

// exchangeOf returns the request's exchange, or nil.
func exchangeOf(r *http.Request) *exchange {
	x, _ := caddyhttp.GetVar(r.Context(), exchangeVar).(*exchange)
	return x
}

// resolve finds out, once per request, who it is about. The header guard runs
// first. A request that was resolved before somebody authenticated it is
// resolved again.
func (a *App) resolve(r *http.Request) *exchange {
	defer a.quietPanic() // a matcher may stand outside the handler
	repl := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	user, _ := repl.GetString("http.auth.user.id")
	x := exchangeOf(r)
	if x != nil && x.authUser == user {
		return x
	}
	if x == nil {
		x = &exchange{state: a.store.State()}
		caddyhttp.SetVar(r.Context(), exchangeVar, x)
		repl.Map(placeholders(r))
		a.metrics.spoofed(guard.Clean(r, a.identity.lookalikes))
	}
	x.authUser = user
	a.identify(x, r)
	return x
}

// identify asks the identity sources and looks the subject up.
func (a *App) identify(x *exchange, r *http.Request) {
	a.identity.ask(x, r, a.metrics)
	snapshot := a.table.Snapshot().Under(x.state.Roster)
	if _, known := snapshot.Controller(x.identity.Party); !known && x.identity.Party != "" {
		x.refuse(&IdentityError{Source: x.identity.Source, Reason: decision.IdentityBroken, Cause: PartyUnknown, Description: unknownParty}, x.position)
	}
	if x.invalid = x.identity.Country != "" && !country.Valid(x.identity.Country); x.invalid {
		x.identity.Country = "" // it may be anything, personal data included
	}
	if x.refusal != "" {
		return
	}
	record, err := a.record(r.Context(), &snapshot, x.identity.Account)
	if err != nil {
		reason := decision.DirectoryDown
		if errors.Is(err, ErrAccountRecord) {
			reason = decision.AccountUnreadable
		}
		x.refuse(&IdentityError{Source: "accounts", Reason: reason}, 0)
		return
	}
	x.subject = snapshot.SubjectOf(record, x.identity.Country, x.identity.Party)
	x.origin = a.visitorCountry(r)
	x.compare()
	a.metrics.resolved(x)
	if c := x.subject.Controller; c != nil && c.Unlisted {
		a.unlisted.alert(a.logger, c.Name)
	}
}

// unlisted are the contracting parties that an alert was given for. Accounts name
// them, each perhaps another.
type unlisted struct {
	names sync.Map
	many  atomic.Int64 // of them
}

// manyUnlisted is for how many contracting parties an alert is given, or a few more.
const manyUnlisted = 100

// alert says once per party that the registers lack a contracting party which
// account records name. Its safeguards are unknown until they have it.
func (u *unlisted) alert(logger *zap.Logger, party string) {
	if _, known := u.names.Load(party); known || u.many.Load() >= manyUnlisted {
		return
	}
	if _, known := u.names.LoadOrStore(party, true); known {
		return
	}
	logger.Warn("a contracting party of an account record is not in the registers: it was taken over by name and address; add it to controllers.yaml",
		zap.String("party", party))
	if u.many.Add(1) == manyUnlisted {
		logger.Warn("further contracting parties that are not in the registers are only counted, by caddy_transfer_unlisted_parties_total", zap.Int("named", manyUnlisted))
	}
}

// unknownParty is told to a client whose credential names a contracting party
// that the registers lack: nobody guesses which controller is meant.
const unknownParty = "the credential names an unknown contracting party"

// refuse notes why the identity source at that place of the chain refuses the
// request. One that gives no reason has a broken credential.
func (x *exchange) refuse(err error, position int) {
	x.refusal, x.challenge, x.refuser = decision.IdentityBroken, "", refuser{"unknown", position, OtherCause}
	e := new(IdentityError)
	if !errors.As(err, &e) {
		return
	}
	x.refusal, x.challenge, x.refuser = e.Reason, e.Description, refuser{e.Source, position, e.Cause}
	if e.Cause != "" || e.Reason.Info().Status == http.StatusUnauthorized {
		x.refuser.cause = e.Cause.listed()
	}
}

// facts are the exchange as the decision sees it at a moment.
func (x *exchange) facts(r *http.Request, activity string, at time.Time) decision.Facts {
	return decision.Facts{
		Activity:   activity,
		Identified: x.identified,
		Country:    x.country(&x.subject),
		Controller: x.subject.Controller,
		Basis:      x.subject.Basis,
		Staff:      x.identity.Staff,
		Access:     x.access(),
		Subject:    x.subject.Account != nil && x.subject.Country != "",
		Choices:    x.choices(r, at),
		Deletes:    r.Method == http.MethodDelete,
		Reference:  x.reference(activity),
		At:         at,
	}
}

// access is what a member of staff accounts for.
func (x *exchange) access() decision.StaffAccess {
	a := x.identity.Access
	a.Named = x.identity.Member != ""
	return a
}

// noCountry stands for a claimed country that is no country code. Whoever claimed it
// has it wrong: it bars what needs the country, whatever the account record says.
const noCountry = "invalid"

// country is the subject's registered country as the decision sees it.
func (x *exchange) country(subject *controllers.Subject) string {
	if x.invalid {
		return noCountry
	}
	return subject.Country
}

// visitorCountry is the country of Caddy's client address; empty when unknown.
func (a *App) visitorCountry(r *http.Request) string {
	if a.geo == nil {
		return ""
	}
	text, _ := caddyhttp.GetVar(r.Context(), caddyhttp.ClientIPVarKey).(string)
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return "" // a socket without an address
	}
	code, _ := a.geo.Country(addr)
	return code
}
