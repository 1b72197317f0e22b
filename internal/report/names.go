package report

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/whatif"
)

// names are what the policy that decided a record calls what the record names by ids.
type names struct {
	registers *config.Registers // nil if it is not kept
	t         *record.Transfer
}

// policy is an empty one where none is kept.
func (n names) policy() *decision.Policy {
	if n.registers == nil {
		return new(decision.Policy)
	}
	return n.registers.Policy
}

func find[T any](rows []T, is func(*T) bool) *T {
	for i := range rows {
		if is(&rows[i]) {
			return &rows[i]
		}
	}
	return nil
}

// controller is the record's. A contracting party that the registers do not list has
// the name that its account record gave it.
//
//clause:enforces §11.4; record controller; elsewhere report:register report:notice
func (n names) controller() Controller {
	t := n.t
	if t.Controller == "" {
		return Controller{Named: Named{Name: "No controller was found"}}
	}
	c := find(n.policy().Controllers, func(c *decision.Controller) bool { return c.ID == t.Controller })
	if c == nil || t.ControllerName != "" {
		return Controller{Named: Named{t.Controller, t.ControllerName}, Country: country(t.ControllerCountry)}
	}
	out := Controller{
		Named: Named{c.ID, c.Name}, Address: c.Address, Country: country(c.Country), Role: string(c.Role),
		DPO: c.DPO, Portal: c.RightsPortal, Email: c.Email, Authority: c.Authority,
	}
	for _, r := range c.Representatives {
		out.Representatives = append(out.Representatives, Representative(r))
	}
	for _, contact := range []Named{{"dpo", c.DPO}, {"rights_portal", c.RightsPortal}, {"email", c.Email}} {
		if contact.Name == "" {
			out.Missing = append(out.Missing, contact.ID)
		}
	}
	return out
}

// entity is a controller or a recipient.
func (n names) entity(id string) Named {
	p := n.policy()
	if c := find(p.Controllers, func(c *decision.Controller) bool { return c.ID == id }); c != nil {
		return Named{id, c.Name}
	}
	if r := find(p.Recipients, func(r *decision.Recipient) bool { return r.ID == id }); r != nil {
		return Named{id, r.Name}
	}
	if id == n.t.Controller {
		return Named{id, n.t.ControllerName}
	}
	return Named{ID: id}
}

func (n names) activity(id string) Named {
	if a := find(n.policy().Activities, func(a *decision.Activity) bool { return a.ID == id }); a != nil {
		return Named{id, a.Title}
	}
	return Named{ID: id}
}

// describe fills in what the registers say of an activity.
func (n names) describe(p *Processing) {
	a := find(n.policy().Activities, func(a *decision.Activity) bool { return a.ID == p.Activity.ID })
	if a == nil {
		return
	}
	p.People, p.Measures = a.DataSubjects, a.Measures
	for _, e := range a.Erasure {
		text := e.Within.String() + " after " + e.From.Words() + " (" + e.Source
		if e.Confirm {
			text += "; not confirmed by counsel"
		}
		p.Erasure = append(p.Erasure, text+")")
	}
}

// law is the row that was in force when the record was written.
func (n names) law(id string) Named {
	l := find(n.policy().Laws, func(l *decision.Law) bool { return l.ID == id && l.Validity.Contains(n.t.Time) })
	if l == nil {
		return Named{ID: id}
	}
	return Named{id, l.Title}
}

// term is a category, a purpose or a legal basis of the statement.
func (n names) term(tag string) Named {
	if n.registers != nil {
		terms := &n.registers.Terms
		for _, list := range [][]config.Term{terms.Categories, terms.Purposes, terms.LegalBases, terms.Clauses} {
			if t := find(list, func(t *config.Term) bool { return t.Tag == tag }); t != nil {
				return Named{tag, t.Title}
			}
		}
	}
	return Named{ID: tag}
}

func (n names) terms(tags []string) (all []Named) {
	for _, tag := range tags {
		all = append(all, n.term(tag))
	}
	return all
}

// kind is the row of §4 or §9 under which somebody receives data.
func (n names) kind(kind string) Named {
	named := n.term(kind)
	if len(kind) == 2 && kind[0] == '4' { // the statement's clause is §4(a), and so on
		named = n.term("§4(" + kind[1:] + ")")
	}
	named.ID = kind
	return named
}

// flow is a step that the record's data took.
func (n names) flow(l *record.Leg) *Flow {
	f := &Flow{
		Step: l.Kind, Exporter: n.entity(l.Exporter), From: country(l.From), Recipient: n.entity(l.Recipient), To: country(l.To),
	}
	if l.RecipientKind != "" {
		f.RecipientKind = n.kind(l.RecipientKind)
	}
	if r := find(n.policy().Recipients, func(r *decision.Recipient) bool { return r.ID == l.Recipient }); r != nil && l.RecipientKind != "" {
		f.Role = string(r.Role)
	}
	for i := range l.Laws {
		f.Laws = append(f.Laws, n.verdict(&l.Laws[i]))
	}
	return f
}

// verdict is what a law says of a step. What the record itself says comes before what
// its policy does.
func (n names) verdict(v *record.Verdict) Law {
	law := Law{Law: n.law(v.Law), Because: v.Because, Missing: v.Missing}
	if v.Safeguard == "" {
		return law
	}
	s := &Safeguard{Tag: Named{ID: v.Safeguard}, Row: v.Row, Instrument: v.Instrument}
	law.Safeguard = s
	if l := find(n.policy().Laws, func(l *decision.Law) bool { return l.ID == v.Law && l.Validity.Contains(n.t.Time) }); l != nil {
		if m := find(l.Mechanisms, func(m *decision.Mechanism) bool { return m.Tag == v.Safeguard }); m != nil {
			s.Tag.Name = m.Title
		}
	}
	if v.Assessment != "" {
		s.Assessment = n.assessment(v.Assessment)
	}
	if row := whatif.SafeguardOf(n.policy(), v); row != nil {
		s.Row, s.Module, s.Version, s.Until = row.ID, row.Module, row.Version, moment(row.Validity.Until)
		s.Example, s.Confirm = row.Example, row.Confirm
		for _, duty := range slices.Sorted(maps.Keys(row.Evidence)) {
			e := row.Evidence[duty]
			s.Evidence = append(s.Evidence, Evidence{duty, e.Reference, moment(e.Date)})
		}
	}
	return law
}

func (n names) assessment(id string) *Assessment {
	a := find(n.policy().Assessments, func(a *decision.Assessment) bool { return a.ID == id })
	if a == nil {
		return &Assessment{ID: id}
	}
	conclusion := "not acceptable"
	if a.Acceptable {
		conclusion = "acceptable"
	}
	return &Assessment{
		ID: id, Date: moment(a.Date), Author: a.Author, Conclusion: conclusion, Conditions: a.Conditions,
		Measures: a.Measures, Digest: a.Digest, Example: a.Example,
	}
}

// moment writes one as registers have it: most are the begin of a day.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return strings.TrimSuffix(t.UTC().Format(time.RFC3339), "T00:00:00Z")
}
