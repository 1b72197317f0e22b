package gateway_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/caddyplugin/adminapi"
	"github.com/sparkoo/transfergate/caddyplugin/gateway"
)

// probes is a site that shows what matchers and placeholders know.
const probes = `{
	admin {admin}
	metrics
	transfer {
		demo
		node gw-sg-1 SG sparkoo-sg
		ledger {ledger}
		geoip embedded
		{mode}
		accounts file {accounts}
		identity header {
			from 127.0.0.0/8
		}
	}
}

http://{addr} {
	log {
		output file {log}
	}
	transfer_health

	@brazil transfer_controller sparkoo-br
	header @brazil Seen-Controller "{http.transfer.controller} {http.transfer.country} {http.transfer.basis} {http.transfer.controller.name}"
	@home transfer_country BR CL
	header @home Seen-Country yes

	@training path /v1/support/training/*
	@support path /v1/support/*
	intercept {
		@denied status 4xx
		handle_response @denied {
			@reason transfer_outcome denied
			respond @reason "{http.transfer.reason} {http.transfer.outcome}" 403
		}
	}
	transfer {
		activity support-training @training
		activity support @support
		activity serving
		region ap-southeast-3 {sg}
		region sa-brazil-1 {
			@here transfer_region sa-brazil-1
			header @here Seen-Region "{http.transfer.region} {http.transfer.destination} {http.transfer.activity} {http.transfer.statement} {http.transfer.safeguards}"
			reverse_proxy {br}
		}
		region cn-north-4 {cn}
	}
}
`

// startProbes runs the site with a line for the mode.
func startProbes(t *testing.T, mode string) (g *gate, r regions, admin, log string) {
	t.Helper()
	r = regions{newUpstream(t, "sg", nil), newUpstream(t, "br", nil), newUpstream(t, "cn", nil)}
	admin, log = freeAddr(t), filepath.Join(t.TempDir(), "access.log")
	g = startGate(t, probes, map[string]string{
		"admin": admin, "log": log, "mode": mode,
		"accounts": writeFile(t, "a.ndjson", `{"account":"bruno","country":"BR","contracting_party":"sparkoo-sg"}`),
		"sg":       r.sg.addr, "br": r.br.addr, "cn": r.cn.addr,
	})
	return g, r, admin, log
}

