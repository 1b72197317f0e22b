package decision

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sparkoo/transfergate/internal/country"
	"github.com/sparkoo/transfergate/internal/suggest"
)

// The facts of a request about a person who chose nothing that bears on it, by a
// controller of the registers, take a bounded number of values. A table has one
// cell for each: activities x requesters x countries x controllers x bases, the
// first value of an axis standing for "none of them". Few requesters ask for few
// activities, so that a plane of these two is laid out when it is first asked for.
type table struct {
	view       *view
	finish     func(*Decision)
	activities map[string]int // place on the axis, from 1
	staff      map[Place]int  // entities whose staff may ask: place on the axis, from 1
	ids        map[string]int // controllers: place on the axis, from 1
	served     []int          // by country: the controller its row names, on that axis
	planes     []atomic.Pointer[plane]
	// aims are what is denied by a person's choice, by cell (*atomic.Pointer[Decision]):
	// a *Candidate, which is the same whatever the choice.
	aims sync.Map
}

// plane holds the cells of one activity and one requester.
type plane []atomic.Pointer[Decision]

// Values of the country axis beside those of country.Index plus one.
const (
	countryNone       = 0                 // nobody identified
	countryInvalid    = country.Count + 1 // no country code
	countryIdentified = country.Count + 2 // somebody, but no country
	countryAxis       = country.Count + 3
)

// basisAxis is how many values basisOf tells apart.
const basisAxis = 5

// basisOf is the place of a ground on its axis, negative for one that is none.
func basisOf(b Basis) int {
	switch b {
	case "":
		return 0
	case BasisRegisteredCountry:
		return 1
	case BasisNotRegistered:
		return 2
	case BasisAccountCenter:
		return 3
	case BasisTokenClaim:
		return 4
	}
	return -1
}

// Compile computes the decisions of a policy for a site, as of a moment. The
// table holds until the policy's next boundary; the host compiles another then.
//
// finish, if not nil, is called for every Decision before anybody else sees it,
// so that the host can render Candidate.Fields, those of Waived too. It is called
// during Compile and later from within Table.Decide, from any goroutine, and
// must not keep the Decision.
//
// The policy must not change afterwards. An error says everything that is wrong
// with the site; none is about the policy, which package config has checked.
func Compile(p *Policy, s Site, at time.Time, finish func(*Decision)) (*Table, error) {
	t, err := CompileLazily(p, s, at, finish)
	if err != nil {
		return nil, err
	}
	t.cells.fill(p)
	return t, nil
}

// CompileLazily is [Compile] without most of the work: the table answers the same,
// but computes each decision when it is first asked for. It is for a stretch of
// time that has not come yet, or that came as a surprise.
func CompileLazily(p *Policy, s Site, at time.Time, finish func(*Decision)) (*Table, error) {
	if p == nil {
		return nil, errors.New("compiling a policy: there is none")
	}
	s.Regions = slices.Clone(s.Regions)
	t := &Table{policy: p, site: s}
	t.from, t.until = stretch(p, at)
	v := newView(p, &t.site, at)
	if err := checkSite(v); err != nil {
		return nil, err
	}
	t.cells = table{
		view:       v,
		finish:     finish,
		activities: make(map[string]int, len(p.Activities)),
		staff:      make(map[Place]int, len(p.Recipients)),
		ids:        make(map[string]int, len(p.Controllers)),
		served:     make([]int, countryAxis),
	}
	t.cells.index(p)
	return t, nil
}

// From is the moment the table's decisions began to hold; zero if they always did.
func (t *Table) From() time.Time { return t.from }

// Until is the moment the table's decisions cease to hold; zero if none is known.
func (t *Table) Until() time.Time { return t.until }

// Policy is what the table was compiled from. It must not be changed.
func (t *Table) Policy() *Policy { return t.policy }

// Site is what the table was compiled for. Its Regions must not be changed.
func (t *Table) Site() Site { return t.site }

