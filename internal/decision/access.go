package decision

import (
	"fmt"
	"strings"
)

// StaffAccess is what a member of staff says of their access to somebody's data (§5(f)),
// beside where they are. It names no person: who they are stands in the record, as a
// pseudonym. The zero StaffAccess says nothing.
type StaffAccess struct {
	// Named tells that the source says which member of staff it is.
	Named bool
	// Ticket is the number of what they work on; empty for none.
	Ticket string
	// Reason is why they look, one of [AccessReasons]; empty if they do not say.
	Reason AccessReason
	// Approval is who agreed to it and until when, of kind [Approval].
	Approval Reference
}

// AccessReason is why a member of staff looks at somebody's data.
type AccessReason string

// The reasons, each a purpose of §2.
const (
	Answering       AccessReason = "support-request" // somebody asked for help (2c)
	Troubleshooting AccessReason = "troubleshooting" // something does not work (2d)
	Securing        AccessReason = "security"        // an incident, or fraud (2e)
	Obeying         AccessReason = "legal"           // the law asks for it (2f)
)

// AccessReasons returns every reason. The slice is the caller's.
func AccessReasons() []AccessReason {
	return []AccessReason{Answering, Troubleshooting, Securing, Obeying}
}

// unaccounted returns what a member of staff does not account for, or "". The
// person themselves account to nobody.
//
//clause:enforces §5(f); record requester ticket approval access_reason reason
func unaccounted(a *Activity, f *Facts) Reason {
	if f.Staff == nil {
		return ""
	}
	approval := &f.Access.Approval
	switch {
	case !f.Access.Named:
		return StaffUnnamed
	case f.Access.Ticket == "" && a.NoTicket == "":
		return TicketMissing
	case !a.Approval.has(f.Staff.Country):
		return ""
	case approval.ID == "" || approval.Kind != Approval || approval.Approver == "" || approval.Until.IsZero():
		return ApprovalMissing
	case f.At.IsZero() || !f.At.Before(approval.Until):
		return ApprovalExpired
	}
	return ""
}

// accountUnlock says what would make up for that.
func accountUnlock(r Reason, a *Activity, f *Facts) string {
	switch r {
	case TicketMissing:
		return fmt.Sprintf("the number of the ticket, which activity %s asks staff for", a.ID)
	case ApprovalMissing, ApprovalExpired:
		return fmt.Sprintf("an approval that holds now, with who gave it and when it ends: activity %s asks for one of staff in %s", a.ID, f.Staff.Country)
	default:
		return r.Info().Unlock
	}
}

// said lists what the member of staff says.
func (a *StaffAccess) said() string {
	var parts []string
	if a.Ticket != "" {
		parts = append(parts, "ticket "+a.Ticket)
	}
	if a.Reason != "" {
		parts = append(parts, "reason "+string(a.Reason))
	}
	if a.Approval.ID != "" {
		parts = append(parts, a.Approval.String())
	}
	if len(parts) == 0 {
		return "no ticket"
	}
	return strings.Join(parts, ", ")
}

// stepAccess says what staff account for, if staff ask.
func stepAccess(d *Decision, f *Facts) (Step, bool) {
	if f.Staff == nil || d.Activity == nil {
		return Step{}, false
	}
	who := "The source says which member of staff it is"
	if !f.Access.Named {
		who = "Nobody says which member of staff it is"
	}
	step := Step{Topic: "access", Clause: "§5(f)", Text: fmt.Sprintf("%s; given: %s.", who, f.Access.said())}
	if d.Activity.NoTicket != "" {
		step.Text += fmt.Sprintf(" The activity asks for no ticket: %s.", strings.TrimSuffix(d.Activity.NoTicket, "."))
	}
	if d.Activity.Approval.has(f.Staff.Country) {
		step.Text += fmt.Sprintf(" Of staff in %s it asks for an approval with an end.", f.Staff.Country)
	}
	return step, true
}
