package gateway_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// sharing adds to a policy a third party the person instructs (§4(a)) and an
// authority (§4(b)), both in Hong Kong, with activities, regions and contracts.
func sharing(t *testing.T) string {
	dir := copyPolicy(t)
	add := func(file, text string) {
		f, err := os.OpenFile(filepath.Join(dir, file), os.O_APPEND|os.O_WRONLY, 0)
		must(t, err)
		_, err = f.WriteString(text)
		must(t, errors.Join(err, f.Close()))
	}
	add("recipients.yaml", "\n  - {id: friend-hk, name: Friend, country: HK, kinds: [4a]}\n  - {id: office-hk, name: Office, country: HK, kinds: [4b]}\n")
	add("regions.yaml", `
  - {code: friend-1, name: Friend, country: HK, operator: friend-hk}
  - {code: office-1, name: Office, country: HK, operator: office-hk}
`)
	row := func(law, tag, kind string) string {
		more := map[string]string{"br": "\n    evidence: {publication: {reference: 'https://example.com/t', date: 2026-01-01}}"}[law]
		return `
  - id: ` + law + kind + `
    tag: ` + tag + `
    law: ` + law + `
    exporters: any
    recipients: any
    countries: [HK, SG]
    purposes: any
    categories: any
    kinds: [` + kind + `, 9-operator]
    instrument: Contract
    clause: §4` + more + `
    review: {every_months: 12, owner: counsel, last: 2026-11-23}
`
	}
	add("safeguards.yaml", row("br", "br-lgpd-art33-iib-scc", "4a")+row("sg", "sg-pdpa-s26-contract", "4a")+row("br", "br-lgpd-art33-iib-scc", "4b")+row("sg", "sg-pdpa-s26-contract", "4b")+row("hk", "hk-pdpo-rmc", "4a")+row("hk", "hk-pdpo-rmc", "4b"))
	return dir
}

// TestReferences: sharing under §4(a) and §4(b) passes only with what stands behind
// it, from a trusted proxy or the account record, and the record names that. What
// nobody asked for is not recorded, and the field itself goes no further.
func TestReferences(t *testing.T) {
	dir := sharing(t)
	friend, office := newUpstream(t, "friend", nil), newUpstream(t, "office", nil)
	until := func(d time.Duration) string {
		return "case:2026-17;approver=legal-ops;until=@" + strconv.FormatInt(time.Now().Add(d).Unix(), 10)
	}
	live := until(time.Hour)
	accounts := `{"account":"nobody"}
{"account":"ana","country":"BR","references":{"instructed":"instruction:77","compliance":"` + live + `"}}
{"account":"eva","country":"BR","withdrawn":true,"references":{"instructed":"consent:9f2c"}}
{"account":"rui","country":"BR"}
`
	config := replaced(t, underPolicy(t, dir), "from 127.0.0.0/8\n", "from 127.0.0.0/8\n\t\t\treference_field Behind-It\n")
	config = replaced(t, config, "activity serving\n", "activity instructed /share/*\n\t\tactivity compliance /case/*\n\t\tactivity serving\n")
	config = replaced(t, config, "region cn-north-4 {cn}\n", "region friend-1 "+friend.addr+"\n\t\tregion office-1 "+office.addr+"\n")
	config = strings.ReplaceAll(config, "{cn}", "")
	sg, br := newUpstream(t, "sg", nil), newUpstream(t, "br", nil)
	g := startGate(t, config, map[string]string{"accounts": writeFile(t, "accounts.ndjson", accounts), "sg": sg.addr, "br": br.addr})
	for _, test := range []struct {
		name, account, path, field string
		status                     int
		reason, recorded           string
	}{
		{"nothing", "rui", "/share/1", "", 403, "instruction_missing", ""},
		{"the record's instruction", "ana", "/share/1", "", 200, "", "instruction:77"},
		{"the proxy's consent", "rui", "/share/1", "consent:c-1", 200, "", "consent:c-1"},
		{"a case is no instruction", "rui", "/share/1", live, 403, "instruction_missing", live},
		{"consent withdrawn", "eva", "/share/1", "", 403, "consent_withdrawn", "consent:9f2c"},
		{"no case", "rui", "/case/1", "", 403, "case_missing", ""},
		{"the record's case", "ana", "/case/1", "", 200, "", live},
		{"the proxy's case", "rui", "/case/1", live, 200, "", live},
		{"a case that has ended", "rui", "/case/1", until(-time.Second), 403, "case_expired", until(-time.Second)},
		{"malformed", "rui", "/", "jane@example.com", 401, "identity_broken", ""},
		{"not asked for", "ana", "/", live, 200, "", ""},
	} {
		fields := []string{"Registered-Country", "BR", "Account-Id", test.account}
		if test.field != "" {
			fields = append(fields, "Behind-It", test.field)
		}
		before := len(g.records())
		a := g.get(test.path, fields...)
		if a.StatusCode != test.status {
			t.Errorf("%s: status %d, want %d: %s", test.name, a.StatusCode, test.status, a.Text)
			continue
		}
		if test.status == http.StatusForbidden && problemOf(t, a)["reason"] != test.reason {
			t.Errorf("%s: %s, want %s", test.name, a.Text, test.reason)
		}
		for _, rec := range g.records()[before:] {
			if rec["type"] != "transfer.accepted" && rec["type"] != "transfer.refused" {
				continue
			}
			if got, _ := rec["reference"].(string); got != test.recorded && !(test.reason == "case_expired" && strings.HasPrefix(got, "case:2026-17;approver=legal-ops;until=@")) {
				t.Errorf("%s: recorded %q, want %q", test.name, got, test.recorded)
			}
		}
	}
	for _, u := range []*upstream{friend, office, br} {
		for _, r := range u.requests() {
			if len(r.Header["Behind-It"]) > 0 {
				t.Errorf("%s got the reference", r.URI)
			}
		}
	}
}

