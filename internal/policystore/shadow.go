package policystore

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/controllers"
	"github.com/sparkoo/transfergate/internal/decision"
)

// Shadow is a policy on trial beside the one in force: each request is decided by
// it too, and what it would have changed is counted and recorded. It never changes
// what happens to a request.
type Shadow struct {
	Policy *decision.Policy
	Roster *controllers.Roster
	Loaded time.Time

	// Unfit is why the policy could not be put in force as the configuration is;
	// empty if it could.
	Unfit string

	registers *config.Registers
	sites     []*siteTables // by Site.number; nil for a site it does not fit
}

// Table returns the shadow's table for a site at t, or nil if it does not fit the
// site, or did not compile for that moment.
func (c *Shadow) Table(site *Site, t time.Time) *decision.Table {
	tables := c.sites[site.number]
	if tables == nil {
		return nil
	}
	table, err := tables.at(c.Policy, site, t)
	if err != nil {
		return nil // it compiled for another moment; the site's problems were told then
	}
	return table
}

// TryShadow reads the policy in that folder and puts it on trial, or goes on with the one
// that was tried last from there.
func (s *Store) TryShadow(folder string) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	s.shadowFolder, s.shadowSeen = folder, config.Fingerprint(folder)
	shadow, err := s.readShadow()
	if err != nil {
		if shadow, err = s.lastShadow(err); err != nil {
			return fmt.Errorf("loading the shadow policy: %w", err)
		}
	}
	next := *s.state.Load()
	next.Shadow = shadow
	s.state.Store(&next)
	return nil
}

// readShadow reads the shadow as it stands now, with the tables of the sites there
// are. Whoever calls it holds changing.
func (s *Store) readShadow() (*Shadow, error) {
	folder, err := config.LoadFolder(s.shadowFolder)
	if err != nil {
		return nil, err
	}
	return s.shadowOf(folder.Registers, s.options.Now())
}

// shadowOf makes a shadow of registers that are tried since then.
func (s *Store) shadowOf(registers *config.Registers, since time.Time) (*Shadow, error) {
	c := &Shadow{Policy: registers.Policy, Loaded: since, registers: registers}
	table, err := controllers.ForPolicy(c.Policy)
	if err != nil {
		return nil, err
	}
	c.Roster = table.Snapshot().Roster()
	for _, rule := range s.rules {
		c.misfit(rule(c.Policy))
	}
	for _, site := range s.sites {
		s.addTo(c, site, s.options.Now())
	}
	return c, nil
}

// addTo compiles the shadow for a site. It may lack what the site declares.
func (s *Store) addTo(c *Shadow, site *Site, t time.Time) {
	tables, err := s.tablesFor(c.Policy, site, t)
	c.misfit(err)
	c.sites = append(slices.Clip(c.sites), tables)
}

// misfit notes the first reason why the shadow cannot be put in force.
func (c *Shadow) misfit(err error) {
	if err != nil && c.Unfit == "" {
		c.Unfit = err.Error()
	}
}

// renewed is the shadow with tables as of t; nil if there is none.
func (s *Store) renewed(c *Shadow, t time.Time) *Shadow {
	if c == nil {
		return nil
	}
	next := *c
	next.sites = nil
	for _, site := range s.sites {
		s.addTo(&next, site, t)
	}
	return &next
}

// ReloadShadow takes the shadow as its folder has it now, or keeps the old one. It
// reports whether it is another one.
func (s *Store) ReloadShadow() (changed bool, err error) {
	s.changing.Lock()
	defer s.changing.Unlock()
	next := *s.state.Load()
	old := next.Shadow.Policy.Digest
	shadow, err := s.readShadow()
	s.shadowFailure.Store(s.failureOf(err))
	if err != nil {
		s.options.Failed(OfShadow)
		s.options.Logger.Error("the shadow policy was not taken; the old one is still tried", slog.String("digest", old), slog.Any("error", err))
		return false, err
	}
	next.Shadow = shadow
	s.state.Store(&next)
	s.keepShadow(shadow)
	if changed = shadow.Policy.Digest != old; changed {
		s.options.Logger.Info("another shadow policy is tried", slog.String("digest", shadow.Policy.Digest), slog.String("unfit", shadow.Unfit))
	}
	return changed, nil
}

