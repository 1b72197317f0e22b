package gateway_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// wantStaff holds what a record says of an access by staff: who, by a pseudonym of
// their own, under which ticket, why and by whose leave. It returns the pseudonym.
func wantStaff(t *testing.T, rec map[string]any, ticket, reason, approval string) string {
	t.Helper()
	staff, _ := rec["staff"].(string)
	if !regexp.MustCompile(`^h1:[^:]+:[A-Za-z0-9_-]{22}$`).MatchString(staff) || staff == rec["subject"] {
		t.Errorf("staff %q, subject %v", staff, rec["subject"])
	}
	for member, want := range map[string]string{"ticket": ticket, "access_reason": reason, "approval": approval} {
		if got, _ := rec[member].(string); got != want {
			t.Errorf("%s %q, want %q", member, got, want)
		}
	}
	return staff
}

// TestStaffAccessIsAccountedFor: a staff access without who or without a ticket goes
// nowhere, one that must be approved neither, and the record of each says what there
// was (statement §5(f)).
//
//clause:tests §5(f)
func TestStaffAccessIsAccountedFor(t *testing.T) {
	folder := copyPolicy(t)
	edit(t, folder, "activities.yaml", "    support: security-support\n", "    support: security-support\n    no_ticket: alarms open no ticket\n")
	site := replaced(t, staffSite, "\t\tdemo\n", "\t\tdemo\n\t\tpolicy "+folder+"\n")
	site = replaced(t, site, "activity support @else", "activity security @alarm\n\t\tactivity support @else")
	site = replaced(t, site, "\t@else {", "\t@alarm path /v1/alarm/*\n\t@else {")
	sg, cn := newUpstream(t, "sg", nil), newUpstream(t, "cn", nil)
	g := startGate(t, site, map[string]string{
		"accounts": "accounts file " + writeFile(t, "accounts.ndjson", `{"account":"ana","country":"BR"}`+"\n"+`{"account":"agent-7","country":"BR"}`+"\n"), "sg": sg.addr, "cn": cn.addr,
	})
	approved := fmt.Sprintf("approval:A-7;approver=duty-manager;until=@%d", time.Now().Add(time.Hour).Unix())
	ended := fmt.Sprintf("approval:A-7;approver=duty-manager;until=@%d", time.Now().Add(-time.Hour).Unix())
	seen := map[string]string{} // pseudonyms, by member
	for _, test := range []struct {
		path, member, ticket, reason, approval string
		want, told                             string
	}{
		{"/v1/support/1", "agent-7", "T-1", "support-request", "", "", ""},
		{"/v1/support/2", "agent-8", "T-1", "", "", "", ""},
		{"/v1/support/3", "agent-7", "T-2", "", approved, "", ""},
		{"/v1/support/1", "", "T-1", "", "", "staff_unnamed", "staff_unnamed"},
		{"/v1/support/1", "agent-7", "", "", "", "ticket_missing", "staff_denied"}, // an activity of this policy asks for none
		{"/v1/alarm/1", "agent-7", "", "security", "", "approval_missing", "staff_denied"},
		{"/v1/alarm/1", "agent-7", "", "security", ended, "approval_expired", "staff_denied"},
		{"/v1/alarm/1", "agent-7", "", "security", approved, "", ""},
	} {
		a := g.get(test.path, "Staff-Entity", "huawei-cloud-cn", "Staff-Country", "CN", "Account-Id", "ana", "Staff-Id", test.member,
			"Staff-Ticket", test.ticket, "Access-Reason", test.reason, "Access-Approval", test.approval)
		records := slices.DeleteFunc(g.records(), func(r map[string]any) bool { return r["site"] == nil })
		rec := records[len(records)-1]
		if reason, _ := rec["reason"].(string); reason != test.want {
			t.Errorf("%+v: recorded %v", test, rec)
			continue
		}
		if test.want != "" {
			if p := problemOf(t, a); p["reason"] != test.told {
				t.Errorf("%+v: told %v", test, p)
			}
		} else if a.StatusCode != 200 || a.Text != "cn" {
			t.Errorf("%+v: status %d: %s", test, a.StatusCode, a.Text)
		}
		if test.member == "" {
			if rec["staff"] != nil || rec["ticket"] != test.ticket {
				t.Errorf("nobody is recorded as %v, ticket %v", rec["staff"], rec["ticket"])
			}
			continue
		}
		pseudonym := wantStaff(t, rec, test.ticket, test.reason, test.approval)
		if before, known := seen[test.member]; known && before != pseudonym {
			t.Errorf("%s is %s and %s", test.member, before, pseudonym)
		}
		seen[test.member] = pseudonym
	}
	if seen["agent-7"] == seen["agent-8"] {
		t.Error("two members of staff have one pseudonym")
	}
	// A person whose account id is that of a member of staff is not them.
	g.get("/v1/support/1", "Account-Id", "agent-7")
	for _, rec := range g.records() {
		if rec["subject"] == seen["agent-7"] {
			t.Error("a person and a member of staff have one pseudonym")
		}
	}
	for _, r := range cn.requests() {
		for _, field := range []string{"Staff-Id", "Staff-Ticket", "Access-Reason", "Access-Approval"} {
			if r.Header.Values(field) != nil {
				t.Errorf("the affiliate got %s", field)
			}
		}
	}
	if text := fmt.Sprint(g.records()); strings.Contains(text, "agent-7") || strings.Contains(text, "agent-8") {
		t.Error("a record names a member of staff")
	}
}
