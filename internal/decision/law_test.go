package decision_test

import (
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sparkoo/transfergate/internal/country"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/decision/decisiontest"
)

// TestStricterNeverAllows: what a law asks for more never opens a region, and no law
// that missed something misses less for it. Every country asked for has a law already:
// for one without, a first law replaces unknown_law. Each draw asks for every activity.
func TestStricterNeverAllows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		drawDemands(t, w.policy)
		stricter := clone(w.policy)
		stricter.Laws = slices.Clone(w.policy.Laws)
		for law := range w.policy.Laws {
			if rapid.IntRange(0, 3).Draw(t, "stricter") > 0 {
				demandMore(t, stricter, law)
			}
		}
		before, after := decision.NewView(w.policy, &w.site, w.at), decision.NewView(stricter, &w.site, w.at)
		for f := range asked(w.policy) {
			f.At = w.at
			was, is := before.Decide(f), after.Decide(f)
			subset(t, &is, &was)
			for region, missed := range misses(before, &was, &f) {
				if still := misses(after, &is, &f)[region]; !containsAll(still, missed) {
					t.Fatalf("%s for %q in %s: before it missed %v, and stricter %v", f.Activity, f.Country, region, missed, still)
				}
			}
		}
	})
}

// asked are requests of people under most of the laws, for each activity, by themselves
// and by staff.
func asked(p *decision.Policy) iter.Seq[decision.Facts] {
	return func(yield func(decision.Facts) bool) {
		for i := range p.Activities {
			for _, from := range []string{"BR", "CL", "CN", "FR", "HK", "SG", "ZA"} {
				f := person(p, p.Activities[i].ID, from)
				for _, facts := range []decision.Facts{f, staffOf(f, "huawei-cloud-cn", "CN")} {
					if !yield(facts) {
						return
					}
				}
			}
		}
	}
}

// misses are, by region, the laws that miss something, with the leg of which they do.
func misses(v *decision.View, d *decision.Decision, f *decision.Facts) map[string][]string {
	of := map[string][]string{}
	for i := range d.Refused {
		r := &d.Refused[i]
		for n, leg := range v.Judged(r, d, f) {
			for _, verdict := range leg.Laws {
				if verdict.Outcome == decision.Missing {
					of[r.Region] = append(of[r.Region], fmt.Sprintf("%s on leg %d", verdict.Law, n))
				}
			}
		}
	}
	return of
}

func containsAll(list, items []string) bool {
	return !slices.ContainsFunc(items, func(item string) bool { return !slices.Contains(list, item) })
}

// drawDemands gives some of the laws demands beside a mechanism, and some of the rows
// what fulfils them, so that much turns on the one thing that is missing.
func drawDemands(t *rapid.T, p *decision.Policy) {
	seldom := func(name string) bool { return rapid.IntRange(0, 3).Draw(t, name) == 0 }
	for i := range p.Laws {
		law := &p.Laws[i]
		law.DirectCollection.None, law.Returns.None = !seldom("collects"), !seldom("returns")
		if seldom("open") {
			law.Mechanisms = append(slices.Clone(law.Mechanisms), decision.Mechanism{Tag: law.ID + "-law-rule", Rule: true})
			if rule := decisiontest.OperatorRow(law.ID); rapid.Bool().Draw(t, "ruled") {
				rule.ID, rule.Tag, rule.Exporters, rule.Recipients, rule.Countries, rule.Kinds = law.ID+"-rule", law.ID+"-law-rule", anything, anything, anything, anything
				p.Safeguards = append(p.Safeguards, rule)
			}
		}
		if rapid.Bool().Draw(t, "duty") {
			law.Duties = append(law.Duties, drawDuty(t))
		}
		if seldom("kept") {
			law.Localisation = drawLocalisation(t, law.ID)
		}
		if seldom("closes") {
			law.Concern = &decision.Concern{Countries: []string{"CN", "HK"}, Share: 50, Tags: []string{law.ID + "-to-hk"}}
		}
	}
	for i := range p.Safeguards {
		row := &p.Safeguards[i]
		row.Evidence = map[string]decision.Evidence{}
		for _, evidence := range append(slices.Clone(evidences), decision.LocalCopy) {
			if !seldom(evidence) {
				row.Evidence[evidence] = decision.Evidence{Reference: "1", Date: posted}
			}
		}
		if seldom("to hk") && row.Tag == row.Law+"-law-scc" {
			row.Tag = row.Law + "-to-hk"
		}
	}
	for i := range p.Recipients {
		if seldom("owned") {
			p.Recipients[i].OwnedBy = &decision.Owner{Country: "CN", Share: 100}
		}
	}
}

