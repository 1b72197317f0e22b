package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	// A Caddyfile may name any standard module and ours.
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/sparkoo/transfergate/caddyplugin/accounts"
	_ "github.com/sparkoo/transfergate/caddyplugin/identity"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
)

// explained runs explain and returns what it printed.
func explained(t *testing.T, f explainFlags, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	if err := f.run(&out, args); err != nil {
		t.Fatalf("%+v: %v", f, err)
	}
	return out.String()
}

func wants(t *testing.T, text string, parts ...string) {
	t.Helper()
	text = strings.Join(strings.Fields(text), " ") // lines are broken anywhere
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("lacks %q:\n%s", part, text)
		}
	}
}

// From flags, for people and for programs.
func TestExplainFlags(t *testing.T) {
	f := explainFlags{country: "BR", activity: "support-training", demo: true, at: "2026-12-02", staff: "huawei-cloud-cn@CN", ticket: "T-1", accessReason: "legal", approval: "approval:A-7:duty-manager:2026-12-03", node: "gw:ZA:sparkoo-za", regions: "ap-southeast-3,cn-north-4"}
	wants(t, explained(t, f), "At 2026-12-02T12:00:00Z", "by staff of huawei-cloud-cn in CN, about a person who registered in BR",
		"given: ticket T-1, reason legal, approval:A-7;approver=duty-manager;until=@1796299200",
		"edge: sparkoo-br in BR -> sparkoo-za in ZA", "no_safeguard, because law br (", "[§4, config/policy/regions.yaml:")
	f.json = true
	var e decision.Explanation
	if err := json.Unmarshal([]byte(explained(t, f)), &e); err != nil || e.Reason != decision.NoSafeguard || len(e.Regions) != 2 || len(e.Steps) < 6 {
		t.Errorf("%v: %+v", err, e)
	}
	f = explainFlags{country: "BR", activity: "serving", chose: "restricted,2b,sparkoo-br", demo: true}
	wants(t, explained(t, f), "processing is restricted; activity sparkoo-br switched off; objections to 2b, sparkoo-br", "Denied wherever it might go: processing_restricted, because the person restricted")
	f = explainFlags{country: "TH", activity: "serving", at: "2026-11-25", born: "2007-01-01", demo: true}
	wants(t, explained(t, f), "a minor without a guardian", "minor_without_guardian, because")
	if _, err := (&explainFlags{born: "jane"}).question(); err == nil {
		t.Error("jane is a birth")
	}
}

