package gateway_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/sparkoo/transfergate/caddyplugin/gateway"
)

// TestReloadCompilesOnlyWhatChanged: a reload takes over the tables of sites that
// did not change; a changed policy, or site, gets tables of its own. What no
// configuration uses any more is let go.
func TestReloadCompilesOnlyWhatChanged(t *testing.T) {
	gateway.ForgetInCommon()
	p := startPolicy(t, "", "")
	reload := func(config string) {
		t.Helper()
		if err := p.load(config, p.vars); err != nil {
			t.Fatal(err)
		}
	}
	first := gateway.Tables()
	reload(policySite)
	if !slices.Equal(gateway.Tables(), first) {
		t.Error("a reload that changes nothing compiled its tables anew")
	}
	reload(strings.Replace(policySite, "region sa-brazil-1 {br}", "", 1))
	if slices.Equal(gateway.Tables(), first) {
		t.Error("a site with other regions took over its tables")
	}
	if a := p.get("/", brazilian...); a.Text != "sg" {
		t.Errorf("without the Brazilian region, %q answered with %d", a.Text, a.StatusCode)
	}
	reload(policySite)
	if a := p.training(); a.StatusCode != 403 {
		t.Fatalf("status %d", a.StatusCode)
	}
	second := gateway.Tables()
	letTrainingPass(t, p.dir)
	reload(policySite)
	if slices.Equal(gateway.Tables(), second) {
		t.Error("another policy took over the tables")
	}
	if a := p.training(); a.StatusCode != 200 {
		t.Errorf("under the changed policy: status %d", a.StatusCode)
	}

	http.DefaultClient.CloseIdleConnections()
	// What serves, and what comes after the policy's next date.
	waitFor(t, "unused tables are collected", func() bool { return gateway.InCommon() == 2*len(gateway.Tables()) })
}
