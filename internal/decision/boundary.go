package decision

import (
	"slices"
	"time"
)

// Boundaries returns the moments at which a statement, a law or a safeguard
// of the policy begins or ceases to be in force, in order, each once. Between
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
	}
	for i := range p.Safeguards {
		add(p.Safeguards[i].Validity)
	}
	slices.SortFunc(all, time.Time.Compare)
	return slices.CompactFunc(all, time.Time.Equal)
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
