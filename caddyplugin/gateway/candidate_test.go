package gateway_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/caddyplugin/gateway"
)

// startCandidate runs policySite with a candidate beside the policy in force.
func startCandidate(t testing.TB) (p *policyGate, candidate string) {
	t.Helper()
	candidate = copyPolicy(t)
	born := time.Now().AddDate(-22, 0, 0).Format(time.DateOnly)
	accounts := `{"account":"ana","country":"BR"}` + "\n" + `{"account":"young","country":"TH","born":"` + born + `"}`
	return startPolicy(t, accounts, "candidate "+candidate), candidate
}

// reloadCandidate asks for the candidate to be read.
func (p *policyGate) reloadCandidate() (status int, body map[string]any) {
	p.t.Helper()
	return p.ask(http.MethodPost, "/transfer/candidate/reload")
}

// lastShadow is the member shadow of the last transfer's or denial's record.
func (p *policyGate) lastShadow() string {
	p.t.Helper()
	var last any
	for _, r := range p.records() {
		if kind, _ := r["type"].(string); kind == "transfer.accepted" || kind == "transfer.refused" {
			last = r["shadow"]
		}
	}
	if last == nil {
		return ""
	}
	text, err := json.Marshal(last)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(text)
}

// A candidate changes nothing about a request; what it would have changed stands in
// the record, and is counted.
func TestCandidate(t *testing.T) {
	t.Cleanup(gateway.SetPolicyInterval(time.Hour)) // the test reloads
	p, dir := startCandidate(t)
	ask := map[string]func() answer{
		"training": p.training,
		"support":  func() answer { return p.get("/v1/support/1", "Registered-Country", "BR", "Account-Id", "ana") },
		"storage":  func() answer { return p.do(http.MethodPut, "/v1/objects/x", "a", "Registered-Country", "TH") },
		"age":      func() answer { return p.do(http.MethodPut, "/v1/objects/x", "a", "Account-Id", "young") },
	}
	for name, f := range ask {
		if f(); p.lastShadow() != "" {
			t.Errorf("%s: the same policy differs: %s", name, p.lastShadow())
		}
	}
	letTrainingPass(t, dir)
	edit(t, dir, "safeguards.yaml", "  - id: br-support-cn\n", "  - id: br-support-cn-2\n")
	edit(t, dir, "controllers.yaml", "serves: [TH]", "serves: [LA]")
	edit(t, dir, "laws.yaml", "{countries: [TH], of_age: 20", "{countries: [TH], of_age: 25")
	if status, body := p.reloadCandidate(); status != http.StatusOK || body["changed"] != true {
		t.Fatalf("status %d, %v", status, body)
	}
	short := digestOf(t, dir)[:12]
	for name, want := range map[string]struct {
		status int
		change string
		shadow string
	}{
		"training": {403, "passes", `{"change":"passes","controller":"sparkoo-br","decision":"allowed","policy":"` + short + `","region":"cn-north-4",`},
		"support":  {200, "safeguard", `{"change":"safeguard","controller":"sparkoo-br","decision":"allowed","policy":"` + short + `","region":"cn-north-4",`},
		"age":      {200, "stops", `{"change":"stops","controller":"sparkoo-sg","decision":"denied","policy":"` + short + `","reason":"minor_without_guardian"`},
		"storage":  {200, "controller", `{"change":"controller","controller":"sparkoo-sg","decision":"allowed","policy":"` + short + `","region":"ap-southeast-3"`},
	} {
		metric := `shadow_differences_total{change="` + want.change + `"}`
		before := p.metric(metric)
		if a := ask[name](); a.StatusCode != want.status {
			t.Errorf("%s: status %d: %s", name, a.StatusCode, a.Text)
		}
		if got := p.lastShadow(); !strings.HasPrefix(got, want.shadow) {
			t.Errorf("%s: the record says %s, want %s", name, got, want.shadow)
		}
		if after := p.metric(metric); after == before || after == "" {
			t.Errorf("%s: %s was %q, is %q", name, metric, before, after)
		}
	}
	_, status := p.ask(http.MethodGet, "/transfer/policy")
	tried, _ := status["candidate"].(map[string]any)
	if tried["digest"] != digestOf(t, dir) || tried["unfit"] != nil || status["digest"] != digestOf(t, p.dir) {
		t.Errorf("the admin API says %v", status)
	}
	// It stays when the policy is reloaded, and until then as it was if it is broken.
	edit(t, p.dir, "controllers.yaml", "name: Sparkoo Technologies Do Brasil Ltda.", "name: Sparkoo do Brasil")
	p.reload("")
	if p.training(); !strings.Contains(p.lastShadow(), short) {
		t.Errorf("after the policy's reload: %s", p.lastShadow())
	}
	edit(t, dir, "activities.yaml", withoutResults, "categories: [9z]")
	if status, body := p.reloadCandidate(); status != http.StatusUnprocessableEntity || !strings.Contains(body["error"].(string), "activities.yaml:") {
		t.Errorf("status %d, %v", status, body)
	}
	if p.training(); !strings.Contains(p.lastShadow(), short) {
		t.Errorf("after the candidate broke: %s", p.lastShadow())
	}
}

// A candidate that could not be put in force says why, and harms nobody.
func TestUnfitCandidate(t *testing.T) {
	t.Cleanup(gateway.SetPolicyInterval(20 * time.Millisecond))
	p, dir := startCandidate(t)
	edit(t, dir, "activities.yaml", "id: support-training", "id: training")
	waitFor(t, "the candidate is taken", func() bool {
		_, status := p.ask(http.MethodGet, "/transfer/policy")
		tried, _ := status["candidate"].(map[string]any)
		unfit, _ := tried["unfit"].(string)
		return strings.Contains(unfit, "activity 'support-training' is not in the policy")
	})
	if a := p.training(); a.StatusCode != http.StatusForbidden || !strings.Contains(p.lastShadow(), `"reason":"no_activity"`) {
		t.Errorf("status %d, shadow %s", a.StatusCode, p.lastShadow())
	}
}
