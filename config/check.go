package config

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sparkoo/transfergate/internal/country"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/policydiff"
	"github.com/sparkoo/transfergate/internal/world"
)

// How long before the end of a safeguard, or its review, somebody is warned.
const (
	endSoon    = 90 * 24 * time.Hour
	reviewSoon = 30 * 24 * time.Hour
	changeSoon = 30 * 24 * time.Hour // of a law
)

// CheckOptions say for when and where warnings are looked for.
type CheckOptions struct {
	// At is the moment the registers are looked at. Default: now
	At time.Time
	// Sites are those whose flows are looked at. Default: one that stands at the
	// store and declares every region
	Sites []decision.Site
}

// Check reads the registers in the root of fsys as [LoadRegisters] does, calls
// that root name, and returns everything wrong or worth a look in them, sorted.
// The registers are nil if they do not load. An error means that they could not
// be read at all.
func Check(fsys fs.FS, name string, o CheckOptions) (*Registers, Problems, error) {
	var problems Problems
	files, err := readFiles(fsys, name, &problems)
	if err != nil {
		return nil, nil, err
	}
	d := draft{name: name, problems: &problems}
	d.decode(files)
	d.check()
	var registers *Registers
	if len(problems) == 0 {
		registers = d.finish(files)
		if o.At.IsZero() {
			o.At = time.Now()
		}
		d.warn(registers.Policy, o)
	}
	problems.Sort()
	return registers, slices.Compact(problems), nil
}

// CheckDefault is [Check] of the embedded registers.
func CheckDefault(o CheckOptions) (*Registers, Problems, error) {
	sub, err := fs.Sub(embedded, "policy")
	if err != nil {
		return nil, nil, fmt.Errorf("opening the embedded registers: %w", err)
	}
	return Check(sub, defaultName, o)
}

// Severity is the severity of the problem's code.
func (p Problem) Severity() Severity {
	if c, known := FindCode(p.Code); known {
		return c.Severity
	}
	return Error
}

// warn notes what is lawful and yet worth a look.
func (d *draft) warn(p *decision.Policy, o CheckOptions) {
	for _, r := range d.statements {
		if r.value.SHA256 == "" {
			r.report(r.node, "statement-unhashed", "version %q of the statement does not say the SHA-256 of its text; write what sha256sum prints for the published text", r.value.ID)
		}
	}
	for _, r := range d.laws {
		if r.value.Confirm && r.value.Validity.Contains(o.At) {
			r.report(r.at("confirm"), "law-unconfirmed", "counsel has yet to confirm the row of law %q; have it looked at, and take confirm: true away", r.value.ID)
		}
	}
	for _, r := range d.safeguards {
		d.warnOfDates(r, o.At)
		d.warnOfDerogation(r)
	}
	for _, r := range d.activities {
		if report := r.value.Report; report != nil && !o.At.Before(report.Until) {
			r.report(r.at("report"), "report-over", "report mode of activity %q ended on %s: what lacks a safeguard is denied; take report out, or name a later day",
				r.value.ID, report.Until.Format(time.DateOnly))
		}
	}
	d.warnOfClocks(p, o.At)
	d.warnOfDoubts(o.At)
	d.warnOfReports()
	d.warnOfChanges(p, o)
	d.warnOfEndings(p, o)
	d.warnOfUnproven(p, o)
}

// warnOfDates tells which safeguards are over, or need somebody soon.
func (d *draft) warnOfDates(r row[decision.Safeguard], at time.Time) {
	s := r.value
	if until := s.Validity.Until; !until.IsZero() && !at.Before(until) {
		r.report(r.at("valid_until"), "safeguard-expired", "safeguard %q was over on %s, and counts no more; renew the instrument and its dates, or remove the row",
			s.ID, until.Format(time.DateOnly))
		return
	}
	if due := s.Review.Due(); !due.IsZero() && due.Sub(at) < reviewSoon {
		when := fmt.Sprintf("is due in %s, on", days(due.Sub(at)))
		if !at.Before(due) {
			when = "was due on"
		}
		r.report(r.at("review"), "review-due", "the review of safeguard %q by %s %s %s; review it, and set last", s.ID, s.Review.Owner, when, due.Format(time.DateOnly))
	}
}

