package gateway

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/controllers"
	"github.com/sparkoo/transfergate/internal/decision"
)

// candidate is a policy that is tried beside the one in force: each request is
// decided by it too, and what it would have changed is counted and recorded. It
// never changes what happens to a request.
type candidate struct {
	policy *decision.Policy
	roster *controllers.Roster
	loaded time.Time
	sites  []*siteTables // by Handler.number; nil for a site it does not fit
	// unfit is why the policy could not be put in force as the configuration is.
	unfit string
}

// provisionCandidate reads the candidate for the first time.
func (a *App) provisionCandidate() error {
	if a.Candidate == "" {
		return nil
	}
	a.candidateSeen = config.Fingerprint(a.Candidate)
	c, err := a.readCandidate()
	if err != nil {
		return fmt.Errorf("loading the candidate policy: %w", err)
	}
	next := *a.state.Load()
	next.candidate = c
	a.state.Store(&next)
	return nil
}

// readCandidate reads the candidate as it stands now, with the tables of the
// handlers there are. Whoever calls it holds changing, or provisions.
func (a *App) readCandidate() (*candidate, error) {
	folder, err := config.LoadFolder(a.Candidate)
	if err != nil {
		return nil, err
	}
	c := &candidate{policy: folder.Registers.Policy, loaded: now()}
	table, err := controllers.ForPolicy(c.policy)
	if err != nil {
		return nil, err
	}
	c.roster = table.Snapshot().Roster()
	for _, rule := range a.rules {
		c.misfit(rule(c.policy))
	}
	for _, h := range a.handlers {
		c.add(h, now())
	}
	return c, nil
}

// add compiles the candidate for a handler. It may lack what the site declares.
func (c *candidate) add(h *Handler, t time.Time) {
	site, err := tablesFor(c.policy, h, t)
	c.misfit(err)
	c.sites = append(slices.Clip(c.sites), site)
}

// misfit notes the first reason why the candidate cannot be put in force.
func (c *candidate) misfit(err error) {
	if err != nil && c.unfit == "" {
		c.unfit = err.Error()
	}
}

// renewed is the candidate with tables as of t.
func (c *candidate) renewed(handlers []*Handler, t time.Time) *candidate {
	if c == nil {
		return nil
	}
	next := *c
	next.sites = nil
	for _, h := range handlers {
		next.add(h, t)
	}
	return &next
}

// reloadCandidate takes the candidate as its folder has it now, or keeps the old one.
func (a *App) reloadCandidate() (changed bool, err error) {
	a.changing.Lock()
	defer a.changing.Unlock()
	next := *a.state.Load()
	old := next.candidate.policy.Digest
	c, err := a.readCandidate()
	a.candidateFailure.Store(failureOf(err))
	if err != nil {
		a.metrics.policyFailures.Inc()
		a.logger.Error("the candidate policy was not taken; the old one is still tried", zap.String("digest", old), zap.Error(err))
		return false, err
	}
	next.candidate = c
	a.state.Store(&next)
	if changed = c.policy.Digest != old; changed {
		a.logger.Info("another candidate policy is tried", zap.String("digest", c.policy.Digest), zap.String("unfit", c.unfit))
	}
	return changed, nil
}

// What a candidate changes about a request, the gravest first. They are the values
// of the label of shadow_differences_total.
const (
	shadowStops      = "stops"      // what is allowed would be denied
	shadowPasses     = "passes"     // what is denied would be allowed
	shadowController = "controller" // another controller
	shadowRegion     = "region"     // another region first
	shadowSafeguard  = "safeguard"  // other safeguards on the way there
	shadowReason     = "reason"     // denied for another reason
)

// shadow is the member of a record that says what a candidate would have decided.
// Its members are in order: the ledger writes them so.
type shadow struct {
	Change     string   `json:"change"`
	Controller string   `json:"controller,omitempty"`
	Decision   string   `json:"decision"`
	Policy     string   `json:"policy"` // the first digits of the digest
	Reason     string   `json:"reason,omitempty"`
	Region     string   `json:"region,omitempty"`
	Safeguards []string `json:"safeguards,omitempty"`
}

// shadowDigits is how much of a candidate's digest stands in records.
const shadowDigits = 12

// tryCandidate decides the request by the candidate, too, and notes the difference
// to what was decided.
func (h *Handler) tryCandidate(x *exchange, d *decision.Decision, f decision.Facts) {
	c := x.state.candidate
	if c == nil || c.policy.Digest == x.state.policy.Digest || c.sites[h.number] == nil {
		return
	}
	table, err := c.sites[h.number].at(c.policy, h, f.At)
	if err != nil {
		return // it compiled for another moment; the site's problems were told then
	}
	snapshot := h.app.table.Snapshot().Under(c.roster)
	subject := snapshot.SubjectOf(x.subject.Account, x.identity.Country, x.identity.Party)
	f.Controller, f.Basis, f.Country = subject.Controller, subject.Basis, subject.Country
	f.Choices = x.choicesBy(c.policy, &subject, f.Choices.OptOut, f.At)
	would := table.Decide(f)
	change := differs(d, would)
	if change == "" {
		return
	}
	h.app.metrics.shadowed(change)
	x.shadow = shadowOf(change, c.policy.Digest, would)
}

// differs says what the candidate would change; empty for nothing.
func differs(is, would *decision.Decision) string {
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

// shadowOf encodes what a candidate would have decided.
func shadowOf(change, digest string, would *decision.Decision) []byte {
	s := shadow{Change: change, Controller: controllerOf(would), Decision: deniedWord, Policy: digest[:min(shadowDigits, len(digest))], Reason: string(would.Reason)}
	if would.Outcome == decision.Allowed {
		s.Decision, s.Region, s.Safeguards = allowedWord, would.Candidates[0].Region.Code, would.Candidates[0].Tags()
	}
	text, err := json.Marshal(s)
	if err != nil {
		return nil // words of the registers: they are always encoded
	}
	return text
}

// candidateStatus is what the admin API says about the candidate.
type candidateStatus struct {
	Digest string    `json:"digest"`
	Source string    `json:"source"`
	Loaded time.Time `json:"loaded"`
	// Unfit is why it could not be put in force as the configuration is.
	Unfit   string       `json:"unfit,omitempty"`
	Failure *loadFailure `json:"failure,omitempty"`
}

// candidateStatus says which candidate is tried; nil if there is none.
func (a *App) candidateStatus(s *state) *candidateStatus {
	c := s.candidate
	if c == nil {
		return nil
	}
	return &candidateStatus{Digest: c.policy.Digest, Source: a.Candidate, Loaded: c.loaded.UTC(), Unfit: c.unfit, Failure: a.candidateFailure.Load()}
}

// answerCandidateReload reads the candidate's folder now.
func (a *App) answerCandidateReload(w http.ResponseWriter, _ *http.Request) error {
	if a.Candidate == "" {
		return notFound("there is no candidate policy: name its folder with 'candidate FOLDER'")
	}
	changed, err := a.reloadCandidate()
	if err != nil {
		return unprocessable(err)
	}
	return answerJSON(w, reloaded{Changed: changed, Digest: a.state.Load().candidate.policy.Digest})
}
