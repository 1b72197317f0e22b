package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/sparkoo/transfergate/internal/record"
)

// Gap is a stretch of time in which nobody recorded, or nothing shows that somebody did.
type Gap struct {
	From string `json:"from"` // RFC 3339, in UTC
	To   string `json:"to"`
	Why  string `json:"why"` // [GapStopped], [GapCrashed] or [GapSilent]

	from, to time.Time
}

// Why there is a gap.
const (
	GapStopped = "stopped"      // the gateway had ended
	GapCrashed = "crashed"      // it ended without saying so, after its last entry
	GapSilent  = "no-heartbeat" // it ran, and an hour or more has no heartbeat
)

// A heartbeat is due each hour; a few minutes late is none missing.
const heartbeatDue = time.Hour + 5*time.Minute

// gapsShown is how many gaps a sentence lists.
const gapsShown = 8

// presence finds the gaps of a period from what the gateway says of itself.
type presence struct {
	period  Period
	known   bool      // an entry has said whether it runs
	since   time.Time // of the first one that has
	running bool
	at      time.Time // of the last such entry
	seen    time.Time // of the last entry that only a gateway at work makes
	earlier bool      // there were entries before the first that says it
	gaps    []Gap
}

// add takes the next entry.
func (p *presence) add(entry record.Entry) {
	t := entry.Head().Time
	switch e := entry.(type) {
	case *record.Started:
		switch {
		case !p.known:
			p.since = t
		case e.Before == record.BeforeCrashed:
			p.silent(p.seen)
			p.gap(p.seen, t, GapCrashed)
		default:
			p.gap(p.at, t, GapStopped)
		}
		p.known, p.running, p.at, p.seen = true, true, t, t
	case *record.Beat:
		if !p.known { // the start's epoch is gone
			p.known, p.running, p.since, p.at = true, true, e.From, e.From
		}
		p.silent(t)
		p.running, p.at, p.seen = e.Type == record.TypeHeartbeat, t, t
	case *record.Transfer, *record.Counted, *record.Outcomes:
		p.seen = t
		p.earlier = p.earlier || !p.known
	}
}

// silent notes that heartbeats are missing until a moment.
func (p *presence) silent(until time.Time) {
	if p.running && until.Sub(p.at) > heartbeatDue {
		p.gap(p.at, until, GapSilent)
	}
}

// end takes the end of the period, or the moment the report is made.
func (p *presence) end(now time.Time) {
	until := p.period.end()
	if now.Before(until) && !now.IsZero() {
		until = now
	}
	switch {
	case !p.known:
	case p.running:
		p.silent(until)
	default:
		p.gap(p.at, until, GapStopped)
	}
}

// gap notes what of a gap lies in the period.
func (p *presence) gap(from, to time.Time, why string) {
	if from.Before(p.period.From) {
		from = p.period.From
	}
	if to.After(p.period.end()) {
		to = p.period.end()
	}
	if from.Before(to) {
		p.gaps = append(p.gaps, Gap{from.UTC().Format(time.RFC3339), to.UTC().Format(time.RFC3339), why, from.UTC(), to.UTC()})
	}
}

// unknown says for which part of the period no entry tells whether a gateway ran; empty
// if there is none.
func (p *presence) unknown() string {
	switch {
	case !p.known:
		return "No entry says when the gateway ran: an hour without entries may be one in which nothing happened, or one in which nobody recorded."
	case p.earlier && p.since.After(p.period.From):
		return fmt.Sprintf("No entry says when the gateway ran before %s UTC: an hour without entries may be one in which nothing happened, or one in which nobody recorded.",
			p.since.UTC().Format(minute))
	}
	return ""
}

const minute = "2006-01-02 15:04"

// String is the gap in words.
func (g Gap) String() string {
	to := g.to.Format(minute)
	if g.from.Format(time.DateOnly) == g.to.Format(time.DateOnly) {
		to = g.to.Format("15:04")
	}
	return fmt.Sprintf("from %s to %s UTC (%s)", g.from.Format(minute), to, gapWords[g.Why])
}

var gapWords = map[string]string{
	GapStopped: "the gateway was stopped",
	GapCrashed: "it ended without saying so, and after its last entry nothing is known",
	GapSilent:  "no heartbeat is there",
}

// sentence says when nobody recorded, or that somebody did all the time.
func (p *presence) sentence() string {
	if !p.known {
		return ""
	}
	if len(p.gaps) == 0 {
		return " The gateway recorded without a gap."
	}
	var all []string
	for _, g := range p.gaps[:min(len(p.gaps), gapsShown)] {
		all = append(all, g.String())
	}
	more := ""
	if n := len(p.gaps) - gapsShown; n > 0 {
		more = fmt.Sprintf("; %d more are listed", n)
	}
	return " Nobody recorded, as far as the entries show, " + strings.Join(all, "; ") + more + "."
}
