package gateway_test

import (
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/sparkoo/transfergate/caddyplugin/gateway"
	"github.com/sparkoo/transfergate/internal/testsupport"
)

// evidenceSite is site with what a test changes, and a class of records.
var evidenceSite = strings.NewReplacer(
	"ledger {ledger}", "ledger {ledger} {\n\t\t\tclass help {\n\t\t\t\tactivities support\n\t\t\t\tretain 30 days\n\t\t\t}\n\t\t}\n\t\t{more}",
	"activity storage @objects\n", "activity storage {storage}\n", "region cn-north-4 {cn}", "region cn-north-4 {\n\t\t\treverse_proxy {cn} {\n\t\t\t\t{proxy}\n\t\t\t}\n\t\t}",
	"transfer_health\n", "transfer_health\n\t{beside}\n",
).Replace(site)

// evidenceGate is a gateway that is stopped and started, with its records by class.
type evidenceGate struct {
	*gate
	vars map[string]string
}

func startEvidence(t *testing.T) *evidenceGate {
	t.Helper()
	sg, br, cn := newUpstream(t, "sg", nil), newUpstream(t, "br", nil), newUpstream(t, "cn", nil)
	e := &evidenceGate{vars: map[string]string{
		"accounts": writeFile(t, "accounts.ndjson", `{"account":"nobody"}`+"\n"), "more": "", "storage": "@objects", "proxy": "", "beside": "",
		"sg": sg.addr, "br": br.addr, "cn": cn.addr,
	}}
	e.gate = startGate(t, evidenceSite, e.vars)
	return e
}

// reload loads the configuration with some of it changed.
func (e *evidenceGate) reload(pairs ...string) {
	e.t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		e.vars[pairs[i]] = pairs[i+1]
	}
	if err := e.load(evidenceSite, e.vars); err != nil {
		e.t.Fatal(err)
	}
}

func (e *evidenceGate) stop() {
	e.t.Helper()
	if err := caddy.Stop(); err != nil {
		e.t.Fatal(err)
	}
}

// dirs are the folders of both classes.
func (e *evidenceGate) dirs() []string {
	return []string{e.ledger, filepath.Join(e.ledger, "class-help")}
}

// said are the entries of both classes about the gateway, "default|help" where they differ.
func (e *evidenceGate) said() string {
	e.t.Helper()
	var both []string
	for _, dir := range e.dirs() {
		var types []string
		for _, r := range recordsIn(e.t, dir) {
			switch kind := fmt.Sprint(r["type"]); kind {
			case "gateway.started":
				types = append(types, kind+" "+fmt.Sprint(r["before"]))
			case "gateway.stopped", "config.changed":
				types = append(types, kind)
			}
		}
		both = append(both, strings.Join(types, ", "))
	}
	if both[0] != both[1] {
		return both[0] + "|" + both[1]
	}
	return both[0]
}

// Every ledger says when the gateway began to write to it, how it ended the time before,
// and how it was set: nothing twice, and nothing that did not happen.
func TestTheLedgerSaysWhenTheGatewayRan(t *testing.T) {
	e := startEvidence(t)
	want := "gateway.started none, config.changed"
	check := func(when string) {
		t.Helper()
		if got := e.said(); got != want {
			t.Fatalf("%s:\n got %s\nwant %s", when, got, want)
		}
	}
	check("after the first start")
	e.reload()
	check("after a reload that changes nothing")
	e.stop()
	want += ", gateway.stopped"
	check("after it ended")
	e.reload()
	want += ", gateway.started ended"
	check("after a start with the same configuration")
	for _, dir := range e.dirs() {
		if err := gateway.BreakLedger(dir); err != nil { // what a crash leaves: nothing more is written
			t.Fatal(err)
		}
	}
	e.stop()
	check("after a crash")
	e.reload("more", "log_transfers")
	want += ", gateway.started crashed, config.changed"
	check("after a start with another configuration")
	e.reload("more", "")
	want += ", config.changed"
	check("after a reload that changes something")
	for _, dir := range e.dirs() {
		records := recordsIn(t, dir)
		configuration := ""
		for _, r := range records {
			switch r["type"] {
			case "config.changed":
				configuration = r["configuration"].(string)
			case "gateway.started":
				if len(r["policy"].(string)) != 64 || !strings.Contains(r["program"].(string), ", Caddy ") {
					t.Errorf("a start says %v", r)
				}
			}
		}
		changed := ofType(records, "config.changed")
		if first := changed[0]["configuration"]; configuration != first || configuration == changed[1]["configuration"] || changed[1]["before"] != first {
			t.Errorf("%s: the same settings have another digest, or others the same: %v", dir, changed)
		}
	}
}

