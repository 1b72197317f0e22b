package gateway_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/caddyplugin/gateway"
	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/ledger"
)

// A policy is reloaded on demand: what it changes holds from the next request on,
// records name it, and the accounts stay.
func TestPolicyReload(t *testing.T) {
	p := startPolicy(t, `{"account":"ana","country":"BR"}
{"account":"ida","country":"BR","restricted":true}`, "")
	before := digestOf(t, p.dir)
	if a := p.training(); a.StatusCode != http.StatusForbidden {
		t.Fatalf("status %d: %s", a.StatusCode, a.Text)
	}
	letTrainingPass(t, p.dir)
	if a := p.training(); a.StatusCode != http.StatusForbidden {
		t.Fatalf("before the reload: status %d: %s", a.StatusCode, a.Text)
	}
	p.reload("")
	if a := p.training(); a.StatusCode != http.StatusOK || a.Text != "cn" {
		t.Fatalf("status %d: %s", a.StatusCode, a.Text)
	}
	if a := p.get("/v1/support/1", "Registered-Country", "BR", "Account-Id", "ida"); a.StatusCode != http.StatusForbidden {
		t.Errorf("a restriction is gone after the reload: status %d", a.StatusCode)
	}
	after := digestOf(t, p.dir)
	var named []string
	kept := make(map[string]bool)
	for _, r := range p.records() {
		digest, ok := r["policy"].(string)
		switch {
		case !ok:
		case r["type"] == "policy.snapshot":
			kept[digest] = true
		case !kept[digest]:
			t.Errorf("record %v names a policy that the ledger does not hold yet", r["#"])
		default:
			named = append(named, digest)
		}
	}
	for digest := range kept {
		blob, err := ledger.At(p.ledger).Policy(digest)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := config.LoadArchive(blob, "kept", digest); err != nil {
			t.Error(err)
		}
	}
	if want := []string{before, before, before, after, after}; fmt.Sprint(named) != fmt.Sprint(want) {
		t.Errorf("the records, after the gateway.started, name %v, want %v", named, want)
	}
	_, status := p.ask(http.MethodGet, "/transfer/policy")
	if status["digest"] != after || status["source"] != p.dir || status["statement"] != "2023-11-21" || status["failure"] != nil || status["next_change"] == nil {
		t.Errorf("the admin API says %v", status)
	}
	if got := p.metric(`policy_info{digest="` + after + `",version="2023-11-21"}`); got != "1" {
		t.Errorf("policy_info is %q", got)
	}
}

// Whatever is wrong with a policy, the one in force stays; the refusal says where.
func TestPolicyNotTaken(t *testing.T) {
	for name, c := range map[string]struct{ file, old, text, refused string }{
		"broken":              {"activities.yaml", withResults, "categories: [1a, 1z]", "activities.yaml:{line}:22: \"categories\" has the unknown value \"1z\""},
		"not YAML":            {"activities.yaml", withResults, "categories: [1a # unfinished", "activities.yaml:"},
		"an activity is gone": {"activities.yaml", "id: support-training", "id: training", "activity 'support-training' is not in the policy"},
		"a region is gone":    {"regions.yaml", "code: sa-brazil-1", "code: sa-brazil-2", "region 'sa-brazil-1': not in the policy"},
	} {
		t.Run(name, func(t *testing.T) {
			p := startPolicy(t, "", "")
			failures := p.metric(`policy_load_failures_total{what="policy"}`)
			before := digestOf(t, p.dir)
			text, err := os.ReadFile(filepath.Join(p.dir, c.file))
			if err != nil {
				t.Fatal(err)
			}
			above, _, _ := strings.Cut(string(text), c.old)
			edit(t, p.dir, c.file, c.old, c.text)
			p.reload(strings.Replace(c.refused, "{line}", fmt.Sprint(1+strings.Count(above, "\n")), 1))
			if a := p.training(); a.StatusCode != http.StatusForbidden {
				t.Errorf("status %d: %s", a.StatusCode, a.Text)
			}
			_, status := p.ask(http.MethodGet, "/transfer/policy")
			if failure, _ := status["failure"].(map[string]any); status["digest"] != before || failure == nil {
				t.Errorf("the admin API says %v", status)
			}
			if was, is := failures, p.metric(`policy_load_failures_total{what="policy"}`); is == was || is == "" {
				t.Errorf("policy_load_failures_total was %s, is %s", was, is)
			}
			edit(t, p.dir, c.file, c.text, c.old)
			if _, body := p.ask(http.MethodPost, "/transfer/policy/reload"); body["changed"] != false || body["digest"] != before {
				t.Errorf("once it is mended: %v", body)
			}
		})
	}
}

// A policy that would make the Caddyfile unlawful is refused, as the Caddyfile
// would have been under it.
func TestPolicyThatTheSiteMayNotHave(t *testing.T) {
	const overseas = `{
	admin {admin}
	transfer {
		node gw-sg-1 SG sparkoo-sg
		policy {policy}
		operators ` + operatorKey + `
		ledger {ledger}
	}
}

http://{addr} {
	transfer {
		activity storage /objects/*
		activity serving
		region ap-southeast-3 https://one.ap-southeast-3.myhuaweicloud.com
		region sa-brazil-1 https://one.sa-brazil-1.myhuaweicloud.com
	}
}
`
	p := &policyGate{dir: copyPolicy(t), admin: freeAddr(t)}
	p.gate = startGate(t, overseas, map[string]string{"admin": p.admin, "policy": p.dir})
	const hosts = "hosts: [.sa-brazil-1.myhuaweicloud.com]"
	edit(t, p.dir, "regions.yaml", hosts, "hosts: [.example.com]")
	p.reload("region 'sa-brazil-1': upstream 'one.sa-brazil-1.myhuaweicloud.com:443' lies outside the hosts")
	edit(t, p.dir, "regions.yaml", "hosts: [.example.com]", "hosts: [.example.com, one.sa-brazil-1.myhuaweicloud.com]")
	p.reload("")
}

