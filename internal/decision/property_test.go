package decision_test

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sparkoo/transfergate/internal/country"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/decision/decisiontest"
)

// checker is what *testing.T and *rapid.T have in common.
type checker interface {
	Helper()
	Fatalf(format string, args ...any)
}

// checkDecision holds what is true of every decision, told from the policy's rows
// alone.
func checkDecision(t checker, p *decision.Policy, s *decision.Site, at time.Time, f decision.Facts, d *decision.Decision) {
	t.Helper()
	if (d.Outcome == decision.Allowed) != (len(d.Candidates) > 0) {
		t.Fatalf("%+v: outcome %d with candidates %v", f, d.Outcome, codes(d))
	}
	if (d.Outcome == decision.Denied) != (slices.Contains(decision.Reasons(), d.Reason) && d.Unlock != "") {
		t.Fatalf("%+v: outcome %d, reason %q, unlock %q", f, d.Outcome, d.Reason, d.Unlock)
	}
	if d.Waived != nil {
		if d.Reason != decision.NoSafeguard && d.Reason != decision.SafeguardUnproven || d.Activity.StorageOnly {
			t.Fatalf("%+v: waived %s for %s", f, d.Waived.Region.Code, d.Reason)
		}
		checkReach(t, f, d, d.Waived)
		checkChoices(t, f, d, d.Waived)
	}
	for i := range d.Candidates {
		c := &d.Candidates[i]
		if !slices.Contains(s.Regions, c.Region.Code) {
			t.Fatalf("%+v: %s is not declared", f, c.Region.Code)
		}
		checkReach(t, f, d, c)
		checkChoices(t, f, d, c)
		checkVerdicts(t, p, s, at, f, d, c)
	}
}

// checkReach holds who may get the data at all, safeguards or not.
func checkReach(t checker, f decision.Facts, d *decision.Decision, c *decision.Candidate) {
	t.Helper()
	a := d.Activity
	affiliate := !slices.Contains(c.Recipient.Kinds, decision.Operator)
	rights := a.Rights && f.Staff == nil
	switch {
	case a.StorageOnly && c.Region.Code != "ap-southeast-3":
		t.Fatalf("%+v: storage in %s", f, c.Region.Code)
	case f.Country == "" && !a.Public && (c.Region.Country != "SG" || c.Recipient.ID != "sparkoo-sg"):
		t.Fatalf("%+v: nobody identified, answered by %s in %s", f, c.Recipient.ID, c.Region.Country)
	case f.Country == "" && f.Identified && !a.Public && !rights:
		t.Fatalf("%+v: no registered country, answered by %s", f, c.Region.Code)
	case affiliate && slices.Contains(a.Categories, "1b"):
		t.Fatalf("%+v: identity documents to %s", f, c.Recipient.ID)
	case affiliate && (a.Kind != decision.Affiliate || !slices.Contains(c.Recipient.Supports, a.Support)):
		t.Fatalf("%+v: %s is no recipient for %s", f, c.Recipient.ID, a.ID)
	case f.Staff != nil && !f.Subject:
		t.Fatalf("%+v: staff without a subject reach %s", f, c.Region.Code)
	case f.Staff != nil && (!f.Access.Named || f.Access.Ticket == ""):
		t.Fatalf("%+v: staff who do not account for it reach %s", f, c.Region.Code)
	}
	last := c.Legs[len(c.Legs)-1]
	if f.Staff != nil && (last.Recipient != f.Staff.Entity || last.To != f.Staff.Country) {
		t.Fatalf("%+v: the last leg %+v does not end with the staff", f, last)
	}
	if c.Legs[0].Kind != decision.Collection || c.Legs[0].From != f.Country || c.Legs[0].Recipient != f.Controller.ID {
		t.Fatalf("%+v: first leg %+v", f, c.Legs[0])
	}
	for i, leg := range c.Legs[1:] {
		if before := c.Legs[i]; leg.Exporter != before.Recipient || leg.From != before.To {
			t.Fatalf("%+v: leg %+v does not follow %+v", f, leg, before)
		}
		if leg.Exporter == leg.Recipient && leg.From == leg.To {
			t.Fatalf("%+v: leg %+v goes nowhere", f, leg)
		}
	}
}

