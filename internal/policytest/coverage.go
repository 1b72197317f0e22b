package policytest

import (
	"slices"

	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/policydiff"
)

// Coverage is what of a policy its tests went through.
type Coverage struct {
	// Flows are activities for groups of countries that no register tells apart.
	Flows Part `json:"flows"`
	// The rest are rows of the registers, and the reasons of decisions.
	Activities  Part `json:"activities"`
	Controllers Part `json:"controllers"`
	Regions     Part `json:"regions"`
	Laws        Part `json:"laws"`
	Safeguards  Part `json:"safeguards"`
	Reasons     Part `json:"reasons"`
}

// Part is how many there are, how many a test went through, and which none did.
// Of flows the missing ones are not listed.
type Part struct {
	All     int      `json:"all"`
	Tested  int      `json:"tested"`
	Missing []string `json:"missing,omitempty"`
}

// seen is what tests have gone through so far.
type seen struct {
	policy *decision.Policy
	group  map[string]string // by country: the first of its group
	groups int

	flows, activities, controllers, regions, laws, safeguards, reasons map[string]bool
}

func newSeen(p *decision.Policy) *seen {
	s := &seen{
		policy: p, group: map[string]string{}, flows: map[string]bool{}, activities: map[string]bool{}, controllers: map[string]bool{},
		regions: map[string]bool{}, laws: map[string]bool{}, safeguards: map[string]bool{}, reasons: map[string]bool{},
	}
	for _, group := range policydiff.CountryGroups(p) {
		s.groups++
		for _, code := range group {
			s.group[code] = group[0]
		}
	}
	return s
}

// note takes in what a test asked and was answered.
func (s *seen) note(t *config.Test, a *answer) {
	d := &a.decision
	s.flows[t.Given.Activity+"/"+s.group[t.Given.Country]] = true
	s.activities[t.Given.Activity] = true
	if d.Controller != nil {
		s.controllers[d.Controller.ID] = true
	}
	s.reasons[string(d.Reason)] = true
	for _, r := range d.Refused {
		s.reasons[string(r.Reason)] = true
	}
	for _, e := range t.Expect {
		if e.Key == "not" {
			for _, code := range e.Values {
				s.regions[code] = true
			}
		}
	}
	for i := range d.Candidates {
		c := &d.Candidates[i]
		s.regions[c.Region.Code] = true
		for _, row := range c.Safeguards {
			s.safeguards[row.ID] = true
		}
		for _, leg := range c.Legs {
			for _, v := range leg.Laws {
				s.laws[v.Law] = true
			}
		}
	}
	for _, leg := range legsOf(d.Waived) {
		for _, v := range leg.Laws {
			s.laws[v.Law] = true
		}
	}
}

func legsOf(c *decision.Candidate) []decision.Leg {
	if c == nil {
		return nil
	}
	return c.Legs
}

func (s *seen) coverage() Coverage {
	p := s.policy
	c := Coverage{
		Flows:       Part{All: s.groups * len(p.Activities), Tested: len(s.flows)},
		Activities:  part(p.Activities, func(a *decision.Activity) string { return a.ID }, s.activities),
		Controllers: part(p.Controllers, func(c *decision.Controller) string { return c.ID }, s.controllers),
		Regions:     part(p.Regions, func(r *decision.Region) string { return r.Code }, s.regions),
		Laws:        part(p.Laws, func(l *decision.Law) string { return l.ID }, s.laws),
		Safeguards:  part(p.Safeguards, func(r *decision.Safeguard) string { return r.ID }, s.safeguards),
	}
	reasons := decision.Decided()
	c.Reasons = part(reasons, func(r *decision.Reason) string { return string(*r) }, s.reasons)
	return c
}

// part counts rows, each id once.
func part[T any](rows []T, id func(*T) string, tested map[string]bool) Part {
	var all []string
	var p Part
	for i := range rows {
		if name := id(&rows[i]); !slices.Contains(all, name) {
			all = append(all, name)
			if tested[name] {
				p.Tested++
			} else {
				p.Missing = append(p.Missing, name)
			}
		}
	}
	p.All = len(all)
	return p
}
