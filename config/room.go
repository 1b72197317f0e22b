package config

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/sparkoo/transfergate/internal/decision"
)

// What registers put into one record has a bound for each part, so that no record is
// longer than a ledger's entry, whatever they say. In bytes, but for maxList.
const (
	maxText     = 4096     // any text of a register
	maxName     = 128      // ids, tags and other words that stand in records and header fields
	maxList     = 1000     // entries of any list
	maxWithheld = 8 << 10  // what is withheld from one recipient, as a record has it
	maxLegs     = 32 << 10 // what the laws say of the steps, as a record has it
	maxSteps    = 5        // from the person to whoever reads: see decision
)

// checkRoom reports what a record might have no room for.
func (d *draft) checkRoom() {
	if d.archived {
		return // its records are written
	}
	for _, r := range d.recipients {
		long := 0
		for _, name := range r.value.Withhold {
			long += quoted(name) + 1
		}
		if long > maxWithheld {
			r.report(r.at("withhold"), "too-long", "what is withheld from %q takes %d bytes of a record; at most %d, so withhold fewer fields or shorter ones", r.value.ID, long, maxWithheld)
		}
	}
	d.checkLegs()
}

// checkLegs holds what laws can say of one request's steps to its bound. A step is
// judged by the laws of at most as many countries as there are steps.
func (d *draft) checkLegs() {
	cost := map[string]int{} // by law: the longest it says of a step
	for _, l := range d.laws {
		cost[l.value.ID] = 100 + quoted(l.value.ID) // names of members, and why it sees no transfer
	}
	longest := map[string]int{}
	for _, s := range d.safeguards {
		longest[s.value.Law] = max(longest[s.value.Law], quoted(s.value.Tag)+quoted(s.value.Instrument)+quoted(s.value.Assessment))
	}
	ofCountry := map[string]map[string]bool{}
	for _, l := range d.laws {
		for _, code := range l.value.Countries {
			if ofCountry[code] == nil {
				ofCountry[code] = map[string]bool{}
			}
			ofCountry[code][l.value.ID] = true
		}
	}
	all, most := 0, 0 // what all laws say, and those of the country with most to say
	for id := range cost {
		cost[id] += longest[id]
		all += cost[id]
	}
	for _, laws := range ofCountry {
		sum := 0
		for id := range laws {
			sum += cost[id]
		}
		most = max(most, sum)
	}
	step := 200 + 2*maxName + min(all, maxSteps*most)
	if long := maxSteps * step; long > maxLegs && len(d.laws) > 0 {
		id := slices.MaxFunc(slices.Sorted(maps.Keys(cost)), func(a, b string) int { return cmp.Compare(cost[a], cost[b]) })
		i := slices.IndexFunc(d.laws, func(r row[decision.Law]) bool { return r.value.ID == id })
		r := d.laws[i]
		r.report(r.idNode(), "too-long", "what the laws say of one request may take %d bytes of a record; at most %d, so give a country fewer laws, "+
			"or shorter instruments in safeguards: law %q takes most, %d bytes for each step", long, maxLegs, id, cost[id])
	}
}

// quoted is how long a text is in JSON, in bytes.
func quoted(text string) int {
	b, err := json.Marshal(text)
	if err != nil {
		return 6 * len(text)
	}
	return len(b)
}

// longList reports a list of words with too many entries; a register's own rows are as
// many as they are.
func (s source) longList(n *yaml.Node) bool {
	if n.Kind == yaml.SequenceNode && len(n.Content) > maxList && n.Content[0].Kind == yaml.ScalarNode && !s.archived {
		s.report(n, "too-long", "a list of %d entries is too long; write at most %d", len(n.Content), maxList)
		return true
	}
	return false
}
