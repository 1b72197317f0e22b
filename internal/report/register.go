package report

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"time"

	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/query"
	"github.com/sparkoo/transfergate/internal/record"
)

// Register is the register of processing and of transfers of a period, in the shape that
// GDPR Art 30, LGPD Art 37 and PIPL Art 55 and 56 ask for: by controller and activity.
type Register struct {
	Head
	Transfers uint64 `json:"transfers"`
	Denials   uint64 `json:"denials"`
	// Counted are denials that have no record of their own.
	Counted     uint64                `json:"counted_denials"`
	Controllers []*ControllerRegister `json:"controllers"`
	// PolicyUses are those that decided, in the order in which they first did.
	PolicyUses []PolicyUse `json:"policy_changes"`
	// Oversight are changes of who must approve a policy.
	Oversight []Oversight `json:"oversight_changes,omitempty"`

	vocabulary vocabulary
}

// ControllerRegister is the part of one controller.
type ControllerRegister struct {
	Controller
	// People is how many pseudonyms its records have. A person has a new one in each
	// period of the keys, so that these are at most so many people.
	People     uint64        `json:"people_at_most"`
	Activities []*Processing `json:"activities,omitempty"`
	Refusals   []*Refusal    `json:"refusals,omitempty"`

	people map[uint64]struct{}
}

// Controller is a legal entity as the registers have it.
type Controller struct {
	Named
	Address string `json:"address,omitempty"`
	Country Named  `json:"country,omitzero"`
	Role    string `json:"role,omitempty"`
	DPO     string `json:"dpo,omitempty"`
	Portal  string `json:"rights_portal,omitempty"`
	Email   string `json:"email,omitempty"`
	// Authority is who supervises it.
	Authority       string           `json:"authority,omitempty"`
	Representatives []Representative `json:"representatives,omitempty"`
	// Missing are contacts that nobody has filled in.
	Missing []string `json:"missing,omitempty"`
}

// Representative stands for a controller where a law asks for somebody there.
type Representative struct {
	Law     string `json:"law"`
	Name    string `json:"name"`
	Address string `json:"address,omitempty"`
	Email   string `json:"email,omitempty"`
}

// Processing is what was done with people's data for one activity.
type Processing struct {
	Activity   Named   `json:"activity"`
	Purposes   []Named `json:"purposes,omitempty"`
	LegalBasis Named   `json:"legal_basis,omitzero"`
	Categories []Named `json:"categories,omitempty"`
	Statement  string  `json:"statement,omitempty"`
	// People, Erasure and Measures are what the registers say of the activity: whose data
	// it is, by when it is erased, and how it is kept safe.
	People   []string `json:"data_subjects,omitempty"`
	Erasure  []string `json:"erasure,omitempty"`
	Measures []string `json:"measures,omitempty"`

	Seen `json:"seen"`
	// Countries are those in which the people's accounts are registered.
	Countries []*CountryCount `json:"registered_in,omitempty"`
	// Withheld is what was removed before recipients got a request.
	Withheld []string `json:"withheld,omitempty"`
	// RecordsUntil is the last day on which the latest of the records is kept.
	RecordsUntil string  `json:"records_kept_until,omitempty"`
	Flows        []*Flow `json:"flows,omitempty"`
}

// Seen is how many transfers there were, of which not one byte was sent in some, and
// some passed though the policy denies them, since that was only reported.
type Seen struct {
	Count
	NotSent  uint64 `json:"not_sent,omitempty"`
	Reported uint64 `json:"only_reported,omitempty"`
	Demo     uint64 `json:"demo,omitempty"` // leaned on examples or on what is not confirmed
}

func (s *Seen) add(t *record.Transfer, row *query.Row) {
	s.Count.add(t.Time)
	if row.Outcome() == record.NotSent {
		s.NotSent++
	}
	if t.Decision == record.Denied {
		s.Reported++
	}
	if t.Demo {
		s.Demo++
	}
}

// CountryCount are the people registered in a country.
type CountryCount struct {
	Country Named `json:"country"`
	Count
}

// Flow is one step that the data took.
type Flow struct {
	Step          string `json:"step"`
	Exporter      Named  `json:"exporter,omitzero"` // absent where people give their data themselves
	From          Named  `json:"from,omitzero"`
	Recipient     Named  `json:"recipient,omitzero"`
	Role          string `json:"recipient_role,omitempty"`
	RecipientKind Named  `json:"recipient_kind,omitzero"`
	To            Named  `json:"to,omitzero"`
	Laws          []Law  `json:"laws,omitempty"`

	Seen `json:"seen"`
}

// Law is what a law says of a step: why it sees no transfer, or under which safeguard it
// is allowed.
type Law struct {
	Law       Named      `json:"law"`
	Because   string     `json:"no_transfer_because,omitempty"`
	Safeguard *Safeguard `json:"safeguard,omitempty"`
	Missing   bool       `json:"missing,omitempty"`
}

