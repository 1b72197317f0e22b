package report

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"time"

	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/query"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/suggest"
)

// Place is where something happened: one of its members is set.
type Place struct {
	Region    string // by its code
	Recipient string // by its id
	Node      string // by its name
}

// Check tells what is wrong with a place.
func (p Place) Check() error {
	set := 0
	for _, id := range []string{p.Region, p.Recipient, p.Node} {
		if id != "" {
			set++
		}
	}
	if set != 1 {
		return errors.New("an incident is at one place: name a region, a recipient or a node")
	}
	return nil
}

// What is the kind of place.
func (p Place) What() string {
	switch {
	case p.Region != "":
		return "region"
	case p.Recipient != "":
		return "recipient"
	}
	return "node"
}

// Incident says whose data was at a place, and by when whom the laws want told (§5(b)).
type Incident struct {
	Head
	What  string `json:"what"` // region, recipient or node
	Place Named  `json:"place"`
	// Aware is when the controller got to know of it; the days are counted from it.
	Aware    string `json:"aware,omitempty"`
	Occurred string `json:"occurred,omitempty"`
	// Transfers are those that reached the place, People the pseudonyms in their records,
	// and Denials the requests that a node saw and denied.
	Transfers uint64 `json:"transfers"`
	Denials   uint64 `json:"denials,omitempty"`
	People    uint64 `json:"people_at_most"`
	// Unnamed are records that name nobody: those people are not counted.
	Unnamed    uint64          `json:"records_of_nobody_known,omitempty"`
	Affected   []*Affected     `json:"affected"`
	Categories []*AffectedPart `json:"categories"`
	Laws       []*AffectedLaw  `json:"laws"`
	// Hold is that which keeps the records; whoever sets it fills it in.
	Hold string `json:"hold,omitempty"`
}

// Affected are the people of a controller who are registered in a country.
type Affected struct {
	Controller Controller `json:"controller"`
	Country    Named      `json:"registered_in,omitzero"`
	Activities []Named    `json:"activities"`
	AffectedCount
}

// AffectedPart are those of whom a category of data was there.
type AffectedPart struct {
	Category Named `json:"category"`
	AffectedCount
}

// AffectedLaw are those of whom a law has a say, and whom it wants told.
type AffectedLaw struct {
	Law       Named    `json:"law"`
	Countries []string `json:"registered_in"`
	AffectedCount
	None   string `json:"nobody_must_be_told_because,omitempty"`
	Clocks []Told `json:"clocks,omitempty"`
}

// AffectedCount counts records and people.
type AffectedCount struct {
	Count
	People uint64 `json:"people_at_most"`
	people map[uint64]struct{}
}

// IncidentRequest is what is asked about an incident.
type IncidentRequest struct {
	Place Place
	// Period limits it; the zero Period is all time.
	Period Period
	// Aware is when the controller got to know of it, and Occurred when it happened; zero
	// where that is not known.
	Aware, Occurred time.Time
}

// IncidentOf says who is affected by an incident.
func IncidentOf(ctx context.Context, l Ledger, ask IncidentRequest, now time.Time) (*Incident, error) {
	if err := ask.Place.Check(); err != nil {
		return nil, err
	}
	r := &Incident{
		Head: ask.Period.head(now), What: ask.Place.What(), Place: Named{ID: ask.Place.Region + ask.Place.Recipient + ask.Place.Node},
		Aware: stamp(ask.Aware), Occurred: stamp(ask.Occurred), Affected: []*Affected{}, Categories: []*AffectedPart{}, Laws: []*AffectedLaw{},
	}
	text := "type:" + record.TypeAccepted
	if ask.Place.Node != "" {
		text += " type:" + record.TypeRefused
	}
	if ask.Period == (Period{}) {
		r.Period, r.From, r.To, r.NotRuledOut = "all time", "", "", nil
	} else {
		text += " " + ask.Period.terms()
	}
	q, err := query.Parse(text, time.Time{})
	if err != nil {
		return nil, err
	}
	if ask.Place.Node != "" {
		q.Terms = append(q.Terms, query.Equal("node", ask.Place.Node))
	}
	r.Query = q.String()
	g := &incident{Incident: r, ask: ask, registers: l.registers(), seed: maphash.MakeSeed(), people: make(map[uint64]struct{}), places: make(map[string]struct{})}
	if err := l.readQuery(ctx, &r.Head, q, g.row); err != nil {
		return nil, err
	}
	g.finish()
	return r, nil
}

