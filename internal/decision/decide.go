package decision

import (
	"slices"
	"time"

	"github.com/sparkoo/transfergate/internal/country"
)

// identityDocuments is the category of real-name authentication, scans of
// identity documents among it (§1(b)).
const identityDocuments = "1b"

// Decide answers one set of facts under a policy, for a site, at a moment. It is
// pure and safe for concurrent use; it reads the policy and the site and keeps
// pointers into the policy in its answer. A nil policy or site denies.
//
// A gateway compiles a Table instead, which gives the same answers faster;
// Candidate.Fields stay empty here, as only a Table's host renders them.
func Decide(p *Policy, s *Site, at time.Time, f Facts) Decision {
	if f.At.IsZero() {
		f.At = at
	}
	return newView(p, s, at).decide(f)
}

// decide answers one set of facts.
func (v *view) decide(f Facts) Decision {
	var d Decision
	if v.begin(&d, &f) {
		v.choose(&d, &f)
	} else {
		d.Barred = v.aim(&d, &f)
	}
	return d
}

// begin sets what a decision is about, and denies what is denied whatever the region.
// It reports whether regions are to be asked.
func (v *view) begin(d *Decision, f *Facts) bool {
	d.Activity, d.Controller, d.Basis = v.activities[f.Activity], f.Controller, f.Basis
	d.Statement = v.statement(d.Activity)
	// What is no country code may be anything, personal data included: it is
	// not carried into records.
	if country.Valid(f.Country) {
		d.Country = f.Country
	}
	d.Reason, d.Unlock = v.before(d, f)
	return d.Reason == ""
}

// before returns the first reason to deny that asks for no region, and what would
// unlock it; "" if there is none.
func (v *view) before(d *Decision, f *Facts) (Reason, string) {
	if r := v.bar(*f, d.Statement); r != "" {
		return r, r.Info().Unlock
	}
	if r := unaccounted(d.Activity, f); r != "" {
		return r, accountUnlock(r, d.Activity, f)
	}
	if r := stopped(d.Activity, f); r != "" {
		return r, choiceUnlock(r, d.Activity, &f.Choices)
	}
	if r := unreferred(d.Activity, f); r != "" {
		return r, r.Info().Unlock
	}
	return "", ""
}

// bar returns the first reason that denies whatever the region, or "".
func (v *view) bar(f Facts, statement *Statement) Reason {
	a := v.activities[f.Activity]
	switch {
	case a == nil || !complete(a):
		return NoActivity
	case f.Controller == nil:
		return NoController
	case statement == nil:
		return NoStatement
	case f.Staff != nil && !f.Subject:
		return StaffWithoutSubject
	case f.Staff != nil && !v.knows(*f.Staff):
		return StaffUnknownRecipient
	case f.Country != "" && !country.Valid(f.Country) && !ownRights(a, &f):
		return CountryInvalid // for the person's own rights, it is as good as none
	case f.Country == "" && f.Identified && !a.Public && !ownRights(a, &f):
		return CountryUnknown
	}
	return ""
}

// complete reports whether an activity says what a decision needs. One without
// purposes or categories would be covered by every safeguard.
//
//clause:enforces §2; record activity purposes legal_basis; off return true
func complete(a *Activity) bool {
	exporters := []Exporter{FromPerson, FromNode, FromStore}
	return slices.Contains(exporters, a.Exporter) && len(a.Purposes) > 0 && len(a.Categories) > 0
}

// knows reports whether the registers have the entity as a recipient in that country.
func (v *view) knows(staff Place) bool {
	r := v.recipients[staff.Entity]
	return r != nil && r.Country != "" && r.Country == staff.Country
}

// choose tries the declared regions in order and sets the rest of the decision.
func (v *view) choose(d *Decision, f *Facts) {
	var waived *Candidate
	codes := v.order(d.Activity, d.Country)
	lawful := make([]*Candidate, 0, len(codes))
	var tried []*Candidate // as Refused
	for i, code := range codes {
		c, refusal := v.try(code, d, f)
		if refusal == nil {
			lawful = append(lawful, c)
			continue
		}
		if d.Refused == nil {
			left := len(codes) - i
			d.Refused, tried = make([]Refusal, 0, left), make([]*Candidate, 0, left)
		}
		d.Refused, tried = append(d.Refused, *refusal), append(tried, c)
		if waived == nil && (refusal.Reason == NoSafeguard || refusal.Reason == SafeguardUnproven) {
			waived = c
		}
	}
	if len(lawful) > 0 {
		d.Outcome, d.Candidates = Allowed, make([]Candidate, len(lawful)) // as many as they are: a table keeps them
		for i, c := range lawful {
			d.Candidates[i] = *c
		}
		return
	}
	v.deny(d, f, tried)
	if !d.Activity.StorageOnly && (d.Reason == NoSafeguard || d.Reason == SafeguardUnproven) {
		d.Waived = waived
	}
	v.encode(d.Waived)
	v.encode(d.Barred)
}

