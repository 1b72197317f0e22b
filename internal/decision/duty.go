package decision

import (
	"slices"
	"time"
)

// instrument is a safeguard in force as its law sees it at one moment.
type instrument struct {
	*Safeguard
	// mechanism is the one it leans on; nil when the law has none of its tag.
	mechanism *Mechanism
	// unmet are the duties of which the row shows no evidence that holds.
	unmet []*Duty
	// assessed is what a duty of an assessment leans on; nil where none asks.
	assessed *Assessment
}

// instrument holds a row against what its law has and asks for.
func (l *Law) instrument(row *Safeguard, assessment *Assessment, at time.Time) instrument {
	x := instrument{Safeguard: row, mechanism: l.of(row.Tag)}
	for i := range l.Duties {
		d := &l.Duties[i]
		if len(d.For) > 0 && !slices.Contains(d.For, row.Tag) {
			continue
		}
		evidence := row.Evidence[d.Evidence]
		if d.Evidence == Assessed {
			evidence = assessment.evidence(l.ID, at)
			x.assessed = assessment
		}
		if !evidence.holds(d.Months, at) {
			x.unmet = append(x.unmet, d)
		}
	}
	return x
}

// holds reports whether something shows at a moment that a duty is fulfilled.
func (e Evidence) holds(months int, at time.Time) bool {
	return e.Reference != "" && !e.Date.IsZero() && !at.Before(e.Date) && (months <= 0 || at.Before(e.Date.AddDate(0, months, 0)))
}

// evidence is what an assessment shows; nothing when it is none, of another law, over
// or finds the transfer not acceptable.
func (a *Assessment) evidence(law string, at time.Time) Evidence {
	if a == nil || a.Law != law || !a.Acceptable || !(Validity{a.Date, a.Until}).Contains(at) {
		return Evidence{}
	}
	return Evidence{Reference: a.ID, Date: a.Date}
}

// short reports whether a row leaves a duty of its law unfulfilled for a flow.
func (x *instrument) short(leg *Leg, a *Activity) bool {
	return slices.ContainsFunc(x.unmet, func(d *Duty) bool { return d.asks(a) }) || x.unassessed(leg)
}

// unassessed reports whether the assessment that a row leans on does not cover a leg.
func (x *instrument) unassessed(leg *Leg) bool {
	return x.assessed != nil &&
		(!x.assessed.Countries.has(leg.To) || leg.Kind == Access && slices.Contains(x.assessed.Measures, NoStaff))
}

// shorts are all duties that a row does not fulfil for a flow, in the law's order.
func (x *instrument) shorts(leg *Leg, a *Activity) (duties []*Duty) {
	for _, d := range x.unmet {
		if d.asks(a) {
			duties = append(duties, d)
		}
	}
	if len(duties) == 0 && x.unassessed(leg) {
		duties = append(duties, &Duty{Evidence: Assessed, Title: "an assessment that covers the flow"})
	}
	return duties
}

// asks reports whether a duty is about what an activity does.
func (d *Duty) asks(a *Activity) bool { return slices.ContainsFunc(a.Categories, d.Categories.has) }

// open reports whether a law has a rule by which it asks for nothing.
func (l *Law) open() bool {
	return slices.ContainsFunc(l.Mechanisms, func(m Mechanism) bool { return m.Rule })
}

// keeps reports whether a law wants an activity's data in its territory at a moment.
func (l *Localisation) keeps(a *Activity, at time.Time) bool {
	return l != nil && !at.Before(l.From) && slices.ContainsFunc(a.Categories, l.Categories.has)
}

// localised reports whether a law forbids a leg because it wants the data in its
// territory. The row that would let it pass if it were proven is returned too.
//
//clause:enforces introduction.1; record reason clause law; off return false, nil
func (v *view) localised(r *regime, leg *Leg, a *Activity) (bool, *Safeguard) {
	if r.law == nil || !r.law.Localisation.keeps(a, v.at) || slices.Contains(r.law.Countries, leg.To) {
		return false, nil
	}
	l := r.law.Localisation
	if !r.registered && !(r.subject && l.Persons == Anyone) {
		return false, nil
	}
	for i := range v.rows[r.law] {
		row := v.rows[r.law][i].Safeguard
		if l.Tag == "" || row.Tag != l.Tag || !fits(row, leg) || !serves(row, a) || !row.Evidence[LocalCopy].holds(0, v.at) {
			continue
		}
		if proven(row) || v.site.Demo {
			return false, nil
		}
		return true, row
	}
	return true, nil
}