// What is different stands in the entry in words, and nothing else does.
//
//clause:tests §5(j).3
func TestTheLedgerSaysHowTheGatewayIsSet(t *testing.T) {
	e := startEvidence(t)
	name := "site 127.0.0.1"
	for _, c := range []struct {
		option, value string
		want          []string
	}{
		{"more", "mode report privacy-office 2030-12-31", []string{
			"mode: was enforce, is report until 2030-12-31"}},
		{"more", "", []string{
			"mode: was report until 2030-12-31, is enforce"}},
		{"storage", "@rights", []string{
			name + `, activity 01: was storage for path ["/v1/objects/*"], is storage for path ["/v1/rights/*"]`}},
	} {
		e.reload(c.option, c.value)
		for _, dir := range e.dirs() {
			changed := ofType(recordsIn(t, dir), "config.changed")
			last := changed[len(changed)-1]
			var changes []string
			for _, text := range last["changes"].([]any) {
				if line := text.(string); !strings.Contains(line, "all options") {
					changes = append(changes, line)
				}
			}
			if fmt.Sprint(changes) != fmt.Sprint(c.want) {
				t.Errorf("%s: %s\n got %q\nwant %q", c.option, c.value, changes, c.want)
			}
			if len(last["changes"].([]any)) <= len(changes) {
				t.Errorf("%s: no digest of all options is different: %v", c.option, last["changes"])
			}
		}
	}
}

// Who wrote and who approved each policy stands beside it, by the hashes of their keys,
// and which one is in force among the settings.
func TestTheLedgerSaysWhoSignedThePolicy(t *testing.T) {
	t.Cleanup(gateway.SetPolicyInterval(time.Hour)) // the test reloads
	s := newSigners(t)
	p := &policyGate{dir: copyPolicy(t), admin: freeAddr(t)}
	p.regions = regions{newUpstream(t, "sg", nil), newUpstream(t, "br", nil), newUpstream(t, "cn", nil)}
	p.vars = map[string]string{
		"accounts": writeFile(t, "accounts.ndjson", `{"account":"nobody"}`), "admin": p.admin, "policy": p.dir,
		"more": "require_approvals 1 " + s.file, "sg": p.sg.addr, "br": p.br.addr, "cn": p.cn.addr,
	}
	ana, bea, cem := keyHash(s.ana), keyHash(s.bea), keyHash(s.cem)
	sign(t, p.dir, 4, s.ana, s.bea)
	p.gate = startGate(t, policySite, p.vars)
	first := digestOf(t, p.dir)
	sign(t, p.dir, 5, s.cem, s.ana) // the same policy
	if status, body := p.ask(http.MethodPost, "/transfer/policy/reload"); status != http.StatusOK {
		t.Fatal(status, body)
	}
	letTrainingPass(t, p.dir)
	sign(t, p.dir, 6, s.ana, s.bea, s.cem)
	p.reload("")
	second := digestOf(t, p.dir)
	var kept []string
	for _, r := range ofType(p.records(), "policy.snapshot") {
		kept = append(kept, fmt.Sprint(r["policy"], " ", r["serial"], " ", r["author"], " ", r["approvers"]))
	}
	both := []string{bea, cem} // by name
	want := []string{
		fmt.Sprintf("%s 4 %s [%s]", first, ana, bea), fmt.Sprintf("%s 5 %s [%s]", first, cem, ana), fmt.Sprintf("%s 6 %s %s", second, ana, both),
	}
	if fmt.Sprint(kept) != fmt.Sprint(want) {
		t.Errorf("\n got %q\nwant %q", kept, want)
	}
	line := func(digest string, serial int, author string, approvers ...string) string {
		return fmt.Sprintf("%s from %s, serial %d, written by %s, approved by %s", digest, p.dir, serial, author, strings.Join(approvers, " "))
	}
	var changes []string
	for _, r := range ofType(p.records(), "config.changed")[1:] {
		changes = append(changes, fmt.Sprint(r["changes"]))
	}
	if want := []string{
		"[policy: was " + line(first, 4, ana, bea) + ", is " + line(first, 5, cem, ana) + "]",
		"[policy: was " + line(first, 5, cem, ana) + ", is " + line(second, 6, ana, bea, cem) + "]",
	}; fmt.Sprint(changes) != fmt.Sprint(want) {
		t.Errorf("\n got %q\nwant %q", changes, want)
	}
}

