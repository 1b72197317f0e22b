package policydiff

import (
	"reflect"
	"slices"

	"github.com/sparkoo/transfergate/internal/decision"
)

// bearing tells which questions two moments can answer differently at all, because
// most rows of two policies are the same and each question leans on few. What it
// leaves out is not asked; a test asks everything and finds the same.
type bearing struct {
	everything bool
	// Rows that are not the same in both, by id, and countries whose laws are not.
	activities, entities, regions, countries map[string]bool
	moved                                    bool // a region is another one in both
	// store is where data is stored, in both.
	store decision.Place
}

// newBearing compares two moments, whose views need no site.
func newBearing(a, b *decision.View) *bearing {
	p, q := a.Policy(), b.Policy()
	x := &bearing{countries: a.Differing(b), activities: map[string]bool{}, entities: map[string]bool{}, regions: map[string]bool{}}
	marked(x.activities, p.Activities, q.Activities, func(a *decision.Activity) string {
		a.Position = ""
		return a.ID
	})
	marked(x.entities, p.Recipients, q.Recipients, func(r *decision.Recipient) string {
		r.Position = ""
		return r.ID
	})
	marked(x.entities, p.Controllers, q.Controllers, func(c *decision.Controller) string {
		c.Position = ""
		return c.ID
	})
	marked(x.regions, p.Regions, q.Regions, func(r *decision.Region) string {
		*r = decision.Region{Code: r.Code, Country: r.Country, Operator: r.Operator, Storage: r.Storage}
		return r.Code
	})
	for i := range p.Activities {
		if id := p.Activities[i].ID; (a.Statement(id) == nil) != (b.Statement(id) == nil) {
			x.activities[id] = true
		}
	}
	from, to := storeOf(p), storeOf(q)
	x.store = from
	for code := range x.regions {
		// Where a region is decides the order of the others, too.
		x.moved = x.moved || hasRegion(p, code) && hasRegion(q, code)
	}
	x.everything = p.UnknownLaw != q.UnknownLaw || from != to ||
		controllerID(p.CountryTable().Controller("")) != controllerID(q.CountryTable().Controller(""))
	return x
}

// marked adds the ids of rows that only one side has, or has otherwise. bare tells a
// row's id, and takes away what decides nothing.
func marked[T any](ids map[string]bool, a, b []T, bare func(*T) string) {
	index := func(rows []T) map[string][]T {
		byID := make(map[string][]T, len(rows))
		for _, row := range rows {
			id := bare(&row)
			byID[id] = append(byID[id], row)
		}
		return byID
	}
	x, y := index(a), index(b)
	for _, side := range []map[string][]T{x, y} {
		for id := range side {
			if !reflect.DeepEqual(x[id], y[id]) {
				ids[id] = true
			}
		}
	}
}

// storeOf is where a policy has data stored.
func storeOf(p *decision.Policy) decision.Place {
	if i := slices.IndexFunc(p.Regions, func(r decision.Region) bool { return r.Storage }); i >= 0 {
		return decision.Place{Entity: p.Regions[i].Operator, Country: p.Regions[i].Country}
	}
	return decision.Place{}
}

// place reports whether a place has a bearing: its entity differs, or its country's laws.
func (x *bearing) place(p decision.Place) bool { return x.entities[p.Entity] || x.countries[p.Country] }

// on reports whether a question may be answered differently for every region: by the
// activity, by who asks under which controllers, or by where data is on its way.
func (x *bearing) on(node decision.Place, a, b *decision.Facts) bool {
	if x.everything || x.moved || x.activities[a.Activity] || x.countries[a.Country] || x.place(node) || x.place(x.store) {
		return true
	}
	for _, f := range []*decision.Facts{a, b} {
		if f.Staff != nil && x.place(*f.Staff) || f.Controller != nil && x.place(decision.Place{Entity: f.Controller.ID, Country: f.Controller.Country}) {
			return true
		}
	}
	return false
}

// among are those regions of which alone a question may be answered differently, when
// on says otherwise: those of one side, by their operators, and by their countries' laws.
func (x *bearing) among(codes []string, policies ...*decision.Policy) (some []string) {
	for _, p := range policies {
		for i := range p.Regions {
			r := &p.Regions[i]
			if slices.Contains(codes, r.Code) && (x.regions[r.Code] || x.place(decision.Place{Entity: r.Operator, Country: r.Country})) {
				some = add(some, r.Code)
			}
		}
	}
	return some
}

func hasRegion(p *decision.Policy, code string) bool {
	return slices.ContainsFunc(p.Regions, func(r decision.Region) bool { return r.Code == code })
}