// checkVerdicts holds that every law has its say on every leg, and that each
// row leant on says what it is used for.
func checkVerdicts(t checker, p *decision.Policy, s *decision.Site, at time.Time, f decision.Facts, d *decision.Decision, c *decision.Candidate) {
	t.Helper()
	asked := []string{f.Country, f.Controller.Country}
	for _, leg := range c.Legs[1:] {
		asked = append(asked, leg.From)
	}
	for _, leg := range c.Legs {
		for _, code := range asked {
			for _, law := range lawsOf(p, code, at) {
				if !slices.ContainsFunc(leg.Laws, func(v decision.Verdict) bool { return v.Law == law }) {
					t.Fatalf("%+v: %s has no say on %+v", f, law, leg)
				}
			}
		}
		for _, v := range leg.Laws {
			if v.Outcome == decision.Missing {
				// Nothing stops the person's own rights request on its way to the store (§7).
				if (d.Activity.Rights || d.Activity.StorageOnly && f.Deletes) && f.Staff == nil && c.Region.Code == "ap-southeast-3" && c.Lacking != "" {
					continue
				}
				t.Fatalf("%+v: %s misses a safeguard on %+v, and it is a candidate", f, v.Law, leg)
			}
			if (v.Outcome == decision.Satisfied) != (v.Safeguard != nil) || (v.Outcome == decision.NotATransfer) != (v.Because != "") {
				t.Fatalf("%+v: verdict %+v", f, v)
			}
			if v.Safeguard != nil {
				checkRow(t, s, at, d.Activity, leg, v, c)
			}
		}
	}
}

// checkChoices holds that nothing is a candidate against a choice of the person.
func checkChoices(t checker, f decision.Facts, d *decision.Decision, c *decision.Candidate) {
	t.Helper()
	a, chose := d.Activity, f.Choices
	if a.Rights {
		return
	}
	objects := func(purpose string) bool { return purpose != "2f" && slices.Contains(chose.Purposes, purpose) }
	switch {
	case chose.Closed && !(f.Deletes && a.StorageOnly), chose.Minor && !chose.Guardian,
		chose.Restricted && a.Kind != decision.Authority && !(a.StorageOnly && f.Staff == nil),
		a.LegalBasis == "2-basis(d)" && (chose.Withdrawn || slices.Contains(chose.Disabled, a.ID)),
		slices.ContainsFunc(a.Purposes, objects),
		slices.Contains(chose.Recipients, c.Recipient.ID),
		f.Staff != nil && slices.Contains(chose.Recipients, f.Staff.Entity):
		t.Fatalf("%+v: %s is answered by %s", f, a.ID, c.Region.Code)
	}
}

func checkRow(t checker, s *decision.Site, at time.Time, a *decision.Activity, leg decision.Leg, v decision.Verdict, c *decision.Candidate) {
	t.Helper()
	row := v.Safeguard
	in := func(set decision.Set, items ...string) bool {
		for _, x := range items {
			if !set.Any && !slices.Contains(set.Of, x) {
				return false
			}
		}
		return true
	}
	exporter, kind := leg.Exporter, string(leg.RecipientKind)
	if leg.Kind == decision.Collection {
		exporter, kind = "person", "9-operator"
	}
	ok := row.Law == v.Law && row.Validity.Contains(at) &&
		in(row.Exporters, exporter) && in(row.Recipients, leg.Recipient) && in(row.Countries, leg.To) &&
		in(row.Kinds, kind) && in(row.Purposes, a.Purposes...) && in(row.Categories, a.Categories...) &&
		(!row.Occasional || a.Occasional) && slices.Contains(c.Safeguards, row)
	if !ok {
		t.Fatalf("the row %+v does not serve %+v for %s", *row, leg, a.ID)
	}
	if unproven := row.Example || row.Confirm; unproven && (!s.Demo || !c.Demo) {
		t.Fatalf("the row %s is not proven; site demo %t, candidate demo %t", row.ID, s.Demo, c.Demo)
	}
}

func lawsOf(p *decision.Policy, code string, at time.Time) []string {
	var ids []string
	for _, law := range p.Laws {
		if law.Validity.Contains(at) && slices.Contains(law.Countries, code) {
			ids = append(ids, law.ID)
		}
	}
	return ids
}

// TestDomain holds it for everything a person can ask, at nodes in three
// countries and before and after Chile's law changes.
func TestDomain(t *testing.T) {
	p := policy()
	for _, node := range []decision.Place{nodeSG, nodeZA, nodeBR} {
		for _, at := range []time.Time{now, later} {
			s := siteAt(node)
			table := compile(t, p, s, at)
			for _, a := range p.Activities {
				for _, code := range append(country.All(), "") {
					f := person(p, a.ID, code)
					checkDecision(t, p, &s, at, f, table.Decide(f))
					if node == nodeSG && code == "" && !a.Public {
						for _, leg := range legsOf(table.Decide(f)) {
							if leg.To != "SG" {
								t.Fatalf("nobody identified, and data goes to %s", leg.To)
							}
						}
					}
				}
			}
		}
	}
}

