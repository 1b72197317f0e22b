package report

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sparkoo/transfergate/internal/query"
	"github.com/sparkoo/transfergate/internal/record"
)

// Person is what the ledger has about one person: the answer to a request for access or
// portability (§7). It names the recipients, as the person can ask for (C-154/21).
type Person struct {
	Head
	Reason    string `json:"reason"`
	Reference string `json:"reference"`
	// Look is the entry that tells of this look; whoever records it fills it in.
	Look string `json:"look,omitempty"`
	// Pseudonyms is how many names of the person were looked for.
	Pseudonyms int           `json:"pseudonyms"`
	Transfers  uint64        `json:"transfers"`
	Denials    uint64        `json:"denials"`
	Countries  []Named       `json:"registered_in,omitempty"`
	Answer     *Answer       `json:"answer,omitempty"`
	Recipients []*Received   `json:"recipients"`
	Refusals   []*Refusal    `json:"refusals,omitempty"`
	Looks      []PersonLook  `json:"looks,omitempty"`
	Entries    []PersonEntry `json:"entries"`
	// Controllers are who is responsible.
	Controllers []*Controller `json:"controllers"`
}

// Received is what one recipient got, in one country.
type Received struct {
	Recipient  Named    `json:"recipient"`
	Role       string   `json:"role,omitempty"`
	Kind       Named    `json:"kind,omitzero"` // the row of §4 or §9
	Country    Named    `json:"country,omitzero"`
	Steps      []string `json:"steps"`
	Activities []Named  `json:"activities"`
	Purposes   []Named  `json:"purposes,omitempty"`
	Bases      []Named  `json:"legal_bases,omitempty"`
	Categories []Named  `json:"categories,omitempty"`
	// Laws are what the laws said of it, each once.
	Laws []Law `json:"laws,omitempty"`
	Count
}

// PersonLook is somebody's look at the person's records.
type PersonLook struct {
	Record    string    `json:"record"`
	Time      time.Time `json:"time"`
	Office    string    `json:"office,omitempty"`
	Because   string    `json:"because,omitempty"`
	Reference string    `json:"reference,omitempty"`
}

// PersonEntry is one record of the person.
type PersonEntry struct {
	Record    string    `json:"record"`
	Time      time.Time `json:"time"`
	Outcome   string    `json:"outcome"`
	By        string    `json:"asked_by"` // the person, or staff of whom and where
	Activity  Named     `json:"activity,omitzero"`
	Recipient Named     `json:"recipient,omitzero"`
	Country   Named     `json:"country,omitzero"`
	Reason    string    `json:"reason,omitempty"`
}

// PersonRequest is what is asked about a person.
type PersonRequest struct {
	// Subjects are the person's pseudonyms under all keys of all classes.
	Subjects []string
	// Period limits it; the zero Period is all time.
	Period            Period
	Reason, Reference string
	// Received is the day on which the person's request came; zero for none.
	Received time.Time
}

// PersonOf answers what the ledger has about a person.
func PersonOf(ctx context.Context, l Ledger, ask PersonRequest, now time.Time) (*Person, error) {
	r := &Person{
		Head: ask.Period.head(now), Reason: ask.Reason, Reference: ask.Reference, Pseudonyms: len(ask.Subjects),
		Recipients: []*Received{}, Entries: []PersonEntry{}, Controllers: []*Controller{},
	}
	text := "type:" + strings.Join([]string{record.TypeAccepted, record.TypeRefused, record.TypeLook}, " type:")
	if ask.Period == (Period{}) {
		r.Period, r.From, r.To, r.NotRuledOut = "all time", "", "", nil
	} else {
		text += " " + ask.Period.terms()
	}
	q, err := query.Parse(text, time.Time{})
	if err != nil {
		return nil, err
	}
	r.Query = q.String() + " about the person"
	for _, s := range ask.Subjects {
		q.Terms = append(q.Terms, query.Equal("subject", s))
	}
	g := &personGatherer{Person: r, registers: l.registers(), refusals: make(map[string]*Refusal), known: make(map[string]*Received), controllers: make(map[string]*Controller)}
	if err := l.destroyedKeys(ctx, &r.Head); err != nil {
		return nil, err
	}
	if len(ask.Subjects) > 0 {
		if err := l.readQuery(ctx, &r.Head, q, g.row); err != nil {
			return nil, err
		}
	}
	if !ask.Received.IsZero() {
		r.Answer = answer(ask.Received, g.newest.policy(), g.laws, &r.Head)
	}
	slices.SortFunc(r.Recipients, func(a, b *Received) int {
		return cmp.Or(cmp.Compare(a.Recipient.String(), b.Recipient.String()), cmp.Compare(a.Country.ID, b.Country.ID), cmp.Compare(a.Kind.ID, b.Kind.ID))
	})
	sortRows(r.Refusals, func(f *Refusal) string { return f.Activity.ID + "\x00" + f.Reason.ID })
	return r, nil
}