// keyHash is the hash in a private key, PRIVATE+KEY+name+hash+key.
func keyHash(skey string) string { return strings.Split(skey, "+")[3] }

// Neither secrets nor values by which requests name people stand in the ledger.
func TestTheLedgerSaysNoSecretOfTheConfiguration(t *testing.T) {
	e := startEvidence(t)
	t.Setenv("EVIDENCE_SECRET", "s3cret-of-the-environment")
	settings := func() string {
		changed := ofType(e.records(), "config.changed")
		return fmt.Sprint(changed[len(changed)-1]["settings"])
	}
	e.reload("proxy", "header_up Api-Key 0ld-s3cret", "more", `assertion {
			issuer https://gw.example.com
			subject_key value {env.EVIDENCE_SECRET}-and-some-more-that-makes-it-long-enough
		}`)
	first := settings()
	e.reload("proxy", "header_up Api-Key n3w-s3cret")
	if second := settings(); second == first {
		t.Error("another value of a header field is no change")
	}
	for _, dir := range e.dirs() {
		for _, file := range segmentsOf(t, dir) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, secret := range []string{"s3cret", "jane", "long-enough"} {
				if strings.Contains(string(data), secret) {
					t.Errorf("%s holds %q", file, secret)
				}
			}
		}
	}
	line := gateway.MatcherLine(caddyhttp.RawMatcherSets{
		{"path": []byte(`["/a/*"]`), "header": []byte(`{"Authorization":["Bearer 0ld-s3cret"]}`)},
		{"query": []byte(`{"member":["jane"]}`)},
	})
	// sha256sum of the JSON, cut off
	if want := `header with options bdde3b692e1974a3 and path ["/a/*"], or query with options 2dac7634a60c5e9f`; line != want {
		t.Errorf("a matcher is %s, want %s", line, want)
	}
}

