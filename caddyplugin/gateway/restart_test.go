package gateway_test

import (
	"crypto/sha256"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/caddyplugin/gateway"
	"github.com/sparkoo/transfergate/caddyplugin/recorder"
	"github.com/sparkoo/transfergate/internal/lastgood"
	"github.com/sparkoo/transfergate/internal/policystore"
)

// fromElsewhere is policySite with all that a gateway takes from elsewhere.
const fromElsewhere = `shadow {shadow}
		geoip {geoip}
		identity jwt {issuer}/jwks.json {
			issuer {issuer}
			audience developer
			ca {ca}
		}`

// elsewhere is a gateway's policy, shadow, accounts, country database and key service.
type elsewhere struct {
	*policyGate
	login         *issuer
	shadow, geoip string
}

func newElsewhere(t *testing.T) *elsewhere {
	t.Helper()
	e := &elsewhere{policyGate: &policyGate{dir: copyPolicy(t), admin: freeAddr(t)}, login: newIssuer(t), shadow: copyPolicy(t)}
	e.regions = regions{newUpstream(t, "sg", nil), newUpstream(t, "br", nil), newUpstream(t, "cn", nil)}
	database, err := os.ReadFile(filepath.Join("..", "..", "internal", "geo", "country.mmdb"))
	if err != nil {
		t.Fatal(err)
	}
	e.geoip = writeFile(t, "country.mmdb", string(database))
	letTrainingPass(t, e.dir)
	e.vars = map[string]string{
		"accounts": writeFile(t, "accounts.ndjson", `{"account":"jane","country":"BR","restricted":true}`+"\n"),
		"admin":    e.admin, "policy": e.dir, "shadow": e.shadow, "geoip": e.geoip, "issuer": e.login.URL, "ca": e.login.ca,
		"sg": e.sg.addr, "br": e.br.addr, "cn": e.cn.addr,
	}
	e.vars["more"] = strings.NewReplacer("{shadow}", e.shadow, "{geoip}", e.geoip, "{issuer}", e.login.URL, "{ca}", e.login.ca).Replace(fromElsewhere)
	e.gate = &gate{t: t, addr: freeAddr(t), ledger: filepath.Join(outlivingDir(t), "ledger")}
	return e
}

// A line of a register, and half an edit of it.
const registersName, registersTypo = "    name: Sparkoo Technologies Chile SpA", "    nme: Sparkoo Technologies Chile SpA"

// breakAll breaks all of it.
func (e *elsewhere) breakAll() {
	e.t.Helper()
	edit(e.t, e.dir, "controllers.yaml", registersName, registersTypo)
	edit(e.t, e.shadow, "controllers.yaml", registersName, registersTypo)
	replaceFile(e.t, e.vars["accounts"], `{"account":"jane","country":"BR"}`+"\n{half a line\n")
	database, err := os.ReadFile(e.geoip)
	if err != nil {
		e.t.Fatal(err)
	}
	replaceFile(e.t, e.geoip, string(database[:len(database)/2]))
	e.login.down.Store(true)
}

// sourcesOfAll are what is loaded: the values of the label what.
var sourcesOfAll = []string{"policy", "shadow", "accounts", "keys", "geoip"}

// wantServed sends what the policy, the accounts and the keys of before let pass, and deny.
func (e *elsewhere) wantServed(when string) {
	e.t.Helper()
	if a := e.get("/ready"); a.StatusCode != http.StatusOK {
		e.t.Errorf("%s: /ready is %d: %s", when, a.StatusCode, a.Text)
	}
	if a := e.training(); a.StatusCode != http.StatusOK {
		e.t.Errorf("%s: by the policy: status %d: %s", when, a.StatusCode, a.Text)
	}
	if a := e.get("/", e.login.bearer(map[string]any{"sub": "john"})...); a.StatusCode != http.StatusOK {
		e.t.Errorf("%s: by the keys: status %d: %s", when, a.StatusCode, a.Text)
	}
	if a := e.get("/", e.login.bearer(nil)...); a.StatusCode != http.StatusForbidden {
		e.t.Errorf("%s: by the accounts: status %d: %s", when, a.StatusCode, a.Text)
	}
}

