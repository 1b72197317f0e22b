package policydiff

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sparkoo/transfergate/internal/country"
	"github.com/sparkoo/transfergate/internal/decision"
)

// domain is everything that is asked of two policies, and the differences found.
type domain struct {
	activities []string
	regions    []string
	countries  map[string]string // by region
	nodes      []decision.Place
	who        []asker
	// classes are countries that no register tells apart, "" among them.
	classes [][]string
	scope   Scope
	moments bool // of one policy are compared

	flows int
	found map[string]*finding // by kind and answers
}

// asker is who asks, and under which controller.
type asker struct {
	name  string
	party string // contracting party of the Account Center; empty: the country table's
	staff *decision.Place
}

// self is the asker who is the person, under the country table's controller.
const self = "self"

// newDomain collects what the policies name.
func newDomain(a, b *decision.Policy, s Scope) *domain {
	d := &domain{scope: s, regions: s.Regions, nodes: s.Nodes, countries: map[string]string{}, found: map[string]*finding{}, who: []asker{{name: self}}}
	for _, p := range []*decision.Policy{a, b} {
		for i := range p.Activities {
			d.activities = add(d.activities, p.Activities[i].ID)
		}
		for i := range p.Regions {
			r := &p.Regions[i]
			d.countries[r.Code] = r.Country
			if s.Regions == nil {
				d.regions = add(d.regions, r.Code)
			}
			if s.Nodes == nil && (r.Storage || !s.Usual && runs(p, r.Operator)) {
				d.nodes = add(d.nodes, decision.Place{Entity: r.Operator, Country: r.Country})
			}
		}
	}
	d.classes = classes(a, b, d.nodes)
	if s.Usual {
		return d
	}
	for i := range a.Controllers {
		id := a.Controllers[i].ID
		if controllerOf(b, id) != nil {
			d.who = append(d.who, asker{name: self + ":" + id, party: id})
		}
	}
	for _, place := range staffOf(a, b) {
		d.who = append(d.who, asker{name: placeName(place), staff: &place})
	}
	return d
}

// add appends what is not there yet.
func add[T comparable](list []T, x T) []T {
	if slices.Contains(list, x) {
		return list
	}
	return append(list, x)
}

func placeName(p decision.Place) string { return p.Entity + "@" + p.Country }

func controllerOf(p *decision.Policy, id string) *decision.Controller {
	if i := slices.IndexFunc(p.Controllers, func(c decision.Controller) bool { return c.ID == id }); i >= 0 {
		return &p.Controllers[i]
	}
	return nil
}

// staffOf lists whose staff may ask at all: affiliates and operators.
func staffOf(policies ...*decision.Policy) (places []decision.Place) {
	for _, p := range policies {
		for i := range p.Recipients {
			r := &p.Recipients[i]
			if r.Country != "" && (slices.Contains(r.Kinds, decision.Affiliate) || slices.Contains(r.Kinds, decision.Operator)) {
				places = add(places, decision.Place{Entity: r.ID, Country: r.Country})
			}
		}
	}
	return places
}

// runs reports whether an entity runs regions for the controllers (§9), so that a
// gateway may stand with it.
func runs(p *decision.Policy, entity string) bool {
	i := slices.IndexFunc(p.Recipients, func(r decision.Recipient) bool { return r.ID == entity })
	return i >= 0 && slices.Contains(p.Recipients[i].Kinds, decision.Operator)
}

// classes groups the countries that no register tells apart: under the same laws
// and the same controller, with no entity, region or node in them. One of each
// group answers for all.
func classes(a, b *decision.Policy, nodes []decision.Place) [][]string {
	special := map[string]bool{}
	for _, n := range nodes {
		special[n.Country] = true
	}
	for _, p := range []*decision.Policy{a, b} {
		for i := range p.Controllers {
			special[p.Controllers[i].Country] = true
		}
		for i := range p.Regions {
			special[p.Regions[i].Country] = true
		}
		for i := range p.Recipients {
			special[p.Recipients[i].Country] = true
		}
	}
	groups := map[string][]string{}
	for _, code := range country.All() {
		key := code
		if !special[code] {
			key = signature(a, code) + "/" + signature(b, code)
		}
		groups[key] = append(groups[key], code)
	}
	list := [][]string{{""}}
	for _, key := range slices.Sorted(maps.Keys(groups)) {
		list = append(list, groups[key])
	}
	return list
}

// CountryGroups are the registered countries, in groups that no register of the
// policy tells apart: one of each answers for all. The first is "", for people
// who are not registered.
func CountryGroups(p *decision.Policy) [][]string { return classes(p, p, nil) }

// signature is what a policy's laws and controllers say about a country.
func signature(p *decision.Policy, code string) string {
	var b strings.Builder
	for i := range p.Laws {
		if slices.Contains(p.Laws[i].Countries, code) {
			fmt.Fprintf(&b, "l%d", i)
		}
	}
	for i := range p.Controllers {
		if slices.Contains(p.Controllers[i].Serves, code) {
			fmt.Fprintf(&b, "c%d", i)
		}
	}
	return b.String()
}