// A folder is watched: a new one is taken by itself once it no longer changes, be
// it edited in place or swapped by a symbolic link.
func TestPolicyIsWatched(t *testing.T) {
	t.Cleanup(gateway.SetPolicyInterval(20 * time.Millisecond))
	p := startPolicy(t, "", "")
	letTrainingPass(t, p.dir)
	waitFor(t, "the edited policy is in force", func() bool { return p.training().StatusCode == http.StatusOK })

	link := filepath.Join(t.TempDir(), "current")
	swap := func(target string) {
		if err := os.Symlink(target, link+".new"); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(link+".new", link); err != nil {
			t.Fatal(err)
		}
	}
	swap(p.dir)
	p.vars["policy"] = link
	if err := p.load(policySite, p.vars); err != nil {
		t.Fatal(err)
	}
	swap(copyPolicy(t))
	waitFor(t, "the policy of the other folder is in force", func() bool { return p.training().StatusCode == http.StatusForbidden })
	swap(filepath.Join(t.TempDir(), "nowhere"))
	waitFor(t, "the missing folder is reported", func() bool {
		_, status := p.ask(http.MethodGet, "/transfer/policy")
		return status["failure"] != nil
	})
	if a := p.training(); a.StatusCode != http.StatusForbidden {
		t.Errorf("without a folder: status %d", a.StatusCode)
	}
	swap(p.dir)
	waitFor(t, "the first folder's policy is in force again", func() bool { return p.training().StatusCode == http.StatusOK })
}

// A request is judged by one policy from first to last: who the controller is,
// whether it may go, what the upstream is told and what its record says.
func TestOneStateThroughout(t *testing.T) {
	t.Cleanup(gateway.SetPolicyInterval(time.Hour))
	p := startPolicy(t, "", "")
	const name, other = "name: Sparkoo Technologies Do Brasil Ltda.", "name: Sparkoo do Brasil"
	old := digestOf(t, p.dir)
	stop := make(chan struct{})
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					if _, err := p.try(http.MethodGet, "/v1/support/training/1", "", "Registered-Country", "BR"); err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	for range 10 {
		edit(t, p.dir, "controllers.yaml", name, other)
		letTrainingPass(t, p.dir)
		p.reload("")
		edit(t, p.dir, "controllers.yaml", other, name)
		edit(t, p.dir, "activities.yaml", withoutResults, withResults)
		p.reload("")
	}
	close(stop)
	clients.Wait()
	told := make(map[string]string) // controller's name by record, as the upstream saw it
	for _, r := range p.cn.requests() {
		index, err := recordOf(r.Header)
		if err != nil {
			t.Fatal(err)
		}
		told[fmt.Sprint(index)] = r.Header.Get("Data-Controller-Name")
	}
	seen := make(map[bool]int)
	for _, r := range p.records() {
		if r["type"] != "transfer.accepted" && r["type"] != "transfer.refused" {
			continue
		}
		allowed := r["decision"] == "allowed"
		seen[allowed]++
		if allowed != (r["policy"] != old) {
			t.Fatalf("record %v is %v under policy %v", r["#"], r["decision"], r["policy"])
		}
		if name := told[fmt.Sprint(r["#"])]; allowed && name != `"Sparkoo do Brasil"` {
			t.Fatalf("record %v went to an upstream that was told %s", r["#"], name)
		}
	}
	if seen[true] == 0 || seen[false] == 0 {
		t.Errorf("%d allowed, %d denied: no policy was swapped under requests", seen[true], seen[false])
	}
}

// Nobody waits for a compilation: while one goes on, requests are decided under the
// law of their day, whether its date was foreseen or the clock was set.
func TestRecompilationBlocksNobody(t *testing.T) {
	midnight := time.Date(2026, 12, 1, 3, 0, 0, 0, time.UTC) // in Santiago
	var clock atomicTime
	clock.set(midnight.Add(-time.Hour))
	t.Cleanup(gateway.SetClock(clock.now))
	p := startPolicy(t, "", "")
	release, err := gateway.FreezePolicy()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	safeguards := func() string {
		req, err := http.NewRequest(http.MethodPut, "http://"+p.addr+"/v1/objects/x", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Registered-Country", "CL")
		client := http.Client{Timeout: 20 * time.Second} // a request that waits, waits for ever
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Fatalf("status %d", res.StatusCode)
		}
		return p.sg.last(t).Header.Get("Data-Transfer")
	}
	const old, after = "cl-ley19628-pre2026-none", "cl-ley21719-art27-"
	for _, c := range []struct {
		at   time.Time
		want string
	}{
		{midnight.Add(-time.Second), old},
		{midnight, after},                                  // its table was made ahead
		{midnight.Add(-time.Minute), old},                  // set back
		{midnight.AddDate(3, 0, 0), after},                 // perhaps beyond the next date
		{time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC), old}, // and far back
	} {
		clock.set(c.at)
		if got := safeguards(); !strings.Contains(got, c.want) {
			t.Errorf("at %s: %s, want %s", c.at, got, c.want)
		}
	}
}
