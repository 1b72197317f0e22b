package decision

import (
	"iter"
	"time"

	"github.com/sparkoo/transfergate/internal/country"
)

// Domain is the facts of every person's own request at a moment, by the country
// table: each activity for each registered country, and for somebody who is not
// registered. A reference is there where §4 asks for one. Account records, staff
// and choices are not part of it. It is what diff, check and coverage enumerate.
func (p *Policy) Domain(at time.Time) iter.Seq[Facts] {
	byCountry := make(map[string]*Controller)
	var fallback *Controller
	for i := range p.Controllers {
		c := &p.Controllers[i]
		for _, code := range c.Serves {
			byCountry[code] = c
		}
		if c.Default {
			fallback = c
		}
	}
	return func(yield func(Facts) bool) {
		for i := range p.Activities {
			a := &p.Activities[i]
			f := Facts{Activity: a.ID, Controller: fallback, Basis: BasisNotRegistered, At: at, Reference: someReference(a, at)}
			if !yield(f) {
				return
			}
			f.Identified, f.Subject, f.Basis = true, true, BasisRegisteredCountry
			for _, code := range country.All() {
				f.Country, f.Controller = code, byCountry[code]
				if f.Controller == nil {
					f.Controller = fallback
				}
				if !yield(f) {
					return
				}
			}
		}
	}
}

// someReference is one that an activity accepts, the zero one where it asks for none.
func someReference(a *Activity, at time.Time) Reference {
	switch a.Kind {
	case Instructed:
		return Reference{Kind: Instruction, ID: "any"}
	case Authority:
		return Reference{Kind: Case, ID: "any", Approver: "any", Until: at.Add(time.Hour)}
	default:
		return Reference{}
	}
}
