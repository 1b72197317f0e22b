package gateway_test

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// staffSite has what an answer could tell of a person by: an activity that only some
// countries have, classes of records, and Transfer-Status.
const staffSite = `{
	admin off
	transfer {
		demo
		node gw-sg-1 SG sparkoo-sg
		ledger {ledger}
		{accounts}
		identity header {
			from 127.0.0.0/8
		}
	}
}

http://{addr} {
	@training path /v1/support/training/*
	@brazil {
		path /v1/brazil/*
		transfer_country BR
	}
	@else {
		not path /v1/brazil/*
	}
	transfer {
		status_to 127.0.0.0/8
		activity support-training @training
		activity support @brazil
		activity support @else
		region ap-southeast-3 {sg}
		region cn-north-4 {cn}
	}
}
`

// whatStaffSee is an answer without what differs by itself: the time, and the
// record's number.
func whatStaffSee(t *testing.T, a answer) string {
	t.Helper()
	number := regexp.MustCompile(`gw-sg-1#\d+\.\d+`)
	a.Header.Del("Date")
	a.Header.Del("Content-Length") // the number's digits
	if !number.MatchString(a.Text) {
		t.Errorf("no record is named: %s", a.Text)
	}
	return number.ReplaceAllString(fmt.Sprint(a.StatusCode, a.Header, a.Text), "RECORD")
}

// TestDenialTellsStaffNothingOfThePerson: what a transfer may not disclose, its denial
// does not either, and an account that is there is denied as one that is not.
//
//clause:tests §5(f)
func TestDenialTellsStaffNothingOfThePerson(t *testing.T) {
	center := newAccountCenter(t)
	for account, members := range map[string]string{
		"minor": `"country":"BR","minor":true`, "closed": `"country":"BR","closed":true`, "restricted": `"country":"BR","restricted":true`,
		"shuns": `"country":"BR","objections":["huawei-cloud-cn"]`, "nocountry": `"minor":false`, "thai": `"country":"TH"`, "french": `"country":"FR"`,
		"party": `"country":"BR","contracting_party":"sparkoo-sg"`, "chilean": `"country":"CL"`, "russian": `"country":"RU"`,
	} {
		center.put(account, members)
	}
	sg, cn := newUpstream(t, "sg", nil), newUpstream(t, "cn", nil)
	g := startGate(t, staffSite, map[string]string{"accounts": center.source("http", "/records"), "sg": sg.addr, "cn": cn.addr})
	ask := func(method, path, account string) answer {
		t.Helper()
		return g.do(method, path, "", "Staff-Entity", "huawei-cloud-cn", "Staff-Country", "CN", "Staff-Id", "agent-7", "Staff-Ticket", "T-1", "Account-Id", account)
	}
	reasons := make(map[string]bool)
	compare := func(path string, accounts ...string) {
		t.Helper()
		want := whatStaffSee(t, ask(http.MethodGet, path, "nobody-of-that-name"))
		for _, fact := range []string{"minor", "BR", "TH", "sparkoo", "law", "country", "Data-Controller", "Privacy-Statement", "support", "account"} {
			if strings.Contains(want, fact) {
				t.Errorf("%s tells staff %q: %s", path, fact, want)
			}
		}
		for _, account := range accounts {
			if got := whatStaffSee(t, ask(http.MethodGet, path, account)); got != want {
				t.Errorf("%s for %s differs from an unknown account's:\n%s\n%s", path, account, got, want)
			}
			refused := ofType(g.records(), "transfer.refused")
			reasons[fmt.Sprint(refused[len(refused)-1]["reason"])] = true
		}
	}
	compare("/v1/support/1", "minor", "closed", "restricted", "shuns", "nocountry", "russian")
	compare("/v1/support/training/1", "minor", "thai", "party", "shuns", "french")
	compare("/v1/brazil/1", "thai", "chilean", "minor", "nocountry")
	compare("/v1//brazil/1", "thai", "minor", "nocountry")
	for _, reason := range []string{"minor_without_guardian", "account_closed", "processing_restricted", "recipient_objected", "staff_without_subject", "no_safeguard", "no_activity"} {
		if !reasons[reason] {
			t.Errorf("no record has the true reason %s: there are %v", reason, reasons)
		}
	}
	if n := len(cn.requests()) + len(sg.requests()); n != 0 {
		t.Errorf("%d requests reached a region", n)
	}
	center.down.Store(true) // some accounts are remembered, others are not
	compare("/v1/support/1", "minor", "somebody-else", "closed")
	center.down.Store(false)

	// What is about the request or the staff, they are told.
	for _, test := range []struct {
		reason string
		fields []string
	}{
		{"staff_without_subject", []string{"Staff-Entity", "huawei-cloud-cn", "Staff-Country", "CN", "Staff-Id", "agent-7", "Staff-Ticket", "T-1"}},
		{"staff_unknown_recipient", []string{"Staff-Entity", "acme", "Staff-Country", "US", "Staff-Id", "agent-7", "Staff-Ticket", "T-1", "Account-Id", "minor"}},
		{"staff_unknown_recipient", []string{"Staff-Entity", "acme", "Staff-Country", "US", "Staff-Id", "agent-7", "Staff-Ticket", "T-1", "Account-Id", "nobody-of-that-name"}},
	} {
		if p := problemOf(t, g.get("/v1/support/1", test.fields...)); p["reason"] != test.reason {
			t.Errorf("%q: told %v, want %s", test.fields, p, test.reason)
		}
	}
	// The person themselves is told everything.
	if p := problemOf(t, g.get("/v1/support/1", "Account-Id", "minor")); p["reason"] != "minor_without_guardian" {
		t.Errorf("the person is told %v", p)
	}
	told := problemOf(t, ask(http.MethodGet, "/v1/support/1", "minor"))
	if keys := slices.Sorted(maps.Keys(told)); !slices.Equal(keys, []string{"clause", "reason", "record", "status", "title", "type", "unlock"}) || told["reason"] != "staff_denied" {
		t.Errorf("staff are told %v", told)
	}
}