func legsOf(d *decision.Decision) []decision.Leg {
	var legs []decision.Leg
	for _, c := range d.Candidates {
		legs = append(legs, c.Legs...)
	}
	return legs
}

// world is a random policy, site, moment and request.
type world struct {
	policy *decision.Policy
	site   decision.Site
	at     time.Time
	facts  decision.Facts
}

func drawWorld(t *rapid.T) world {
	p, s, at := decisiontest.DrawWorld(t)
	return world{policy: p, site: s, at: at, facts: drawFacts(t, p)}
}

func drawFacts(t *rapid.T, p *decision.Policy) decision.Facts {
	code := rapid.SampledFrom([]string{"", "BR", "CL", "ZA", "FR", "GB", "SG", "CN", "AR", "HK"}).Draw(t, "country")
	f := person(p, rapid.SampledFrom(activityIDs(p)).Draw(t, "activity"), code)
	f.Identified = rapid.Bool().Draw(t, "identified")
	switch rapid.IntRange(0, 5).Draw(t, "controller") {
	case 0:
		f.Controller = &p.Controllers[rapid.IntRange(0, len(p.Controllers)-1).Draw(t, "which")]
		f.Basis = decision.BasisAccountCenter
	case 1:
		f.Controller = &decision.Controller{ID: "unlisted", Country: rapid.SampledFrom([]string{"", "US", "FR"}).Draw(t, "party"), Unlisted: true}
		f.Basis = decision.BasisAccountCenter
	}
	if rapid.IntRange(0, 3).Draw(t, "staffed") == 0 {
		f.Subject = rapid.Bool().Draw(t, "subject")
		f.Staff = rapid.SampledFrom([]*decision.Place{
			{Entity: "huawei-cloud-cn", Country: "CN"}, {Entity: "sparkoo-sg", Country: "SG"},
			{Entity: "sparkoo-hk", Country: "HK"}, {Entity: "sparkoo-hk", Country: "CN"}, {},
		}).Draw(t, "staff")
		if rapid.IntRange(0, 3).Draw(t, "accounted") > 0 {
			f.Access = decision.StaffAccess{Named: rapid.IntRange(0, 5).Draw(t, "named") > 0, Ticket: rapid.SampledFrom([]string{"T-1", ""}).Draw(t, "ticket")}
		}
	}
	if rapid.Bool().Draw(t, "chose") {
		f.Choices, f.Deletes = drawChoices(t), rapid.Bool().Draw(t, "deletes")
	}
	return f
}

func drawChoices(t *rapid.T) decision.Choices {
	now := func(name string) bool { return rapid.IntRange(0, 5).Draw(t, name) == 0 }
	some := func(name string, items ...string) []string {
		return rapid.SliceOfN(rapid.SampledFrom(items), 0, 2).Draw(t, name)
	}
	return decision.Choices{
		Closed: now("closed"), Minor: now("minor"), Guardian: now("guardian"), Restricted: now("restricted"),
		Withdrawn: now("withdrawn"), OptOut: now("opt-out"), Disabled: some("disabled", "support", "serving", "marketing"),
		Purposes: some("purposes", allPurposes...), Recipients: some("recipients", append([]string{"huawei-cloud-cn"}, operators...)...),
	}
}

func (w *world) decide() decision.Decision {
	return decision.Decide(w.policy, &w.site, w.at, w.facts)
}

// subset fails unless every candidate of a is one of b.
func subset(t *rapid.T, a, b *decision.Decision) {
	t.Helper()
	for _, code := range codes(a) {
		if !slices.Contains(codes(b), code) {
			t.Fatalf("%s is a candidate in %v and not in %v", code, codes(a), codes(b))
		}
	}
}

func TestRandomWorlds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		d := w.decide()
		checkDecision(t, w.policy, &w.site, w.at, w.facts, &d)
	})
}

