// Package policydiff compares two policies, or two moments of one, and tells what
// differs for people in sentences: who becomes responsible for whom, what may newly
// go where, what stops.
//
// It asks package decision the same questions of both sides. The questions are those
// of a domain; equal differences are merged into boxes, the widest first; each box
// becomes a [Change] with its sentence.
package policydiff

import (
	"slices"
	"strings"
	"time"

	"github.com/sparkoo/transfergate/internal/decision"
)

// Scope is what a comparison of policies goes through besides countries and
// activities.
type Scope struct {
	// Nodes are where gateways stand. Default: with every entity that runs a
	// region for the controllers (§9), for Usual with those of storage regions.
	Nodes []decision.Place
	// Regions are those a site declares. Default: all of both policies.
	Regions []string
	// Demo lets examples and unconfirmed rows satisfy laws.
	Demo bool
	// Statement is the name of the site's privacy statement.
	Statement string
	// Usual leaves it at people who ask for their own data, under the country
	// table's controller, through a gateway where data is stored. Without it staff,
	// contracting parties of the Account Center and all Nodes are gone through.
	Usual bool

	// everything is asked, whatever bears a difference. Set by tests only.
	everything bool
}

// Moment is a policy at a moment.
type Moment struct {
	Policy *decision.Policy
	At     time.Time
}

// ChangeKind says what a change means for people.
type ChangeKind string

// The kinds of changes, in the order in which they are told.
const (
	// Responsible: another controller answers for people of a country (§11).
	Responsible ChangeKind = "responsible"
	// Leaves: data may go where it could not go before.
	Leaves ChangeKind = "leaves"
	// Stops: data may no longer go where it went.
	Stops ChangeKind = "stops"
	// Rests: data goes on going there, on other safeguards.
	Rests ChangeKind = "safeguards"
	// Reasoned: what was denied stays so, for another reason.
	Reasoned ChangeKind = "reason"
	// Ordered: the lawful regions are tried in another order.
	Ordered ChangeKind = "order"
	// Stated: another version of the statement is in force (§10).
	Stated ChangeKind = "statement"
)

var changeKinds = []ChangeKind{Responsible, Leaves, Stops, Rests, Reasoned, Ordered, Stated}

// Answer is what a policy says about one flow, as far as a change is about it.
type Answer struct {
	// Allowed and Transfer are about a region; Reason and Law say why it is
	// refused. The law none is the lack of one for the registered country.
	Allowed  bool            `json:"allowed,omitempty"`
	Transfer bool            `json:"transfer,omitempty"`
	Reason   decision.Reason `json:"reason,omitempty"`
	Law      string          `json:"law,omitempty"`
	// Safeguards are ids of rows: for Leaves all that it leans on then, for
	// Stops those of the law that is no longer satisfied, for Rests those that
	// go and those that come.
	Safeguards []string `json:"safeguards,omitempty"`
	// Controller, Order and Statement are set where the change is about them.
	Controller string   `json:"controller,omitempty"`
	Order      []string `json:"order,omitempty"`
	Statement  string   `json:"statement,omitempty"`
}

// key is equal for equal answers.
func (a *Answer) key() string {
	flags := []byte{'-', '-'}
	if a.Allowed {
		flags[0] = 'a'
	}
	if a.Transfer {
		flags[1] = 't'
	}
	return strings.Join([]string{
		string(flags), string(a.Reason), a.Law, strings.Join(a.Safeguards, ","),
		a.Controller, strings.Join(a.Order, ","), a.Statement,
	}, "|")
}

// Change is one difference, for all the flows that it touches: every combination
// of what its lists name. An empty list means that the change is not about that.
type Change struct {
	Kind ChangeKind `json:"kind"`
	// When are the spans of time in which it holds; empty for all the time from
	// the moment of the comparison on, and when two moments are compared.
	When []Span `json:"when,omitempty"`
	// Countries are registered countries; "" stands for people who are not registered.
	Countries  []string `json:"countries"`
	Activities []string `json:"activities,omitempty"`
	Regions    []string `json:"regions,omitempty"`
	// Who are those who ask and under which controller: self, the person under
	// the country table's; self:ID, the person under a contracting party of the
	// Account Center; entity@COUNTRY, staff.
	Who []string `json:"who,omitempty"`
	// Nodes are where the gateway stands, as entity@COUNTRY.
	Nodes []string `json:"nodes,omitempty"`
	From  Answer   `json:"from"`
	To    Answer   `json:"to"`
	// Text is the change as a sentence.
	Text string `json:"text"`
	// Records is how many records of a ledger it touches; set by who counted.
	Records *int `json:"records,omitempty"`
}

// LosesSafeguard reports whether a flow stops because no safeguard is left to it.
func (c *Change) LosesSafeguard() bool {
	return c.Kind == Stops && (c.To.Reason == decision.NoSafeguard || c.To.Reason == decision.SafeguardUnproven)
}

// Span is a half-open span of time. A zero From is the moment of the comparison,
// a zero Until no end known.
type Span struct {
	From  time.Time `json:"from,omitzero"`
	Until time.Time `json:"until,omitzero"`
}

// Comparison is what differs between two policies, or two moments of one.
type Comparison struct {
	From    Side     `json:"from"`
	To      Side     `json:"to"`
	Flows   int      `json:"flows"` // how many flows were compared
	Changes []Change `json:"changes"`
	// Rows are the rows of the registers that differ, or begin and end.
	Rows []RowChange `json:"rows"`

	domain *domain
}

// Side is one of the two.
type Side struct {
	Policy string    `json:"policy"` // digest
	At     time.Time `json:"at"`
}

// LosesSafeguard reports whether any flow stops because no safeguard is left to it.
func (c *Comparison) LosesSafeguard() bool {
	return slices.ContainsFunc(c.Changes, func(x Change) bool { return x.LosesSafeguard() })
}

// Diff compares two policies, from a moment on: at that moment and at every later
// one at which a row of either begins or ends. Policies that say the same have no
// changes.
func Diff(a, b *decision.Policy, from time.Time, s Scope) *Comparison {
	bounds := []time.Time{from}
	for _, t := range slices.Concat(decision.Boundaries(a), decision.Boundaries(b)) {
		if t.After(from) {
			bounds = append(bounds, t)
		}
	}
	slices.SortFunc(bounds, time.Time.Compare)
	bounds = slices.CompactFunc(bounds, time.Time.Equal)
	d := newDomain(a, b, s)
	for i, at := range bounds {
		d.compare(Moment{a, at}, Moment{b, at}, i)
	}
	c := d.comparison(bounds)
	c.From, c.To = Side{a.Digest, from}, Side{b.Digest, from}
	c.Rows = diffRows(a, b)
	return c
}

// Forecast compares two moments of one policy.
func Forecast(p *decision.Policy, from, to time.Time, s Scope) *Comparison {
	d := newDomain(p, p, s)
	d.moments = true
	d.compare(Moment{p, from}, Moment{p, to}, 0)
	c := d.comparison(nil)
	c.From, c.To = Side{p.Digest, from}, Side{p.Digest, to}
	c.Rows = beginAndEnd(p, from, to)
	return c
}
