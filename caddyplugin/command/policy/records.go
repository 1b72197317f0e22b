package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/sparkoo/transfergate/caddyplugin/command/cli"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/policydiff"
)

// recorded is what a transfer's or denial's record says about the decision.
type recorded struct {
	Type       string    `json:"type"`
	Time       time.Time `json:"time"`
	Activity   string    `json:"activity"`
	Country    string    `json:"country"`
	Controller string    `json:"controller"`
	Basis      string    `json:"basis"`
	Requester  string    `json:"requester"`
	Region     string    `json:"region"`
	Decision   string    `json:"decision"`
	Reason     string    `json:"reason"`
	Law        string    `json:"law"`
	Policy     string    `json:"policy"`
	Reference  string    `json:"reference"`
	Method     string    `json:"method"`
	Demo       bool      `json:"demo"`
	Legs       []struct {
		Kind      string `json:"kind"`
		Recipient string `json:"recipient"`
		To        string `json:"to"`
		Laws      []struct {
			Law       string `json:"law"`
			Safeguard string `json:"safeguard"`
		} `json:"laws"`
	} `json:"legs"`
}

// isDecision reports whether an entry is one of a decision.
func (r *recorded) isDecision() bool {
	return r.Type == ledger.TypeAccepted || r.Type == ledger.TypeRefused
}

// node is where the gateway stood, if the record shows it as a place of its own.
func (r *recorded) node() string {
	for _, leg := range r.Legs {
		if leg.Kind == string(decision.Edge) {
			return leg.Recipient + "@" + leg.To
		}
	}
	return ""
}

// who is who asked and under which controller, as a comparison names it. Where
// the Account Center shows the controller of the country table it comes to the same.
func (r *recorded) who(table *decision.CountryTable) string {
	switch {
	case r.Requester != "self" && r.Requester != "":
		return r.Requester
	case r.Basis != string(decision.BasisAccountCenter) && r.Basis != string(decision.BasisTokenClaim):
		return "self"
	}
	if c := table.Controller(r.Country); c != nil && c.ID == r.Controller {
		return "self"
	}
	return "self:" + r.Controller
}

// touched reports whether a change is about what the record is about.
func (r *recorded) touched(c *policydiff.Change, table *decision.CountryTable) bool {
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
	err := cli.ReadClasses(f.ledger, func(e ledger.Entry) error {
		var r recorded
		if err := json.Unmarshal(e.Data, &r); err != nil {
			return fmt.Errorf("entry %s is not a record: %w", e.ID, err)
		}
		if !r.isDecision() || r.Time.Before(now.Add(-back)) {
			return nil
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

// errFound ends a reading early.
var errFound = errors.New("found")

// parseRecordID reads the number of a record: epoch and index as records are
// known by, with or without the node before it, or an index of the newest epoch.
func parseRecordID(dir, text string) (ledger.ID, error) {
	if _, number, found := strings.Cut(text, "#"); found {
		text = number
	}
	index, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return ledger.ParseID(text)
	}
	newest, err := ledger.Last(dir, 1)
	return ledger.ID{Epoch: newest.Epoch, Index: index}, err
}

// readRecord reads one record of a ledger.
func readRecord(dir string, id ledger.ID) (*recorded, error) {
	var r *recorded
	err := ledger.Read(dir, id, func(e ledger.Entry) error {
		if e.ID != id {
			return errFound
		}
		r = new(recorded)
		if err := json.Unmarshal(e.Data, r); err != nil {
			return fmt.Errorf("entry %s is not a record: %w", e.ID, err)
		}
		return errFound
	})
	switch {
	case err != nil && !errors.Is(err, errFound):
		return nil, err
	case r == nil:
		return nil, fmt.Errorf("the ledger %s has no entry %s", dir, id)
	case !r.isDecision():
		return nil, fmt.Errorf("entry %s is of type %s: only transfers and denials were decided", id, r.Type)
	}
	return r, nil
}

// unixTime reads seconds since 1970; zero for what are none.
func unixTime(text string) time.Time {
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}