// Decide answers one set of facts as the function Decide does. The Decision is
// shared and must not be changed. Facts under a controller of the registers cost a
// look-up; those of staff nobody knows, of controllers the registers do not know,
// and of people whose choices bear on the activity are decided anew on each call.
// Safe for concurrent use.
func (t *Table) Decide(f Facts) *Decision {
	c := &t.cells
	cell, controller := c.locate(&f)
	if cell == nil {
		return c.compute(f)
	}
	if d := cell.Load(); d != nil {
		return d
	}
	return c.keep(cell, controller, f)
}

// locate finds the cell of the facts, and the registers' own row of their
// controller. There is no cell for facts that are decided anew.
func (c *table) locate(f *Facts) (cell *atomic.Pointer[Decision], controller *Controller) {
	if c.view == nil {
		return nil, nil
	}
	activity := c.activities[f.Activity]
	if activity > 0 && c.view.heeds(&c.view.policy.Activities[activity-1], f) {
		return nil, nil
	}
	return c.cell(activity, f)
}

// cell is locate, whatever the person chose. activity is its place on the axis.
func (c *table) cell(activity int, f *Facts) (cell *atomic.Pointer[Decision], controller *Controller) {
	requester := 0
	if activity > 0 && unreferred(&c.view.policy.Activities[activity-1], f) != "" {
		return nil, nil // the cell is for those who have a reference
	}
	switch {
	case f.Staff != nil:
		if requester = c.staff[*f.Staff]; requester == 0 || !f.Subject {
			return nil, nil
		}
		if activity > 0 && unaccounted(&c.view.policy.Activities[activity-1], f) != "" {
			return nil, nil // the cell is for those who account for their access
		}
	case f.Deletes && activity > 0 && c.view.policy.Activities[activity-1].StorageOnly:
		requester = len(c.staff) + 1 // the person, deleting: no law stops that (§6)
	}
	where := countryOf(f)
	who, basis := 0, basisOf(f.Basis)
	if basis < 0 {
		return nil, nil
	}
	if f.Controller != nil {
		if who = c.controller(f.Controller, where); who == 0 {
			return nil, nil
		}
		controller = &c.view.policy.Controllers[who-1]
	}
	cells := *c.plane(activity, requester)
	return &cells[(where*(len(c.view.policy.Controllers)+1)+who)*basisAxis+basis], controller
}

// plane returns the cells of an activity and a requester.
func (c *table) plane(activity, requester int) *plane {
	at := &c.planes[activity*(len(c.staff)+2)+requester]
	if p := at.Load(); p != nil {
		return p
	}
	p := make(plane, countryAxis*(len(c.view.policy.Controllers)+1)*basisAxis)
	if at.CompareAndSwap(nil, &p) {
		return &p
	}
	return at.Load()
}

// countryOf is the place of the facts on the country axis.
func countryOf(f *Facts) int {
	switch {
	case f.Country != "":
		if i := country.Index(f.Country); i >= 0 {
			return i + 1
		}
		return countryInvalid
	case f.Identified:
		return countryIdentified
	default:
		return countryNone
	}
}

// controller finds a controller's place on its axis. It is 0 unless the
// registers' row is the same in all that a decision or its fields could show.
func (c *table) controller(x *Controller, where int) int {
	rows := c.view.policy.Controllers
	i := c.served[where]
	if i == 0 || rows[i-1].ID != x.ID {
		i = c.ids[x.ID]
	}
	if i == 0 || !same(x, &rows[i-1]) {
		return 0
	}
	return i
}

// same compares all but Serves, which only resolving a controller reads.
func same(a, b *Controller) bool {
	return a == b || a.ID == b.ID && a.Name == b.Name && a.Address == b.Address && a.Country == b.Country &&
		a.Default == b.Default && a.Unlisted == b.Unlisted &&
		a.DPO == b.DPO && a.RightsPortal == b.RightsPortal && a.Email == b.Email
}

// compute decides facts that have no cell.
func (c *table) compute(f Facts) *Decision {
	if c.view == nil { // the zero Table
		return &Decision{Reason: NoActivity, Unlock: NoActivity.Info().Unlock}
	}
	d := new(Decision)
	if c.view.begin(d, &f) {
		c.view.choose(d, &f)
	} else {
		d.Barred = c.aim(d, &f)
	}
	if c.finish != nil {
		c.finish(d)
	}
	return d
}