// What a shadow changes about a request, the gravest first. They are the values of
// the label of shadow_differences_total.
const (
	shadowStops      = "stops"      // what is allowed would be denied
	shadowPasses     = "passes"     // what is denied would be allowed
	shadowController = "controller" // another controller
	shadowRegion     = "region"     // another region first
	shadowSafeguard  = "safeguard"  // other safeguards on the way there
	shadowReason     = "reason"     // denied for another reason

	// ShadowLeftOut counts the differences that a record has no room for.
	ShadowLeftOut = "left_out"
)

// difference is the member shadow of a record, which says what the shadow would have
// decided. Its members are in order: the ledger writes them so.
type difference struct {
	Change     string   `json:"change"`
	Controller string   `json:"controller,omitempty"`
	Decision   string   `json:"decision"`
	Policy     string   `json:"policy"` // the first digits of the digest
	Reason     string   `json:"reason,omitempty"`
	Region     string   `json:"region,omitempty"`
	Safeguards []string `json:"safeguards,omitempty"`
}

// shadowDigits is how much of a shadow's digest stands in records.
const shadowDigits = 12

// What the member calls the outcomes of a decision.
const (
	allowedWord = "allowed"
	deniedWord  = "denied"
)

// Differs says what a decision of the shadow would change; empty for nothing.
func Differs(is, would *decision.Decision) string {
	allowed := is.Outcome == decision.Allowed
	switch {
	case allowed != (would.Outcome == decision.Allowed) && allowed:
		return shadowStops
	case allowed != (would.Outcome == decision.Allowed):
		return shadowPasses
	case controllerOf(is) != controllerOf(would):
		return shadowController
	case !allowed && is.Reason != would.Reason:
		return shadowReason
	case !allowed:
		return ""
	case is.Candidates[0].Region.Code != would.Candidates[0].Region.Code:
		return shadowRegion
	case !sameSafeguards(&is.Candidates[0], &would.Candidates[0]):
		return shadowSafeguard
	}
	return ""
}

func controllerOf(d *decision.Decision) string {
	if d.Controller == nil {
		return ""
	}
	return d.Controller.ID
}

func sameSafeguards(a, b *decision.Candidate) bool {
	return slices.EqualFunc(a.Safeguards, b.Safeguards, func(x, y *decision.Safeguard) bool { return x.ID == y.ID })
}

// Member encodes what the shadow would have decided, for a record: a change, as
// Differs says, and the decision. It is nil if that is longer than MaxMember.
func (c *Shadow) Member(change string, would *decision.Decision) []byte {
	digest := c.Policy.Digest
	s := difference{Change: change, Controller: controllerOf(would), Decision: deniedWord, Policy: digest[:min(shadowDigits, len(digest))], Reason: string(would.Reason)}
	if would.Outcome == decision.Allowed {
		s.Decision, s.Region, s.Safeguards = allowedWord, would.Candidates[0].Region.Code, would.Candidates[0].Tags()
	}
	text, err := json.Marshal(s)
	if err != nil || len(text) > MaxMember { // words of the registers are always encoded
		return nil
	}
	return text
}

// MaxMember is how long the member shadow of a record may be, in bytes: what is on
// trial must not keep a record from being written.
const MaxMember = 4096

// ShadowStatus says which shadow is tried, for people and programs.
type ShadowStatus struct {
	Digest string    `json:"digest"`
	Source string    `json:"source"`
	Loaded time.Time `json:"loaded"`
	// Unfit is why it could not be put in force as the configuration is.
	Unfit   string   `json:"unfit,omitempty"`
	Failure *Failure `json:"failure,omitempty"`
}

// ShadowStatus says which shadow is tried under a state; nil if there is none.
func (s *Store) ShadowStatus(state *State) *ShadowStatus {
	c := state.Shadow
	if c == nil {
		return nil
	}
	return &ShadowStatus{Digest: c.Policy.Digest, Source: s.shadowFolder, Loaded: c.Loaded.UTC(), Unfit: c.Unfit, Failure: s.shadowFailure.Load()}
}
