package policydiff

import (
	"strings"
	"time"

	"github.com/sparkoo/transfergate/internal/decision"
)

// Date is one at which laws or safeguards begin or end, and what stops then.
type Date struct {
	At time.Time
	// Rows are those that begin and end: laws, safeguards and statements.
	Rows []RowChange
	// Stops are the flows that stop, a sentence each.
	Stops []string
}

// Ahead tells what of a policy begins and ends by itself after that moment, and within
// that time, and which flows stop then, in order. Dates on which nothing but a duty's
// evidence changes are there only if something stops.
func Ahead(p *decision.Policy, from time.Time, within time.Duration, s Scope) (dates []Date) {
	for _, at := range decision.Boundaries(p) {
		if !at.After(from) || at.After(from.Add(within)) {
			continue
		}
		c := Forecast(p, at.Add(-1), at, s)
		d := Date{At: at, Rows: c.Rows}
		for _, change := range c.Changes {
			if change.Kind == Stops {
				d.Stops = append(d.Stops, change.Text)
			}
		}
		if len(d.Rows) > 0 || len(d.Stops) > 0 {
			dates = append(dates, d)
		}
	}
	return dates
}

// Text is the date in sentences: what stops, and why.
func (d *Date) Text() string {
	var what []string
	for _, r := range d.Rows {
		what = append(what, r.Register+" "+r.ID+" "+r.Change)
	}
	if len(what) == 0 {
		what = []string{"evidence of a safeguard is over"}
	}
	text := "on " + d.At.UTC().Format("2006-01-02 15:04 UTC") + " "
	if len(d.Stops) == 0 {
		return text + "nothing stops, though " + strings.Join(what, ", ")
	}
	return text + strings.Join(d.Stops, " ") + " The reason: " + strings.Join(what, ", ")
}
