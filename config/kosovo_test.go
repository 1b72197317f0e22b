package config_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/decision"
)

// TestKosovoIsWhatTheRegistersSay: XK is a country of its own. Nothing said, it has no
// law, as other countries that the registers do not know; an alias gives it the law of
// another, a row one of its own. It is never taken for another country: its people stay
// registered in XK, under the controller of XK.
func TestKosovoIsWhatTheRegistersSay(t *testing.T) {
	load := func(file, old, new string) *decision.Policy {
		t.Helper()
		fsys := fstest.MapFS{}
		names, err := filepath.Glob("policy/*.yaml")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			fsys[filepath.Base(name)] = &fstest.MapFile{Data: data}
		}
		if file != "" {
			edit(t, fsys, file, old, new)
		}
		p, err := config.LoadFS(fsys, "p")
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	decide := func(p *decision.Policy, code string) *decision.Decision {
		t.Helper()
		f := facts(p, "support", code)
		d := decision.Decide(p, demo(nodes[0], p), november, f)
		return &d
	}
	same := func(what string, a, b *decision.Decision) {
		t.Helper()
		if a.Outcome != b.Outcome || a.Reason != b.Reason || a.Law != strings.ReplaceAll(b.Law, "AQ", "XK") || !slices.EqualFunc(a.Candidates, b.Candidates, func(x, y decision.Candidate) bool { return x.Region.Code == y.Region.Code }) {
			t.Errorf("%s: %v %s %s, want %v %s %s", what, a.Outcome, a.Reason, a.Law, b.Outcome, b.Reason, b.Law)
		}
		if a.Country != "XK" {
			t.Errorf("%s: the country is %q", what, a.Country)
		}
	}
	silent := load("", "", "")
	same("nothing said", decide(silent, "XK"), decide(silent, "AQ"))
	if d := decide(silent, "XX"); d.Reason != decision.CountryInvalid || d.Country != "" {
		t.Errorf("another user-assigned code: %s, country %q", d.Reason, d.Country)
	}
	alias := load("laws.yaml", "aliases:\n", "aliases:\n  XK: RS\n")
	same("an alias", decide(alias, "XK"), decide(alias, "RS"))
	if a, b := decide(silent, "XK"), decide(alias, "XK"); a.Reason == b.Reason && a.Law == b.Law && len(a.Candidates) == len(b.Candidates) {
		t.Error("the alias changes nothing")
	}
	served := load("controllers.yaml", "serves: [BR]", "serves: [BR, XK]")
	if d := decide(served, "XK"); d.Controller == nil || d.Controller.ID != "sparkoo-br" {
		t.Errorf("served by %+v", d.Controller)
	}
}
