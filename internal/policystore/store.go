// Package policystore keeps the policy in force: it loads it, loads it anew when
// its folder changes, holds it to the rules of a configuration and to approvals,
// and makes the tables that sites decide by. Beside it a shadow policy may be on
// trial, which decides nothing.
//
// It knows neither Caddy nor a ledger: what it needs of them comes in as functions.
//
// The methods of Store stand in one file for each thing that happens to the policy in
// force (store, state, reload, last, approvals, mode, shadow), because all of them
// replace or read the same state under the same lock.
package policystore

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/controllers"
	"github.com/sparkoo/transfergate/internal/approval"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/lastgood"
)

// Options are what a Store needs. All but Folder are required.
type Options struct {
	// Folder holds the policy's registers. Empty: the embedded policy.
	Folder string

	// Common is what the stores of this process share.
	Common *Common

	// Now is the time of decisions.
	Now func() time.Time

	// Logger is told what happens to policies.
	Logger *slog.Logger

	// Keep keeps a policy's registers, an archive, by its digest, and who signed them;
	// nil if nobody must. When it returns nil they are durable, and a record may name
	// the digest.
	Keep func(digest string, archive []byte, by *approval.Status) error

	// Kept returns what Keep was given, held to what was recorded about it then.
	Kept func(digest string) (archive []byte, err error)

	// Last keeps which policy was in force last, and the shadow that was tried last, over
	// a restart. nil: the folders' policies must be good at a start.
	Last *lastgood.Room

	// Failed counts a policy that was not taken, [OfPolicy] or [OfShadow].
	Failed func(of string)

	// Advise looks for what is worth a look in the policy in force: when another one is,
	// or others signed it, when a date of it has come, and each hour. Who makes the Store calls it first.
	Advise func(*decision.Policy)
}

// Store is the policy in force. Whoever judges a request takes its State once.
type Store struct {
	options Options
	table   *controllers.Table
	state   atomic.Pointer[State]   // replaced whole
	failure atomic.Pointer[Failure] // of the last reload; nil if it went well
	seen    string                  // fingerprint of the folder before it was read

	shadowFolder  string
	shadowFailure atomic.Pointer[Failure] // likewise
	shadowSeen    string                  // likewise

	// What is asked of a policy's signatures; nil if nothing is.
	approvals *Approvals
	serials   Serials

	// changing is held by whoever replaces the state, never by a request. It
	// guards what follows, which no longer changes once the gateway has started.
	changing sync.Mutex
	sites    []*Site
	rules    []func(*decision.Policy) error // what the configuration asks of a policy
}

// New reads the policy for the first time.
func New(options Options) (*Store, error) {
	s := &Store{options: options}
	if options.Folder != "" {
		s.seen = config.Fingerprint(options.Folder)
	}
	next, err := s.read()
	if err != nil {
		if err := s.fallBack(fmt.Errorf("loading the policy: %w", err)); err != nil {
			return nil, err
		}
		return s, nil
	}
	if s.table, err = controllers.ForPolicy(next.Policy); err != nil {
		return nil, err
	}
	next.Roster = s.table.Snapshot().Roster()
	s.state.Store(next)
	return s, nil
}

// State is the policy in force now, and what follows from it.
func (s *Store) State() *State { return s.state.Load() }

// Controllers is the table that account records are brought into. A policy that
// does not fit it is not taken.
func (s *Store) Controllers() *controllers.Table { return s.table }

// Failure is why the folder's policy is not the one in force; nil if it is.
func (s *Store) Failure() *Failure { return s.failure.Load() }

// Require holds the policy to a rule of the configuration: the one that is being
// loaded, and any that is loaded later in its place.
func (s *Store) Require(rule func(*decision.Policy) error) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	s.rules = append(s.rules, rule)
	state := s.state.Load()
	if state.Shadow != nil { // no request has seen it yet
		state.Shadow.misfit(rule(state.Shadow.Policy))
	}
	err := rule(state.Policy)
	if err != nil && s.Failure() == nil {
		return s.fallBack(err)
	}
	return err
}

// Register adds a site, whose tables are from now on part of the state. The site
// is not changed afterwards.
func (s *Store) Register(site *Site) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	next := *s.state.Load()
	tables, err := s.tablesFor(next.Policy, site, s.options.Now())
	if err != nil {
		return err
	}
	site.number = len(s.sites)
	s.sites = append(s.sites, site)
	next.sites = append(slices.Clone(next.sites), tables)
	if next.Shadow != nil {
		tried := *next.Shadow
		s.addTo(&tried, site, s.options.Now())
		next.Shadow = &tried
	}
	s.state.Store(&next)
	return nil
}

// Run keeps the state up to date until ctx is done: it makes tables anew when a
// date of the policy comes, and looks at the folders in that interval.
func (s *Store) Run(ctx context.Context, interval time.Duration) {
	var running sync.WaitGroup
	running.Go(func() { s.tick(ctx) })
	if s.options.Folder != "" {
		running.Go(func() { watch(ctx, interval, s.options.Folder, s.seen, func() { _, _ = s.Reload() }) }) // it logs what is wrong
	}
	if s.shadowFolder != "" {
		running.Go(func() { watch(ctx, interval, s.shadowFolder, s.shadowSeen, func() { _, _ = s.ReloadShadow() }) })
	}
	running.Wait()
}

// tick renews the state when the next date of the policy has come. It compares wall
// clocks, so that a suspended machine wakes up under the law of the day.
func (s *Store) tick(ctx context.Context) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	hour := s.options.Now().Truncate(time.Hour)
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if now := s.options.Now().Truncate(time.Hour); !now.Equal(hour) {
				hour = now
				s.options.Advise(s.State().Policy)
			}
			if err := s.renew(s.options.Now()); err != nil {
				s.options.Logger.Error("the policy for its next date", slog.Any("error", err))
			}
		}
	}
}

// Freeze keeps the state as it is until release is called, as if a compilation
// took so long. Requests go on; whoever wants to replace the policy waits.
func (s *Store) Freeze() (release func()) {
	s.changing.Lock()
	s.options.Common.mu.Lock()
	return func() {
		s.options.Common.mu.Unlock()
		s.changing.Unlock()
	}
}