// aim is what is denied for a reason that asks for no region. It is kept, because
// people whose choice stops something may ask for it often.
func (c *table) aim(d *Decision, f *Facts) *Candidate {
	cell, _ := c.cell(c.activities[f.Activity], f)
	if cell == nil {
		return c.view.aim(d, f)
	}
	if kept, found := c.aims.Load(cell); found {
		return kept.(*Candidate)
	}
	kept, _ := c.aims.LoadOrStore(cell, c.view.aim(d, f))
	return kept.(*Candidate)
}

// keep decides facts for the first time and keeps the answer. When two requests
// race both decide the same; the first to arrive is kept.
func (c *table) keep(cell *atomic.Pointer[Decision], controller *Controller, f Facts) *Decision {
	f.Controller = controller
	f.Choices = Choices{} // the cell is for everybody
	f.Deletes = f.Deletes && f.Staff == nil
	d := c.compute(f)
	if cell.CompareAndSwap(nil, d) {
		return d
	}
	return cell.Load()
}

// index sets up the axes.
func (c *table) index(p *Policy) {
	for i := range p.Activities {
		if id := p.Activities[i].ID; id != "" && c.activities[id] == 0 {
			c.activities[id] = i + 1
		}
	}
	for i := range p.Recipients {
		r := &p.Recipients[i]
		if staff := (Place{Entity: r.ID, Country: r.Country}); c.view.knows(staff) && c.staff[staff] == 0 {
			c.staff[staff] = len(c.staff) + 1
		}
	}
	c.planes = make([]atomic.Pointer[plane], (len(p.Activities)+1)*(len(c.staff)+2))
	for i := range p.Controllers {
		if id := p.Controllers[i].ID; c.ids[id] == 0 {
			c.ids[id] = i + 1
		}
	}
	place := func(code string) int {
		row := c.view.countries.Controller(code)
		if row == nil {
			return 0
		}
		return c.ids[row.ID]
	}
	for where := range c.served {
		c.served[where] = place("")
	}
	for i, code := range country.All() {
		c.served[i+1] = place(code)
	}
}

// fill decides what most requests ask: each activity for each country under the
// controller its row names, and for nobody in particular.
func (c *table) fill(p *Policy) {
	codes := append([]string{""}, country.All()...)
	for activity := range c.activities {
		for _, code := range codes {
			f := Facts{Activity: activity, Country: code, Identified: code != "", Basis: BasisRegisteredCountry}
			if code == "" {
				f.Basis = BasisNotRegistered
			}
			who := c.served[countryOf(&f)]
			if who == 0 {
				continue
			}
			f.Controller = &p.Controllers[who-1]
			if cell, controller := c.locate(&f); cell != nil {
				c.keep(cell, controller, f)
			}
		}
	}
}

// checkSite finds what a site names that cannot be.
func checkSite(v *view) error {
	var errs []error
	node := v.site.Node
	known := v.recipients[node.Entity] != nil ||
		slices.ContainsFunc(v.policy.Controllers, func(c Controller) bool { return c.ID == node.Entity && c.ID != "" })
	if !known {
		errs = append(errs, fmt.Errorf("node entity %q is neither a controller nor a recipient: name one from the registers", node.Entity))
	}
	if !country.Valid(node.Country) {
		errs = append(errs, fmt.Errorf("node country %q is not an ISO 3166-1 alpha-2 code; %s", node.Country, country.Advice(node.Country)))
	}
	if name := v.site.Statement; name != "" && !slices.ContainsFunc(v.policy.Statements, func(s Statement) bool { return s.Name == name }) {
		errs = append(errs, fmt.Errorf("statement %q is not in the register of statements: name one of its statements", name))
	}
	for _, code := range v.site.Regions {
		if v.regions[code] == nil {
			errs = append(errs, fmt.Errorf("region %q is not in the register of regions; %s", code, suggest.For(code, regionCodes(v.policy))))
		}
	}
	return errors.Join(errs...)
}

func regionCodes(p *Policy) []string {
	codes := make([]string, len(p.Regions))
	for i := range p.Regions {
		codes[i] = p.Regions[i].Code
	}
	return codes
}
