package gateway

import (
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/controllers"
	"github.com/sparkoo/transfergate/internal/approval"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/fields"
)

// state is the policy in force and all that follows from it. A request takes one
// and is judged by it throughout, whatever is loaded meanwhile. It never changes,
// but for tables that a request had to make itself.
type state struct {
	folder   *config.Folder
	policy   *decision.Policy // the folder's
	approved *approval.Status // nil if nobody asks for approvals
	recorded *atomic.Bool     // the ledger holds the policy
	roster   *controllers.Roster
	loaded   time.Time
	sites    []*siteTables // by Handler.number

	candidate *candidate // nil if none is tried
}

// siteTables is what the policy says to one handler.
type siteTables struct {
	stores []bool          // which of the handler's activities are storage
	table  *decision.Table // for the time at which it was made
	// next is for the stretch after that, so that nobody waits when it begins;
	// nil when none is known.
	next *decision.Table
	// sudden is for a time in neither: the clock was set, or the machine slept.
	sudden atomic.Pointer[decision.Table]
}

// tablesFor makes a policy's tables for a handler, as of t.
func tablesFor(p *decision.Policy, h *Handler, t time.Time) (_ *siteTables, err error) {
	s := &siteTables{stores: make([]bool, len(h.Activities))}
	for i, a := range h.Activities {
		row := activityOf(p, a.Name)
		s.stores[i] = row != nil && row.StorageOnly
	}
	if s.table, err = inCommon.table(p, h.site, t, decision.Compile); err != nil {
		return nil, fmt.Errorf("compiling the policy: %w", err)
	}
	if until := s.table.Until(); !until.IsZero() {
		s.next, err = inCommon.table(p, h.site, until, decision.CompileLazily)
	}
	return s, err
}

// compile makes the tables of all handlers, as of t.
func (s *state) compile(handlers []*Handler, t time.Time) error {
	s.sites = make([]*siteTables, len(handlers))
	for i, h := range handlers {
		site, err := tablesFor(s.policy, h, t)
		if err != nil {
			return err
		}
		s.sites[i] = site
	}
	return nil
}

// table returns the handler's table in force at t. It waits for nobody.
func (s *state) table(h *Handler, t time.Time) (*decision.Table, error) {
	return s.sites[h.number].at(s.policy, h, t)
}

// at returns the table in force at t, of the policy and handler they are made for.
func (s *siteTables) at(p *decision.Policy, h *Handler, t time.Time) (*decision.Table, error) {
	for _, table := range [...]*decision.Table{s.table, s.next, s.sudden.Load()} {
		if inForce(table, t) {
			return table, nil
		}
	}
	table, err := decision.CompileLazily(p, h.site, t, fields.Finish)
	if err == nil {
		s.sudden.Store(table)
	}
	return table, err
}

// inForce tells whether the table is made for t.
func inForce(table *decision.Table, t time.Time) bool {
	return table != nil && decision.Validity{From: table.From(), Until: table.Until()}.Contains(t)
}

// nextChange is when the policy changes next by itself after t; zero if never.
func (s *state) nextChange(t time.Time) (next time.Time) {
	moments := decision.Boundaries(s.policy)
	for i := range s.policy.Activities {
		if report := s.policy.Activities[i].Report; report != nil {
			moments = append(moments, report.Until)
		}
	}
	for _, m := range moments {
		if m.After(t) && (next.IsZero() || m.Before(next)) {
			next = m
		}
	}
	return next
}

// require holds the policy to a rule of the configuration: the one that is being
// loaded, and any that is loaded later in its place.
func (a *App) require(rule func(*decision.Policy) error) error {
	a.changing.Lock()
	defer a.changing.Unlock()
	a.rules = append(a.rules, rule)
	s := a.state.Load()
	if s.candidate != nil { // no request has seen it yet
		s.candidate.misfit(rule(s.candidate.policy))
	}
	return rule(s.policy)
}

// register adds a handler, whose tables are from now on part of the state.
func (a *App) register(h *Handler) error {
	a.changing.Lock()
	defer a.changing.Unlock()
	next := *a.state.Load()
	site, err := tablesFor(next.policy, h, now())
	if err != nil {
		return err
	}
	h.number = len(a.handlers)
	a.handlers = append(a.handlers, h)
	next.sites = append(slices.Clone(next.sites), site)
	if next.candidate != nil {
		tried := *next.candidate
		tried.add(h, now())
		next.candidate = &tried
	}
	a.state.Store(&next)
	return nil
}

// provisionPolicy reads the policy for the first time.
func (a *App) provisionPolicy() error {
	if a.Policy != "" {
		a.watched = config.Fingerprint(a.Policy)
	}
	next, err := a.readPolicy()
	if err != nil {
		return fmt.Errorf("loading the policy: %w", err)
	}
	if a.table, err = controllers.ForPolicy(next.policy); err != nil {
		return err
	}
	next.roster = a.table.Snapshot().Roster()
	a.state.Store(next)
	a.warnOfModes(next.policy)
	return nil
}

// renew makes tables anew once the policy's next date has come. Meanwhile
// requests are served by those that were made ahead.
func (a *App) renew(t time.Time) error {
	a.changing.Lock()
	defer a.changing.Unlock()
	next := *a.state.Load()
	past := func(s *siteTables) bool { return s != nil && !inForce(s.table, t) }
	if !slices.ContainsFunc(next.sites, past) {
		if next.candidate == nil || !slices.ContainsFunc(next.candidate.sites, past) {
			return nil
		}
		next.candidate = next.candidate.renewed(a.handlers, t)
		a.state.Store(&next)
		return nil
	}
	if err := next.compile(a.handlers, t); err != nil {
		return err
	}
	next.candidate = next.candidate.renewed(a.handlers, t)
	a.state.Store(&next)
	a.logger.Info("the policy's next date has come", zap.Time("until", next.nextChange(t)))
	return nil
}