// A restart is never less available than running on: what was good last goes on, be it a
// policy, a shadow, account records, keys or a country database, and only what never was
// good stops a start.
func TestRestartGoesOnWithWhatWasGoodLast(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program")
	}
	e, p := newElsewhere(t), buildProgram(t)
	caddyfile := writeFile(t, "Caddyfile", e.expand(policySite, e.vars))
	began := time.Now().Truncate(time.Second)
	cmd := p.start(e.gate, caddyfile)
	e.wantServed("before")
	room := filepath.Join(e.ledger, "last-good")
	waitFor(t, "all of it is kept", func() bool {
		kept, err := filepath.Glob(filepath.Join(room, "*-????????????????"))
		return err == nil && len(kept) == len(sourcesOfAll)
	})
	kill := func() {
		t.Helper()
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		cmd.Wait() // it was killed
	}
	kill()
	e.breakAll()

	cmd = p.start(e.gate, caddyfile)
	e.wantServed("after kill -9")
	for _, what := range sourcesOfAll {
		waitFor(t, what+" is counted", func() bool {
			n := e.metric(`policy_load_failures_total{what="` + what + `"}`)
			return n != "" && n != "0"
		})
		since, err := strconv.ParseFloat(e.metric(`last_good_timestamp_seconds{what="`+what+`"}`), 64)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if at := time.Unix(int64(since), 0); at.Before(began) || at.After(time.Now()) {
			t.Errorf("%s is in force since %s, want after %s", what, at, began)
		}
	}
	p.run("validate", "--adapter", "caddyfile", "--config", caddyfile)
	p.run("reload", "--force", "--adapter", "caddyfile", "--config", caddyfile, "--address", e.admin)
	e.wantServed("after a reload")
	kill()
	cmd = p.start(e.gate, caddyfile)
	e.wantServed("after a second kill -9")

	// What is right again is taken without a word.
	edit(t, e.dir, "controllers.yaml", registersTypo, registersName)
	edit(t, e.shadow, "controllers.yaml", registersTypo, registersName)
	replaceFile(t, e.vars["accounts"], `{"account":"jane","country":"BR","restricted":true}`+"\n")
	database, err := os.ReadFile(filepath.Join("..", "..", "internal", "geo", "country.mmdb"))
	if err != nil {
		t.Fatal(err)
	}
	replaceFile(t, e.geoip, string(database))
	e.login.down.Store(false)
	for _, what := range sourcesOfAll {
		waitFor(t, what+" is its source's again", func() bool { return e.metric(`last_good_timestamp_seconds{what="`+what+`"}`) == "" })
	}
	e.wantServed("when all is right again")
	p.end(cmd)

	// Who can write to the ledger's folder puts another policy in force by no note.
	text := strings.Repeat("0", 64) + "\n"
	if err := lastgood.Within(e.ledger).Slot(policystore.OfPolicy, e.dir).Save(sha256.Sum256([]byte(text)), strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	edit(t, e.dir, "controllers.yaml", registersName, registersTypo)
	if out, err := p.command("run", "--adapter", "caddyfile", "--config", caddyfile).CombinedOutput(); err == nil || !strings.Contains(string(out), "nor can what was good last be used") {
		t.Errorf("a forged note: %v\n%s", err, out)
	}
}

// What never was good on a ledger stops the start, whatever else was.
func TestWhatNeverWasGoodStopsTheStart(t *testing.T) {
	for what, c := range map[string]struct {
		broken func(e *elsewhere)
		want   string
	}{
		"policy":   {func(e *elsewhere) { edit(t, e.dir, "controllers.yaml", registersName, registersTypo) }, "controllers.yaml"},
		"shadow":   {func(e *elsewhere) { edit(t, e.shadow, "controllers.yaml", registersName, registersTypo) }, "loading the shadow policy"},
		"accounts": {func(e *elsewhere) { replaceFile(t, e.vars["accounts"], "{half\n") }, "accounts.ndjson:1"},
		"geoip":    {func(e *elsewhere) { replaceFile(t, e.geoip, "half") }, "geoip: "},
	} {
		e := newElsewhere(t)
		c.broken(e)
		if err := e.load(policySite, e.vars); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", what, err, c.want)
		}
		if kept, err := os.ReadDir(filepath.Join(e.ledger, "last-good")); err == nil {
			t.Errorf("%s: a configuration that does not load keeps %v", what, kept)
		}
	}
}

// unsealed is what is kept of an account file, for who has the ledger's master secret;
// empty for nothing.
func unsealed(g *gate, path string) (text string) {
	room := lastgood.Within(g.ledger)
	room.SealWith(func() ([]byte, error) { return (&recorder.Ledger{Folder: g.ledger}).Secret("seal what was good last") })
	_ = room.Sealed("accounts", path).Load(1<<20, func(body io.Reader, _ time.Time) error { // nothing, then
		all, err := io.ReadAll(body)
		text = string(all)
		return err
	})
	return text
}

// Copies of what a source said go when nobody asks for that source any more: account
// records are about people.
func TestLastGoodOfOldSourcesIsRemoved(t *testing.T) {
	t.Cleanup(gateway.SetTidyAfter(time.Millisecond))
	p := startPolicy(t, `{"account":"ana@people.example","country":"BR"}`, "")
	kept := func() (names []string) {
		found, err := filepath.Glob(filepath.Join(p.ledger, "last-good", "accounts-*"))
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	waitFor(t, "the accounts are kept", func() bool {
		return unsealed(p.gate, p.vars["accounts"]) == `{"account":"ana@people.example","country":"BR"}`+"\n"
	})
	text, err := os.ReadFile(kept()[0])
	if err != nil || strings.Contains(string(text), "people.example") {
		t.Errorf("who is kept stands there in plain: %q, %v", text, err)
	}
	replaceFile(t, p.vars["accounts"], `{"account":"bob@people.example","country":"BR"}`+"\n")
	waitFor(t, "who was removed is not kept", func() bool {
		return unsealed(p.gate, p.vars["accounts"]) == `{"account":"bob@people.example","country":"BR"}`+"\n"
	})
	for _, without := range []string{"accounts file {accounts} {\n\t\t\tno_copy\n\t\t}", ""} {
		if err := p.load(policySite, p.vars); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "the accounts are kept again", func() bool { return len(kept()) == 1 })
		if err := p.load(strings.Replace(policySite, "accounts file {accounts}", without, 1), p.vars); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "the copy of the accounts is removed", func() bool { return len(kept()) == 0 })
	}
}
