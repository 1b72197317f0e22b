package decision_test

import (
	"testing"

	"github.com/sparkoo/transfergate/internal/decision"
)

// BenchmarkTableDecide is what every request pays: at most 100 ns and 0
// allocations, except where a choice of the person bears on the activity: that
// is decided anew. The facts carry their own copy of the controller, as those from
// a directory do.
func BenchmarkTableDecide(b *testing.B) {
	p := policy()
	table := compile(b, p, siteSG(), now)
	account := person(p, "serving", "FR")
	account.Controller, account.Basis = controller(policy(), "sparkoo-br"), decision.BasisAccountCenter
	free := person(p, "serving", "FR")
	free.Choices = decision.Choices{OptOut: true, Purposes: []string{"2b"}}
	bound := person(p, "support", "BR")
	bound.Choices = decision.Choices{Restricted: true}
	elsewhere, shuns := person(p, "serving", "BR"), person(p, "support", "BR")
	elsewhere.Choices.Recipients = []string{"huawei-cloud-cn"}
	shuns.Choices = elsewhere.Choices
	for _, bench := range []struct {
		name  string
		facts decision.Facts
	}{
		{"choices that do not bear on it", free},
		{"stopped by a choice", bound},
		{"objection to a recipient of another activity", elsewhere},
		{"objection to the recipient", shuns},
		{"row", person(policy(), "support", "BR")},
		{"default", person(policy(), "serving", "FR")},
		{"account", account},
		{"nobody", person(policy(), "public", "")},
		{"denied", person(policy(), "support", "US")},
		{"staff", staffOf(person(policy(), "support", "BR"), "huawei-cloud-cn", "CN")},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				table.Decide(bench.facts)
			}
		})
	}
}

// BenchmarkCompile is what a reload or a boundary costs each site.
func BenchmarkCompile(b *testing.B) {
	p, s := policy(), siteSG()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decision.Compile(p, s, now, nil); err != nil {
			b.Fatal(err)
		}
	}
}
