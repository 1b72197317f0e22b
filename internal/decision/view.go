package decision

import (
	"cmp"
	"slices"
	"time"
)

// view is a policy as one site sees it at one moment: what is in force, by the
// keys a decision asks for. It is built once and only read afterwards.
type view struct {
	policy     *Policy
	site       *Site
	at         time.Time
	statements map[string]*Statement // in force, by name
	countries  *CountryTable
	store      *Region // the storage region, whether or not the site declares it
	activities map[string]*Activity
	recipients map[string]*Recipient
	regions    map[string]*Region
	// laws are those in force, by country.
	laws map[string][]*Law
	// rows are the safeguards in force that may count for a law, the preferred one first.
	rows map[*Law][]instrument
	// places are the countries of entities, and owners who owns them, by id.
	places map[string]string
	owners map[string]*Owner
	// operators are those of the site's regions, by id.
	operators map[string]*Recipient
	// terse leaves out what only a host or a reader needs: sentences and encoded legs.
	terse bool
}

// newView builds the view. A nil policy or site is an empty one. Where an id
// stands twice the first row counts; package config lets no such policy pass.
func newView(p *Policy, s *Site, at time.Time) *view {
	if p == nil {
		p = &Policy{}
	}
	if s == nil {
		s = &Site{}
	}
	v := &view{
		policy:     p,
		site:       s,
		at:         at,
		countries:  p.CountryTable(),
		statements: inForce(p.Statements, at),
		activities: byID(p.Activities, func(a *Activity) string { return a.ID }),
		recipients: byID(p.Recipients, func(r *Recipient) string { return r.ID }),
		regions:    byID(p.Regions, func(r *Region) string { return r.Code }),
		laws:       lawsByCountry(p.Laws, at),
		rows:       instruments(p, at),
		places:     map[string]string{},
		owners:     map[string]*Owner{},
	}
	for i := range p.Controllers {
		c := &p.Controllers[i]
		v.places[c.ID], v.owners[c.ID] = c.Country, c.OwnedBy
	}
	for i := range p.Recipients {
		r := &p.Recipients[i]
		v.places[r.ID], v.owners[r.ID] = r.Country, r.OwnedBy
	}
	if i := slices.IndexFunc(p.Regions, func(r Region) bool { return r.Storage }); i >= 0 {
		v.store = &p.Regions[i]
	}
	v.operators = v.operatorsOf(s)
	return v
}

// operatorsOf are the entities that run a site's regions, by id.
func (v *view) operatorsOf(s *Site) map[string]*Recipient {
	operators := make(map[string]*Recipient, len(s.Regions))
	for _, code := range s.Regions {
		if region := v.regions[code]; region != nil && v.recipients[region.Operator] != nil {
			operators[region.Operator] = v.recipients[region.Operator]
		}
	}
	return operators
}

// byID indexes rows. A row without an id cannot be asked for.
func byID[T any](rows []T, id func(*T) string) map[string]*T {
	index := make(map[string]*T, len(rows))
	for i := range rows {
		key := id(&rows[i])
		if _, taken := index[key]; key != "" && !taken {
			index[key] = &rows[i]
		}
	}
	return index
}

// inForce returns the version of each statement that is in force: of several the
// one that began last (§10).
//
//clause:enforces §10.1; record statement; header Privacy-Statement; off at = at.AddDate(100, 0, 0)
func inForce(statements []Statement, at time.Time) map[string]*Statement {
	current := make(map[string]*Statement)
	for i := range statements {
		s := &statements[i]
		if was := current[s.Name]; s.Validity.Contains(at) && (was == nil || !s.Validity.From.Before(was.Validity.From)) {
			current[s.Name] = s
		}
	}
	return current
}