// Two statements side by side: the site's covers it, an activity's own comes first,
// and upstreams, clients and records are told the version in force of the right one.
func TestStatements(t *testing.T) {
	dir := copyPolicy(t)
	edit(t, dir, "statement.yaml", "    valid_from: 2023-11-21\n", `    valid_from: 2023-11-21
  - {id: events-1, statement: events, date: 2024-05-01, title: Events, url: https://example.com/events, valid_from: 2024-05-01, valid_until: 2025-01-01}
  - {id: events-2, statement: events, date: 2025-01-01, title: Events, url: https://example.com/events, valid_from: 2025-01-01}
  - {id: help-1, statement: help, date: 2025-01-01, title: Help, url: https://example.com/help, valid_from: 2025-01-01}
`)
	edit(t, dir, "activities.yaml", "  - id: support\n", "  - id: support\n    statement: help\n")
	config := replaced(t, underPolicy(t, dir), "activity storage @objects\n", "statement events\n\t\tactivity storage @objects\n")
	r := regions{newUpstream(t, "sg", nil), newUpstream(t, "br", nil), newUpstream(t, "cn", nil)}
	g := startGate(t, config, map[string]string{
		"accounts": writeFile(t, "accounts.ndjson", `{"account":"nobody"}`+"\n"), "sg": r.sg.addr, "br": r.br.addr, "cn": r.cn.addr,
	})
	for path, want := range map[string]struct {
		upstream *upstream
		id, url  string
	}{
		"/v1/objects/1": {r.sg, "events-2", "https://example.com/events"},
		"/v1/support/1": {r.cn, "help-1", "https://example.com/help"},
	} {
		a := g.get(path, "Registered-Country", "BR", "Account-Id", "ana")
		if a.StatusCode != 200 || a.Header.Get("Privacy-Statement") != `"`+want.id+`"` || !strings.Contains(a.Header.Get("Link"), want.url) {
			t.Errorf("%s: status %d, header %v", path, a.StatusCode, a.Header)
		}
		if got := want.upstream.last(t).Header.Get("Privacy-Statement"); got != `"`+want.id+`"` {
			t.Errorf("%s: upstream told %s", path, got)
		}
		records := ofType(g.records(), "transfer.accepted")
		if got := records[len(records)-1]["statement"]; got != want.id {
			t.Errorf("%s: record says %v", path, got)
		}
	}
	err := g.load(strings.Replace(config, "statement events", "statement event", 1), map[string]string{
		"accounts": writeFile(t, "accounts.ndjson", `{"account":"nobody"}`+"\n"), "sg": r.sg.addr, "br": r.br.addr, "cn": r.cn.addr,
	})
	if err == nil || !strings.Contains(err.Error(), "statement 'event' is not in the policy; did you mean 'events'?, at Caddyfile:") {
		t.Errorf("a site with an unknown statement: %v", err)
	}
}

// When a safeguard ends or its review is due stands in the metrics, by its id.
func TestSafeguardExpiry(t *testing.T) {
	p := startPolicy(t, "", "")
	for id, want := range map[string]time.Time{
		"sg-public": time.Date(2027, 11, 23, 0, 0, 0, 0, time.UTC), // twelve months after the last review
		"cl-open":   time.Date(2026, 12, 1, 3, 0, 0, 0, time.UTC),  // Chile's law changes before that
	} {
		got, err := strconv.ParseFloat(p.metric(`safeguard_expiry_timestamp_seconds{id="`+id+`"}`), 64)
		if err != nil || int64(got) != want.Unix() {
			t.Errorf("%s: %v (%v), want %d", id, got, err, want.Unix())
		}
	}
}
