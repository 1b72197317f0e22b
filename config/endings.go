package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sparkoo/transfergate/internal/country"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/world"
)

// lost are flows that pass until a moment, and are denied from then on.
type lost struct {
	flows      int
	activities []string // in the order of the register
	countries  []string // registered ones, in order
}

func (l *lost) add(f *decision.Facts) {
	l.flows++
	if !slices.Contains(l.activities, f.Activity) {
		l.activities = append(l.activities, f.Activity)
	}
	if f.Country != "" && !slices.Contains(l.countries, f.Country) {
		l.countries = append(l.countries, f.Country)
		slices.Sort(l.countries)
	}
}

// String names the flows: "storage and 11 other flows of Chile (CL) are denied".
func (l *lost) String() string {
	people := "people who are not registered"
	switch len(l.countries) {
	case 0:
	case 1:
		people = world.Name(l.countries[0])
	default:
		people = world.List(l.countries, country.All())
	}
	if l.flows == 1 {
		return fmt.Sprintf("%s of %s is denied", l.activities[0], people)
	}
	return fmt.Sprintf("%s and %s of %s are denied", l.activities[0], others(l.flows-1), people)
}

func others(n int) string {
	if n == 1 {
		return "1 other flow"
	}
	return fmt.Sprintf("%d other flows", n)
}

// endingAt tells what a moment stops for all flows of the sites, by the ids of the rows
// that it leant on and that are over then.
func endingAt(p *decision.Policy, sites []decision.Site, at time.Time) map[string]*lost {
	ends := map[string]*lost{}
	for _, site := range sites {
		before, err := decision.CompileLazily(p, site, at.Add(-1), nil)
		if err != nil {
			continue // the site is at fault, which is told where it is written
		}
		after, err := decision.CompileLazily(p, site, at, nil)
		if err != nil {
			continue
		}
		for f := range p.Domain(at) {
			was := before.Decide(f)
			if was.Outcome == decision.Allowed && after.Decide(f).Outcome == decision.Denied {
				leant(ends, was, at, &f)
			}
		}
	}
	return ends
}

// leant counts a flow for the rows that it leant on and that are over.
func leant(ends map[string]*lost, was *decision.Decision, at time.Time, f *decision.Facts) {
	seen := map[string]bool{}
	for i := range was.Candidates {
		for _, leg := range was.Candidates[i].Legs {
			for _, v := range leg.Laws {
				for _, row := range []*decision.Safeguard{v.Rule, v.Safeguard} {
					if row != nil && row.Validity.Until.Equal(at) && !seen[row.ID] {
						seen[row.ID] = true
						if ends[row.ID] == nil {
							ends[row.ID] = &lost{}
						}
						ends[row.ID].add(f)
					}
				}
			}
		}
	}
}

// warnOfEndings tells of each moment of the next weeks what it ends: which flows are
// denied from then on, what they lean on, and why that ends.
func (d *draft) warnOfEndings(p *decision.Policy, o CheckOptions) {
	sites := d.sites(p, o)
	for _, at := range decision.Boundaries(p) {
		if !at.After(o.At) || at.Sub(o.At) >= endSoon {
			continue
		}
		ends := endingAt(p, sites, at)
		for _, r := range d.safeguards {
			if r.value.Validity.Until.Equal(at) {
				d.reportEnding(r, ends[r.value.ID])
			}
		}
	}
}

// reportEnding tells what the end of a safeguard stops. Of a law that another one takes
// the place of nothing can be renewed.
func (d *draft) reportEnding(r row[decision.Safeguard], l *lost) {
	s := &r.value
	until := inPlace(s.Validity.Until.In(r.zone("valid_until")))
	why, what := "which is over then", "renew the instrument and its dates, or add the row of another"
	i := slices.IndexFunc(d.laws, func(l row[decision.Law]) bool {
		return l.value.ID == s.Law && l.value.Validity.From.Equal(s.Validity.Until)
	})
	if i >= 0 {
		law := &d.laws[i].value
		var tags []string
		for _, m := range law.Mechanisms {
			tags = append(tags, m.Tag)
		}
		why = "which ends because " + law.Title + " begins"
		what = "put an instrument under that law into force (" + strings.Join(tags, ", ") + "), and add its row"
	}
	if l == nil {
		r.report(r.at("valid_until"), "safeguard-expiring", "safeguard %q counts until %s, and %s; no flow that passes now is denied by that", s.ID, until, strings.TrimPrefix(why, "which "))
		return
	}
	verb := "they lean"
	if l.flows == 1 {
		verb = "it leans"
	}
	r.report(r.at("valid_until"), "safeguard-expiring", "from %s %s: %s on %s, %s; %s", until, l, verb, s.ID, why, what)
}

// zone is the time zone that a date is written in; UTC for a moment in RFC 3339.
func (r record) zone(key string) *time.Location {
	_, name, written := strings.Cut(r.text(key), " ")
	if !written && r.has("zone") {
		name = r.text("zone")
	}
	loc, err := time.LoadLocation(name) // "" is UTC
	if err != nil {
		return time.UTC // reported when it was read
	}
	return loc
}

// inPlace writes a moment as people in its place do: 2026-12-01 00:00 in Santiago.
func inPlace(t time.Time) string {
	zone := t.Location().String()
	if zone == "UTC" {
		return t.Format("2006-01-02 15:04 UTC")
	}
	_, city, _ := strings.Cut(zone, "/")
	if i := strings.LastIndexByte(city, '/'); i >= 0 {
		city = city[i+1:]
	}
	return t.Format("2006-01-02 15:04") + " in " + strings.ReplaceAll(city, "_", " ")
}
