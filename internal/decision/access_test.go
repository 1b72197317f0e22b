package decision_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/decision"
)

// TestStaffAccount: every access by staff says who it is, under which ticket and,
// where the activity asks for it, who approved it until when (statement §5(f): access
// is controlled by role and every one is accounted for).
//
//clause:tests §5(f)
func TestStaffAccount(t *testing.T) {
	approval := decision.Reference{Kind: decision.Approval, ID: "A-7", Approver: "duty-manager", Until: now.Add(time.Hour)}
	full := decision.StaffAccess{Named: true, Ticket: "T-1", Reason: decision.Answering, Approval: approval}
	with := func(change func(*decision.StaffAccess)) decision.StaffAccess {
		a := full
		change(&a)
		return a
	}
	china, everywhere := decision.Set{Of: []string{"CN"}}, decision.Set{Any: true}
	for _, test := range []struct {
		name     string
		noTicket string
		approval decision.Set
		access   decision.StaffAccess
		want     decision.Reason
		unlock   string // part of it
	}{
		{"who, ticket and approval", "", china, full, "", ""},
		{"without an approval nobody asked for", "", decision.Set{}, decision.StaffAccess{Named: true, Ticket: "T-1"}, "", ""},
		{"approval asked of staff elsewhere", "", decision.Set{Of: []string{"HK"}}, decision.StaffAccess{Named: true, Ticket: "T-1"}, "", ""},
		{"nobody", "", decision.Set{}, decision.StaffAccess{}, decision.StaffUnnamed, "id of the member of staff"},
		{"nobody with a ticket", "alerts open none", decision.Set{}, decision.StaffAccess{Ticket: "T-1"}, decision.StaffUnnamed, ""},
		{"without a ticket", "", decision.Set{}, decision.StaffAccess{Named: true}, decision.TicketMissing, "activity support"},
		{"without a ticket that nobody asks for", "alerts open none", decision.Set{}, decision.StaffAccess{Named: true}, "", ""},
		{"without an approval", "", china, with(func(a *decision.StaffAccess) { a.Approval = decision.Reference{} }), decision.ApprovalMissing, "staff in CN"},
		{"without an approval, asked of all", "", everywhere, with(func(a *decision.StaffAccess) { a.Approval = decision.Reference{} }), decision.ApprovalMissing, "staff in CN"},
		{"a case is no approval", "", china, with(func(a *decision.StaffAccess) { a.Approval.Kind = decision.Case }), decision.ApprovalMissing, ""},
		{"an approval by nobody", "", china, with(func(a *decision.StaffAccess) { a.Approval.Approver = "" }), decision.ApprovalMissing, ""},
		{"an approval without an end", "", china, with(func(a *decision.StaffAccess) { a.Approval.Until = time.Time{} }), decision.ApprovalMissing, ""},
		{"an approval that ends now", "", china, with(func(a *decision.StaffAccess) { a.Approval.Until = now }), decision.ApprovalExpired, "holds now"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := clone(policy())
			for i := range p.Activities {
				if a := &p.Activities[i]; a.ID == "support" {
					a.NoTicket, a.Approval = test.noTicket, test.approval
				}
			}
			f := staffOf(person(p, "support", "BR"), "huawei-cloud-cn", "CN")
			f.Access = test.access
			d := decide(p, f)
			if d.Reason != test.want || (d.Outcome == decision.Allowed) != (test.want == "") || !strings.Contains(d.Unlock, test.unlock) {
				t.Errorf("reason %q, want %q: %s", d.Reason, test.want, d.Unlock)
			}
			s := siteSG()
			table := compile(t, p, s, now)
			asked := f
			asked.Access = full
			table.Decide(asked) // the answer to others who account for it is no answer to these
			equal(t, table, p, &s, f)
			e := decision.Explain(p, &s, now, f, nil)
			if e.Reason != test.want || !strings.Contains(stepOf(e, "access").Text, "member of staff") {
				t.Errorf("explained as %q: %+v", e.Reason, stepOf(e, "access"))
			}
			f.Staff = nil
			if d := decide(p, f); d.Reason != "" {
				t.Errorf("the person themselves: %s", d.Reason)
			}
		})
	}
}

// stepOf is the first step of a topic.
func stepOf(e decision.Explanation, topic string) decision.Step {
	for _, s := range e.Steps {
		if s.Topic == topic {
			return s
		}
	}
	return decision.Step{}
}