// TestMonotone: what is added to the registers of safeguards never takes a
// region away, and what is taken from them never gives one.
func TestMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		before := w.decide()

		more := *w.policy
		more.Safeguards = append(slices.Clone(w.policy.Safeguards), decisiontest.DrawRow(t, w.policy))
		after := decision.Decide(&more, &w.site, w.at, w.facts)
		subset(t, &before, &after)

		less := *w.policy
		law := rapid.SampledFrom(w.policy.Laws).Draw(t, "without").ID
		less.Safeguards = slices.DeleteFunc(slices.Clone(w.policy.Safeguards), func(r decision.Safeguard) bool { return r.Law == law })
		after = decision.Decide(&less, &w.site, w.at, w.facts)
		subset(t, &after, &before)

		proof := w.site
		proof.Demo = false
		after = decision.Decide(w.policy, &proof, w.at, w.facts)
		subset(t, &after, &before)

		wider := *w.policy
		wider.Activities = slices.Clone(w.policy.Activities)
		for i := range wider.Activities {
			a := &wider.Activities[i]
			a.Categories = append(slices.Clone(a.Categories), rapid.SampledFrom(allCategories).Draw(t, "category"))
			a.Purposes = append(slices.Clone(a.Purposes), rapid.SampledFrom(allPurposes).Draw(t, "purpose"))
		}
		after = decision.Decide(&wider, &w.site, w.at, w.facts)
		subset(t, &after, &before)
	})
}

// TestReportModeLeavesStorage: what report mode may let pass never stores, is one
// of the site's regions, and lacks nothing but safeguards.
func TestReportModeLeavesStorage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		d := w.decide()
		if d.Waived == nil {
			return
		}
		a := d.Activity
		if a.StorageOnly || slices.Contains([]string{"storage", "rights"}, a.ID) {
			t.Fatalf("%+v: %s would be let pass to %s", w.facts, a.ID, d.Waived.Region.Code)
		}
		for _, r := range d.Refused {
			if r.Region == d.Waived.Region.Code && r.Reason != decision.NoSafeguard && r.Reason != decision.SafeguardUnproven {
				t.Fatalf("%+v: %s would be let pass though it is refused for %s", w.facts, r.Region, r.Reason)
			}
		}
		if !slices.Contains(w.site.Regions, d.Waived.Region.Code) || d.Outcome != decision.Denied {
			t.Fatalf("%+v: %+v", w.facts, d)
		}
	})
}

// TestChoicesOnlyTake: no choice ever gives a region, and a person's own rights
// request knows no choice.
func TestChoicesOnlyTake(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		w.facts.Choices = decision.Choices{}
		free := w.decide()
		w.facts.Choices = drawChoices(t)
		bound := w.decide()
		subset(t, &bound, &free)
		if a := bound.Activity; a != nil && a.Rights && w.facts.Staff == nil && !reflect.DeepEqual(bound, free) {
			t.Fatalf("%+v: rights decided as\n%+v, without choices\n%+v", w.facts, bound, free)
		}
	})
}

// TestOrderOfRows: the order of a register's rows decides nothing.
func TestOrderOfRows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		before := w.decide()
		shuffled := *w.policy
		shuffled.Safeguards = rapid.Permutation(w.policy.Safeguards).Draw(t, "safeguards")
		shuffled.Recipients = rapid.Permutation(w.policy.Recipients).Draw(t, "recipients")
		after := decision.Decide(&shuffled, &w.site, w.at, w.facts)
		if !reflect.DeepEqual(before.Candidates, after.Candidates) || before.Reason != after.Reason || before.Unlock != after.Unlock {
			t.Fatalf("%+v\n%+v", before, after)
		}
	})
}

// TestNothingChangesBetweenBoundaries: a table holds for all of its stretch.
func TestNothingChangesBetweenBoundaries(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		for i := range w.policy.Safeguards {
			if rapid.IntRange(0, 5).Draw(t, "dated") == 0 {
				from := now.Add(time.Duration(rapid.IntRange(-5, 5).Draw(t, "from")) * time.Hour)
				w.policy.Safeguards[i].Validity = decision.Validity{From: from, Until: from.Add(2 * time.Hour)}
			}
		}
		bounds := append([]time.Time{posted}, decision.Boundaries(w.policy)...)
		i := rapid.IntRange(0, len(bounds)-1).Draw(t, "stretch")
		end := bounds[i].Add(time.Hour)
		if i+1 < len(bounds) {
			end = bounds[i+1]
		}
		w.at = bounds[i]
		first := w.decide()
		for _, at := range []time.Time{bounds[i].Add(end.Sub(bounds[i]) / 2), end.Add(-1)} {
			if at.Before(bounds[i]) {
				continue // two boundaries in one
			}
			w.at = at
			if d := w.decide(); !slices.Equal(codes(&d), codes(&first)) || !reflect.DeepEqual(d.Candidates, first.Candidates) {
				t.Fatalf("from %s candidates %v, at %s %v", bounds[i], codes(&first), at, codes(&d))
			}
		}
	})
}
