package policystore_test

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/approval"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/policystore"
)

// keeper counts what a store asks of the gateway.
type keeper struct {
	now    time.Time
	kept   []string // digests
	broken error    // what keeping a policy fails with
	failed int
}

func (k *keeper) options(folder string) policystore.Options {
	return policystore.Options{Advise: func(*decision.Policy) {},
		Folder: folder, Common: new(policystore.Common), Now: func() time.Time { return k.now }, Logger: slog.New(slog.DiscardHandler),
		Keep: func(digest string, _ []byte, _ *approval.Status) error {
			if k.broken == nil {
				k.kept = append(k.kept, digest)
			}
			return k.broken
		},
		Failed: func(string) { k.failed++ },
	}
}

// start exports the embedded policy and makes a store of it with one site.
func start(t *testing.T) (*keeper, *policystore.Store, *policystore.Site, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "policy")
	if err := config.Export(dir); err != nil {
		t.Fatal(err)
	}
	k := &keeper{now: time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)}
	store, err := policystore.New(k.options(dir))
	if err != nil {
		t.Fatal(err)
	}
	site := &policystore.Site{
		Site:       decision.Site{Node: decision.Place{Entity: "sparkoo-sg", Country: "SG"}, Regions: []string{"ap-southeast-3", "sa-brazil-1"}, Demo: true},
		Activities: []string{"storage", "serving"},
	}
	if err := store.Register(site); err != nil {
		t.Fatal(err)
	}
	return k, store, site, dir
}

// edit replaces a text that stands once in a file.
func edit(t *testing.T, dir, file, old, new string) {
	t.Helper()
	name := filepath.Join(dir, file)
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(text), old) != 1 {
		t.Fatalf("%s does not stand once in %s", old, file)
	}
	if err := os.WriteFile(name, []byte(strings.Replace(string(text), old, new, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
}

const (
	sparkooBrazil = "name: Sparkoo Technologies Do Brasil Ltda."
	renamed       = "name: Sparkoo do Brasil"
)

// TestReload: a policy is taken whole or not at all, is kept before it is in force,
// and a state that a request has taken does not change.
func TestReload(t *testing.T) {
	k, store, site, dir := start(t)
	if err := store.Started(); err != nil || len(k.kept) != 1 {
		t.Fatalf("kept %v: %v", k.kept, err)
	}
	before := store.State()
	if changed, err := store.Reload(); changed || err != nil {
		t.Errorf("the same policy: changed %t, %v", changed, err)
	}
	edit(t, dir, "controllers.yaml", sparkooBrazil, renamed)
	k.broken = errors.New("the disk is full")
	if changed, err := store.Reload(); changed || !errors.Is(err, k.broken) {
		t.Errorf("a policy that cannot be kept: changed %t, %v", changed, err)
	}
	if store.State().Policy != before.Policy || k.failed != 1 || store.Failure() == nil {
		t.Errorf("it is in force: %d failures, %v", k.failed, store.Failure())
	}
	k.broken = nil
	if changed, err := store.Reload(); !changed || err != nil {
		t.Fatalf("changed %t, %v", changed, err)
	}
	after := store.State()
	if after.Policy.Digest == before.Policy.Digest || len(k.kept) != 2 || k.kept[1] != after.Policy.Digest || store.Failure() != nil {
		t.Errorf("kept %v, in force is %s, failure %v", k.kept, after.Policy.Digest, store.Failure())
	}
	table, err := before.Table(site, k.now)
	if err != nil || table.Policy() != before.Policy {
		t.Errorf("a request that began before is judged by another policy: %v", err)
	}
	if stores := after.Stores(site); len(stores) != 2 || !stores[0] || stores[1] {
		t.Errorf("activities that are storage: %v", stores)
	}
	refused := errors.New("this configuration wants another")
	if err := store.Require(func(p *decision.Policy) error {
		if p.Digest == after.Policy.Digest {
			return nil
		}
		return refused
	}); err != nil {
		t.Fatal(err)
	}
	edit(t, dir, "controllers.yaml", renamed, sparkooBrazil)
	if _, err := store.Reload(); !errors.Is(err, refused) || store.State().Policy != after.Policy {
		t.Errorf("a policy that breaks a rule: %v", err)
	}
}

// TestShadow: a shadow is decided by beside the policy in force and survives its
// reload; one that breaks is not taken.
func TestShadow(t *testing.T) {
	k, store, site, dir := start(t)
	tried := filepath.Join(t.TempDir(), "tried")
	if err := config.Export(tried); err != nil {
		t.Fatal(err)
	}
	edit(t, tried, "controllers.yaml", "serves: [TH]", "serves: [LA]")
	if err := store.TryShadow(tried); err != nil {
		t.Fatal(err)
	}
	shadow := store.State().Shadow
	if table := shadow.Table(site, k.now); table == nil || table.Policy() != shadow.Policy || shadow.Unfit != "" {
		t.Fatalf("table %v, unfit: %s", table, shadow.Unfit)
	}
	facts := decision.Facts{Activity: "serving", Identified: true, Country: "XX", At: k.now}
	live, err := store.State().Table(site, k.now)
	if err != nil {
		t.Fatal(err)
	}
	if change := policystore.Differs(live.Decide(facts), shadow.Table(site, k.now).Decide(facts)); change != "" {
		t.Errorf("equal denials differ: %s", change)
	}
	allowed := &decision.Decision{Outcome: decision.Allowed, Candidates: []decision.Candidate{{Region: &store.State().Policy.Regions[0]}}}
	if change := policystore.Differs(allowed, live.Decide(facts)); change != "stops" {
		t.Errorf("a denial of what is allowed: %s", change)
	}
	edit(t, dir, "controllers.yaml", sparkooBrazil, renamed)
	if changed, err := store.Reload(); !changed || err != nil || store.State().Shadow != shadow {
		t.Errorf("after a reload of the policy in force: %t, %v", changed, err)
	}
	edit(t, tried, "controllers.yaml", "serves: [LA]", "serves: [nowhere]")
	if _, err := store.ReloadShadow(); err == nil || store.State().Shadow != shadow || k.failed != 1 {
		t.Errorf("a broken shadow: %v", err)
	}
	if status := store.ShadowStatus(store.State()); status.Digest != shadow.Policy.Digest || status.Source != tried || status.Failure == nil {
		t.Errorf("status %+v", status)
	}
}

// TestMode: report mode waives nothing but what a decision says may be waived, and
// ends on its day.
func TestMode(t *testing.T) {
	day := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	m := &policystore.Mode{Report: true, Owner: "dpo@example.com", Until: "2026-12-01"}
	if err := m.Prepare(); err != nil {
		t.Fatal(err)
	}
	waived := &decision.Decision{Waived: new(decision.Candidate)}
	for _, c := range []struct {
		name string
		mode *policystore.Mode
		d    *decision.Decision
		at   time.Time
		want bool
	}{
		{"on", m, waived, day.Add(-time.Second), true},
		{"over", m, waived, day, false},
		{"nothing to waive", m, new(decision.Decision), day.Add(-time.Second), false},
		{"enforced", nil, waived, day.Add(-time.Second), false},
	} {
		if got := c.mode.Reports(c.d, c.at); got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
	}
	for _, bad := range []*policystore.Mode{{Report: true, Until: "2026-12-01"}, {Report: true, Owner: "dpo", Until: "soon"}} {
		if bad.Prepare() == nil {
			t.Errorf("%+v passes", bad)
		}
	}
}
