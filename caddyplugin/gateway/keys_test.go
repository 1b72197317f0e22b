package gateway_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

// subjects are the subjects of the transfers recorded, in order.
func (g *gate) subjects() (subjects []string) {
	for _, r := range g.records() {
		if subject, named := r["subject"].(string); named {
			subjects = append(subjects, subject)
		}
	}
	return subjects
}

// Pseudonyms follow the person's salt and the period's key; both are changed
// while the gateway runs, and no request goes without a subject meanwhile.
func TestPseudonymsWhileRunning(t *testing.T) {
	p := startPolicy(t, `{"account":"ana","country":"BR","salt":"the salt of ana, random"}`, "")
	ask := func() string {
		t.Helper()
		if a := p.get("/", "Registered-Country", "BR", "Account-Id", "ana"); a.StatusCode != http.StatusOK {
			t.Fatalf("status %d", a.StatusCode)
		}
		all := p.subjects()
		return all[len(all)-1]
	}
	first := ask()
	if ask() != first {
		t.Error("two requests of a person have different subjects")
	}
	replaceFile(t, p.vars["accounts"], `{"account":"ana","country":"BR"}`+"\n")
	waitFor(t, "the salt is gone", func() bool { return ask() != first })
	unsalted := ask()

	period := strings.Split(unsalted, ":")[1]
	status, body := p.ask(http.MethodPost, "/transfer/ledger/keys/"+period+"/destroy")
	if status != http.StatusOK || len(body["keys"].([]any)) != 1 {
		t.Fatalf("destroying: %d, %v", status, body)
	}
	if status, _ := p.ask(http.MethodPost, "/transfer/ledger/keys/"+period+"/destroy"); status != http.StatusNotFound {
		t.Errorf("destroying again: %d", status)
	}
	if after := ask(); after == unsalted || strings.Split(after, ":")[1] == period {
		t.Errorf("after the key was destroyed the subject is %s, before %s", after, unsalted)
	}
	if status, body := p.ask(http.MethodPost, "/transfer/ledger/keys/rotate"); status != http.StatusOK || len(body["keys"].([]any)) != 2 {
		t.Errorf("rotating: %d, %v", status, body)
	}
	if status, body := p.ask(http.MethodGet, "/transfer/ledger/keys"); status != http.StatusOK || len(body["keys"].([]any)) != 2 {
		t.Errorf("listing: %d, %v", status, body)
	}
}

func stopCaddy(t *testing.T) {
	t.Helper()
	http.DefaultClient.CloseIdleConnections()
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
}

// A master secret named later wraps the keys of a ledger that had its own, at
// the next start; the subjects stay the same.
func TestMasterSecretOfOperator(t *testing.T) {
	t.Setenv("TEST_LEDGER_MASTER", strings.Repeat("o", 44))
	const secret = "{env.TEST_LEDGER_MASTER}"
	g, r := startSite(t, "")
	g.get("/", "Registered-Country", "BR", "Account-Id", "ana")
	before := g.subjects()
	stopCaddy(t)
	named := strings.Replace(site, "ledger {ledger}", "ledger {ledger} {\n\t\t\tmaster "+secret+"\n\t\t}", 1)
	vars := map[string]string{"accounts": writeFile(t, "accounts.ndjson", `{"account":"nobody"}`+"\n"), "sg": r.sg.addr, "br": r.br.addr, "cn": r.cn.addr}
	if err := g.load(named, vars); err != nil {
		t.Fatal(err)
	}
	g.get("/", "Registered-Country", "BR", "Account-Id", "ana")
	if after := g.subjects(); len(before) != 1 || len(after) != 2 || after[1] != before[0] {
		t.Errorf("subjects %q, before %q", after, before)
	}
	if left, err := filepath.Glob(filepath.Join(g.ledger, "master.key")); err != nil || len(left) > 0 {
		t.Errorf("the secret of the folder is still there: %v, %v", left, err)
	}
	stopCaddy(t)
	wantLoadError(t, g.load(site, vars), "master.key is missing, and the pseudonyms' keys cannot be read without it: put it back, or name the secret with 'master'")
	short := writeFile(t, "short", "too short\n")
	wantLoadError(t, g.load(strings.Replace(named, secret, short, 1), vars), "the master secret '"+short+"' has 9 bytes; at least 32 are needed, as of 'openssl rand -base64 32'")
}

// What a word 'value' stands before is a secret; everything else is a file's name,
// but for what a placeholder stood for before there was that word.
func TestMasterSecretIsFileOrValue(t *testing.T) {
	secret := strings.Repeat("s", 44)
	missing := filepath.Join(t.TempDir(), "no-such-file-though-its-name-is-long-enough")
	t.Setenv("TEST_MASTER", secret)
	t.Setenv("TEST_MASTER_SHORT", "short")
	t.Setenv("TEST_MASTER_FILE", writeFile(t, "master", secret+"\n"))
	t.Setenv("TEST_MASTER_MISSING", missing)
	for master, want := range map[string]string{
		"value {env.TEST_MASTER}":                         "",
		"value " + secret:                                 "",
		"{env.TEST_MASTER}":                               "",
		"{env.TEST_MASTER_FILE}":                          "",
		"{env.TEST_MASTER_FILE} value {env.TEST_MASTER}":  "",
		"value {env.TEST_MASTER_SHORT}":                   "ledger: the master secret 'value {env.TEST_MASTER_SHORT}' has 5 bytes; at least 32 are needed",
		"value {env.TEST_MASTER} {env.TEST_MASTER_SHORT}": "ledger: the old master secret '{env.TEST_MASTER_SHORT}' has 5 bytes; at least 32 are needed",
		"{env.TEST_MASTER_MISSING}":                       "ledger: the master secret '{env.TEST_MASTER_MISSING}' names no file that can be read: no such file or directory",
		missing:                                           "ledger: the master secret: open " + missing + ": no such file or directory",
	} {
		options := strings.Replace(goodOptions, "ledger {ledger}", "ledger {ledger} {\nmaster "+master+"\n}", 1)
		err := validate(grammarCase{options: options}.caddyfile(t))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("master %s: got %v, want %s", master, err, want)
		}
	}
}
