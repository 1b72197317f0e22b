package decision

import (
	"reflect"
	"slices"
	"time"
)

// Differing are the countries of which two views say something else: their laws in
// force, or the safeguards that may count for these. Where rows stand in their files,
// and how long they are in force, does not matter.
func (v *View) Differing(other *View) map[string]bool {
	type pair struct{ a, b *Law }
	known := map[pair]bool{} // one law may stand for many countries
	same := func(a, b *Law) bool {
		answer, asked := known[pair{a, b}]
		if !asked {
			answer = sameLaw(v.view, other.view, a, b)
			known[pair{a, b}] = answer
		}
		return answer
	}
	differing := map[string]bool{}
	for _, laws := range []map[string][]*Law{v.view.laws, other.view.laws} {
		for code := range laws {
			if !slices.EqualFunc(v.view.laws[code], other.view.laws[code], same) {
				differing[code] = true
			}
		}
	}
	return differing
}

// sameLaw reports whether two views judge alike by two rows of laws, each its own.
func sameLaw(v, other *view, a, b *Law) bool {
	x, y := *a, *b
	for _, law := range []*Law{&x, &y} {
		law.Position, law.Validity = "", Validity{}
	}
	return reflect.DeepEqual(x, y) && a.Localisation.begun(v.at) == b.Localisation.begun(other.at) &&
		slices.EqualFunc(v.rows[a], other.rows[b], func(r, s instrument) bool { return r.same(&s, v.at, other.at) })
}

// begun reports whether a law wants data kept at a moment.
func (l *Localisation) begun(at time.Time) bool { return l != nil && !at.Before(l.From) }

// same reports whether two rows of one law count alike, each at its own moment.
func (x *instrument) same(y *instrument, at, otherAt time.Time) bool {
	a, b := *x.Safeguard, *y.Safeguard
	for _, row := range []*Safeguard{&a, &b} {
		row.Position, row.Validity, row.Review = "", Validity{}, Review{}
	}
	return reflect.DeepEqual(a, b) && reflect.DeepEqual(x.unmet, y.unmet) && sameAssessment(x.assessed, y.assessed) &&
		x.Evidence[LocalCopy].holds(0, at) == y.Evidence[LocalCopy].holds(0, otherAt)
}

func sameAssessment(a, b *Assessment) bool {
	if a == nil || b == nil {
		return a == b
	}
	x, y := *a, *b
	x.Position, y.Position = "", ""
	return reflect.DeepEqual(x, y)
}
