package gateway

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/approval"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/policystore"
)

// BenchmarkShadow is what a shadow policy costs each request: nothing where none is
// tried, otherwise finding the controller and deciding once more.
func BenchmarkShadow(b *testing.B) {
	at := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	for _, name := range []string{"none", "same decision"} {
		b.Run(name, func(b *testing.B) {
			store, err := policystore.New(policystore.Options{Advise: func(*decision.Policy) {},
				Common: new(policystore.Common), Now: func() time.Time { return at }, Logger: slog.New(slog.DiscardHandler),
				Keep: func(string, []byte, *approval.Status) error { return nil }, Failed: func(string) {},
			})
			if err != nil {
				b.Fatal(err)
			}
			if name != "none" {
				if err := store.TryShadow(sameButForItsDigest(b)); err != nil {
					b.Fatal(err)
				}
			}
			h := &Handler{app: &App{table: store.Controllers(), metrics: processMetrics()}}
			h.site.Site = decision.Site{Node: decision.Place{Entity: "sparkoo-sg", Country: "SG"}, Regions: []string{"ap-southeast-3", "sa-brazil-1", "cn-north-4"}, Demo: true}
			if err := store.Register(&h.site); err != nil {
				b.Fatal(err)
			}
			x := &exchange{state: store.State(), identity: Identity{Found: true, Country: "BR"}, identified: true}
			snapshot := store.Controllers().Snapshot()
			x.subject = snapshot.Subject("", "BR", "")
			f := decision.Facts{Activity: "serving", Identified: true, Country: "BR", Controller: x.subject.Controller, Basis: x.subject.Basis, At: at}
			live, err := x.state.Table(&h.site, at)
			if err != nil {
				b.Fatal(err)
			}
			d := live.Decide(f)
			b.ReportAllocs()
			for b.Loop() {
				h.tryShadow(x, d, f)
			}
			if x.shadow != nil {
				b.Fatalf("it differs: %s", x.shadow)
			}
		})
	}
}

// sameButForItsDigest is the folder of a policy that decides as the embedded one.
func sameButForItsDigest(tb testing.TB) (dir string) {
	dir = filepath.Join(tb.TempDir(), "policy")
	if err := config.Export(dir); err != nil {
		tb.Fatal(err)
	}
	name := filepath.Join(dir, "laws.yaml")
	text, err := os.ReadFile(name)
	if err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(name, append(text, "# the same\n"...), 0o644); err != nil {
		tb.Fatal(err)
	}
	return dir
}