// statement is the version in force of the statement that covers an activity: its
// own, else the site's, else the policy's. It is nil when that one has none: no
// other statement takes its place.
//
//clause:enforces introduction.2; record statement; header Privacy-Statement; off return v.statements[v.policy.Statement]
func (v *view) statement(a *Activity) *Statement {
	switch {
	case a != nil && a.Statement != "":
		return v.statements[a.Statement]
	case v.site.Statement != "":
		return v.statements[v.site.Statement]
	default:
		return v.statements[v.policy.Statement]
	}
}

func lawsByCountry(laws []Law, at time.Time) map[string][]*Law {
	index := make(map[string][]*Law)
	for i := range laws {
		law := &laws[i]
		if !law.Validity.Contains(at) {
			continue
		}
		for _, c := range law.Countries {
			if !slices.Contains(index[c], law) {
				index[c] = append(index[c], law)
			}
		}
	}
	return index
}

// instruments lists the safeguards in force for each law in force, the preferred one first.
func instruments(p *Policy, at time.Time) map[*Law][]instrument {
	rows := make(map[string][]*Safeguard)
	for i := range p.Safeguards {
		if row := &p.Safeguards[i]; row.Validity.Contains(at) {
			rows[row.Law] = append(rows[row.Law], row)
		}
	}
	for _, list := range rows {
		slices.SortStableFunc(list, preferred)
	}
	assessments := byID(p.Assessments, func(a *Assessment) string { return a.ID })
	index := make(map[*Law][]instrument)
	for i := range p.Laws {
		law := &p.Laws[i]
		if !law.Validity.Contains(at) {
			continue
		}
		for _, row := range rows[law.ID] {
			index[law] = append(index[law], law.instrument(row, assessments[row.Assessment], at))
		}
	}
	return index
}

// storeCountry is where personal data is stored (§9), empty when the policy
// names no storage region.
func (v *view) storeCountry() string {
	if v.store == nil {
		return ""
	}
	return v.store.Country
}

// stored reports whether data that arrives in the country is where it is stored.
func (v *view) stored(to string) bool {
	return to != "" && to == v.storeCountry()
}

// staysStored reports whether all that follows the collection stays where data is stored.
func (v *view) staysStored(legs []Leg) bool {
	return !slices.ContainsFunc(legs, func(l Leg) bool { return l.Kind != Collection && !v.stored(l.To) })
}

// compareBool orders false before true.
func compareBool(a, b bool) int {
	rank := func(x bool) int {
		if x {
			return 1
		}
		return 0
	}
	return cmp.Compare(rank(a), rank(b))
}

// View is a policy as one site sees it at one moment, for who asks it many
// questions and compares the answers, which lack what only a host or a reader
// needs: sentences, encoded legs and fields. It is made by [NewView], only read
// afterwards, and safe for concurrent use.
type View struct{ view *view }

// NewView builds a view. It keeps the policy and the site.
func NewView(p *Policy, s *Site, at time.Time) *View {
	v := newView(p, s, at)
	v.terse = true
	return &View{v}
}

// For is the view of another site of the same policy at the same moment. It costs
// little, because all but the site is shared.
func (v *View) For(s *Site) *View {
	other := *v.view
	other.site, other.operators = s, v.view.operatorsOf(s)
	return &View{&other}
}

// At is the moment of the view.
func (v *View) At() time.Time { return v.view.at }

// Policy is what the view was made of.
func (v *View) Policy() *Policy { return v.view.policy }

// Activity returns the activity of an id, or nil.
func (v *View) Activity(id string) *Activity { return v.view.activities[id] }

// Statement is the version in force of the statement that covers an activity; nil
// when there is none.
func (v *View) Statement(activity string) *Statement {
	return v.view.statement(v.view.activities[activity])
}

// Decide answers as the function [Decide] does.
func (v *View) Decide(f Facts) Decision { return v.view.decide(f) }

// Judged returns a refused region's legs with every law's verdict, given the
// decision and the facts it is of. Nil when it was refused before any law was asked.
func (v *View) Judged(r *Refusal, d *Decision, f *Facts) []Leg { return v.view.judged(r, d, f) }
