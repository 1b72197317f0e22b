package decision_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/sparkoo/transfergate/internal/country"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/fields"
	"github.com/sparkoo/transfergate/internal/testsupport"
)

// large is a policy of 250 origins (every country, and nobody) x 40 recipients, each
// with a region in a country of its own, x 15 activities. Every country has a law,
// and every law a contract with all recipients and one with each half of them.
func large() (*decision.Policy, decision.Site) {
	const recipients, activities = 40, 15
	codes := country.All()
	p := &decision.Policy{
		Statements:  policy().Statements,
		Controllers: policy().Controllers,
	}
	s := decision.Site{Node: nodeSG}
	ids, places := []string{"sparkoo-sg"}, []string{"SG"}
	for i := 1; i < recipients; i++ {
		ids = append(ids, fmt.Sprintf("recipient-%02d", i))
		places = append(places, codes[i*6])
	}
	for i, id := range ids {
		p.Recipients = append(p.Recipients, decision.Recipient{
			ID: id, Country: places[i], Supports: support,
			Kinds: []decision.RecipientKind{decision.Operator, decision.Affiliate, decision.Partner},
		})
		region := decision.Region{Code: "region-" + id, Country: places[i], Operator: id, Storage: i == 0}
		p.Regions = append(p.Regions, region)
		s.Regions = append(s.Regions, region.Code)
	}
	for i := range activities {
		p.Activities = append(p.Activities, decision.Activity{
			ID: fmt.Sprintf("activity-%02d", i), Kind: []decision.RecipientKind{decision.Operator, decision.Affiliate, decision.Partner}[i%3],
			Purposes: allPurposes[i%7 : i%7+1], Categories: allCategories[2:], LegalBasis: "2-basis(a)",
			Exporter: []decision.Exporter{decision.FromNode, decision.FromStore}[i%2], Order: decision.OrderHome, Support: support[i%3],
		})
	}
	for _, code := range codes {
		law := "law-" + code
		p.Laws = append(p.Laws, decision.Law{ID: law, Title: law, Countries: []string{code}, Default: "prohibited", Returns: decision.Reading{None: true},
			DirectCollection: decision.Reading{None: true}, Mechanisms: []decision.Mechanism{{Tag: "xx-law-scc-0"}, {Tag: "xx-law-scc-1"}, {Tag: "xx-law-scc-2"}}})
		for i, to := range [][]string{ids, ids[:recipients/2], ids[recipients/2:]} {
			p.Safeguards = append(p.Safeguards, decision.Safeguard{
				ID: fmt.Sprintf("%s-%d", law, i), Tag: fmt.Sprintf("xx-law-scc-%d", i), Law: law, Instrument: "Contract", Assessment: "TIA",
				Exporters: anything, Recipients: of(to...), Countries: of(places...),
				Purposes: of(allPurposes...), Categories: of(allCategories...), Kinds: of("9-operator", "4c", "9-partner"),
			})
		}
	}
	return p, s
}

// TestTableFits: what the table of the policy that ships keeps alive is at most
// 64 MB, and of one of 250 countries x 40 recipients x 15 activities, which only CI
// compiles, 2 GB. How long they take to compile, BenchmarkShippedCompile and
// BenchmarkLargeCompile say.
func TestTableFits(t *testing.T) {
	if testsupport.Race {
		t.Skip("the race detector keeps memory of its own, and is slow by design")
	}
	shippedSite := siteSG()
	shippedSite.Demo = true
	wide, wideSite := large()
	for _, test := range []struct {
		name   string
		policy *decision.Policy
		site   decision.Site
		bytes  uint64
	}{
		{"shipped", shipped(t), shippedSite, 64 << 20},
		{"large", wide, wideSite, 2 << 30},
	} {
		if test.name == "large" && !testsupport.Full() {
			continue
		}
		if kept := keptBy(t, test.policy, test.site); kept > test.bytes {
			t.Errorf("%s: the table keeps %d MB, want at most %d MB", test.name, kept>>20, test.bytes>>20)
		}
	}
}

// keptBy is how many bytes a table keeps alive that is compiled as the gateway
// does it, fields rendered.
func keptBy(t *testing.T, p *decision.Policy, s decision.Site) uint64 {
	t.Helper()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	table, err := decision.Compile(p, s, now, fields.Finish)
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(table)
	return after.HeapAlloc - min(before.HeapAlloc, after.HeapAlloc)
}

// The large policy decides: it is no measurement of nothing.
func TestLargePolicyDecides(t *testing.T) {
	p, s := large()
	for _, code := range []string{"BR", "FR", "ZW", "SG"} {
		for _, a := range p.Activities {
			if d := decision.Decide(p, &s, now, person(p, a.ID, code)); len(d.Candidates) != 40 {
				t.Errorf("%s from %s: %d candidates, %s, %s", a.ID, code, len(d.Candidates), d.Reason, d.Unlock)
			}
		}
	}
}

// BenchmarkLargeCompile is what a reload costs at most, for every activity and
// region in a site: at most 3 s.
func BenchmarkLargeCompile(b *testing.B) {
	p, s := large()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decision.Compile(p, s, now, fields.Finish); err != nil {
			b.Fatal(err)
		}
	}
}