// Safeguard is what satisfied a law.
type Safeguard struct {
	Tag        Named       `json:"tag"`
	Row        string      `json:"row,omitempty"` // of safeguards.yaml
	Instrument string      `json:"instrument,omitempty"`
	Module     string      `json:"module,omitempty"`
	Version    string      `json:"version,omitempty"`
	Until      string      `json:"valid_until,omitempty"`
	Assessment *Assessment `json:"assessment,omitempty"`
	Evidence   []Evidence  `json:"evidence,omitempty"`
	Example    bool        `json:"example,omitempty"`
	Confirm    bool        `json:"not_confirmed,omitempty"`
}

// Assessment is a transfer impact assessment.
type Assessment struct {
	ID         string   `json:"id"`
	Date       string   `json:"date,omitempty"`
	Author     string   `json:"author,omitempty"` // a role
	Conclusion string   `json:"conclusion,omitempty"`
	Conditions string   `json:"conditions,omitempty"`
	Measures   []string `json:"measures,omitempty"`
	Digest     string   `json:"digest,omitempty"`
	Example    bool     `json:"example,omitempty"`
}

// Evidence shows that a duty of a law beside the mechanism is fulfilled.
type Evidence struct {
	Duty      string `json:"duty"`
	Reference string `json:"reference"`
	Date      string `json:"date,omitempty"`
}

// Refusal is what was denied, for one reason.
type Refusal struct {
	Activity    Named  `json:"activity,omitzero"`
	Recipient   Named  `json:"recipient,omitzero"`
	Destination Named  `json:"destination,omitzero"`
	Reason      Named  `json:"reason"`
	Clause      string `json:"clause,omitempty"`
	Law         Named  `json:"law,omitzero"`
	Count
}

// PolicyUse is a policy, and when it decided.
type PolicyUse struct {
	Digest string `json:"digest"`
	Count
}

// Oversight is a change of who must approve a policy.
type Oversight struct {
	Record    string    `json:"record"`
	Time      time.Time `json:"time"`
	Approvals int64     `json:"approvals"`
}

// RegisterOf makes the register of a period.
func RegisterOf(ctx context.Context, l Ledger, p Period, now time.Time) (*Register, error) {
	r := &Register{Head: p.head(now), Controllers: []*ControllerRegister{}}
	g := &registerer{
		Register: r, registers: l.registers(), seed: maphash.MakeSeed(), policies: make(map[string]*Count),
		controllers: make(map[string]*ControllerRegister), activities: make(map[string]*Processing),
		flows: make(map[string]*Flow), refusals: make(map[string]*Refusal), ways: make(map[way][]*Flow),
	}
	types := "type:" + strings.Join([]string{record.TypeAccepted, record.TypeRefused, record.TypeCounted, record.TypeOversight}, " type:")
	if err := l.read(ctx, &r.Head, types+" "+p.terms(), g.row); err != nil {
		return nil, err
	}
	g.finish()
	return r, nil
}

// registerer gathers a register.
type registerer struct {
	*Register
	registers *registers
	seed      maphash.Seed
	policies  map[string]*Count

	// By what they say, so that two rows of one table that read alike are one.
	controllers map[string]*ControllerRegister
	activities  map[string]*Processing
	flows       map[string]*Flow
	refusals    map[string]*Refusal
	ways        map[way][]*Flow
}

// way is what records have in common whose flows are the same.
type way struct {
	policy, legs string
	of           *Processing
}

func (g *registerer) row(row *query.Row) error {
	e, err := record.Parse(row.Data)
	if err != nil {
		return err
	}
	switch e := e.(type) {
	case *record.Transfer:
		return g.transfer(row, e)
	case *record.Counted:
		g.Counted += e.Counted
	case *record.Oversight:
		g.Oversight = append(g.Oversight, Oversight{row.Name.String(), e.Time, e.Approvals})
	}
	return nil
}

func (g *registerer) transfer(row *query.Row, t *record.Transfer) error {
	at := names{registers: g.registers.of(classOfRow(row), t.Policy, &g.Head), t: t}
	used := g.policies[t.Policy]
	if used == nil {
		used = new(Count)
		g.policies[t.Policy] = used
	}
	used.add(t.Time)
	c := g.controller(at)
	if t.Subject != "" {
		c.people[maphash.String(g.seed, t.Subject)] = struct{}{}
	}
	if t.Type == record.TypeRefused {
		g.Denials++
		g.refuse(c, at)
		return nil
	}
	g.Transfers++
	p := g.processing(c, at)
	p.Seen.add(t, row)
	p.registered(t)
	flows, err := g.way(p, at)
	for _, f := range flows {
		f.Seen.add(t, row)
	}
	return err
}

// controller is the part of the record's controller. The newest policy says how it is
// called.
func (g *registerer) controller(at names) *ControllerRegister {
	key := at.t.Controller + "\x00" + at.t.ControllerName
	c := g.controllers[key]
	if c == nil {
		c = &ControllerRegister{Controller: at.controller(), people: make(map[uint64]struct{})}
		g.controllers[key] = c
		g.Controllers = append(g.Controllers, c)
	}
	return c
}