// warnOfChanges tells which laws begin or end soon, and what stops then.
func (d *draft) warnOfChanges(p *decision.Policy, o CheckOptions) {
	scope := policydiff.Scope{Usual: true, Demo: len(o.Sites) > 0 && len(d.sites(p, o)) == 0}
	for _, date := range policydiff.Ahead(p, o.At, changeSoon, scope) {
		if n := d.changing(date.At); n != nil {
			n.report(n.node, "law-changing", "%s", date.Text())
		}
	}
}

// changing is where a law begins at that moment, or ends if none begins; nil if neither.
func (d *draft) changing(at time.Time) (where *record) {
	for _, r := range d.laws {
		for key, moment := range map[string]time.Time{"valid_from": r.value.Validity.From, "valid_until": r.value.Validity.Until} {
			if moment.Equal(at) && (where == nil || key == "valid_from") {
				place := r.record
				place.node = r.at(key)
				where = &place
			}
		}
	}
	return where
}

// days are whole days, as people say them.
func days(d time.Duration) string {
	switch n := int(d / (24 * time.Hour)); n {
	case 0:
		return "less than a day"
	case 1:
		return "1 day"
	default:
		return fmt.Sprintf("%d days", n)
	}
}

// warnOfDerogation tells which routine activities a derogation seems to cover.
func (d *draft) warnOfDerogation(r row[decision.Safeguard]) {
	if !r.value.Occasional {
		return
	}
	var routine []string
	for _, a := range d.activities {
		if !a.value.Occasional && r.value.Covers(&a.value) {
			routine = append(routine, a.value.ID)
		}
	}
	if len(routine) > 0 {
		r.report(r.at("occasional"), "derogation-routine", "safeguard %q is limited to occasional transfers and never serves the routine activities it covers (%s); "+
			"give them another safeguard, take them out of its lists, or mark them occasional if they are", r.value.ID, strings.Join(routine, ", "))
	}
}

// leaning is who depends on a safeguard that is not proven.
type leaning struct {
	flows      int
	activities map[string]bool
	countries  map[string]bool
}

// warnOfUnproven tells which flows would be lawful if only a safeguard were
// proven: those that pass under demo and lean on it there.
func (d *draft) warnOfUnproven(p *decision.Policy, o CheckOptions) {
	leans := map[string]*leaning{}
	for _, site := range d.sites(p, o) {
		site.Demo = true
		table, err := decision.CompileLazily(p, site, o.At, nil)
		if err != nil {
			continue // the site is at fault, which is told where it is written
		}
		for f := range p.Domain(o.At) {
			for _, c := range table.Decide(f).Candidates {
				note(leans, f, c.Safeguards)
			}
		}
	}
	for _, r := range d.safeguards {
		l := leans[r.value.ID]
		if l == nil {
			continue
		}
		key, what := "example", "an example"
		if !r.value.Example {
			key, what = "confirm", "not confirmed by counsel"
		}
		r.report(r.at(key), "safeguard-unproven", "safeguard %q is %s, and %d flows depend on it (%s; %s); put the instrument into force, name it, and take %s: true away",
			r.value.ID, what, l.flows, strings.Join(slices.Sorted(maps.Keys(l.activities)), ", "), world.List(slices.Sorted(maps.Keys(l.countries)), country.All()), key)
	}
}

// note counts a flow for the unproven ones of the safeguards it leans on.
func note(leans map[string]*leaning, f decision.Facts, safeguards []*decision.Safeguard) {
	for _, s := range safeguards {
		if !s.Example && !s.Confirm {
			continue
		}
		l := leans[s.ID]
		if l == nil {
			l = &leaning{activities: map[string]bool{}, countries: map[string]bool{}}
			leans[s.ID] = l
		}
		l.flows++
		l.activities[f.Activity] = true
		if f.Country != "" {
			l.countries[f.Country] = true
		}
	}
}

// sites are those whose flows are looked at; none of those under demo.
func (d *draft) sites(p *decision.Policy, o CheckOptions) (sites []decision.Site) {
	if o.Sites != nil {
		return slices.DeleteFunc(slices.Clone(o.Sites), func(s decision.Site) bool { return s.Demo })
	}
	var site decision.Site
	for _, r := range p.Regions {
		site.Regions = append(site.Regions, r.Code)
		if r.Storage {
			site.Node = decision.Place{Entity: r.Operator, Country: r.Country}
		}
	}
	return []decision.Site{site}
}