func TestMatchersAndPlaceholders(t *testing.T) {
	g, _, _, _ := startProbes(t, "")
	a := g.get("/", "Registered-Country", "BR")
	for name, want := range map[string]string{
		"Seen-Controller": "sparkoo-br BR registered-country Sparkoo Technologies Do Brasil Ltda.",
		"Seen-Country":    "yes",
		"Seen-Region":     "sa-brazil-1 BR serving 2023-11-21 br-lgpd-art33-iib-scc sg-pdpa-s26-contract",
	} {
		if got := a.Header.Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	a = g.get("/", "Registered-Country", "TH")
	if a.Header.Get("Seen-Controller") != "" || a.Header.Get("Seen-Country") != "" {
		t.Errorf("matched another country: %v", a.Header)
	}
	a = g.get("/v1/support/training/1", "Registered-Country", "BR")
	if a.Text != "no_safeguard denied" {
		t.Errorf("the intercepted denial: %q", a.Text)
	}
}

// A client can't choose what a matcher sees: the guard and the identity sources
// have run before it.
func TestMatcherAfterTheGuard(t *testing.T) {
	g, r, _, _ := startProbes(t, "")
	g.get("/", "Data-Controller", "sparkoo-th", "Registered-Country", "BR")
	if got := r.br.last(t).Header["Data-Controller"]; len(got) != 1 || got[0] != "sparkoo-br" {
		t.Errorf("upstream got %q", got)
	}
}

func TestAccessLogSaysWhatWasDecided(t *testing.T) {
	g, _, _, log := startProbes(t, "")
	g.get("/v1/support/training/1", "Registered-Country", "BR")
	var entry map[string]any
	waitFor(t, "the access log has a line", func() bool {
		text, err := os.ReadFile(log)
		return err == nil && len(text) > 0 && json.Unmarshal(text, &entry) == nil
	})
	for name, want := range map[string]string{
		"transfer_outcome": "denied", "transfer_reason": "no_safeguard", "transfer_controller": "sparkoo-br",
		"transfer_country": "BR", "transfer_record": "gw-sg-1#1.4",
	} {
		if entry[name] != want {
			t.Errorf("%s: got %v, want %s", name, entry[name], want)
		}
	}
}

// scrape returns what the metrics say.
func scrape(t *testing.T, admin string) string {
	t.Helper()
	res, err := http.Get("http://" + admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

//clause:tests §5(j).5
func TestMetrics(t *testing.T) {
	g, _, admin, _ := startProbes(t, "")
	g.get("/", "Registered-Country", "BR")
	g.get("/v1/support/training/1", "Registered-Country", "BR")
	g.get("/v1/support/1", "Registered-Country", "BR", "Account-Id", "bruno")
	text := scrape(t, admin)
	for _, want := range []string{
		`caddy_transfer_decisions_total{controller="sparkoo-br",enforced="true",outcome="allowed",region="sa-brazil-1"}`,
		`caddy_transfer_resolution_total{source="header"}`,
		`caddy_transfer_controller_basis_total{basis="account-center",table="account-center"}`,
		`caddy_transfer_country_mismatch_total{pair="account-party/country-table"}`,
		`caddy_transfer_records_total{recipient="huawei-cloud-cn"}`,
		`caddy_transfer_policy_info{digest="`,
		`caddy_transfer_policy_next_change_timestamp_seconds`,
		`caddy_transfer_ledger_records_total`,
		`caddy_transfer_ledger_fsync_seconds_count`,
		`caddy_transfer_ledger_reserve_bytes 2.68435456e+08`,
		`caddy_transfer_ledger_looks_total{what="person"}`,
		`caddy_transfer_ready 1`,
		`caddy_transfer_geoip_build_timestamp_seconds`,
		`caddy_transfer_accounts_sync_timestamp_seconds`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s", want)
		}
	}
	if !regexp.MustCompile(`\ncaddy_transfer_reasons_total\{reason="no_safeguard"\} [1-9]`).MatchString(text) || !strings.Contains(text, `caddy_transfer_reasons_total{reason="ledger_unavailable"} `) {
		t.Error("denials are not counted, or reasons that there were not are not said")
	}
	appends := func() (n float64) {
		_, rest, _ := strings.Cut(scrape(t, admin), "\ncaddy_transfer_ledger_append_seconds_count ")
		if _, err := fmt.Sscan(rest, &n); err != nil {
			t.Errorf("appends: %v", err)
		}
		return n
	}
	before := appends()
	g.get("/", "Registered-Country", "BR")                       // a transfer
	g.get("/v1/support/training/1", "Registered-Country", "BR")  // a denial
	g.get("/", "Registered-Country", "SG", "Account-Id", "siti") // needs no record
	if n := appends() - before; n != 2 {
		t.Errorf("%v appends were measured, not 2", n)
	}
	waitFor(t, "a checkpoint is signed", func() bool {
		return strings.Contains(scrape(t, admin), "\ncaddy_transfer_ledger_checkpoint_timestamp_seconds 1.")
	})
	// They are still there after a reload.
	if err := g.load(strings.Replace(probes, "\n\ttransfer_health\n", "\n\ttransfer_health\n\theader X y\n", 1), map[string]string{
		"admin": admin, "log": filepath.Join(t.TempDir(), "log"), "mode": "", "accounts": writeFile(t, "a.ndjson", `{"account":"a"}`),
		"sg": "127.0.0.1:1", "br": "127.0.0.1:1", "cn": "127.0.0.1:1",
	}); err != nil {
		t.Fatal(err)
	}
	if text := scrape(t, admin); !regexp.MustCompile(`\ncaddy_transfer_reasons_total\{reason="no_safeguard"\} [1-9]`).MatchString(text) || !strings.Contains(text, "caddy_transfer_ready 1") {
		t.Error("metrics are gone after a reload")
	}
}

// What begins or ends by itself is told as the moment it does, and no longer then.
func TestMetricsOfDates(t *testing.T) {
	var clock atomicTime
	clock.set(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC))
	t.Cleanup(gateway.SetClock(clock.now))
	_, _, admin, _ := startProbes(t, "mode report dpo@example.test 2026-12-31")
	begins := "\ncaddy_transfer_law_begin_timestamp_seconds{law=\"cl\"} 1.796094e+09\n" // 2026-12-01 in Santiago
	ends := "\ncaddy_transfer_report_mode_end_timestamp_seconds{activity=\"\"} 1.7986752e+09\n"
	if text := scrape(t, admin); !strings.Contains(text, begins) || !strings.Contains(text, ends) {
		t.Errorf("got\n%s", text)
	}
	clock.set(time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC))
	if text := scrape(t, admin); strings.Contains(text, "law_begin_timestamp_seconds{law=\"cl\"}") || strings.Contains(text, "report_mode_end_timestamp_seconds{") {
		t.Errorf("afterwards\n%s", text)
	}
}