// stamp is a moment as people gave it; empty for none.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}

// incident gathers who is affected.
type incident struct {
	*Incident
	ask       IncidentRequest
	registers *registers
	seed      maphash.Seed
	newest    names // of the newest record that reached the place
	people    map[uint64]struct{}
	places    map[string]struct{} // of the asked kind, that records name
}

// row takes in one record of what the incident reached.
//
//clause:enforces §5(b).2; record country categories controller recipient legs time; elsewhere report:incident
func (g *incident) row(row *query.Row) error {
	var t record.Transfer
	if err := t.Parse(row.Data); err != nil {
		return err
	}
	legs, err := record.ParseLegs(t.Legs)
	if err != nil {
		return err
	}
	g.sees(&t, legs)
	at := names{registers: g.registers.of(classOfRow(row), t.Policy, &g.Head), t: &t}
	if !g.reached(at, legs, row.Outcome() == record.NotSent) {
		return nil
	}
	if g.newest.t == nil {
		g.newest = at
	}
	if t.Type == record.TypeRefused {
		g.Denials++
	} else {
		g.Transfers++
	}
	who := uint64(0)
	if t.Subject != "" {
		who = maphash.String(g.seed, t.Subject)
		g.people[who] = struct{}{}
	} else {
		g.Unnamed++
	}
	g.count(at, legs, who)
	return nil
}

// sees notes the places that a record names, so that a misspelt one is no calm answer.
func (g *incident) sees(t *record.Transfer, legs []record.Leg) {
	switch {
	case g.ask.Place.Region != "":
		g.places[t.Region] = struct{}{}
	case g.ask.Place.Recipient != "":
		g.places[t.Recipient] = struct{}{}
		for i := range legs {
			g.places[legs[i].Recipient] = struct{}{}
		}
	default:
		g.places[t.Node] = struct{}{}
	}
}

// unseen says that nothing names the place, and what is named instead; empty if
// something does.
func (g *incident) unseen() string {
	delete(g.places, "") // of what was denied before a place was chosen
	if _, seen := g.places[g.Place.ID]; seen || g.Records > 0 {
		return ""
	}
	if len(g.places) == 0 {
		return fmt.Sprintf("No record of that time names a %s '%s'; see that it is written as in the registers.", g.What, g.Place.ID)
	}
	return fmt.Sprintf("No record of that time names a %s '%s'; %s", g.What, g.Place.ID, suggest.For(g.Place.ID, slices.Sorted(maps.Keys(g.places))))
}

// reached reports whether the data came to the place. What was not sent came to the node
// alone. The store has what every record of it brought there.
func (g *incident) reached(at names, legs []record.Leg, unsent bool) bool {
	p := g.ask.Place
	if p.Node != "" {
		return true // the query asked for it
	}
	step := func(is func(*record.Leg) bool) bool {
		return slices.ContainsFunc(legs, func(l record.Leg) bool {
			return is(&l) && (!unsent || l.Kind == string(decision.Collection) || l.Kind == string(decision.Edge))
		})
	}
	if p.Recipient != "" {
		return step(func(l *record.Leg) bool { return l.Recipient == p.Recipient }) || at.t.Recipient == p.Recipient && !unsent
	}
	if at.t.Region == p.Region {
		return !unsent
	}
	region := find(at.policy().Regions, func(r *decision.Region) bool { return r.Code == p.Region })
	return region != nil && region.Storage && step(func(l *record.Leg) bool { return l.Kind == string(decision.Storage) })
}

