package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sparkoo/transfergate/internal/decision"
)

// Told is by when somebody is to be told.
type Told struct {
	Who string `json:"who"` // the authority, or persons
	// None is why they need not be told; then only Doubt says more.
	None   string `json:"none,omitempty"`
	To     string `json:"to,omitempty"`
	Within string `json:"within"`
	// After is the moment from which it is counted, and Due the end; empty where the law
	// has no figure, or that moment is not known.
	After string `json:"after"`
	Due   string `json:"due,omitempty"`
	// Earliest tells that the moment is not known, and Due is counted as if it was that
	// of Aware: it is not sooner.
	Earliest  bool   `json:"at_the_earliest,omitempty"`
	When      string `json:"when,omitempty"`
	Source    string `json:"source"`
	Doubt     string `json:"doubt,omitempty"` // what is not certain
	Confirmed bool   `json:"confirmed"`
}

// clocks fills in whom the laws want told.
//
//clause:enforces §5(b).2; elsewhere report:incident
func (g *incident) clocks(p *decision.Policy) {
	for _, l := range g.Laws {
		c := p.ClocksAt(l.Law.ID, g.momentOf())
		switch {
		case c == nil || c.Breach == nil:
			g.NotRuledOut = append(g.NotRuledOut, fmt.Sprintf("The registers do not say whom law %s wants told of a breach.", l.Law.ID))
			continue
		case c.Breach.None != "":
			l.None = c.Breach.None + bracketed(unsure(c.Breach.Doubt, c.Breach.Doubt == ""))
			continue
		}
		for who, n := range map[string]*decision.Notification{"authority": c.Breach.Authority, "persons": c.Breach.Persons} {
			if n == nil {
				g.NotRuledOut = append(g.NotRuledOut, fmt.Sprintf("The registers do not say by when law %s wants the %s told.", l.Law.ID, who))
				continue
			}
			l.Clocks = append(l.Clocks, g.told(who, n))
		}
		slices.SortFunc(l.Clocks, func(a, b Told) int { return strings.Compare(a.Who, b.Who) })
	}
	slices.Sort(g.NotRuledOut)
}

// momentOf is the moment at which laws are asked.
func (g *incident) momentOf() time.Time {
	if g.ask.Aware.IsZero() {
		return g.newest.t.Time
	}
	return g.ask.Aware
}

func (g *incident) told(who string, n *decision.Notification) Told {
	if n.None != "" {
		return Told{Who: who, None: n.None, Doubt: n.Doubt, Confirmed: !n.Confirm}
	}
	t := Told{Who: who, To: n.To, Within: n.Within.String(), After: n.From.Words(), When: n.When, Source: n.Source, Doubt: n.Doubt, Confirmed: !n.Confirm}
	start := g.ask.Aware
	if n.From == decision.FromOccurrence {
		start = g.ask.Occurred
	} else if n.From != decision.FromAwareness {
		t.Earliest = true
	}
	if start.IsZero() {
		t.Earliest = false
		return t
	}
	due, named := n.Due(start)
	if !named {
		t.Earliest = false
		return t
	}
	t.Due = due.Format("2006-01-02 15:04 -07:00")
	return t
}