// Whoever is called at night is told what stops, what soon will, and where it says what to
// do; and no more of it when it is over.
func TestStatusTellsOfTroubles(t *testing.T) {
	var clock atomicTime
	clock.set(time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC))
	t.Cleanup(gateway.SetClock(clock.now))
	_, _, admin, _ := startProbes(t, "mode report dpo@example.test 2026-12-01")
	client := adminapi.Client{Address: admin}
	pages := func() (texts map[string]string) {
		s, err := client.Status()
		if err != nil || !s.Ready || s.Node != "gw-sg-1" || s.Policy.Digest == "" {
			t.Fatalf("%+v, %v", s, err)
		}
		texts = map[string]string{}
		for _, trouble := range s.Troubles {
			texts[trouble.Page] += trouble.Text + "\n"
		}
		return texts
	}
	found := pages()
	for page, want := range map[string]string{
		"report-mode-ends": "report mode of the gateway ends on 2026-12-01 00:00 UTC\n",
		"a-law-begins":     "law cl begins on 2026-12-01 03:00 UTC\n",
		"a-safeguard-ends": "safeguard cl-open ends, or its review is due, on 2026-12-01 03:00 UTC\n",
	} {
		if !strings.Contains(found[page], want) {
			t.Errorf("%s: %q, want %q", page, found[page], want)
		}
	}
	clock.set(time.Date(2026, 12, 20, 0, 0, 0, 0, time.UTC))
	if found := pages(); strings.Contains(found["a-safeguard-ends"], "cl-open") || found["report-mode-ends"] != "" || strings.Contains(found["a-law-begins"], "cl ") {
		t.Errorf("afterwards: %v", found)
	}
	runbook, err := os.ReadFile("../../deploy/runbook.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("troubles.go")
	if err != nil {
		t.Fatal(err)
	}
	headings := strings.ReplaceAll(strings.ToLower(string(runbook)), " ", "-")
	named := regexp.MustCompile(`\.(?:stops|soon)\("([a-z-]+)"`).FindAllStringSubmatch(string(source), -1)
	if len(named) < 8 {
		t.Errorf("only %d pages are named", len(named))
	}
	for _, m := range named {
		if !strings.Contains(headings, "\n##-"+m[1]+"\n") {
			t.Errorf("the runbook has no page %s", m[1])
		}
	}
}

func TestHealth(t *testing.T) {
	g, _, _, _ := startProbes(t, "")
	for _, path := range []string{"/live", "/ready"} {
		if a := g.get(path); a.StatusCode != 200 || a.Text != "ok\n" {
			t.Errorf("%s: status %d, %q", path, a.StatusCode, a.Text)
		}
	}
}

