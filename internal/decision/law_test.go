package decision_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sparkoo/transfergate/internal/country"
	"github.com/sparkoo/transfergate/internal/decision"
)

// TestStricterNeverAllows: what a law asks for more never opens a region. The country
// has a law already: for one without, a first law replaces unknown_law.
func TestStricterNeverAllows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		before := w.decide()
		p := *w.policy
		p.Laws = slices.Clone(w.policy.Laws)
		law := &p.Laws[rapid.IntRange(0, len(p.Laws)-1).Draw(t, "law")]
		switch rapid.IntRange(0, 4).Draw(t, "what") {
		case 0:
			p.Laws = append(p.Laws, decision.Law{
				ID: "new", Title: "New", Countries: law.Countries, Default: "prohibited", Validity: law.Validity,
				DirectCollection: decision.Reading{None: rapid.Bool().Draw(t, "direct")}, Returns: decision.Reading{None: rapid.Bool().Draw(t, "returns")},
			})
		case 1:
			law.Duties = append(slices.Clone(law.Duties), decision.Duty{Evidence: "notification", Categories: anything})
		case 2:
			law.Localisation = &decision.Localisation{Categories: of("1a"), Form: decision.OnlyHere, Persons: decision.Citizens}
		case 3:
			law.DirectCollection, law.Returns = decision.Reading{}, decision.Reading{}
		case 4:
			law.Concern = &decision.Concern{Countries: []string{"CN", "HK"}, Share: 50}
		}
		after := decision.Decide(&p, &w.site, w.at, w.facts)
		subset(t, &after, &before)
	})
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
