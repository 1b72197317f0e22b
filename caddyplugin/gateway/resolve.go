package gateway

import (
	"errors"
	"net/http"
	"net/netip"
	"slices"
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
		a.metrics.spoofed(guard.Clean(r, a.lookalikes))
	}
	x.authUser = user
	a.identify(x, r)
	return x
}

// identify asks the identity sources and looks the subject up.
func (a *App) identify(x *exchange, r *http.Request) {
	a.askSources(x, r)
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
		a.alertUnlisted(c.Name)
	}
}

// askSources asks every identity source; the first that identifies wins.
func (a *App) askSources(x *exchange, r *http.Request) {
	if x.answers == nil {
		x.answers = make([]Identity, len(a.identity))
	}
	x.identity, x.identified, x.position = Identity{}, false, 0
	var foreign *IdentityError
	last := 0 // position of the source that said so
	for i, source := range a.identity {
		id, err := source.Identify(r)
		a.metrics.spoofed(id.Spoofed)
		if e := new(IdentityError); errors.As(err, &e) && e.Foreign {
			foreign, last = e, i+1
			continue // another source may know it
		}
		if err == nil {
			err = a.checkAccount(source, &id)
		}
		if err != nil {
			x.refuse(err, i+1)
			continue // the other sources still remove their fields
		}
		if !id.Found {
			id = x.answers[i] // its fields were removed when it was asked before
		}
		x.answers[i] = id
		if id.Found && !x.identified {
			x.identity, x.identified, x.position = id, true, i+1
		}
	}
	if foreign != nil && x.refusal == "" && !slices.ContainsFunc(x.answers, func(id Identity) bool { return id.Found && id.Source == foreign.Source }) {
		x.refuse(foreign, last)
	}
}

// checkAccount refuses an account id that no directory can be asked for, and one that
// is not the source's to name. What is odd about it is the caller's affair: it is not
// for the directory to find out.
func (a *App) checkAccount(source IdentitySource, id *Identity) error {
	if id.Account == "" || controllers.ValidID(id.Account) && a.speaksFor(source, id) {
		return nil
	}
	e := &IdentityError{Source: id.Source, Reason: decision.IdentityAmbiguous, Cause: AccountMalformed}
	switch {
	case id.Staff != nil:
		e.Reason = decision.StaffWithoutSubject
	case id.Source == "jwt":
		e.Reason, e.Description = decision.IdentityBroken, malformedAccount
	}
	return e
}

// malformedAccount is told to a client whose credential proves an odd account id.
const malformedAccount = "the credential names a malformed account id"

// unlisted are the contracting parties that an alert was given for. Accounts name
// them, each perhaps another.
type unlisted struct {
	names sync.Map
	many  atomic.Int64 // of them
}

// manyUnlisted is for how many contracting parties an alert is given, or a few more.
const manyUnlisted = 100

// alertUnlisted says once per party that the registers lack a contracting party
// which account records name. Its safeguards are unknown until they have it.
func (a *App) alertUnlisted(party string) {
	u := &a.unlisted
	if _, known := u.names.Load(party); known || u.many.Load() >= manyUnlisted {
		return
	}
	if _, known := u.names.LoadOrStore(party, true); known {
		return
	}
	a.logger.Warn("a contracting party of an account record is not in the registers: it was taken over by name and address; add it to controllers.yaml",
		zap.String("party", party))
	if u.many.Add(1) == manyUnlisted {
		a.logger.Warn("further contracting parties that are not in the registers are only counted, by caddy_transfer_unlisted_parties_total", zap.Int("named", manyUnlisted))
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
