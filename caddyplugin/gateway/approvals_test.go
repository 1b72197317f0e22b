package gateway_test

import (
	"crypto/rand"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/sparkoo/transfergate/caddyplugin/gateway"
	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/approval"
)

// signers are three people who may sign policies.
type signers struct {
	ana, bea, cem string // private keys
	file          string // of their public keys
}

func newSigners(t testing.TB) (s signers) {
	t.Helper()
	var public strings.Builder
	for _, p := range []struct {
		name string
		key  *string
	}{{"ana", &s.ana}, {"bea", &s.bea}, {"cem", &s.cem}} {
		skey, vkey, err := note.GenerateKey(rand.Reader, p.name)
		if err != nil {
			t.Fatal(err)
		}
		*p.key = skey
		public.WriteString("# " + p.name + "\n" + vkey + "\n")
	}
	s.file = writeFile(t, "approvers.txt", public.String())
	return s
}

// sign makes the author sign a folder's policy under a serial number, and others
// approve it.
func sign(t testing.TB, dir string, serial uint64, author string, approvers ...string) {
	t.Helper()
	f, err := config.LoadFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	sums := f.Registers.Sums()
	signed, err := approval.Write(sums, serial, author)
	for _, key := range approvers {
		if err == nil {
			signed, err = approval.Approve(signed, sums, key)
		}
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, config.ApprovalsFile), signed, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A policy is taken once its author and enough others have signed it, and any edit
// voids that. The old one stays in force meanwhile.
//
//clause:tests §5(g)
func TestRequireApprovals(t *testing.T) {
	t.Cleanup(gateway.SetPolicyInterval(time.Hour)) // the test reloads
	s := newSigners(t)
	p := &policyGate{dir: copyPolicy(t), admin: freeAddr(t)}
	p.regions = regions{newUpstream(t, "sg", nil), newUpstream(t, "br", nil), newUpstream(t, "cn", nil)}
	p.vars = map[string]string{
		"accounts": writeFile(t, "accounts.ndjson", `{"account":"nobody"}`), "admin": p.admin, "policy": p.dir,
		"more": "require_approvals 2 " + s.file, "sg": p.sg.addr, "br": p.br.addr, "cn": p.cn.addr,
	}
	fresh := &gate{t: t, addr: freeAddr(t), ledger: filepath.Join(t.TempDir(), "ledger")}
	wantRefused := func(what string) {
		t.Helper()
		if err := validate(fresh.expand(policySite, p.vars)); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("loading for the first time: got %v, want %q", err, what)
		}
	}
	wantRefused("is not signed")
	sign(t, p.dir, 4, s.ana, s.bea)
	wantRefused("1 of 2 approvals")
	sign(t, p.dir, 4, s.ana, s.bea, s.cem)
	p.gate = startGate(t, policySite, p.vars)
	failures := p.metric(`policy_load_failures_total{what="policy"}`)
	old, err := os.ReadFile(filepath.Join(p.dir, config.ApprovalsFile))
	if err != nil {
		t.Fatal(err)
	}

	letTrainingPass(t, p.dir)
	p.reload("activities.yaml changed after they were signed")
	sign(t, p.dir, 5, s.ana)
	p.reload("0 of 2 approvals")
	sign(t, p.dir, 5, s.ana, s.bea)
	p.reload("1 of 2 approvals")
	if a := p.training(); a.StatusCode != http.StatusForbidden {
		t.Errorf("a policy that too few approved is in force: status %d", a.StatusCode)
	}
	if p.metric(`policy_load_failures_total{what="policy"}`) == failures {
		t.Error("refusals are not counted")
	}
	sign(t, p.dir, 5, s.ana, s.cem, s.bea)
	p.reload("")
	if a := p.training(); a.StatusCode != http.StatusOK {
		t.Errorf("status %d: %s", a.StatusCode, a.Text)
	}
	_, status := p.ask(http.MethodGet, "/transfer/policy")
	by, _ := status["approvals"].(map[string]any)
	if by["serial"] != float64(5) || by["required"] != float64(2) || len(by["approvers"].([]any)) != 2 {
		t.Errorf("the admin API says %v", status)
	}

	// Replayed: the old policy with its own, good signatures.
	edit(t, p.dir, "activities.yaml", withoutResults, withResults)
	if err := os.WriteFile(filepath.Join(p.dir, config.ApprovalsFile), old, 0o600); err != nil {
		t.Fatal(err)
	}
	const replayed = "has serial 4, but serial 5 was in force here"
	p.reload(replayed)
	failures = p.metric(`policy_load_failures_total{what="policy"}`)
	if err := p.load(policySite, p.vars); err != nil {
		t.Fatalf("a new configuration does not go on with the last approved policy: %v", err)
	}
	if a := p.training(); a.StatusCode != http.StatusOK {
		t.Errorf("a new configuration takes it: status %d", a.StatusCode)
	}
	if p.metric(`policy_load_failures_total{what="policy"}`) == failures {
		t.Error("the refusal is not counted")
	}
	sign(t, p.dir, 5, s.ana, s.cem, s.bea)
	p.reload("has serial 5, but serial 5 was in force here with digest")
	sign(t, p.dir, 6, s.ana, s.cem, s.bea)
	p.reload("")
	if a := p.training(); a.StatusCode != http.StatusForbidden {
		t.Errorf("signed anew: status %d", a.StatusCode)
	}

	// No file beside the records says what they say: with all of them gone, the old
	// policy and its good signatures do not come back either.
	stopCaddy(t)
	for _, name := range []string{"policy.approved", "policy.last", "last-good", "oversight"} {
		if err := os.RemoveAll(filepath.Join(p.ledger, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(p.dir, config.ApprovalsFile), old, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := p.load(policySite, p.vars); err == nil || !strings.Contains(err.Error(), "has serial 4, but serial 6 was in force here") {
		t.Errorf("an older policy comes back: %v", err)
	}
	sign(t, p.dir, 7, s.ana, s.cem, s.bea)
	if err := p.load(policySite, p.vars); err != nil {
		t.Fatal(err)
	}
	if n := len(ofType(p.records(), "oversight.changed")); n != 1 {
		t.Errorf("%d entries say who must approve, although nothing changed", n)
	}
}

// What require_approvals cannot mean is an error of the configuration.
func TestRequireApprovalsErrors(t *testing.T) {
	s := newSigners(t)
	one, err := os.ReadFile(s.file)
	if err != nil {
		t.Fatal(err)
	}
	vkey := strings.Split(string(one), "\n")[1]
	g := &gate{t: t, addr: freeAddr(t), ledger: filepath.Join(t.TempDir(), "ledger")}
	for option, want := range map[string]string{
		"require_approvals 1":                            "1 arguments where 'require_approvals NUMBER KEYS...' is meant",
		"require_approvals two " + s.file:                "'two' is no number of approvals",
		"require_approvals 0 " + s.file:                  "at least one person besides the author",
		"require_approvals 3 " + s.file:                  "with 3 keys there are never so many",
		"require_approvals 1 " + vkey + " " + s.file:     "two public keys of 'ana'",
		"require_approvals 1 /nowhere/approvers.txt":     "reading public keys",
		"require_approvals 1 " + s.file + "\n\t\tpolicy": "the embedded policy carries no signatures",
	} {
		vars := map[string]string{"accounts": writeFile(t, "a.ndjson", `{"account":"a"}`), "admin": "off", "sg": "127.0.0.1:1", "br": "127.0.0.1:1", "cn": "127.0.0.1:1", "more": option, "policy": copyPolicy(t)}
		caddyfile := policySite
		if more, embedded := strings.CutSuffix(option, "\n\t\tpolicy"); embedded {
			vars["more"], caddyfile = more, strings.Replace(policySite, "policy {policy}", "", 1)
		}
		if err := validate(g.expand(caddyfile, vars)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", option, err, want)
		}
	}
}