// evidences are what duties of these tests ask for.
var evidences = []string{"filing", "notification"}

func drawDuty(t *rapid.T) decision.Duty {
	d := decision.Duty{Evidence: rapid.SampledFrom(evidences).Draw(t, "evidence"), Categories: anything, Months: rapid.SampledFrom([]int{0, 1, 24}).Draw(t, "months")}
	if rapid.Bool().Draw(t, "of some data") {
		d.Categories = of("1h")
	}
	return d
}

func drawLocalisation(t *rapid.T, law string) *decision.Localisation {
	return &decision.Localisation{
		Categories: rapid.SampledFrom([]decision.Set{anything, of("1a"), of("1h")}).Draw(t, "which data"),
		Form:       rapid.SampledFrom([]decision.Form{decision.OnlyHere, decision.FirstHere, decision.CopyHere}).Draw(t, "form"),
		Persons:    rapid.SampledFrom([]decision.Persons{decision.Citizens, decision.Anyone}).Draw(t, "whose"),
		Tag:        rapid.SampledFrom([]string{"", law + "-law-scc", law + "-to-hk"}).Draw(t, "but"),
	}
}

// demandMore makes a law ask for more than it did.
func demandMore(t *rapid.T, p *decision.Policy, at int) {
	law := &p.Laws[at]
	switch rapid.IntRange(0, 5).Draw(t, "more") {
	case 0:
		p.Laws = append(p.Laws, decision.Law{
			ID: fmt.Sprintf("new-%d", len(p.Laws)), Title: "New", Countries: law.Countries, Default: "prohibited", Validity: law.Validity,
			DirectCollection: decision.Reading{None: rapid.Bool().Draw(t, "direct")}, Returns: decision.Reading{None: rapid.Bool().Draw(t, "back")},
		})
	case 1:
		law.Duties = append(slices.Clone(law.Duties), drawDuty(t))
	case 2:
		if law.Localisation == nil {
			law.Localisation = drawLocalisation(t, law.ID)
		} else {
			law.Localisation = &decision.Localisation{Categories: anything, Form: decision.OnlyHere, Persons: decision.Anyone}
		}
	case 3:
		law.DirectCollection.None = false
	case 4:
		law.Returns.None = false
	case 5:
		if law.Concern == nil && !slices.ContainsFunc(law.Mechanisms, func(m decision.Mechanism) bool { return m.Rule }) {
			law.Concern = &decision.Concern{Countries: []string{"CN", "HK", "SG"}, Share: 50}
		}
	}
}

// TestProhibitedWithoutSafeguard: a law that prohibits transfers denies storage, serving
// and marketing for its people once nothing satisfies it, unless it sees none in
// direct collection.
func TestProhibitedWithoutSafeguard(t *testing.T) {
	p := clone(shipped(t))
	s := siteSG()
	s.Demo = true
	for _, law := range p.Laws {
		if law.Default != "prohibited" || law.ID == "sg" || law.DirectCollection.None || !law.Validity.Contains(now) {
			continue
		}
		without := clone(p)
		without.Safeguards = slices.DeleteFunc(without.Safeguards, func(row decision.Safeguard) bool { return row.Law == law.ID })
		for _, activity := range []string{"storage", "serving", "marketing"} {
			if d := decision.Decide(without, &s, now, person(without, activity, law.Countries[0])); d.Outcome != decision.Denied {
				t.Errorf("%s for %s without a safeguard under %s: allowed in %v", activity, law.Countries[0], law.ID, codes(&d))
			}
		}
	}
}

