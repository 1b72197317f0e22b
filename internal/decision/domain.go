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
	table := p.CountryTable()
	return func(yield func(Facts) bool) {
		for i := range p.Activities {
			a := &p.Activities[i]
			f := Facts{Activity: a.ID, Controller: table.Controller(""), Basis: BasisNotRegistered, At: at, Reference: SomeReference(a, at)}
			if !yield(f) {
				return
			}
			f.Identified, f.Subject, f.Basis = true, true, BasisRegisteredCountry
			for _, code := range country.All() {
				f.Country, f.Controller = code, table.Controller(code)
				if !yield(f) {
					return
				}
			}
		}
	}
}

// SomeAccess is what staff account for where an activity wants all there is.
func SomeAccess(at time.Time) StaffAccess {
	return StaffAccess{Named: true, Ticket: "any", Approval: Reference{Kind: Approval, ID: "any", Approver: "any", Until: at.Add(time.Hour)}}
}

// SomeReference is one that an activity accepts, the zero one where it asks for none.
func SomeReference(a *Activity, at time.Time) Reference {
	switch a.Kind {
	case Instructed:
		return Reference{Kind: Instruction, ID: "any"}
	case Authority:
		return Reference{Kind: Case, ID: "any", Approver: "any", Until: at.Add(time.Hour)}
	default:
		return Reference{}
	}
}