// segmentsOf are all files of a ledger's folder.
func segmentsOf(t *testing.T, dir string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && filepath.Dir(path) != dir {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	return files
}

// A configuration of which Caddy could start a part only leaves the one before in force,
// and the ledger says so.
func TestAConfigurationThatFailsIsTakenBack(t *testing.T) {
	e := startEvidence(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	before := ofType(e.records(), "config.changed")[0]["configuration"]
	for range 8 { // Caddy starts its apps in an order of chance
		vars := maps.Clone(e.vars)
		vars["more"] = "log_transfers\n\t\toperators " + writeFile(t, "operators", operatorKey+"\n")
		if err := e.load(evidenceSite+"\nhttp://"+taken.Addr().String()+" {\n\trespond hello\n}\n", vars); err == nil {
			t.Fatal("a configuration with an address that is taken loads")
		}
		for _, dir := range e.dirs() {
			changed := ofType(recordsIn(t, dir), "config.changed")
			if got := changed[len(changed)-1]["configuration"]; got != before {
				t.Fatalf("%s says that %v is in force, and it is %v", dir, got, before)
			}
		}
		if o := ofType(e.records(), "oversight.changed"); len(o) > 0 && o[len(o)-1]["operators"] != nil {
			t.Fatalf("the ledger says that %v are obeyed, and nobody is", o[len(o)-1]["operators"])
		}
	}
	if n := len(ofType(e.records(), "gateway.stopped")); n != 0 {
		t.Errorf("it stopped %d times", n)
	}
}

// Every hour each ledger says how much there was, also when there was nothing, and the
// last part of an hour when the gateway ends.
//
//clause:tests §5(j).5
func TestHeartbeats(t *testing.T) {
	clock := new(atomicTime)
	begin := time.Date(2026, 12, 9, 10, 0, 0, 0, time.UTC)
	clock.set(begin)
	testsupport.LogTo(t)
	defer gateway.SetClock(clock.now)()
	defer gateway.SetHeartbeatLook(time.Millisecond)()
	defer gateway.CountRefusals()()
	e := startEvidence(t)
	beats := func(dir, kind string) (all []string) {
		for _, r := range ofType(recordsIn(t, dir), kind) {
			all = append(all, fmt.Sprint(r["from"], " ", r["time"], ": ", r["requests"], " ", r["transfers"], " ", r["refused"]))
		}
		return all
	}
	expect := func(kind string, want ...[]string) {
		t.Helper()
		for i, dir := range e.dirs() {
			waitFor(t, "the heartbeats are written", func() bool { return len(beats(dir, kind)) >= len(want[i]) })
			if got := beats(dir, kind); fmt.Sprint(got) != fmt.Sprint(want[i]) {
				t.Errorf("%s %s:\n got %q\nwant %q", dir, kind, got, want[i])
			}
		}
	}
	for range 3 { // a transfer each, of the default class
		if a := e.get("/", "Registered-Country", "BR", "Account-Id", "ana"); a.StatusCode != http.StatusOK {
			t.Fatal(a.StatusCode, a.Text)
		}
	}
	for range 4 { // denied; only the first of a minute has a record of its own
		if a := e.get("/v1/support/training/1", "Registered-Country", "BR", "Account-Id", "ana"); a.StatusCode != http.StatusForbidden {
			t.Fatal(a.StatusCode, a.Text)
		}
	}
	if a := e.get("/v1/support/1", "Registered-Country", "BR", "Account-Id", "ana"); a.StatusCode != http.StatusOK {
		t.Fatal(a.StatusCode, a.Text)
	}
	const first = "2026-12-09T10:00:00.000000Z 2026-12-09T11:00:00.000000Z: "
	clock.set(begin.Add(59 * time.Minute))
	clock.set(begin.Add(time.Hour))
	expect("gateway.heartbeat", []string{first + "7 3 4"}, []string{first + "1 1 0"})
	e.reload("more", "log_transfers") // counts outlive it
	clock.set(begin.Add(2 * time.Hour))
	const second = "2026-12-09T11:00:00.000000Z 2026-12-09T12:00:00.000000Z: 0 0 0"
	expect("gateway.heartbeat", []string{first + "7 3 4", second}, []string{first + "1 1 0", second})
	if a := e.get("/", "Registered-Country", "BR", "Account-Id", "ana"); a.StatusCode != http.StatusOK {
		t.Fatal(a.StatusCode, a.Text)
	}
	clock.set(begin.Add(150 * time.Minute))
	e.stop()
	const last = "2026-12-09T12:00:00.000000Z 2026-12-09T12:30:00.000000Z: "
	expect("gateway.stopped", []string{last + "1 1 0"}, []string{last + "0 0 0"})
}
