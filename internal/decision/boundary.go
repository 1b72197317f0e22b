package decision

import (
	"slices"
	"time"
)

// Boundaries returns the moments at which a statement, a law, a safeguard or what
// it shows begins or ceases to be in force, in order, each once. Between
// two of them every decision stays the same. The slice is the caller's.
func Boundaries(p *Policy) []time.Time {
	if p == nil {
		return nil
	}
	var all []time.Time
	add := func(v Validity) {
		for _, t := range []time.Time{v.From, v.Until} {
			if !t.IsZero() {
				all = append(all, t)
			}
		}
	}
	for i := range p.Statements {
		add(p.Statements[i].Validity)
	}
	for i := range p.Laws {
		add(p.Laws[i].Validity)
		if l := p.Laws[i].Localisation; l != nil {
			add(Validity{From: l.From})
		}
	}
	for i := range p.Safeguards {
		add(p.Safeguards[i].Validity)
	}
	for i := range p.Assessments {
		add(Validity{p.Assessments[i].Date, p.Assessments[i].Until})
	}
	evidence(p, add)
	slices.SortFunc(all, time.Time.Compare)
	return slices.CompactFunc(all, time.Time.Equal)
}

// evidence adds the moments at which what safeguards show begins and ceases to hold.
func evidence(p *Policy, add func(Validity)) {
	assessed := byID(p.Assessments, func(a *Assessment) string { return a.ID })
	for i := range p.Safeguards {
		row := &p.Safeguards[i]
		for _, e := range row.Evidence {
			add(Validity{From: e.Date})
		}
		for j := range p.Laws {
			if p.Laws[j].ID != row.Law {
				continue
			}
			for _, d := range p.Laws[j].Duties {
				from := row.Evidence[d.Evidence].Date
				if a := assessed[row.Assessment]; d.Evidence == Assessed && a != nil {
					from = a.Date
				}
				if d.Months > 0 && !from.IsZero() {
					add(Validity{Until: from.AddDate(0, d.Months, 0)})
				}
			}
		}
	}
}

// stretch returns the boundaries around a moment: the last one not after it and
// the first one after it, zero where there is none.
func stretch(p *Policy, at time.Time) (from, until time.Time) {
	for _, t := range Boundaries(p) {
		if t.After(at) {
			return from, t
		}
		from = t
	}
	return from, time.Time{}
}
