package gateway

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/sparkoo/transfergate/caddyplugin/adminapi"
	"github.com/sparkoo/transfergate/caddyplugin/recorder"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/policystore"
)

// From when on something is a trouble. The rules of deploy/alerts.yml have the same bounds.
const (
	endsSoon    = 14 * 24 * time.Hour // a safeguard, report mode
	beginsSoon  = 30 * 24 * time.Hour // a law
	longOver    = 7 * 24 * time.Hour  // a row that stays in the register after it ended
	keysOld     = time.Hour           // they are asked for every five minutes
	unsigned    = 5 * time.Minute     // what is recorded
	unwitnessed = 15 * time.Minute    // what is signed
	manyPending = 100                 // records that wait for the disk
	fewFiles    = 10_000              // that the volume can still hold
	diskLow     = 4                   // times the reserve
)

// Status is how the gateway is, for whoever is called at night.
func (a *App) Status() adminapi.Status {
	t := now()
	s := adminapi.Status{Node: a.Node.Name, At: t.UTC(), Ready: true, Demo: a.Demo, Policy: a.PolicyStatus(), Ledger: a.recorder.Status()}
	var found troubles
	if err := a.Ready(); err != nil {
		s.Ready, s.NotReady = false, err.Error()
		found.stops("first", "it takes no transfers: %v", err)
	}
	found.ofLedger(&s.Ledger, t)
	found.ofSources(a, t)
	found.ofDates(a.store.State().Policy, s.Policy.Mode, t)
	slices.SortStableFunc(found, func(x, y adminapi.Trouble) int { return order(y.Stops) - order(x.Stops) })
	s.Troubles = append([]adminapi.Trouble{}, found...)
	return s
}

func order(stops bool) int {
	if stops {
		return 1
	}
	return 0
}

// troubles are collected in the order in which they are found.
type troubles []adminapi.Trouble

func (f *troubles) stops(page, format string, args ...any) {
	*f = append(*f, adminapi.Trouble{Stops: true, Text: fmt.Sprintf(format, args...), Page: page})
}

func (f *troubles) soon(page, format string, args ...any) {
	*f = append(*f, adminapi.Trouble{Text: fmt.Sprintf(format, args...), Page: page})
}

// ofLedger looks at what keeps records from being written, signed and remembered elsewhere.
func (f *troubles) ofLedger(s *recorder.Status, t time.Time) {
	switch {
	case s.FreeBytes == 0: // not known
	case s.FreeBytes < s.ReserveBytes:
		f.stops("the-ledger-is-full", "the ledger's volume is nearly full: %s are free", humanize.IBytes(s.FreeBytes))
	case s.FreeBytes < diskLow*s.ReserveBytes:
		f.soon("the-ledger-is-full", "the ledger's volume fills: %s are free", humanize.IBytes(s.FreeBytes))
	}
	if s.FreeFiles != nil && *s.FreeFiles < fewFiles {
		f.soon("the-ledger-is-full", "the ledger's volume can hold %d more files", *s.FreeFiles)
	}
	if s.Pending > manyPending {
		f.soon("the-disk-is-slow", "%d records wait for the disk", s.Pending)
	}
	if age := t.Sub(s.Signed); s.Behind && age > unsigned && !s.Signed.IsZero() {
		f.soon("the-disk-fails", "what is recorded was not signed for %s", ago(age))
	}
	if len(s.Errors) > 0 {
		var parts []string
		for _, op := range slices.Sorted(maps.Keys(s.Errors)) {
			parts = append(parts, op+" "+strconv.FormatUint(s.Errors[op], 10))
		}
		f.soon("the-disk-fails", "operations of the ledger failed since it was opened: %s", strings.Join(parts, ", "))
	}
	for _, p := range s.Places {
		if since := t.Sub(p.Failing); !p.Failing.IsZero() && since > unwitnessed {
			f.soon("a-witness-or-a-copy-fails", "no checkpoint reaches %s for %s", p.Place, ago(since))
		}
	}
}

// ofSources looks at what is taken from elsewhere.
func (f *troubles) ofSources(a *App, t time.Time) {
	old := oldestLastGood(a.loads())
	for _, what := range slices.Sorted(maps.Keys(old)) {
		f.soon("what-was-good-last-goes-on", "%s cannot be taken; what is in force is from %s", what, moment(old[what]))
	}
	for i, source := range a.identity.sources {
		refresher, ok := source.(Refresher)
		if !ok {
			continue
		}
		if synced, _ := refresher.Status(); !synced.IsZero() && t.Sub(synced) > keysOld {
			f.soon("the-key-service-is-down", "the keys of identity source %d (%s) were last known to be right %s ago", i+1, a.identity.names[i], ago(t.Sub(synced)))
		}
	}
}

// ofDates looks at what begins and ends by itself.
func (f *troubles) ofDates(p *decision.Policy, mode policystore.ModeStatus, t time.Time) {
	for i := range p.Safeguards {
		row := &p.Safeguards[i]
		switch left := row.Expires().Sub(t); {
		case row.Expires().IsZero() || left > endsSoon || left < -longOver:
		case left <= 0:
			f.soon("a-safeguard-ends", "safeguard %s ended, or its review was due, on %s", row.ID, moment(row.Expires()))
		default:
			f.soon("a-safeguard-ends", "safeguard %s ends, or its review is due, on %s", row.ID, moment(row.Expires()))
		}
	}
	ends := reportEnds(mode)
	for _, activity := range slices.Sorted(maps.Keys(ends)) {
		if ends[activity].Sub(t) < endsSoon {
			f.soon("report-mode-ends", "report mode of %s ends on %s", cmp.Or(activity, "the gateway"), moment(ends[activity]))
		}
	}
	begins := lawsToCome(p, t)
	for _, law := range slices.Sorted(maps.Keys(begins)) {
		if begins[law].Sub(t) < beginsSoon {
			f.soon("a-law-begins", "law %s begins on %s", law, moment(begins[law]))
		}
	}
}

// moment and ago are a time and a duration, as people read them.
func moment(t time.Time) string  { return t.UTC().Format("2006-01-02 15:04 UTC") }
func ago(d time.Duration) string { return d.Round(time.Minute).String() }
