package console

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sparkoo/transfergate/internal/query"
	"github.com/sparkoo/transfergate/internal/record"
)

// recent is what the last days' rows say, and those of as many days before, from one
// reading of the ledger.
type recent struct {
	Days    int
	Begin   time.Time // of the last days
	Oldest  time.Time // of the ledger's records, if the time before is not all there
	Whole   bool      // nothing was left out for want of time
	Total   change
	Denied  change
	Flows   map[flow]*change
	Reasons map[string]*change
	// Kinds are rows by what is to be looked at about them, in the words of kindKeys.
	Kinds map[string]*change
	// Rows are transfers by the row of the register that they lean on; Lacking are
	// denials without a safeguard.
	Rows    map[string]*change
	Lacking map[lack]*change
	Damaged []string
	hours   *query.Counter
}

// change is how many rows there are, and were in the time before.
type change struct {
	Now, Before uint64
	Last        time.Time
	alone       bool // the time before is not in the ledger, not all of it
}

func (c *change) add(at time.Time, now bool) {
	if !now {
		c.Before++
		return
	}
	c.Now++
	if at.After(c.Last) {
		c.Last = at
	}
}

// BeforeText is the number before.
func (c change) BeforeText() string {
	if c.alone {
		return ""
	}
	return number(c.Before)
}

// Text says how the number has changed.
func (c change) Text() string {
	switch {
	case c.alone:
		return ""
	case c.Now == c.Before:
		return "as before"
	case c.Before == 0:
		return "new"
	case c.Now == 0:
		return "gone"
	}
	percent := (float64(c.Now) - float64(c.Before)) * 100 / float64(c.Before)
	if percent > 999 {
		return fmt.Sprintf("%.0f times", float64(c.Now)/float64(c.Before))
	}
	return strings.Replace(fmt.Sprintf("%+.0f %%", percent), "-", "−", 1)
}

// flow is a way that data took; a denial has no recipient.
type flow struct {
	Country, Controller, Recipient string
	Denied                         bool
}

// lack is what a law was not satisfied for.
type lack struct{ Law, Country, Activity string }

// recentKeys are the keys that are read, in the order of the constants below.
var recentKeys = []string{"outcome", "country", "controller", "recipient", "reason", "enforced", "conflicts", "legs.laws.row", "law", "activity"}

const (
	keyOutcome = iota
	keyCountry
	keyController
	keyRecipient
	keyReason
	keyEnforced
	keyConflicts
	keyRow
	keyLaw
	keyActivity
)

// The words of recent.Kinds, each with the query that finds them.
var kindQueries = map[string]string{
	"pending": "outcome:pending", "unknown": "outcome:unknown", "reported": "enforced:false", "conflict": "conflicts:*",
}

// clockSlack is how far a clock may have gone back without an entry being missed.
const clockSlack = 24 * time.Hour

// recent reads the rows of the last days, and of as many before.
func (v *visit) recent(days int) (*recent, error) {
	length := time.Duration(days) * 24 * time.Hour
	n := &recent{
		Days: days, Begin: v.now.Add(-length), Flows: make(map[flow]*change), Reasons: make(map[string]*change), Kinds: make(map[string]*change),
		Rows: make(map[string]*change), Lacking: make(map[lack]*change),
		hours: query.NewCounter(query.Grouping{By: []*query.Key{query.KeyNamed("outcome")}, Bucket: query.Hour}),
	}
	var keys []*query.Key
	for _, name := range recentKeys {
		keys = append(keys, query.KeyNamed(name))
	}
	values := query.NewValues(keys)
	a := &asked{Query: new(query.Query)}
	var err error
	if a.From, err = v.Source.Newest(v.ctx); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(v.ctx, countLimit)
	defer cancel()
	end := v.now.Add(-2*length - clockSlack)
	n.Whole, err = v.pass(ctx, a, func(row *query.Row) error {
		all := values.Of(row)
		if row.Damage != nil {
			n.Damaged = append(n.Damaged, row.Name.String())
			return nil
		}
		at := time.UnixMicro(row.Time)
		n.Oldest = at
		switch {
		case at.Before(end):
			return errEnough
		case at.Before(n.Begin.Add(-length)):
			return nil
		}
		return n.add(row, at, all)
	})
	switch {
	case errors.Is(err, errEnough):
		n.Whole = true
	case err != nil:
		return nil, err
	case n.Oldest.After(n.Begin.Add(-length)):
		n.standAlone()
	default:
		n.Oldest = time.Time{}
	}
	return n, nil
}

// standAlone notes that the time before is not there to compare with.
func (n *recent) standAlone() {
	n.Total.alone, n.Denied.alone = true, true
	alone(n.Flows)
	alone(n.Reasons)
	alone(n.Kinds)
	alone(n.Rows)
	alone(n.Lacking)
}

func alone[K comparable](of map[K]*change) {
	for _, c := range of {
		c.alone = true
	}
}

// errEnough ends a reading: what is left is older than what is asked for.
var errEnough = errors.New("the rest is older")

// add counts a row by the values of recentKeys.
func (n *recent) add(row *query.Row, at time.Time, all [][]string) error {
	now := at.After(n.Begin)
	get := func(key int) string { return strings.Clone(strings.Join(all[key], ", ")) }
	denied := get(keyOutcome) == record.Denied
	n.Total.add(at, now)
	count(n.Flows, flow{get(keyCountry), get(keyController), get(keyRecipient), denied}, at, now)
	for _, used := range all[keyRow] {
		if !denied {
			count(n.Rows, strings.Clone(used), at, now)
		}
	}
	if denied {
		n.Denied.add(at, now)
		count(n.Reasons, get(keyReason), at, now)
		if reason := get(keyReason); reason == "no_safeguard" || reason == "safeguard_unproven" {
			count(n.Lacking, lack{get(keyLaw), get(keyCountry), get(keyActivity)}, at, now)
		}
	}
	for kind, is := range map[string]bool{
		"pending": get(keyOutcome) == query.Pending, "unknown": get(keyOutcome) == record.Unclear,
		"reported": get(keyEnforced) == "false", "conflict": len(all[keyConflicts]) > 0,
	} {
		if is {
			count(n.Kinds, kind, at, now)
		}
	}
	if now {
		return n.hours.Add(row)
	}
	return nil
}

func count[K comparable](of map[K]*change, key K, at time.Time, now bool) {
	c := of[key]
	if c == nil {
		c = new(change)
		of[key] = c
	}
	c.add(at, now)
}

// since asks for the last days.
func (n *recent) since() string { return "at:>-" + strconv.Itoa(n.Days) + "d" }

// find is the address of the rows of a query in the last days.
func (n *recent) find(terms ...string) string {
	return to("transfers", "q", strings.Join(append(terms, n.since()), " "))
}

// ranked are the keys of counts, those of most rows first; of equal ones in the order of
// their text.
func ranked[K comparable](of map[K]*change) []K {
	var keys []K
	for key := range of {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b K) int {
		return cmp.Or(cmp.Compare(of[b].Now, of[a].Now), cmp.Compare(of[b].Before, of[a].Before), cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)))
	})
	return keys
}
