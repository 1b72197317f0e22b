package decision

import (
	"cmp"
	"math"
	"slices"
)

// has reports whether x is in the set. Nothing is nowhere, not even in everything.
func (s Set) has(x string) bool {
	return x != "" && (s.Any || slices.Contains(s.Of, x))
}

// lacks returns those of xs the set does not have.
func (s Set) lacks(xs []string) []string {
	var missing []string
	for _, x := range xs {
		if !s.has(x) {
			missing = append(missing, x)
		}
	}
	return missing
}

// covers reports whether the set has all of xs.
func (s Set) covers(xs []string) bool {
	return !slices.ContainsFunc(xs, func(x string) bool { return !s.has(x) })
}

// size is how much a set takes in, for comparing which row is narrower.
func (s Set) size() int {
	if s.Any {
		return math.MaxInt
	}
	return len(s.Of)
}

// proven reports whether a row may satisfy a law outside demo.
//
//clause:enforces §5(l).2 §9.4; record demo legs; off return true
func proven(row *Safeguard) bool { return !row.Example && !row.Confirm }

// preferred orders the rows of a law: proven before unproven, then the more
// specific, then by id, so that the choice never depends on the files' order.
func preferred(a, b *Safeguard) int {
	return cmp.Or(
		compareBool(!proven(a), !proven(b)),
		cmp.Compare(anySets(a), anySets(b)),
		cmp.Compare(a.Countries.size(), b.Countries.size()),
		cmp.Compare(a.Recipients.size(), b.Recipients.size()),
		cmp.Compare(a.Exporters.size(), b.Exporters.size()),
		cmp.Compare(a.Categories.size(), b.Categories.size()),
		cmp.Compare(a.Purposes.size(), b.Purposes.size()),
		cmp.Compare(a.ID, b.ID),
	)
}

// anySets counts the row's sets that take in everything.
func anySets(row *Safeguard) int {
	n := 0
	for _, s := range []Set{row.Exporters, row.Recipients, row.Countries, row.Purposes, row.Categories, row.Kinds} {
		if s.Any {
			n++
		}
	}
	return n
}

// found are the rows that satisfy a law for a leg.
type found struct {
	row *Safeguard
	// rule is the row of the law's own rule that asks for nothing, beside row, which
	// binds the recipient (§9); nil where the law has no such rule.
	rule *Safeguard
}

// safeguard finds the rows that satisfy a law for a leg. The reason is NoSafeguard
// when there are none, SafeguardUnproven when the best there are may not count
// here; the first that may not is then row.
//
//clause:enforces 9-operator §9.4; record legs
func (v *view) safeguard(r *regime, leg *Leg, d *Decision) (found, Reason) {
	law, a := r.law, d.Activity
	var f found
	for i := range v.rows[law] {
		x := &v.rows[law][i]
		at := &f.row
		if x.mechanism != nil && x.mechanism.Rule {
			at = &f.rule
		}
		if *at == nil && !slices.Contains(x.Except, d.Country) && v.counts(law, x, leg, a) {
			*at = x.Safeguard
		}
	}
	if f.row == nil || f.rule == nil && law.open() && !v.covered(law, leg) {
		return found{}, NoSafeguard
	}
	for _, row := range []*Safeguard{f.row, f.rule} {
		if row != nil && !proven(row) && !v.site.Demo {
			return found{row: row}, SafeguardUnproven
		}
	}
	return f, ""
}

// counts reports whether a row satisfies its law for a leg, proven or not.
func (v *view) counts(law *Law, x *instrument, leg *Leg, a *Activity) bool {
	return x.mechanism != nil && !x.unnamed() && fits(x.Safeguard, leg) && serves(x.Safeguard, a) &&
		!x.short(leg, a) && !(v.covered(law, leg) && !slices.Contains(law.Concern.Tags, x.Tag))
}

// unnamed reports whether a row names no countries though its mechanism wants them named.
func (x *instrument) unnamed() bool {
	return x.Countries.Any && slices.Contains(x.mechanism.Needs, "countries")
}

// covered reports whether a law closes a leg's recipient by its place or its owner's.
func (v *view) covered(law *Law, leg *Leg) bool {
	c := law.Concern
	if c == nil {
		return false
	}
	owner := v.owners[leg.Recipient]
	return slices.Contains(c.Countries, leg.To) || slices.Contains(c.Countries, v.places[leg.Recipient]) ||
		owner != nil && owner.Share >= c.Share && slices.Contains(c.Countries, owner.Country)
}

// fits reports whether a row is made for the flow.
func fits(row *Safeguard, leg *Leg) bool {
	exporter, kind := leg.Exporter, leg.RecipientKind
	if leg.Kind == Collection {
		// The controller collects what it stores and serves (§9).
		exporter, kind = Person, Operator
	}
	return row.Exporters.has(exporter) && row.Recipients.has(leg.Recipient) &&
		row.Countries.has(leg.To) && row.Kinds.has(string(kind))
}

// serves reports whether a row may serve the activity.
//
//clause:enforces 2g §1 §4(c).2; record categories purposes; header Data-Transfer; off return true
func serves(row *Safeguard, a *Activity) bool {
	return row.covers(a) && (!row.Occasional || a.Occasional)
}

// covers reports whether a row covers all the activity does.
func (s *Safeguard) covers(a *Activity) bool {
	return s.Purposes.covers(a.Purposes) && s.Categories.covers(a.Categories)
}

// Covers reports whether the row covers the activity's purposes, categories and
// row of §4 or §9, be it occasional or not.
func (s *Safeguard) Covers(a *Activity) bool {
	return s.covers(a) && s.Kinds.has(string(a.Kind))
}
