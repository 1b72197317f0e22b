package gateway_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/caddyplugin/gateway"
)

// training's report mode, as compliance writes it in its row.
const trainingReports = withResults + "\n    report: {owner: dpo@example.test, until: 2026-12-31}"

// An activity's own report mode waives its missing safeguard and no other's, until
// its last day.
func TestReportModeOfAnActivity(t *testing.T) {
	var clock atomicTime
	clock.set(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC))
	t.Cleanup(gateway.SetClock(clock.now))
	p := startPolicy(t, "", "")
	edit(t, p.dir, "activities.yaml", withResults, trainingReports)
	p.reload("")
	if a := p.training(); a.StatusCode != http.StatusOK || a.Text != "cn" {
		t.Fatalf("status %d: %s", a.StatusCode, a.Text)
	}
	rec := ofType(p.records(), "transfer.accepted")[0]
	if rec["decision"] != "denied" || rec["enforced"] != false || rec["reason"] != "no_safeguard" || rec["activity"] != "support-training" {
		t.Errorf("record %v", rec)
	}
	_, status := p.ask(http.MethodGet, "/transfer/policy")
	mode := status["mode"].(map[string]any)
	if rows, _ := mode["activities"].([]any); mode["report"] != false || len(rows) != 1 || rows[0].(map[string]any)["owner"] != "dpo@example.test" {
		t.Errorf("the admin API says %v", mode)
	}
	// Another activity that lacks a safeguard is enforced.
	if a := p.get("/v1/support/1", "Registered-Country", "KE"); a.StatusCode != http.StatusForbidden {
		t.Errorf("support: status %d: %s", a.StatusCode, a.Text)
	}
	clock.set(time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC))
	if a := p.training(); a.StatusCode != http.StatusForbidden {
		t.Errorf("after its last day: status %d: %s", a.StatusCode, a.Text)
	}
}

// What report mode never waives: storage in Singapore, the removal of spoofed
// fields, the ledger, the subject's choices, the rules of §4.
func TestReportModeNeverWaives(t *testing.T) {
	p := startPolicy(t, `{"account":"ida","country":"BR","restricted":true}
{"account":"omar","country":"BR","objections":["huawei-cloud-cn"]}`, "mode report dpo@example.test 2099-01-01")
	edit(t, p.dir, "activities.yaml", withResults, trainingReports)
	p.reload("")

	for _, country := range []string{"BR", "TH", "CN", "DE", "ZA", "KE"} {
		for _, method := range []string{http.MethodPut, http.MethodGet} {
			if a := p.do(method, "/v1/objects/x", "hello", "Registered-Country", country); a.StatusCode == http.StatusOK && a.Text != "sg" {
				t.Errorf("%s from %s was stored by %s", method, country, a.Text)
			}
		}
	}
	for _, u := range []*upstream{p.br, p.cn} {
		if n := len(u.requests()); n != 0 {
			t.Errorf("a region but Singapore was asked to store %d times", n)
		}
	}

	p.get("/v1/support/training/1", "Registered-Country", "BR", "Data-Controller", "evil", "Data_Region", "evil", "Cookie", "a=b", "Authorization", "Bearer x")
	got := p.cn.last(t).Header
	if got.Get("Data-Controller") != "sparkoo-br" || got.Get("Cookie") != "" || got.Get("Authorization") != "" || len(map[string][]string(got)["Data_Region"]) > 0 {
		t.Errorf("the affiliate got %v", got)
	}

	for name, c := range map[string]struct{ path, account, reason string }{
		"a restriction":                {"/v1/support/training/1", "ida", "processing_restricted"},
		"an objection to a recipient":  {"/v1/support/1", "omar", "recipient_objected"},
		"an objection and a safeguard": {"/v1/support/training/1", "omar", "recipient_objected"},
	} {
		if a := p.get(c.path, "Registered-Country", "BR", "Account-Id", c.account); a.StatusCode != http.StatusForbidden || problemOf(t, a)["reason"] != c.reason {
			t.Errorf("%s: status %d: %s", name, a.StatusCode, a.Text)
		}
	}

	sent := len(p.cn.requests())
	if err := gateway.BreakLedger(p.ledger); err != nil {
		t.Fatal(err)
	}
	if a := p.training(); a.StatusCode != http.StatusServiceUnavailable || len(p.cn.requests()) != sent {
		t.Errorf("without a ledger: status %d: %s", a.StatusCode, a.Text)
	}
}
