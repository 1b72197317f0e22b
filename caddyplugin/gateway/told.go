package gateway

import (
	"net/http"
	"slices"

	"github.com/sparkoo/transfergate/internal/decision"
)

// What a requester is told of a denial. The person themselves is told why. To a member
// of staff a denial says nothing that the transfer may not say: not what is known of
// the person, nor that anything is. Record, metrics and the access log have the reason.

// byStaff reports whether the request is a member of staff's.
func (x *exchange) byStaff() bool { return x.identity.Staff != nil }

// told is the reason of a denial as the requester is told it. Staff learn what they
// did wrong themselves; it does not depend on the account.
func (x *exchange) told(reason decision.Reason) decision.Reason {
	staff := x.identity.Staff
	switch {
	case staff == nil || x.refusal != "" && x.refusal != decision.DirectoryDown && x.refusal != decision.AccountUnreadable:
		return reason // the account was not looked up
	case x.identity.Account == "":
		return decision.StaffWithoutSubject
	case !slices.ContainsFunc(x.state.Policy.Recipients, func(r decision.Recipient) bool { return r.ID == staff.Entity && r.Country == staff.Country }):
		return decision.StaffUnknownRecipient
	case x.identity.Member == "":
		return decision.StaffUnnamed
	case x.identity.Access.Ticket == "" && !slices.ContainsFunc(x.state.Policy.Activities, func(a decision.Activity) bool { return a.NoTicket != "" }):
		return decision.TicketMissing // whichever activity it is
	}
	return decision.StaffDenied
}

// problemOf is the problem document about a denial for its requester.
func (x *exchange) problemOf(d *decision.Decision) *problem {
	p := newProblem(x.told(d.Reason))
	p.Record = x.record
	if x.byStaff() {
		return p
	}
	p.Law = d.Law
	if d.Unlock != "" {
		p.Unlock = d.Unlock
	}
	return p
}

// enforceDenial makes the response fields of a denial ours. Staff get none that says
// who the person's controller is.
func enforceDenial(header http.Header, x *exchange) {
	if !x.byStaff() {
		enforceResponse(header, x)
		return
	}
	bare := exchange{tell: x.tell, outcome: x.outcome, reason: x.reason, record: x.record}
	enforceResponse(header, &bare)
}
