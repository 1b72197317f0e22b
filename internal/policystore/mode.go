package policystore

import (
	"errors"
	"fmt"
	"time"

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

// reporting reports whether report mode is on at t.
func (m *Mode) reporting(t time.Time) bool {
	return m != nil && m.Report && t.Before(m.until)
}

// Prepare reads the day. A nil Mode enforces.
func (m *Mode) Prepare() error {
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
	return nil
}

// At reports whether report mode is on at t, or over.
func (m *Mode) At(t time.Time) (on, over bool) {
	on = m.reporting(t)
	return on, m != nil && m.Report && !on
}

// Reports reports whether a denial for want of a safeguard is only reported at t:
// by the gateway's mode, or by that of the activity's row in the registers. Nothing
// else is ever waived: a decision that may be names the candidate (Waived).
func (m *Mode) Reports(d *decision.Decision, t time.Time) bool {
	return d.Waived != nil && m.Of(d.Activity, t)
}

// Of reports whether the mode is to report only, of an activity at t; nil is none yet.
func (m *Mode) Of(a *decision.Activity, t time.Time) (report bool) {
	return m.reporting(t) || a != nil && reporting(a, t)
}

// reporting reports whether the activity's row lets it report only at t.
func reporting(a *decision.Activity, t time.Time) bool {
	return a.Report != nil && t.Before(a.Report.Until)
}

// ModeStatus says what is only reported, for people and programs.
type ModeStatus struct {
	Report bool   `json:"report"`
	Owner  string `json:"owner,omitempty"`
	Until  string `json:"until,omitempty"`
	// Activities are those in report mode by their own row.
	Activities []ActivityMode `json:"activities,omitempty"`
}

// ActivityMode is an activity in report mode.
type ActivityMode struct {
	Activity string    `json:"activity"`
	Owner    string    `json:"owner"`
	Until    time.Time `json:"until"`
}

// Status is the mode at t, under a policy.
func (m *Mode) Status(p *decision.Policy, t time.Time) (status ModeStatus) {
	if m.reporting(t) {
		status = ModeStatus{Report: true, Owner: m.Owner, Until: m.Until}
	}
	for i := range p.Activities {
		if row := &p.Activities[i]; reporting(row, t) {
			status.Activities = append(status.Activities, ActivityMode{row.ID, row.Report.Owner, row.Report.Until.UTC()})
		}
	}
	return status
}
