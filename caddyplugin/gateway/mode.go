package gateway

import (
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/sparkoo/transfergate/internal/decision"
)

// Mode says whether missing safeguards deny requests.
type Mode struct {
	// Report lets requests pass that lack only a safeguard, and records them
	// as denied but not enforced. Default: false
	Report bool `json:"report,omitempty"`

	// Owner answers for report mode. Required with it.
	Owner string `json:"owner,omitempty"`

	// Until is the day report mode ends, as YYYY-MM-DD in UTC. Required with it.
	Until string `json:"until,omitempty"`

	until time.Time
}

// reporting tells whether report mode is on at t.
func (m *Mode) reporting(t time.Time) bool {
	return m != nil && m.Report && t.Before(m.until)
}

func (a *App) provisionMode() error {
	m := a.Mode
	if m == nil || !m.Report {
		return nil
	}
	if m.Owner == "" {
		return errors.New("report mode needs an owner who answers for it")
	}
	until, err := time.Parse(time.DateOnly, m.Until)
	if err != nil {
		return fmt.Errorf("report mode needs the day it ends as YYYY-MM-DD, not '%s'", m.Until)
	}
	m.until = until
	a.logger.Warn("report mode: requests that lack only a safeguard pass and are recorded as denied",
		zap.String("owner", m.Owner), zap.Time("until", until))
	return nil
}

// reports tells whether a denial for want of a safeguard is only reported at t: by
// the gateway's mode, or by that of the activity's row in the registers. Nothing
// else is ever waived: a decision that may be names the candidate (Waived).
func (a *App) reports(d *decision.Decision, t time.Time) bool {
	return d.Waived != nil && (a.Mode.reporting(t) || d.Activity != nil && reporting(d.Activity, t))
}

// reporting tells whether the activity's row lets it report only at t.
func reporting(a *decision.Activity, t time.Time) bool {
	return a.Report != nil && t.Before(a.Report.Until)
}

// warnOfModes says which activities of a policy are in report mode, whoever wrote it.
func (a *App) warnOfModes(p *decision.Policy) {
	for i := range p.Activities {
		if row := &p.Activities[i]; reporting(row, now()) {
			a.logger.Warn("report mode: requests of this activity that lack only a safeguard pass and are recorded as denied",
				zap.String("activity", row.ID), zap.String("owner", row.Report.Owner), zap.Time("until", row.Report.Until))
		}
	}
}

// modeStatus is what the admin API says about the mode.
type modeStatus struct {
	Report bool   `json:"report"`
	Owner  string `json:"owner,omitempty"`
	Until  string `json:"until,omitempty"`
	// Activities are those in report mode by their own row.
	Activities []activityMode `json:"activities,omitempty"`
}

type activityMode struct {
	Activity string    `json:"activity"`
	Owner    string    `json:"owner"`
	Until    time.Time `json:"until"`
}

// modeAt is the mode at t, under a policy.
func (a *App) modeAt(p *decision.Policy, t time.Time) (m modeStatus) {
	if a.Mode.reporting(t) {
		m = modeStatus{Report: true, Owner: a.Mode.Owner, Until: a.Mode.Until}
	}
	for i := range p.Activities {
		if row := &p.Activities[i]; reporting(row, t) {
			m.Activities = append(m.Activities, activityMode{row.ID, row.Report.Owner, row.Report.Until.UTC()})
		}
	}
	return m
}
