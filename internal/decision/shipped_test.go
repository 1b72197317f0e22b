package decision_test

import (
	"testing"
	"time"

	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/country"
	"github.com/sparkoo/transfergate/internal/decision"
)

func shipped(t testing.TB) *decision.Policy {
	t.Helper()
	p, err := config.Default()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestShippedPolicy holds what is true of every decision for the policy that
// ships, in demo and out of it, for everything a person can ask.
func TestShippedPolicy(t *testing.T) {
	p := shipped(t)
	for _, node := range []decision.Place{nodeSG, nodeZA} {
		for _, demo := range []bool{false, true} {
			for _, at := range []time.Time{now, later} {
				s := siteAt(node)
				s.Demo = demo
				table := compile(t, p, s, at)
				for _, a := range p.Activities {
					for _, code := range append(country.All(), "") {
						f := person(p, a.ID, code)
						checkDecision(t, p, &s, at, f, table.Decide(f))
					}
				}
			}
		}
	}
}

func BenchmarkShippedTableDecide(b *testing.B) {
	p := shipped(b)
	s := siteSG()
	s.Demo = true
	table := compile(b, p, s, now)
	f := person(shipped(b), "support", "BR")
	b.ReportAllocs()
	for b.Loop() {
		table.Decide(f)
	}
}

func BenchmarkShippedCompile(b *testing.B) {
	p := shipped(b)
	s := siteSG()
	s.Demo = true
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decision.Compile(p, s, now, nil); err != nil {
			b.Fatal(err)
		}
	}
}
