package policydiff_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/decision/decisiontest"
	"github.com/sparkoo/transfergate/internal/policydiff"
	"github.com/sparkoo/transfergate/internal/testsupport"
)

// lawOf is a country's only row of laws.
func lawOf(p *decision.Policy, id string) *decision.Law {
	i := slices.IndexFunc(p.Laws, func(l decision.Law) bool { return l.ID == id })
	return &p.Laws[i]
}

func recipient(p *decision.Policy, id string) *decision.Recipient {
	i := slices.IndexFunc(p.Recipients, func(r decision.Recipient) bool { return r.ID == id })
	return &p.Recipients[i]
}

// fewer is a policy with as many activities as differ in what they ask for.
func fewer() *decision.Policy {
	p := decisiontest.Policy()
	p.Activities = slices.DeleteFunc(p.Activities, func(a decision.Activity) bool {
		return !slices.Contains([]string{"storage", "serving", "support"}, a.ID)
	})
	return p
}

// TestOnlyWhatBears: what cannot differ is not asked, and nothing is missed by that,
// whichever register differs or whatever begins.
func TestOnlyWhatBears(t *testing.T) {
	filing := func(p *decision.Policy) {
		lawOf(p, "za").Duties = []decision.Duty{{Evidence: "filing", Categories: decisiontest.Anything, Months: 1}}
		for i := range p.Safeguards {
			p.Safeguards[i].Evidence = map[string]decision.Evidence{"filing": {Reference: "F-1", Date: now.AddDate(0, 0, -20)}}
		}
	}
	for name, change := range map[string]func(*decision.Policy){
		"a law of the store": func(p *decision.Policy) {
			p.Safeguards = slices.DeleteFunc(p.Safeguards, func(s decision.Safeguard) bool { return s.Law == "sg" })
		},
		"a law of a region": func(p *decision.Policy) { lawOf(p, "th").Returns.None = false },
		"a law of staff":    func(p *decision.Policy) { lawOf(p, "sa").Mechanisms = nil },
		"a law of the node": func(p *decision.Policy) { lawOf(p, "za").Mechanisms = nil },
		"what a law keeps, later": func(p *decision.Policy) {
			lawOf(p, "br").Localisation = &decision.Localisation{Categories: decisiontest.Anything, Form: decision.OnlyHere, Persons: decision.Anyone, From: chile}
		},
		"a duty whose evidence ends": filing,
		"an owner":                   func(p *decision.Policy) { recipient(p, "sparkoo-th").Kinds = nil },
		"where a region is": func(p *decision.Policy) {
			p.Regions[slices.IndexFunc(p.Regions, func(r decision.Region) bool { return r.Code == "af-south-1" })].Country = "BR"
		},
		"a region more": func(p *decision.Policy) {
			p.Regions = append(p.Regions, decision.Region{Code: "xx-south-1", Country: "PE", Operator: "sparkoo-th"})
		},
		"a region less": func(p *decision.Policy) { p.Regions = slices.Delete(p.Regions, 2, 3) },
		"unknown laws":  func(p *decision.Policy) { p.UnknownLaw = decision.DenyUnknown },
		"statements":    func(p *decision.Policy) { p.Statements = nil },
		"a controller":  func(p *decision.Policy) { controller(p, "sparkoo-cl").Serves = []string{"CL", "AR"} },
		"where a controller is": func(p *decision.Policy) {
			controller(p, "sparkoo-cl").Country = "BR"
		},
		"the store": func(p *decision.Policy) { p.Regions[0].Storage, p.Regions[2].Storage = false, true },
		"an activity": func(p *decision.Policy) {
			p.Activities[1].Order = decision.OrderDeclared
		},
	} {
		before, p := fewer(), fewer()
		change(p)
		// A node and regions of which none is in Singapore, where much is decided.
		scope := policydiff.Scope{Nodes: []decision.Place{decisiontest.NodeZA}, Regions: []string{"ap-southeast-2", "af-south-1", "sa-brazil-1", "cn-north-4", "xx-south-1"}}
		whole := policydiff.Diff(before, p, now, policydiff.Everything(scope))
		if len(whole.Changes) == 0 {
			t.Errorf("%s: nothing differs", name)
		}
		sameComparison(t, name, policydiff.Diff(before, p, now, scope), whole)
		sameComparison(t, name, policydiff.Forecast(p, now, later, scope), policydiff.Forecast(p, now, later, policydiff.Everything(scope)))
	}
}

// TestOnlyWhatBearsAtRandom is the same of random policies.
func TestOnlyWhatBearsAtRandom(t *testing.T) {
	rounds, most := 0, 10
	switch {
	case testsupport.Race || testing.Short():
		most = 2
	case testsupport.Full():
		most = 50
	}
	rapid.Check(t, func(t *rapid.T) {
		if rounds++; rounds > most {
			return
		}
		p, site, _ := decisiontest.DrawWorld(t)
		b := drawOther(t, p)
		scope := policydiff.Scope{Nodes: []decision.Place{site.Node}, Regions: site.Regions, Demo: site.Demo}
		sameComparison(t, "random", policydiff.Diff(p, b, now, scope), policydiff.Diff(p, b, now, policydiff.Everything(scope)))
	})
}

func sameComparison(t rapid.TB, name string, got, want *policydiff.Comparison) {
	t.Helper()
	if got.Flows != want.Flows {
		t.Errorf("%s: %d flows, want %d", name, got.Flows, want.Flows)
	}
	if a, b := sentences(got), sentences(want); !slices.Equal(a, b) {
		t.Errorf("%s: told\n%s\nwant\n%s", name, strings.Join(a, "\n"), strings.Join(b, "\n"))
	}
}