// compare asks both what they may answer differently and notes what differs, as
// holding in stretch when.
func (d *domain) compare(a, b Moment, when int) {
	d.compareTables(a, b, when)
	site := decision.Site{Statement: d.scope.Statement}
	c := comparing{
		domain: d, when: when,
		tables: [2]*decision.CountryTable{a.Policy.CountryTable(), b.Policy.CountryTable()},
		views:  [2]*decision.View{decision.NewView(a.Policy, &site, a.At), decision.NewView(b.Policy, &site, b.At)},
	}
	c.bearing = newBearing(c.views[0], c.views[1])
	c.bearing.everything = c.bearing.everything || d.scope.everything
	some := c.bearing.among(d.regions, a.Policy, b.Policy)
	for _, node := range d.nodes {
		c.compareAt(node, some)
	}
}

// comparing is two moments that are compared.
type comparing struct {
	*domain
	bearing *bearing
	when    int
	tables  [2]*decision.CountryTable
	views   [2]*decision.View // of no site
}

// compareAt asks both at a node: about all regions where the question itself bears a
// difference, about some of them otherwise.
func (c *comparing) compareAt(node decision.Place, some []string) {
	var every, few [2]*decision.View
	for side, v := range c.views {
		every[side] = v.For(&decision.Site{Node: node, Regions: c.regions, Demo: c.scope.Demo, Statement: c.scope.Statement})
		few[side] = v.For(&decision.Site{Node: node, Regions: some, Demo: c.scope.Demo, Statement: c.scope.Statement})
	}
	for _, activity := range c.activities {
		for _, class := range c.classes {
			for i := range c.who {
				c.flows += len(c.regions)
				at := point{class, activity, c.who[i].name, placeName(node), c.when}
				var facts [2]decision.Facts
				for side, v := range c.views {
					facts[side] = c.facts(v, c.tables[side], activity, class[0], &c.who[i])
				}
				switch {
				case c.bearing.on(node, &facts[0], &facts[1]):
					c.ask(at, every, facts, c.regions)
				case len(some) > 0:
					c.ask(at, few, facts, some)
				}
			}
		}
	}
}

// ask puts a question to both and notes the difference, about some regions.
func (c *comparing) ask(at point, views [2]*decision.View, facts [2]decision.Facts, regions []string) {
	var replies [2]reply
	for side, v := range views {
		replies[side] = reply{view: v, facts: facts[side], decision: v.Decide(facts[side])}
	}
	c.note(at, &replies[0], &replies[1], regions)
}

// facts are those of one question to one policy.
func (d *domain) facts(v *decision.View, table *decision.CountryTable, activity, code string, who *asker) decision.Facts {
	f := decision.Facts{
		Activity: activity, Country: code, Identified: code != "" || who.party != "" || who.staff != nil,
		Subject: code != "", Controller: table.Controller(code), Basis: decision.BasisRegisteredCountry, Staff: who.staff, At: v.At(),
	}
	if code == "" {
		f.Basis = decision.BasisNotRegistered
	}
	if who.party != "" {
		f.Controller, f.Basis = controllerOf(v.Policy(), who.party), decision.BasisAccountCenter
	}
	if who.staff != nil {
		f.Access = decision.SomeAccess(v.At())
	}
	if a := v.Activity(activity); a != nil {
		f.Reference = decision.SomeReference(a, v.At())
	}
	return f
}

// compareTables notes who answers for which country, and the statements in force.
func (d *domain) compareTables(a, b Moment, when int) {
	tables := [2]*decision.CountryTable{a.Policy.CountryTable(), b.Policy.CountryTable()}
	for _, class := range d.classes {
		from, to := controllerID(tables[0].Controller(class[0])), controllerID(tables[1].Controller(class[0]))
		if from != to {
			d.add(Responsible, point{countries: class, when: when}, "", Answer{Controller: from}, Answer{Controller: to})
		}
	}
	site := decision.Site{Statement: d.scope.Statement}
	views := [2]*decision.View{decision.NewView(a.Policy, &site, a.At), decision.NewView(b.Policy, &site, b.At)}
	for _, activity := range d.activities {
		from, to := statementID(views[0], activity), statementID(views[1], activity)
		if from != to {
			d.add(Stated, point{activity: activity, when: when}, "", Answer{Statement: from}, Answer{Statement: to})
		}
	}
}

func controllerID(c *decision.Controller) string {
	if c == nil {
		return ""
	}
	return c.ID
}

func statementID(v *decision.View, activity string) string {
	if s := v.Statement(activity); s != nil {
		return s.ID
	}
	return ""
}

// spans turns numbers of stretches into spans of time; nil for all of them.
func spans(stretches []int, bounds []time.Time) []Span {
	if len(stretches) >= len(bounds) {
		return nil
	}
	var list []Span
	for _, i := range stretches {
		var s Span
		if i > 0 {
			s.From = bounds[i]
		}
		if i+1 < len(bounds) {
			s.Until = bounds[i+1]
		}
		if n := len(list); n > 0 && list[n-1].Until.Equal(s.From) {
			list[n-1].Until = s.Until
			continue
		}
		list = append(list, s)
	}
	return list
}