// Report mode waives a missing safeguard, and nothing else, until its last day.
func TestReportMode(t *testing.T) {
	var clock atomicTime
	clock.set(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC))
	t.Cleanup(gateway.SetClock(clock.now))
	g, r, _, _ := startProbes(t, "mode report dpo@example.test 2026-12-31")
	a := g.get("/v1/support/training/1", "Registered-Country", "BR")
	if a.StatusCode != 200 || a.Text != "cn" {
		t.Fatalf("status %d: %s", a.StatusCode, a.Text)
	}
	rec := ofType(g.records(), "transfer.accepted")[0]
	if rec["decision"] != "denied" || rec["enforced"] != false || rec["reason"] != "no_safeguard" {
		t.Errorf("record %v", rec)
	}
	if a := g.get("/", "Account-Id", "stranger"); a.StatusCode != 403 {
		t.Errorf("country_unknown was waived: status %d", a.StatusCode)
	}
	clock.set(time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC))
	if a := g.get("/v1/support/training/1", "Registered-Country", "BR"); a.StatusCode != 403 {
		t.Errorf("after its last day: status %d", a.StatusCode)
	}
	if n := len(r.cn.requests()); n != 1 {
		t.Errorf("the affiliate saw %d requests, want 1", n)
	}
}

// identity auth believes what an authentication handler in front put into
// {http.auth.user.*}.
func TestIdentityFromAnAuthenticationHandler(t *testing.T) {
	sg := newUpstream(t, "sg", nil)
	// The password is "secret"; bcrypt of cost 4.
	g := startGate(t, `{
	admin off
	transfer {
		demo
		node gw-sg-1 SG sparkoo-sg
		ledger {ledger}
		accounts file {accounts}
		identity auth
	}
}

http://{addr} {
	@known header Authorization *
	basic_auth @known {
		bruno {hash}
	}
	transfer {
		activity storage
		region ap-southeast-3 {sg}
	}
}
`, map[string]string{
		"sg": sg.addr, "hash": bcryptOf(t, "secret"),
		"accounts": writeFile(t, "a.ndjson", `{"account":"bruno","country":"BR","contracting_party":"sparkoo-sg"}`),
	})
	a := g.get("/", "Authorization", "Basic YnJ1bm86c2VjcmV0") // bruno:secret
	if a.StatusCode != 200 || a.Header.Get("Data-Controller") != "sparkoo-sg" {
		t.Fatalf("status %d: %s", a.StatusCode, a.Text)
	}
	if rec := ofType(g.records(), "transfer.accepted")[0]; rec["country_source"] != "delegated" || rec["country"] != "BR" {
		t.Errorf("record %v", rec)
	}
	if a := g.get("/"); a.StatusCode != 200 || sg.last(t).Header.Get("Data-Controller-Basis") != "not-registered" {
		t.Errorf("without credentials: status %d", a.StatusCode)
	}
}

// TestMatchersOfRequestsNotSeen: what another handler answers under the same
// intercept has neither region nor outcome, and does not fail for that.
func TestMatchersOfRequestsNotSeen(t *testing.T) {
	config := strings.Replace(site, "\ttransfer_health\n", `	transfer_health
	intercept {
		handle_response {
			@denied transfer_outcome denied
			header @denied Seen denied
			@singapore transfer_region ap-southeast-3
			header @singapore Seen singapore
		}
	}
`, 1)
	sg := newUpstream(t, "sg", nil)
	g := startGate(t, config, map[string]string{
		"accounts": writeFile(t, "accounts.ndjson", `{"account":"nobody"}`), "sg": sg.addr, "br": sg.addr, "cn": sg.addr,
	})
	for path, want := range map[string]string{"/live": "", "/": "singapore", "/v1/support/training/1": "denied"} {
		if a := g.get(path); a.StatusCode >= 500 || a.Header.Get("Seen") != want {
			t.Errorf("%s: status %d, seen %q, want %q", path, a.StatusCode, a.Header.Get("Seen"), want)
		}
	}
}