func (c *AffectedCount) count(at time.Time, who uint64) {
	c.add(at)
	if who != 0 {
		if c.people == nil {
			c.people = make(map[uint64]struct{})
		}
		c.people[who] = struct{}{}
		c.People = uint64(len(c.people))
	}
}

func (g *incident) count(at names, legs []record.Leg, who uint64) {
	t := at.t
	i := slices.IndexFunc(g.Affected, func(a *Affected) bool {
		return a.Controller.ID == t.Controller && (t.ControllerName == "" || a.Controller.Name == t.ControllerName) && a.Country.ID == t.Country
	})
	if i < 0 {
		i = len(g.Affected)
		g.Affected = append(g.Affected, &Affected{Controller: at.controller(), Country: country(t.Country)})
	}
	g.Affected[i].Activities = with(g.Affected[i].Activities, at.activity(t.Activity))
	g.Affected[i].count(t.Time, who)
	for _, c := range t.Categories {
		i := slices.IndexFunc(g.Categories, func(p *AffectedPart) bool { return p.Category.ID == c })
		if i < 0 {
			i = len(g.Categories)
			g.Categories = append(g.Categories, &AffectedPart{Category: at.term(c)})
		}
		g.Categories[i].count(t.Time, who)
	}
	var laws []string
	for _, l := range legs {
		for _, v := range l.Laws {
			laws = with(laws, v.Law)
		}
	}
	for _, law := range laws {
		i := slices.IndexFunc(g.Laws, func(l *AffectedLaw) bool { return l.Law.ID == law })
		if i < 0 {
			i = len(g.Laws)
			g.Laws = append(g.Laws, &AffectedLaw{Law: at.law(law)})
		}
		g.Laws[i].Countries = with(g.Laws[i].Countries, country(t.Country).String())
		g.Laws[i].count(t.Time, who)
	}
}

// finish orders what was gathered, and looks up by when whom the laws want told.
func (g *incident) finish() {
	g.Records = g.Transfers + g.Denials
	g.Incident.People = uint64(len(g.people))
	p := g.ask.Place
	at := g.newest
	if at.t == nil {
		at.t = new(record.Transfer)
	}
	switch {
	case p.Region != "":
		if r := find(at.policy().Regions, func(r *decision.Region) bool { return r.Code == p.Region }); r != nil {
			g.Place.Name = fmt.Sprintf("%s in %s, run by %s", r.Name, country(r.Country), at.entity(r.Operator))
		}
	case p.Recipient != "":
		g.Place = at.entity(p.Recipient)
	}
	slices.SortFunc(g.Affected, func(a, b *Affected) int {
		return cmp.Or(cmp.Compare(a.Controller.ID, b.Controller.ID), cmp.Compare(a.Controller.Name, b.Controller.Name), cmp.Compare(a.Country.ID, b.Country.ID))
	})
	slices.SortFunc(g.Categories, func(a, b *AffectedPart) int { return cmp.Compare(a.Category.ID, b.Category.ID) })
	slices.SortFunc(g.Laws, func(a, b *AffectedLaw) int { return cmp.Compare(a.Law.ID, b.Law.ID) })
	if text := g.unseen(); text != "" {
		g.NotRuledOut = append(g.NotRuledOut, text)
	}
	if g.Records > 0 {
		g.clocks(withClocks(at.policy(), &g.Head))
	}
	if g.Unnamed > 0 {
		g.NotRuledOut = append(g.NotRuledOut, fmt.Sprintf("%s about nobody who was identified: those people are not counted.", times(g.Unnamed, "record")))
	}
	if g.Incident.People > 0 {
		g.NotRuledOut = append(g.NotRuledOut, "Records name people by pseudonyms, another in each period of the keys: there may be fewer people than are counted, and who they are only somebody with the accounts and the keys can tell.")
	}
}