// destroyedKeys says of which periods nobody can tell any more whose the records are.
func (l Ledger) destroyedKeys(ctx context.Context, h *Head) error {
	var gone Head
	return l.read(ctx, &gone, "type:"+record.TypeKeyDestroyed, func(row *query.Row) error {
		var k record.KeyChange
		if err := k.Parse(row.Data); err != nil {
			return err
		}
		h.NotRuledOut = append(h.NotRuledOut, fmt.Sprintf("The key of the period %s was destroyed: whether records of that time are the person's, nobody can tell any more.", k.Period))
		return nil
	})
}

// personGatherer gathers what there is about a person.
type personGatherer struct {
	*Person
	registers   *registers
	newest      names // of the newest record
	laws        []string
	known       map[string]*Received
	refusals    map[string]*Refusal
	controllers map[string]*Controller
}

func (g *personGatherer) row(row *query.Row) error {
	e, err := record.Parse(row.Data)
	if err != nil {
		return err
	}
	if look, ok := e.(*record.Look); ok {
		g.Looks = append(g.Looks, PersonLook{row.Name.String(), look.Time, look.Office, look.Because, look.Reference})
		return nil
	}
	t, ok := e.(*record.Transfer)
	if !ok {
		return nil
	}
	at := names{registers: g.registers.of(classOfRow(row), t.Policy, &g.Head), t: t}
	if g.newest.t == nil {
		g.newest = at
	}
	one := PersonEntry{
		Record: row.Name.String(), Time: t.Time, Outcome: row.Outcome(), By: at.requester(), Activity: at.activity(t.Activity),
		Recipient: at.entity(t.Recipient), Country: country(t.Destination), Reason: t.Reason,
	}
	g.Entries = append(g.Entries, one)
	if t.Country != "" && !slices.Contains(g.Countries, country(t.Country)) {
		g.Countries = append(g.Countries, country(t.Country))
	}
	if t.Controller != "" {
		g.controller(at)
	}
	if t.Type == record.TypeRefused {
		g.Denials++
		g.refuse(at)
		return nil
	}
	g.Transfers++
	return g.received(at, row.Outcome() == record.NotSent)
}

func (g *personGatherer) controller(at names) {
	key := at.t.Controller + "\x00" + at.t.ControllerName
	if g.controllers[key] == nil {
		c := at.controller()
		g.controllers[key] = &c
		g.Controllers = append(g.Controllers, &c)
	}
}

func (g *personGatherer) refuse(at names) {
	one(g.refusals, "", at.refusal(), &g.Refusals).add(at.t.Time)
}

// received notes who got the data in each step. Where not one byte was sent, it went no
// further than the gateway's node.
func (g *personGatherer) received(at names, unsent bool) error {
	legs, err := record.ParseLegs(at.t.Legs)
	if err != nil {
		return err
	}
	var counted []*Received
	for i := range legs {
		f := at.flow(&legs[i])
		for _, law := range f.Laws {
			g.laws = with(g.laws, law.Law.ID)
		}
		if unsent && f.Step != "collection" && f.Step != "edge" {
			continue
		}
		r := &Received{Recipient: f.Recipient, Role: f.Role, Kind: f.RecipientKind, Country: f.To}
		key := strings.Join([]string{r.Recipient.ID, r.Recipient.Name, r.Role, r.Kind.ID, r.Country.ID}, "\x00")
		if known := g.known[key]; known != nil {
			r = known
		} else {
			g.known[key] = r
			g.Recipients = append(g.Recipients, r)
		}
		r.Steps = with(r.Steps, f.Step)
		r.Activities = with(r.Activities, at.activity(at.t.Activity))
		r.Purposes = with(r.Purposes, at.terms(at.t.Purposes)...)
		r.Categories = with(r.Categories, at.terms(at.t.Categories)...)
		if at.t.LegalBasis != "" {
			r.Bases = with(r.Bases, at.term(at.t.LegalBasis))
		}
		for _, law := range f.Laws {
			if !slices.ContainsFunc(r.Laws, func(l Law) bool { return l.sentence() == law.sentence() }) {
				r.Laws = append(r.Laws, law)
			}
		}
		if !slices.Contains(counted, r) {
			counted = append(counted, r)
			r.add(at.t.Time)
		}
	}
	return nil
}

// with is the list with what is not in it yet.
func with[T comparable](list []T, more ...T) []T {
	for _, x := range more {
		if !slices.Contains(list, x) {
			list = append(list, x)
		}
	}
	return list
}

// requester is who asked.
func (n names) requester() string {
	switch r := n.t.Requester; r {
	case record.Self:
		return "the person"
	case "":
		return "nobody identified"
	default:
		entity, where, _ := strings.Cut(r, "@")
		return fmt.Sprintf("staff of %s in %s", n.entity(entity), country(where))
	}
}
