package gateway_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/caddyplugin/gateway"
	"github.com/sparkoo/transfergate/internal/testsupport"
)

// Every series that a rule or the dashboard asks for is served by gateways that have seen
// what it tells of; and Prometheus's own tool finds nothing wrong with what they serve.
func TestRulesAskForWhatIsServed(t *testing.T) {
	var clock atomicTime
	clock.set(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC))
	restore := gateway.SetClock(clock.now)
	var dates string
	t.Run("dates", func(t *testing.T) {
		_, _, admin, _ := startProbes(t, "mode report dpo@example.test 2026-12-31")
		dates = scrape(t, admin)
	})
	restore()

	login, a := newIssuer(t), newAnchors(t)
	config := replaced(t, anchoredSite(a.witness, a.copy), "identity header {", login.source("minor_claim minro")+"\n\t\tidentity header {")
	g := startGate(t, config, a.vars)
	for i := range 301 { // after 300 a claim is unseen
		g.get("/", login.bearer(map[string]any{"jti": fmt.Sprint(i)})...)
	}
	g.get("/", "Authorization", "Bearer nonsense")
	g.get("/", "Registered-Country", "DE", "Account-Id", "br") // the account record says otherwise
	for range 3 {
		g.get("/v1/support/training/1", "Registered-Country", "BR") // denied, and not each in full
	}
	if err := os.WriteFile(a.vars["accounts"], []byte("no account"), 0o600); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the accounts that were good last go on, and the witness has signed", func() bool {
		text := scrape(t, a.vars["admin"])
		return strings.Contains(text, "\ncaddy_transfer_last_good_timestamp_seconds{") && strings.Contains(text, "\ncaddy_transfer_ledger_anchor_timestamp_seconds{")
	})
	served := scrape(t, a.vars["admin"])

	for _, file := range []string{"alerts.yml", "dashboard.json"} {
		for _, series := range seriesOf(t, "../../deploy/"+file) {
			if !strings.Contains(dates, "\n"+series+"{") && !strings.Contains(dates, "\n"+series+" ") &&
				!strings.Contains(served, "\n"+series+"{") && !strings.Contains(served, "\n"+series+" ") {
				t.Errorf("%s asks for %s, which is not served", file, series)
			}
		}
	}
	for _, text := range []string{dates, served} {
		checkMetrics(t, text)
	}
}

// seriesOf are the names of series in a file.
func seriesOf(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`\bcaddy_[a-z0-9_]+`).FindAllString(string(text), -1)
	if len(names) == 0 {
		t.Fatalf("%s asks for nothing", file)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// checkMetrics holds what the gateway serves to promtool's rules for names and texts.
func checkMetrics(t *testing.T, scraped string) {
	t.Helper()
	tool := testsupport.Promtool(t)
	ours := regexp.MustCompile(`(?m)^(# \w+ )?caddy_transfer_.*\n`).FindAllString(scraped, -1)
	if len(ours) < 100 {
		t.Fatalf("only %d lines of ours in\n%s", len(ours), scraped)
	}
	check := exec.CommandContext(t.Context(), tool, "check", "metrics")
	check.Stdin = strings.NewReader(strings.Join(ours, ""))
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
}

// Each query of the dashboard is one that Prometheus reads.
func TestDashboard(t *testing.T) {
	tool := testsupport.Promtool(t)
	var rules strings.Builder
	rules.WriteString("groups:\n- name: dashboard\n  rules:\n")
	for i, query := range dashboardQueries(t) {
		query = strings.NewReplacer("$__rate_interval", "5m", "$__range", "1h", "$instance", ".*").Replace(query)
		fmt.Fprintf(&rules, "  - record: query:%d\n    expr: %q\n", i, query)
	}
	check := exec.CommandContext(t.Context(), tool, "check", "rules", writeFile(t, "rules.yml", rules.String()))
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s\n%s", err, out, rules.String())
	}
}

// dashboardQueries are the queries of the dashboard's panels.
func dashboardQueries(t *testing.T) (all []string) {
	t.Helper()
	text, err := os.ReadFile("../../deploy/dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			Title, Type string
			Targets     []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	for _, panel := range board.Panels {
		if panel.Type != "row" && len(panel.Targets) == 0 {
			t.Errorf("the panel %q asks for nothing", panel.Title)
		}
		for _, target := range panel.Targets {
			all = append(all, target.Expr)
		}
	}
	if len(all) < 20 {
		t.Errorf("only %d queries", len(all))
	}
	return all
}
