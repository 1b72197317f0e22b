package decisiontest

import (
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/sparkoo/transfergate/internal/decision"
)

// DrawWorld draws a policy, a site that declares some of its regions, and a moment.
func DrawWorld(t *rapid.T) (*decision.Policy, decision.Site, time.Time) {
	p := Policy()
	p.Safeguards = slices.DeleteFunc(p.Safeguards, func(decision.Safeguard) bool { return rapid.IntRange(0, 7).Draw(t, "drop") == 0 })
	for i := range p.Safeguards {
		row := &p.Safeguards[i]
		row.Example = rapid.IntRange(0, 7).Draw(t, "example") == 0
		row.Confirm = rapid.IntRange(0, 7).Draw(t, "confirm") == 0
		row.Occasional = row.Occasional || rapid.IntRange(0, 7).Draw(t, "occasional") == 0
	}
	for range rapid.IntRange(0, 3).Draw(t, "rows") {
		p.Safeguards = append(p.Safeguards, DrawRow(t, p))
	}
	at := rapid.SampledFrom([]time.Time{Posted, Now, Chile, Later}).Draw(t, "at")
	return p, decision.Site{
		Node:    rapid.SampledFrom([]decision.Place{NodeSG, NodeZA, NodeBR}).Draw(t, "node"),
		Regions: rapid.Permutation(AllRegions).Draw(t, "regions")[:rapid.IntRange(1, len(AllRegions)).Draw(t, "declared")],
		Demo:    rapid.Bool().Draw(t, "demo"),
	}, at
}

// DrawRow draws a safeguard that may be as wide or as narrow as it likes.
func DrawRow(t *rapid.T, p *decision.Policy) decision.Safeguard {
	set := func(name string, items []string) decision.Set {
		if rapid.Bool().Draw(t, name+" any") {
			return Anything
		}
		return Of(rapid.SliceOfN(rapid.SampledFrom(items), 0, 4).Draw(t, name)...)
	}
	return decision.Safeguard{
		ID:         rapid.StringMatching(`[a-z]{6}`).Draw(t, "id"),
		Tag:        "xx-law-none",
		Law:        rapid.SampledFrom(p.Laws).Draw(t, "law").ID,
		Exporters:  set("exporters", append([]string{"unlisted"}, Operators...)),
		Recipients: set("recipients", append([]string{"huawei-cloud-cn"}, Operators...)),
		Countries:  set("countries", append([]string{"CN"}, OperatorCountries...)),
		Purposes:   set("purposes", AllPurposes),
		Categories: set("categories", AllCategories),
		Kinds:      set("kinds", []string{"9-operator", "4c"}),
	}
}