func (g *registerer) processing(c *ControllerRegister, at names) *Processing {
	t := at.t
	p := &Processing{
		Activity: at.activity(t.Activity), Purposes: at.terms(t.Purposes), Categories: at.terms(t.Categories), Statement: t.Statement,
		LegalBasis: at.term(t.LegalBasis),
	}
	at.describe(p)
	return one(g.activities, c.key(), p, &c.Activities)
}

// key tells controllers apart. Denials for which none was found come last.
func (c *ControllerRegister) key() string { return cmp.Or(c.ID, "~") + "\x00" + c.Name }

// one is the row that reads as this one does, which becomes a row of the list if it is
// the first.
func one[T any](known map[string]*T, within string, row *T, list *[]*T) *T {
	text, err := json.Marshal(row)
	if err != nil {
		panic("report: a row of texts and numbers is no JSON: " + err.Error())
	}
	key := within + "\x00" + string(text)
	if found := known[key]; found != nil {
		return found
	}
	known[key] = row
	*list = append(*list, row)
	return row
}

// registered notes what may differ between records of one activity.
func (p *Processing) registered(t *record.Transfer) {
	i := slices.IndexFunc(p.Countries, func(c *CountryCount) bool { return c.Country.ID == t.Country })
	if i < 0 {
		i = len(p.Countries)
		p.Countries = append(p.Countries, &CountryCount{Country: country(t.Country)})
	}
	p.Countries[i].add(t.Time)
	for _, w := range t.Withheld {
		if !slices.Contains(p.Withheld, w) {
			p.Withheld = append(p.Withheld, w)
		}
	}
	p.RecordsUntil = max(p.RecordsUntil, t.RetainUntil)
}

// way are the flows of the steps that a record's data took.
func (g *registerer) way(p *Processing, at names) ([]*Flow, error) {
	key := way{at.t.Policy, string(at.t.Legs), p}
	if known, ok := g.ways[key]; ok {
		return known, nil
	}
	legs, err := record.ParseLegs(at.t.Legs)
	if err != nil {
		return nil, err
	}
	var flows []*Flow
	for i := range legs {
		f := one(g.flows, fmt.Sprintf("%p", p), at.flow(&legs[i]), &p.Flows)
		if !slices.Contains(flows, f) {
			flows = append(flows, f)
		}
	}
	g.ways[key] = flows
	return flows, nil
}

func (g *registerer) refuse(c *ControllerRegister, at names) {
	one(g.refusals, c.key(), at.refusal(), &c.Refusals).add(at.t.Time)
}

// refusal is what the record denies.
func (n names) refusal() *Refusal {
	t := n.t
	return &Refusal{
		Activity: n.activity(t.Activity), Recipient: n.entity(t.Recipient), Destination: country(t.Destination),
		Reason: Named{t.Reason, decision.Reason(t.Reason).Info().Title}, Clause: t.Clause, Law: n.law(t.Law),
	}
}

// finish orders what was gathered.
func (g *registerer) finish() {
	for digest, c := range g.policies {
		g.PolicyUses = append(g.PolicyUses, PolicyUse{digest, *c})
	}
	slices.SortFunc(g.PolicyUses, func(a, b PolicyUse) int { return cmp.Or(a.First.Compare(b.First), cmp.Compare(a.Digest, b.Digest)) })
	for _, use := range g.PolicyUses {
		if registers := g.registers.read[use.Digest]; registers != nil {
			g.vocabulary.learn(registers)
		}
	}
	slices.Reverse(g.Oversight) // they were read from the newest on
	slices.SortFunc(g.Controllers, func(a, b *ControllerRegister) int { return cmp.Compare(a.key(), b.key()) })
	for _, c := range g.Controllers {
		c.People = uint64(len(c.people))
		sortRows(c.Activities, func(p *Processing) string { return p.Activity.ID })
		sortRows(c.Refusals, func(r *Refusal) string { return r.Activity.ID + "\x00" + r.Reason.ID })
		for _, p := range c.Activities {
			slices.SortFunc(p.Countries, func(a, b *CountryCount) int { return cmp.Compare(a.Country.ID, b.Country.ID) })
			slices.Sort(p.Withheld)
			sortRows(p.Flows, func(f *Flow) string {
				return fmt.Sprintf("%d\x00%s\x00%s", slices.Index(steps, f.Step), f.To.ID, f.Recipient.ID)
			})
		}
	}
}

// steps are the kinds of legs in the order in which data takes them.
var steps = []string{
	string(decision.Collection), string(decision.Edge), string(decision.Storage), string(decision.Serving),
	string(decision.Access), string(decision.Onward), string(decision.Return),
}

// sortRows orders rows by a key, and those of one key by what else they say.
func sortRows[T any](rows []T, key func(T) string) {
	slices.SortFunc(rows, func(a, b T) int {
		if c := cmp.Compare(key(a), key(b)); c != 0 {
			return c
		}
		one, _ := json.Marshal(a) // they are such as were marshalled before
		other, _ := json.Marshal(b)
		return slices.Compare(one, other)
	})
}

// classOfRow is the class of a row's ledger.
func classOfRow(row *query.Row) string { return cmp.Or(row.Name.Class, record.DefaultClass) }
