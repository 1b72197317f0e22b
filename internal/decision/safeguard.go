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
//clause:enforces §5(l); record demo
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

// safeguard finds the row that satisfies a law for a leg. The reason is
// NoSafeguard when there is none, SafeguardUnproven when the best there is may
// not count here; that row is then returned too.
func (v *view) safeguard(law *Law, leg *Leg, a *Activity) (*Safeguard, Reason) {
	for _, row := range v.rows[law.ID] {
		if !fits(row, leg) || !serves(row, a) {
			continue
		}
		if !proven(row) && !v.site.Demo {
			return row, SafeguardUnproven
		}
		return row, ""
	}
	return nil, NoSafeguard
}

// fits reports whether a row is made for the flow.
func fits(row *Safeguard, leg *Leg) bool {
	return row.Exporters.has(leg.Exporter) && row.Recipients.has(leg.Recipient) &&
		row.Countries.has(leg.To) && row.Kinds.has(string(leg.RecipientKind))
}

// serves reports whether a row may serve the activity.
//
//clause:enforces 2g §1; record categories purposes; header Data-Transfer
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
