package policystore

import (
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/controllers"
	"github.com/sparkoo/transfergate/internal/approval"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/fields"
)

// Site is one place that decides by the policy, and what it declares.
type Site struct {
	decision.Site
	Activities []string // ids, in the order in which requests are matched

	number int // place of its tables in a state
}

// State is the policy in force and all that follows from it. A request takes one
// and is judged by it throughout, whatever is loaded meanwhile. It never changes,
// but for tables that a request had to make itself.
type State struct {
	Policy   *decision.Policy
	Roster   *controllers.Roster
	Loaded   time.Time        // since when it is in force, restarts on [Options.Last] included
	Approved *approval.Status // nil if nobody asks for approvals
	Shadow   *Shadow          // nil if none is on trial

	folder   *config.Folder // of Policy
	recorded *atomic.Bool   // the ledger holds the policy
	last     bool           // it was in force last, and the folder's cannot be taken
	sites    []*siteTables  // by Site.number
}

// siteTables is what the policy says to one site.
type siteTables struct {
	stores []bool          // which of the site's activities are storage
	table  *decision.Table // for the time at which it was made
	// next is for the stretch after that, so that nobody waits when it begins;
	// nil when none is known.
	next *decision.Table
	// sudden is for a time in neither: the clock was set, or the machine slept.
	sudden atomic.Pointer[decision.Table]
}

// tablesFor makes a policy's tables for a site, as of t.
func (s *Store) tablesFor(p *decision.Policy, site *Site, t time.Time) (_ *siteTables, err error) {
	tables := &siteTables{stores: make([]bool, len(site.Activities))}
	for i, id := range site.Activities {
		tables.stores[i] = slices.ContainsFunc(p.Activities, func(row decision.Activity) bool { return row.ID == id && row.StorageOnly })
	}
	common := s.options.Common
	if tables.table, err = common.table(p, site.Site, t, decision.Compile); err != nil {
		return nil, fmt.Errorf("compiling the policy: %w", err)
	}
	if until := tables.table.Until(); !until.IsZero() {
		tables.next, err = common.table(p, site.Site, until, decision.CompileLazily)
	}
	return tables, err
}

// compile makes the tables of all sites in a state, as of t.
func (s *Store) compile(next *State, t time.Time) error {
	next.sites = make([]*siteTables, len(s.sites))
	for i, site := range s.sites {
		tables, err := s.tablesFor(next.Policy, site, t)
		if err != nil {
			return err
		}
		next.sites[i] = tables
	}
	return nil
}

// Table returns the site's table in force at t. It waits for nobody.
func (s *State) Table(site *Site, t time.Time) (*decision.Table, error) {
	return s.sites[site.number].at(s.Policy, site, t)
}

// Current returns the tables that serve now, one a site, in the order in which
// these were registered.
func (s *State) Current() (tables []*decision.Table) {
	for _, site := range s.sites {
		tables = append(tables, site.table)
	}
	return tables
}

// Stores tells which of the site's activities are storage (§9), by their place in
// Site.Activities. The slice is shared and is not changed.
func (s *State) Stores(site *Site) []bool { return s.sites[site.number].stores }

// at returns the table in force at t, of the policy and site they are made for.
func (s *siteTables) at(p *decision.Policy, site *Site, t time.Time) (*decision.Table, error) {
	for _, table := range [...]*decision.Table{s.table, s.next, s.sudden.Load()} {
		if inForce(table, t) {
			return table, nil
		}
	}
	table, err := decision.CompileLazily(p, site.Site, t, fields.Finish)
	if err == nil {
		s.sudden.Store(table)
	}
	return table, err
}

// inForce reports whether the table is made for t.
func inForce(table *decision.Table, t time.Time) bool {
	return table != nil && decision.Validity{From: table.From(), Until: table.Until()}.Contains(t)
}

// NextChange is when the policy changes next by itself after t; zero if never.
func (s *State) NextChange(t time.Time) (next time.Time) {
	moments := decision.Boundaries(s.Policy)
	for i := range s.Policy.Activities {
		if report := s.Policy.Activities[i].Report; report != nil {
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

// renew makes tables anew once the policy's next date has come. Meanwhile
// requests are served by those that were made ahead.
func (s *Store) renew(t time.Time) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	next := *s.state.Load()
	past := func(tables *siteTables) bool { return tables != nil && !inForce(tables.table, t) }
	if !slices.ContainsFunc(next.sites, past) {
		if next.Shadow == nil || !slices.ContainsFunc(next.Shadow.sites, past) {
			return nil
		}
		next.Shadow = s.renewed(next.Shadow, t)
		s.state.Store(&next)
		return nil
	}
	if err := s.compile(&next, t); err != nil {
		return err
	}
	next.Shadow = s.renewed(next.Shadow, t)
	s.state.Store(&next)
	s.options.Advise(next.Policy)
	s.options.Logger.Info("the policy's next date has come", slog.Time("until", next.NextChange(t)))
	return nil
}