// TestFlowsToldToStaff: what the flows of testdata/law say that staff are told of a
// denial, and are not.
//
//clause:tests §5(f)
func TestFlowsToldToStaff(t *testing.T) {
	var file struct {
		Flows []struct {
			ID    string
			Given struct {
				Country, Activity, Staff string
				Minor                    bool
			}
			Expect struct {
				Told    []string `yaml:"told_to_staff"`
				NotTold []string `yaml:"not_told"`
			}
		}
	}
	if err := yaml.Unmarshal([]byte(readFile(t, "../../internal/decision/testdata/law/flows.yaml")), &file); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, f := range file.Flows {
		if len(f.Expect.NotTold) == 0 {
			continue
		}
		n++
		if f.Given.Activity != "support" {
			t.Fatalf("%s is of activity %s, which this site does not have", f.ID, f.Given.Activity)
		}
		entity, place, _ := strings.Cut(f.Given.Staff, "@")
		g, _ := startSite(t, fmt.Sprintf(`{"account":"ana","country":%q,"minor":%t}`, f.Given.Country, f.Given.Minor))
		a := g.get("/v1/support/1", "Staff-Entity", entity, "Staff-Country", place, "Staff-Id", "agent-7", "Staff-Ticket", "T-1", "Account-Id", "ana")
		p := problemOf(t, a)
		for _, member := range f.Expect.Told {
			if p[member] == nil {
				t.Errorf("%s: staff are not told the %s: %v", f.ID, member, p)
			}
		}
		told := strings.ToLower(fmt.Sprint(a.StatusCode, a.Header, a.Text))
		for _, word := range append(f.Expect.NotTold, strings.ToLower(f.Given.Country)+`"`, "sparkoo") {
			if strings.Contains(told, word) {
				t.Errorf("%s: staff are told %s: %s", f.ID, word, told)
			}
		}
	}
	if n == 0 {
		t.Error("no flow says what staff are not told")
	}
}
