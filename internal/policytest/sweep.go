package policytest

import (
	"slices"
	"time"

	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/whatif"
)

// sweep asks for each activity and country of a test, and returns what failed: for
// each expectation the first flow, with how many others.
func sweep(p *decision.Policy, t *config.Test, now time.Time, seen *seen) (failures []Failure) {
	at := t.Given.At
	if at.IsZero() {
		at = now
	}
	site := whatif.Site(p, &t.Given)
	view := decision.NewView(p, &site, at)
	failed := make([][]string, len(t.Expect))
	found := make([]string, len(t.Expect))
	for f := range p.Domain(at) {
		if !slices.Contains(t.Activities, f.Activity) || !slices.Contains(t.Countries, f.Country) {
			continue
		}
		seen.flows[f.Activity+"/"+seen.group[f.Country]] = true
		d := view.Decide(f)
		for i := range t.Expect {
			if got, ok := swept(&d, &t.Expect[i]); !ok {
				if failed[i] == nil {
					found[i] = got
				}
				failed[i] = append(failed[i], f.Activity+" of "+whose(f.Country))
			}
		}
	}
	for i, flows := range failed {
		if len(flows) > 0 {
			e := &t.Expect[i]
			failures = append(failures, Failure{
				Test: t.Name, File: t.File, Line: e.Line, Column: e.Column,
				Expected: e.Key + " " + list(e.Values), Found: found[i] + ", for " + list(flows),
			})
		}
	}
	return failures
}

func whose(code string) string {
	if code == "" {
		return "nobody registered"
	}
	return code
}

// swept reports whether one flow meets an expectation of many, and what was found.
func swept(d *decision.Decision, e *config.Expectation) (found string, ok bool) {
	var lawful []string
	for i := range d.Candidates {
		lawful = append(lawful, d.Candidates[i].Region.Code)
	}
	outcome := "denied"
	if d.Outcome == decision.Allowed {
		outcome = "allowed"
	}
	switch e.Key {
	case "regions":
		return list(lawful), slices.Equal(lawful, e.Values)
	case "outcome":
		return outcome, outcome == e.Values[0]
	default: // denied
		return orNothing(string(d.Reason)), string(d.Reason) == e.Values[0]
	}
}