// TestNothingWithoutAnInstrument: outside demo the shipped policy lets nothing pass that
// a law sees as a transfer, for no country and no activity; its rows of the laws' own
// rules are for public data alone.
func TestNothingWithoutAnInstrument(t *testing.T) {
	p := shipped(t)
	for _, at := range []time.Time{now, later} {
		table := compile(t, p, siteSG(), at)
		for _, a := range p.Activities {
			for _, code := range append(country.All(), "") {
				f := person(p, a.ID, code)
				for _, c := range table.Decide(f).Candidates {
					if a.Rights || a.Public {
						continue // §7; and what is public by nature (§4(d))
					}
					if len(c.Safeguards) > 0 || c.Region.Code != "ap-southeast-3" {
						t.Errorf("%s for %q in %s leans on %q, and nothing is signed", a.ID, code, c.Region.Code, c.Tags())
					}
				}
			}
		}
	}
}

// A duty's evidence counts from its date until its months are over, and not without one.
func TestEvidenceLasts(t *testing.T) {
	for _, test := range []struct {
		name     string
		evidence decision.Evidence
		months   int
		want     bool
	}{
		{"given", decision.Evidence{Reference: "1", Date: now}, 0, true},
		{"in the future", decision.Evidence{Reference: "1", Date: now.Add(1)}, 0, false},
		{"without a date", decision.Evidence{Reference: "1"}, 0, false},
		{"without a reference", decision.Evidence{Date: now}, 0, false},
		{"a day before it is over", decision.Evidence{Reference: "1", Date: now.AddDate(-3, 0, 1)}, 36, true},
		{"over", decision.Evidence{Reference: "1", Date: now.AddDate(-3, 0, 0)}, 36, false},
	} {
		p := policy()
		for i := range p.Laws {
			if p.Laws[i].ID == "br" {
				p.Laws[i].Duties = []decision.Duty{{Evidence: "filing", Title: "a filing", Categories: anything, Months: test.months}}
			}
		}
		for i := range p.Safeguards {
			p.Safeguards[i].Evidence = map[string]decision.Evidence{"filing": test.evidence}
		}
		if d := decide(p, person(p, "storage", "BR")); (d.Outcome == decision.Allowed) != test.want {
			t.Errorf("%s: %s %s", test.name, d.Reason, d.Unlock)
		}
		end := test.evidence.Date.AddDate(0, test.months, 0)
		if test.months > 0 && !slices.ContainsFunc(decision.Boundaries(p), end.Equal) {
			t.Errorf("%s: no boundary at %s", test.name, end)
		}
	}
}

// A recipient owned from a country of concern is closed by its owner, not its place.
func TestConcern(t *testing.T) {
	for _, test := range []struct {
		share int
		want  bool
	}{{49, true}, {50, false}} {
		p := policy()
		for i := range p.Laws {
			if p.Laws[i].ID == "br" {
				p.Laws[i].Concern = &decision.Concern{Countries: []string{"CN"}, Share: 50}
			}
		}
		for i := range p.Recipients {
			if p.Recipients[i].ID == "sparkoo-sg" {
				p.Recipients[i].OwnedBy = &decision.Owner{Name: "Parent", Country: "CN", Share: test.share}
			}
		}
		if d := decide(p, person(p, "storage", "BR")); (d.Outcome == decision.Allowed) != test.want {
			t.Errorf("%d %%: %s %s", test.share, d.Reason, d.Unlock)
		}
	}
}

// What is refused only because of what comes back says so.
func TestJudgedHasTheWayBack(t *testing.T) {
	p := policy()
	for i := range p.Laws {
		if p.Laws[i].ID == "cn" {
			p.Laws[i].Returns = decision.Reading{}
		}
	}
	p.Safeguards = slices.DeleteFunc(p.Safeguards, func(row decision.Safeguard) bool { return row.ID == "cn-scc-answers" })
	s := siteSG()
	v, f := decision.NewView(p, &s, now), person(p, "support", "BR")
	d := v.Decide(f)
	at := slices.IndexFunc(d.Refused, func(r decision.Refusal) bool { return r.Region == "cn-north-4" })
	if at < 0 {
		t.Fatalf("allowed: %v", codes(&d))
	}
	legs := v.Judged(&d.Refused[at], &d, &f)
	if last := legs[len(legs)-1]; last.Kind != decision.Return || last.Laws[0].Law != "cn" || last.Laws[0].Outcome != decision.Missing {
		t.Errorf("%+v ends with %+v", d.Refused[at], last)
	}
}
