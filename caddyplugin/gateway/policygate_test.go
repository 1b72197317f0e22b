package gateway_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sparkoo/transfergate/caddyplugin/adminapi"
	"github.com/sparkoo/transfergate/config"
)

// policySite is site under a policy's folder, with the admin endpoint on.
var policySite = strings.NewReplacer("admin off", "admin {admin}", "\t\tdemo\n", "\t\tdemo\n\t\tpolicy {policy}\n\t\toperators "+operatorKey+"\n\t\t{more}\n").Replace(site)

// An operator whose orders policySite obeys.
const (
	operatorSecret = "PRIVATE+KEY+ops+3bddef1d+ASZJ/qRzL+4zCQe8qIMNeSMWccjloDLmjMcBuuYiTJvd"
	operatorKey    = "ops+3bddef1d+Ab3aWFKLhgGjmTIYIQOkSEIX2RHcc6XneU6bcl5j4JYq"
)

// signOrder makes a request to the admin API the operator's order.
func signOrder(t testing.TB, admin string, r *http.Request, body []byte) {
	t.Helper()
	if r.Method == http.MethodGet {
		return
	}
	name, value, err := adminapi.Client{Address: admin, Key: operatorSecret}.Sign(r.Method, r.URL.EscapedPath(), body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set(name, value)
}

// policyGate is a running gateway whose policy is a folder.
type policyGate struct {
	*gate
	regions
	vars  map[string]string
	dir   string // the policy's folder
	admin string
}

// startPolicy runs policySite on a copy of the embedded policy; more stands in
// the global option.
func startPolicy(t testing.TB, accounts, more string) *policyGate {
	t.Helper()
	p := &policyGate{dir: copyPolicy(t), admin: freeAddr(t)}
	p.regions = regions{newUpstream(t, "sg", nil), newUpstream(t, "br", nil), newUpstream(t, "cn", nil)}
	if accounts == "" {
		accounts = `{"account":"nobody"}`
	}
	p.vars = map[string]string{
		"accounts": writeFile(t, "accounts.ndjson", accounts+"\n"), "admin": p.admin, "policy": p.dir, "more": more,
		"sg": p.sg.addr, "br": p.br.addr, "cn": p.cn.addr,
	}
	p.gate = startGate(t, policySite, p.vars)
	return p
}

// copyPolicy copies the policy that comes with the gateway into a folder.
func copyPolicy(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "policy")
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("..", "..", "config", "policy"))); err != nil {
		t.Fatal(err)
	}
	return dir
}

// edit replaces text in a file of a folder, at once.
func edit(t testing.TB, dir, file, old, text string) {
	t.Helper()
	path := filepath.Join(dir, file)
	was, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+".new", []byte(replaced(t, string(was), old, text)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// What support-training carries: with course results (1g) no safeguard covers
// it, without them it is support as any other.
const withResults, withoutResults = "categories: [1a, 1g, 1h, 1l]", "categories: [1a, 1h, 1l] # no 1g"

// letTrainingPass changes the policy so that /v1/support/training is allowed.
func letTrainingPass(t testing.TB, dir string) {
	t.Helper()
	edit(t, dir, "activities.yaml", withResults, withoutResults)
}

// training asks for what letTrainingPass allows.
func (g *gate) training() answer {
	return g.get("/v1/support/training/1", "Registered-Country", "BR", "Account-Id", "ana")
}

// ask asks the admin API.
func (p *policyGate) ask(method, path string) (status int, body map[string]any) {
	p.t.Helper()
	req, err := http.NewRequest(method, "http://"+p.admin+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	signOrder(p.t, p.admin, req, nil)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&body); err != nil {
		p.t.Fatalf("%s %s: status %d: %v", method, path, res.StatusCode, err)
	}
	return res.StatusCode, body
}

// reload asks for a reload, and fails unless it is taken or refused as wanted.
func (p *policyGate) reload(refused string) {
	p.t.Helper()
	status, body := p.ask(http.MethodPost, "/transfer/policy/reload")
	said := fmt.Sprint(body["error"])
	switch {
	case refused == "" && (status != http.StatusOK || body["changed"] != true):
		p.t.Errorf("reloading: status %d, %v", status, body)
	case refused != "" && (status != http.StatusUnprocessableEntity || !strings.Contains(said, refused)):
		p.t.Errorf("reloading: status %d, %q, want a refusal that says %q", status, said, refused)
	}
}

// metric returns a metric's value as scraped, empty if it is not there.
func (p *policyGate) metric(name string) string {
	p.t.Helper()
	res, err := http.Get("http://" + p.admin + "/metrics")
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if value, found := strings.CutPrefix(line, "caddy_transfer_"+name+" "); found {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// digestOf is the digest of the policy in a folder.
func digestOf(t testing.TB, dir string) string {
	t.Helper()
	p, err := config.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return p.Digest
}
