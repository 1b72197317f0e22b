package gateway

import (
	"testing"
	"time"

	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/controllers"
	"github.com/sparkoo/transfergate/internal/decision"
)

// BenchmarkCandidate is what a candidate costs each request: nothing where none is
// tried, otherwise finding the controller and deciding once more.
func BenchmarkCandidate(b *testing.B) {
	p, err := config.Default()
	if err != nil {
		b.Fatal(err)
	}
	table, err := controllers.ForPolicy(p)
	if err != nil {
		b.Fatal(err)
	}
	tried := *p
	tried.Digest = "other"
	h := &Handler{
		app:  &App{table: table, metrics: processMetrics()},
		site: decision.Site{Node: decision.Place{Entity: "sparkoo-sg", Country: "SG"}, Regions: []string{"ap-southeast-3", "sa-brazil-1", "cn-north-4"}, Demo: true},
	}
	at := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	tables := func(p *decision.Policy) []*siteTables {
		site, err := tablesFor(p, h, at)
		if err != nil {
			b.Fatal(err)
		}
		return []*siteTables{site}
	}
	s := &state{policy: p, roster: table.Snapshot().Roster(), sites: tables(p)}
	with := *s
	with.candidate = &candidate{policy: &tried, roster: s.roster, sites: tables(&tried)}
	for name, s := range map[string]*state{"none": s, "same decision": &with} {
		b.Run(name, func(b *testing.B) {
			x := &exchange{state: s, identity: Identity{Found: true, Country: "BR"}, identified: true}
			snapshot := table.Snapshot()
			x.subject = snapshot.Subject("", "BR", "")
			f := decision.Facts{Activity: "serving", Identified: true, Country: "BR", Controller: x.subject.Controller, Basis: x.subject.Basis, At: at}
			live, err := s.table(h, at)
			if err != nil {
				b.Fatal(err)
			}
			d := live.Decide(f)
			b.ReportAllocs()
			for b.Loop() {
				h.tryCandidate(x, d, f)
			}
			if x.shadow != nil {
				b.Fatalf("it differs: %s", x.shadow)
			}
		})
	}
}