// aim is what is denied for a reason that asks for no region: the first that could
// have answered, and the way the data would have taken. Nil if nothing is known of it.
func (v *view) aim(d *Decision, f *Facts) *Candidate {
	if v.terse || d.Activity == nil || d.Controller == nil {
		return nil
	}
	for _, code := range v.order(d.Activity, d.Country) {
		region := v.regions[code]
		if !v.receives(code, d.Activity.Kind) || v.sieve(region, v.recipients[region.Operator], d) != "" {
			continue
		}
		c := v.unjudged(region, d, f)
		v.encode(c)
		return c
	}
	return nil
}

// unjudged is a region with the way the data would take to it, of which no law was
// asked. What no register knows of staff is not carried into records.
func (v *view) unjudged(region *Region, d *Decision, f *Facts) *Candidate {
	if v.terse {
		return nil
	}
	c := &Candidate{Region: region, Recipient: v.recipients[region.Operator]}
	if d.Activity.Exporter == FromStore && v.store == nil {
		return c
	}
	staff := f.Staff
	if staff != nil && !v.knows(*staff) {
		staff = nil
	}
	var room [most]stop
	stops := v.path(room[:0], region, d, staff)
	c.Legs, c.Transfer = legs(stops), transfers(stops, d)
	return c
}

// encode sets what a record says of a candidate's legs.
func (v *view) encode(c *Candidate) {
	if c != nil && c.LegsJSON == nil && !v.terse {
		c.LegsJSON = EncodeLegs(c.Way())
	}
}

// order returns the codes of the site's regions in the order to be tried, each
// once. OrderNearest is the host's to apply: it alone knows where a visitor is.
func (v *view) order(a *Activity, registered string) []string {
	home := make([]string, 0, len(v.site.Regions))
	var away []string
	for _, code := range v.site.Regions {
		if slices.Contains(home, code) || slices.Contains(away, code) {
			continue
		}
		r := v.regions[code]
		if a.Order == OrderHome && (registered == "" || r == nil || r.Country != registered) {
			away = append(away, code)
		} else {
			home = append(home, code)
		}
	}
	return append(home, away...)
}

// precedence ranks the reasons regions are refused for: what compliance can
// mend comes first, what the activity rules out by its nature last.
var precedence = []Reason{
	Localised, NoSafeguard, SafeguardUnproven, LawUnknown, RecipientObjected, IdentityDocuments, SupportNotAllowed,
	RecipientNotAllowed, AnonymousSingapore, StorageInSingapore, NoRegion,
}

// deny gives the decision the reason of one of its refusals: the first in
// precedence among the regions whose operator may receive such an activity. The
// others say nothing about the request. tried are the regions they are of, nil where
// no law was asked.
func (v *view) deny(d *Decision, f *Facts, tried []*Candidate) {
	rank := func(i int) int { return slices.Index(precedence, d.Refused[i].Reason) }
	worst := -1
	for i := range d.Refused {
		if v.receives(d.Refused[i].Region, d.Activity.Kind) && (worst < 0 || rank(i) < rank(worst)) {
			worst = i
		}
	}
	if worst < 0 {
		d.Reason, d.Unlock = NoRegion, v.regionWanted(d.Activity)
		return
	}
	r := &d.Refused[worst]
	d.Reason, d.Law, d.Unlock, d.Barred = r.Reason, r.Law, r.Unlock, tried[worst]
	if d.Barred == nil {
		d.Barred = v.unjudged(v.regions[r.Region], d, f)
	}
}

// receives reports whether a region's operator may receive under a row of §4 or §9.
//
//clause:enforces 9-operator 9-partner §4 §5(l).1; record recipient legs; off return v.regions[code] != nil && v.recipients[v.regions[code].Operator] != nil
func (v *view) receives(code string, kind RecipientKind) bool {
	region := v.regions[code]
	if region == nil {
		return false
	}
	operator := v.recipients[region.Operator]
	return operator != nil && kind != "" && slices.Contains(operator.Kinds, kind)
}
