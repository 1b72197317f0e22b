package console

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/policydiff"
)

// policyPage is the policy in force and what of it changes by itself.
type policyPage struct {
	Digest, Source string
	Loaded         time.Time
	Statement      string
	Approvals      string
	Notices        []Notice
	Dates          []date
	Controllers    []controllerRow
	Regions        []decision.Region
	Activities     []decision.Activity
	Laws           []decision.Law
	Changed        *changed
}

// date is one at which something begins or ends.
type date struct {
	At    time.Time
	Days  int
	Rows  []policydiff.RowChange
	Stops []string
}

type controllerRow struct {
	*decision.Controller
	Countries, Link string
}

// InForce is where the policy in force comes from.
type InForce struct {
	Source    string // its folder, or the word embedded
	Loaded    time.Time
	Approvals string // who stands behind it, in words; empty if nobody asks
}

// aheadFor is how far the page looks ahead.
const aheadFor = 400 * 24 * time.Hour

// aheads keeps what was found out last: it takes a second.
type aheads struct {
	mu    sync.Mutex
	key   string
	dates []policydiff.Date
}

// of are the dates ahead of a policy.
func (a *aheads) of(p *decision.Policy, at time.Time, demo bool) []policydiff.Date {
	key := p.Digest + day(at)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.key != key {
		a.dates, a.key = policydiff.Ahead(p, at, aheadFor, policydiff.Scope{Usual: true, Demo: demo}), key
	}
	return slices.DeleteFunc(slices.Clone(a.dates), func(d policydiff.Date) bool { return !d.At.After(at) })
}

// policy serves the page.
func (v *visit) policy() error {
	policy, source := v.Policy(), v.InForce()
	p := &policyPage{
		Digest: policy.Digest, Source: source.Source, Loaded: source.Loaded, Approvals: source.Approvals, Notices: v.Standing(),
		Regions: policy.Regions, Activities: policy.Activities,
	}
	for i := range policy.Statements {
		if s := &policy.Statements[i]; s.Validity.Contains(v.now) && s.Name == policy.Statement {
			p.Statement = s.Title + ", version of " + s.Date
		}
	}
	for _, d := range v.ahead.of(policy, v.now, v.Demo) {
		p.Dates = append(p.Dates, date{d.At, int(d.At.Sub(v.now).Hours()+23) / 24, d.Rows, d.Stops})
	}
	for i := range policy.Controllers {
		c := &policy.Controllers[i]
		row := controllerRow{Controller: c, Countries: strings.Join(c.Serves, ", "), Link: to("transfers", "q", term("controller", c.ID))}
		if c.Default {
			row.Countries = strings.TrimPrefix(row.Countries+", and every other country", ", ")
		}
		p.Controllers = append(p.Controllers, row)
	}
	for _, l := range policy.Laws {
		if l.Validity.Contains(v.now) {
			p.Laws = append(p.Laws, l)
		}
	}
	slices.SortFunc(p.Laws, func(a, b decision.Law) int { return cmp.Compare(a.ID, b.ID) })
	var err error
	if p.Changed, err = v.changes(policy); err != nil {
		return err
	}
	return v.render(http.StatusOK, "policy", p)
}

// RegionOf is the region's operator and country, for the page.
func (p *policyPage) Said(d date) string {
	switch {
	case d.Days <= 0:
		return "today"
	case d.Days == 1:
		return "within a day"
	}
	return "in " + number(d.Days) + " days"
}