// site is a Caddyfile with the header source, whose proxy is this machine.
func site(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	accounts := filepath.Join(dir, "accounts.ndjson")
	if err := os.WriteFile(accounts, []byte(`{"account":"secret-ana","country":"BR","contracting_party":"sparkoo-br"}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "Caddyfile")
	text := `{
	admin off
	transfer {
		demo
		node gw-sg-1 SG sparkoo-sg
		ledger ` + filepath.Join(dir, "ledger") + `
		accounts file ` + accounts + `
		identity header {
			from 127.0.0.0/8
		}
	}
}
http://gw.test {
	transfer {
		activity support /v1/support/*
		activity serving
		region ap-southeast-3 127.0.0.1:1
		region cn-north-4 127.0.0.1:1
	}
}
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A Caddyfile gives node, regions, accounts and demo; a request is read by its
// sites and identity sources, as when it runs. Nothing is written.
func TestExplainCaddyfile(t *testing.T) {
	caddyfile := site(t)
	text := explained(t, explainFlags{caddyfile: caddyfile, activity: "support", account: "secret-ana"})
	wants(t, text, "the contracting party the Account Center shows", "Allowed: huawei-cloud-cn in CN answers from region cn-north-4, because the laws br, sg, cn are satisfied")
	for name, c := range map[string]struct{ request, from, want string }{
		"a ticket":                  {"GET /v1/support/7?q=secret HTTP/1.1\nHost: gw.test\nRegistered-Country: BR\nAccount-Id: secret-ana\n", "127.0.0.1:1", "Allowed: huawei-cloud-cn in CN answers"},
		"with a body, and CRLF":     {"POST /v1/x HTTP/1.1\r\nHost: gw.test\r\nContent-Length: 6\r\nRegistered-Country: PE\r\n\r\nsecret", "127.0.0.1:1", "The controller is sparkoo-pe"},
		"from a peer nobody trusts": {"GET / HTTP/1.1\nHost: gw.test\nRegistered-Country: BR\n", "192.0.2.1:1", "The request is by nobody who is identified."},
		"a path in two readings":    {"GET /v1/support/../x HTTP/1.1\nHost: gw.test\n", "127.0.0.1:1", "Refused before a decision: path_ambiguous."},
		"what is no country":        {"GET / HTTP/1.1\nHost: gw.test\nRegistered-Country: UK\n", "127.0.0.1:1", "whose registered country is no ISO 3166-1 code"},
		"the person's choice, GPC":  {"GET / HTTP/1.1\nHost: gw.test\nRegistered-Country: BR\nSec-GPC: 1\n", "127.0.0.1:1", "the request opts out (Sec-GPC)"},
	} {
		path := filepath.Join(t.TempDir(), "request.http")
		if err := os.WriteFile(path, []byte(c.request), 0o600); err != nil {
			t.Fatal(err)
		}
		text := explained(t, explainFlags{caddyfile: caddyfile, request: path, from: c.from})
		wants(t, text, c.want)
		if strings.Contains(text, "secret") {
			t.Errorf("%s: the explanation repeats the request: %s", name, text)
		}
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(caddyfile), "ledger")); !os.IsNotExist(err) {
		t.Errorf("explaining made a ledger: %v", err)
	}
}

// A record is explained with the policy it names, whatever the policy is today.
func TestExplainRecord(t *testing.T) {
	old, err := loadPolicy(copyPolicy(t, func(name, text string) string {
		return strings.Replace(text, "serves: [BR]", "serves: [BR, BT]", 1)
	}))
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "ledger")
	log := ledger.New(dir, ledger.Options{Node: "gw"})
	if err := log.Open(); err != nil {
		t.Fatal(err)
	}
	if err := log.Snapshot(old.Policy.Digest, old.Archive()); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	var ids []string
	for _, r := range []record.Transfer{
		{Header: record.Header{Type: record.TypeAccepted}, Activity: "storage", Country: "BT", Controller: "sparkoo-br", Basis: "registered-country", Requester: "self", Region: "ap-southeast-3", Decision: "allowed", Demo: true},
		{Header: record.Header{Type: record.TypeRefused}, Activity: "support-training", Country: "BR", Controller: "sparkoo-sg", Basis: "account-center", Requester: "huawei-cloud-cn@CN", Staff: "h1:1:AAECAwQFBgcICQoLDA0ODw", Ticket: "T-1", Decision: "denied", Reason: "no_safeguard", Law: "br"},
		{Header: record.Header{Type: record.TypeRefused}, Activity: "surveys", Country: "BR", Controller: "sparkoo-br", Basis: "registered-country", Requester: "self", Decision: "denied", Reason: "consent_withdrawn"},
	} {
		r.Time, r.Policy, r.Enforced = at, old.Policy.Digest, true
		id, err := log.Append(r.Append(nil))
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id.String())
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	wants(t, explained(t, explainFlags{record: dir + "#" + ids[0]}), "Record "+ids[0]+" says: allowed, region ap-southeast-3.",
		"The controller is sparkoo-br (Sparkoo Technologies Do Brasil Ltda.) in BR: the country table.", "policy "+old.Policy.Digest[:12], "Allowed: ")
	for _, number := range []string{"gw#" + ids[0], "0"} {
		want := ids[0]
		if number == "0" {
			want = "entry 1.0 is of type ledger.genesis"
		}
		var out bytes.Buffer
		err := (&explainFlags{record: dir + "#" + number}).run(&out, nil)
		if got := fmt.Sprint(out.String(), err); !strings.Contains(got, want) {
			t.Errorf("record %s: %s", number, got)
		}
	}
	wants(t, explained(t, explainFlags{ledger: dir}, ids[1]), "staff of huawei-cloud-cn in CN", "given: ticket T-1.", "the contracting party the Account Center shows", "Denied: no_safeguard,")
	wants(t, explained(t, explainFlags{record: dir + "#" + ids[2]}), "because the person withdrew the consent this rests on.", "Denied: consent_withdrawn,")
}

// What a record does not say is said to be unknown, and nothing is made up in its
// place; what it says stands, whatever the policy comes to when it is asked again.
func TestARecordIsExplainedFromWhatItSays(t *testing.T) {
	loaded, err := loadPolicy("")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "ledger")
	log := ledger.New(dir, ledger.Options{Node: "gw"})
	if err := log.Open(); err != nil {
		t.Fatal(err)
	}
	if err := log.Snapshot(loaded.Policy.Digest, loaded.Archive()); err != nil {
		t.Fatal(err)
	}
	br := record.Transfer{Activity: "surveys", Country: "BR", Controller: "sparkoo-br", Basis: "registered-country", Subject: "h1:2026:x"}
	legs := record.AppendLegs(nil, []record.Leg{
		{Kind: "collection", From: "BR", Recipient: "sparkoo-br", To: "BR", Laws: []record.Verdict{{Law: "br", Because: "direct-collection"}}},
		{Kind: "serving", Exporter: "sparkoo-br", From: "BR", Recipient: "sparkoo-sg", RecipientKind: "9-operator", To: "SG", Laws: []record.Verdict{
			{Law: "br", Safeguard: "made-up-tag", Instrument: "contract 7"}}},
	})
	for name, c := range map[string]struct {
		change  func(*record.Transfer)
		want    []string
		without []string
	}{
		"an objection to one recipient": {
			func(r *record.Transfer) { r.Reason, r.Clause = "recipient_objected", "§7" },
			[]string{"Denied: recipient_objected,", "The record does not say:", "which recipient the person objects to"},
			[]string{"objections to", "huawei-cloud-cn"}},
		"an objection to one purpose": {
			func(r *record.Transfer) { r.Activity, r.Reason = "rights", "purpose_objected" },
			[]string{"Denied: purpose_objected,", "which of the purposes 2c, 2f"}, []string{"objections to"}},
		"a denial whose regions nobody knows": {
			func(r *record.Transfer) { r.Activity, r.Reason = "serving", "no_region" },
			[]string{"Denied: no_region,", "which regions the site declared"}, []string{"Allowed"}},
		"a denial of what the policy allows": {
			func(r *record.Transfer) { r.Activity, r.Reason, r.Law, r.Demo = "storage", "no_safeguard", "br", true },
			[]string{"Denied: no_safeguard,", "br (", "laws.yaml:"}, []string{"Allowed"}},
		"a party of no register": {
			func(r *record.Transfer) {
				r.Controller, r.ControllerName, r.Basis, r.Reason = "unlisted", "Acme Ltd", "account-center", "law_unknown"
			},
			[]string{"unlisted (Acme Ltd)", "the country of the contracting party", "Denied: law_unknown,"}, nil},
		"a broken identity": {
			func(r *record.Transfer) { *r = record.Transfer{Reason: "identity_broken", Basis: "not-registered"} },
			[]string{"who asked", "Denied: identity_broken, because the credential is not valid."}, []string{"for their own data", "nobody is registered"}},
		"a denial that was only reported": {
			func(r *record.Transfer) { r.Reason, r.Law, r.Enforced = "no_safeguard", "br", false },
			[]string{"Denied: no_safeguard", "only reported, and the request passed"}, nil},
		"staff of whom the record says nothing else, as those of before": {
			func(r *record.Transfer) { r.Requester, r.Reason = "huawei-cloud-cn@CN", "minor_without_guardian" },
			[]string{"The record does not say: which member of staff asked, and under which ticket"}, []string{"ticket_missing", "given:"}},
		"a denial with what was denied": {
			func(r *record.Transfer) {
				r.Activity, r.Reason, r.Law, r.Region, r.Recipient, r.Mode, r.Demo = "support-training", "no_safeguard", "br", "cn-north-4", "huawei-cloud-cn", "report", true
				r.Legs = record.AppendLegs(nil, []record.Leg{{Kind: "onward", Exporter: "sparkoo-sg", From: "SG", Recipient: "huawei-cloud-cn", To: "CN", Laws: []record.Verdict{
					{Law: "br", Missing: true, Lacks: []string{"category:1g", "duty:consent"}, Nearest: "br-support-cn"},
					{Law: "sg", Missing: true, Lacks: []string{"later:word"}, Nearest: "sg-gone"},
				}}})
			},
			[]string{"Region cn-north-4 (CN, run by huawei-cloud-cn) would have answered.", "onward: the person in SG -> huawei-cloud-cn in CN.",
				"missing: a row that covers category 1g, and evidence of a duty that holds: consent; the nearest row is br-support-cn.",
				"missing: 'later:word'", "sg-gone, which its policy does not have", "safeguards.yaml:", "under demo", "Missing safeguards were only reported then"},
			[]string{"Allowed", "was chosen"}},
		"staff of nobody that is known": {
			func(r *record.Transfer) { r.Requester, r.Reason = "unlisted@unknown", "staff_unknown_recipient" },
			[]string{"staff of an entity that the registers do not know", "Denied: staff_unknown_recipient,"}, nil},
		"a safeguard that the policy has not": {
			func(r *record.Transfer) {
				r.Type, r.Decision, r.Region, r.Recipient, r.Legs, r.Withheld = record.TypeAccepted, "allowed", "ap-southeast-3", "sparkoo-sg", legs, []string{"cookie"}
			},
			[]string{"Allowed: sparkoo-sg in SG answers from region ap-southeast-3.", "collection: the person in BR -> sparkoo-br in BR",
				"made-up-tag", "contract 7", "no such row in its policy", "Removed from the request: cookie", "what the person chose"}, nil},
	} {
		r := br
		r.Type, r.Decision, r.Enforced, r.Requester = record.TypeRefused, "denied", true, "self"
		c.change(&r)
		if r.Type == "" { // a request that was refused before anything was known
			r.Type, r.Decision, r.Enforced, r.Requester = record.TypeRefused, "denied", true, "self"
		}
		r.Time, r.Policy = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC), loaded.Policy.Digest
		id, err := log.Append(r.Append(nil))
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := (&explainFlags{record: dir + "#" + id.String()}).run(&out, nil); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		t.Run(name, func(t *testing.T) {
			wants(t, out.String(), c.want...)
			for _, not := range c.without {
				if strings.Contains(out.String(), not) {
					t.Errorf("says %q:\n%s", not, out.String())
				}
			}
		})
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestExplainErrors(t *testing.T) {
	for want, c := range map[string]struct {
		f    explainFlags
		args []string
	}{
		"no activity; use one of storage, ":                          {explainFlags{}, nil},
		"access reason 'curious' is not one; use one of ":            {explainFlags{staff: "huawei-cloud-cn@CN", accessReason: "curious", activity: "support"}, nil},
		"approval 'A-7' is not written as one; write approval:ID:AP": {explainFlags{staff: "huawei-cloud-cn@CN", approval: "A-7", activity: "support"}, nil},
		"staff 'me' is not entity@COUNTRY":                           {explainFlags{staff: "me", activity: "support"}, nil},
		"unexpected argument 'x'":                                    {explainFlags{}, []string{"x"}},
		"--request needs --caddyfile FILE":                           {explainFlags{request: "x"}, nil},
		"give one of --address, --caddyfile, --record and":           {explainFlags{caddyfile: "x", record: "y"}, nil},
		"--ledger DIR needs the record's number":                     {explainFlags{ledger: "x"}, nil},
		"record 'x' is not FOLDER#NUMBER":                            {explainFlags{record: "x"}, nil},
		"reading the Caddyfile: open nowhere: no such file":          {explainFlags{caddyfile: "nowhere"}, nil},
		"reference 'x' is not written as one; use one of consent:ID": {explainFlags{reference: "x"}, nil},
		"an account, and no account records: name the file":          {explainFlags{account: "secret", activity: "support"}, nil},
		"reading the account records: open nowhere: no such ":        {explainFlags{account: "secret", accounts: "nowhere", activity: "support"}, nil},
	} {
		err := c.f.run(new(bytes.Buffer), c.args)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// A running gateway is asked in the body of a request, never in its address.
func TestExplainOnline(t *testing.T) {
	var address, body string
	admin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		address, body = r.Method+" "+r.URL.String(), string(text)
		_, _ = io.WriteString(w, `[{"at":"2026-11-25T12:00:00Z","policy":"0123456789abcdef","outcome":"denied","steps":[{"topic":"outcome","text":"Denied: no_safeguard."}]}]`)
	}))
	defer admin.Close()
	text := explained(t, explainFlags{address: strings.TrimPrefix(admin.URL, "http://"), activity: "support", account: "secret-ana"})
	wants(t, text, "policy 0123456789ab", "Denied: no_safeguard.")
	if address != "POST /transfer/explain" || !strings.Contains(body, `"account":"secret-ana"`) || strings.Contains(text, "secret") {
		t.Errorf("asked %s with %s, printed %s", address, body, text)
	}
	admin.Close()
	if err := (&explainFlags{address: "127.0.0.1:1", activity: "support"}).run(new(bytes.Buffer), nil); err == nil || !strings.HasPrefix(err.Error(), "asking the gateway at 127.0.0.1:1: ") {
		t.Errorf("got %v", err)
	}
}
