package gateway_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/sparkoo/transfergate/caddyplugin/gateway"
)

// startShadow runs policySite with a shadow beside the policy in force.
func startShadow(t testing.TB) (p *policyGate, shadow string) {
	t.Helper()
	shadow = copyPolicy(t)
	born := time.Now().AddDate(-22, 0, 0).Format(time.DateOnly)
	accounts := `{"account":"ana","country":"BR"}` + "\n" + `{"account":"young","country":"TH","born":"` + born + `"}`
	return startPolicy(t, accounts, "shadow "+shadow), shadow
}

// reloadShadow asks for the shadow policy to be read.
func (p *policyGate) reloadShadow() (status int, body map[string]any) {
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

// A shadow policy changes nothing about a request; what it would have changed stands in
// the record, and is counted.
func TestShadow(t *testing.T) {
	t.Cleanup(gateway.SetPolicyInterval(time.Hour)) // the test reloads
	p, dir := startShadow(t)
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
	if status, body := p.reloadShadow(); status != http.StatusOK || body["changed"] != true {
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
	tried, _ := status["shadow"].(map[string]any)
	if former, _ := status["candidate"].(map[string]any); former["digest"] != tried["digest"] {
		t.Errorf("under its former name it is %v", former)
	}
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
	if status, body := p.reloadShadow(); status != http.StatusUnprocessableEntity || !strings.Contains(body["error"].(string), "activities.yaml:") {
		t.Errorf("status %d, %v", status, body)
	}
	if p.training(); !strings.Contains(p.lastShadow(), short) {
		t.Errorf("after the shadow broke: %s", p.lastShadow())
	}
}

// A shadow policy that could not be put in force says why, and harms nobody.
func TestUnfitShadow(t *testing.T) {
	t.Cleanup(gateway.SetPolicyInterval(20 * time.Millisecond))
	p, dir := startShadow(t)
	edit(t, dir, "activities.yaml", "id: support-training", "id: training")
	waitFor(t, "the shadow is taken", func() bool {
		_, status := p.ask(http.MethodGet, "/transfer/policy")
		tried, _ := status["shadow"].(map[string]any)
		unfit, _ := tried["unfit"].(string)
		return strings.Contains(unfit, "activity 'support-training' is not in the policy")
	})
	if a := p.training(); a.StatusCode != http.StatusForbidden || !strings.Contains(p.lastShadow(), `"reason":"no_activity"`) {
		t.Errorf("status %d, shadow %s", a.StatusCode, p.lastShadow())
	}
}

// The former name of the option and of its JSON field still work, and adapting
// writes the new one.
func TestShadowByItsFormerName(t *testing.T) {
	dir := copyPolicy(t)
	text := grammarCase{options: goodOptions + "\ncandidate " + dir}.caddyfile(t)
	adapted, err := adapt(text)
	if err != nil {
		t.Fatal(err)
	}
	app := func() map[string]any {
		var config struct {
			Apps struct {
				Transfer map[string]any `json:"transfer"`
			} `json:"apps"`
		}
		if err := json.Unmarshal(adapted, &config); err != nil {
			t.Fatal(err)
		}
		return config.Apps.Transfer
	}()
	if app["shadow"] != dir || app["candidate"] != nil {
		t.Errorf("adapting gives shadow %v and candidate %v", app["shadow"], app["candidate"])
	}
	both := grammarCase{options: goodOptions + "\nshadow " + dir + "\ncandidate " + dir}.caddyfile(t)
	if _, err := adapt(both); err == nil || !strings.Contains(err.Error(), "'shadow' is written twice, at Caddyfile:8") {
		t.Errorf("both names: %v", err)
	}
	load := func(old, new string) error {
		var config caddy.Config
		if err := json.Unmarshal([]byte(strings.Replace(string(adapted), old, new, 1)), &config); err != nil {
			t.Fatal(err)
		}
		return caddy.Validate(&config)
	}
	if err := load(`"shadow":`, `"candidate":`); err != nil {
		t.Errorf("the former field: %v", err)
	}
	if err := load(`"shadow":"`+dir+`"`, `"candidate":"`+dir+`x"`); err == nil || !strings.Contains(err.Error(), "loading the shadow policy: ") {
		t.Errorf("the former field with no policy: %v", err)
	}
	if err := load(`"shadow":`, `"candidate":"elsewhere","shadow":`); err == nil || !strings.Contains(err.Error(), "the two name different folders") {
		t.Errorf("both fields: %v", err)
	}
}
