package policy

import (
	"fmt"
	"slices"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/sparkoo/transfergate/caddyplugin/command/cli"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/policydiff"
	"github.com/sparkoo/transfergate/internal/record"
)

// recorded is a transfer's or denial's record, with the way the data took.
type recorded struct {
	*record.Transfer
	way []record.Leg
}

// readWay reads the legs of a record.
func readWay(t *record.Transfer) (r recorded, err error) {
	r.Transfer = t
	r.way, err = record.ParseLegs(t.Legs)
	return r, err
}

// node is where the gateway stood, if the record shows it as a place of its own.
func (r recorded) node() string {
	for _, leg := range r.way {
		if leg.Kind == string(decision.Edge) {
			return leg.Recipient + "@" + leg.To
		}
	}
	return ""
}

// who is who asked and under which controller, as a comparison names it. Where
// the Account Center shows the controller of the country table it comes to the same.
func (r recorded) who(table *decision.CountryTable) string {
	switch {
	case r.Requester != record.Self && r.Requester != "":
		return r.Requester
	case r.Basis != string(decision.BasisAccountCenter) && r.Basis != string(decision.BasisTokenClaim):
		return record.Self
	}
	if c := table.Controller(r.Country); c != nil && c.ID == r.Controller {
		return record.Self
	}
	return record.Self + ":" + r.Controller
}

// touched reports whether a change is about what the record is about.
func (r recorded) touched(c *policydiff.Change, table *decision.CountryTable) bool {
	in := func(list []string, x string) bool { return len(list) == 0 || slices.Contains(list, x) }
	if !in(c.Countries, r.Country) || !in(c.Activities, r.Activity) {
		return false
	}
	if c.Kind == policydiff.Responsible {
		return r.Basis == string(decision.BasisRegisteredCountry) || r.Basis == string(decision.BasisNotRegistered)
	}
	node := r.node()
	return in(c.Who, r.who(table)) && (r.Region == "" || in(c.Regions, r.Region)) && (node == "" || in(c.Nodes, node))
}

// back is how far back records are counted; zero without a ledger.
func (f *diffFlags) back() (time.Duration, error) {
	if f.ledger == "" {
		return 0, nil
	}
	back, err := caddy.ParseDuration(f.since)
	if err != nil || back <= 0 {
		return 0, fmt.Errorf("since '%s' is no span of time such as 30d or 12h", f.since)
	}
	return back, nil
}

// count sets how many of the ledger's records each change touches.
func (f *diffFlags) count(c *policydiff.Comparison, p *decision.Policy, back time.Duration) error {
	now := f.from
	if now.IsZero() {
		now = time.Now()
	}
	table := p.CountryTable()
	counts := make([]int, len(c.Changes))
	err := cli.ReadTransfers(f.ledger, func(e ledger.Entry, t *record.Transfer) error {
		if t.Time.Before(now.Add(-back)) {
			return nil
		}
		r, err := readWay(t)
		if err != nil {
			return fmt.Errorf("record %s: %w", e.ID, err)
		}
		for i := range c.Changes {
			if r.touched(&c.Changes[i], table) {
				counts[i]++
			}
		}
		return nil
	})
	for i := range c.Changes {
		c.Changes[i].Records = &counts[i]
	}
	return err
}

// readRecord reads one record of a ledger.
func readRecord(l ledger.Dir, id record.ID) (r recorded, err error) {
	found, err := l.Entry(id)
	if err != nil {
		return r, err
	}
	entry, err := record.Parse(found.Data)
	if err != nil {
		return r, fmt.Errorf("record %s: %w", id, err)
	}
	t, ok := entry.(*record.Transfer)
	if !ok {
		return r, fmt.Errorf("entry %s is of type %s: only transfers and denials were decided", id, entry.Head().Type)
	}
	if r, err = readWay(t); err != nil {
		return r, fmt.Errorf("record %s: %w", id, err)
	}
	return r, nil
}
