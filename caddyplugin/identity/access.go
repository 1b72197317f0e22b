package identity

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sparkoo/transfergate/caddyplugin/gateway"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/reference"
)

// StaffWords names the request fields in which members of staff say what they account
// for, whose source says who they are. The fields are taken out of every request,
// whoever sends it. What they say is the word of the member of staff: that the ticket is
// theirs shows where tickets are kept. An approval is not theirs to say.
type StaffWords struct {
	// Field with the number of the ticket. Default: none
	TicketField string `json:"ticket_field,omitempty"`

	// Field with why they look: support-request, troubleshooting, security or legal.
	// Default: none
	AccessReasonField string `json:"access_reason_field,omitempty"`
}

// provision writes the fields' names as net/http does.
func (a *StaffWords) provision() (err error) {
	for _, field := range []*string{&a.TicketField, &a.AccessReasonField} {
		if *field == "" {
			continue
		}
		if *field, err = fieldName(*field); err != nil {
			return err
		}
		if *field == "Authorization" || *field == "Cookie" {
			return fmt.Errorf("field '%s' holds more than a ticket or reason", *field)
		}
	}
	if a.TicketField != "" && a.TicketField == a.AccessReasonField {
		return fmt.Errorf("field '%s' is both the ticket's and the reason's", a.TicketField)
	}
	return nil
}

// names lists the fields there are.
func (a *StaffWords) names() []string {
	return slices.DeleteFunc([]string{a.TicketField, a.AccessReasonField}, func(name string) bool { return name == "" })
}

// accessLines are what the fields of a request say.
type accessLines struct{ ticket, reason []string }

// take takes the fields out of the request.
func (a *StaffWords) take(r *http.Request) accessLines {
	return accessLines{takeField(r, a.TicketField), takeField(r, a.AccessReasonField)}
}

// maxMember is the longest id of a member of staff, in bytes.
const maxMember = 1024

// account is what a member of staff says who they are and accounts for, as text.
type account struct{ member, ticket, reason, approval string }

// fill takes from the fields what nothing else said. The error is the source's.
func (a account) fill(lines accessLines, source string) (account, error) {
	for _, from := range []struct {
		to    *string
		lines []string
	}{{&a.ticket, lines.ticket}, {&a.reason, lines.reason}} {
		switch given := filled(from.lines); {
		case len(given) > 1:
			return a, &gateway.IdentityError{Source: source, Reason: decision.IdentityAmbiguous, Cause: gateway.FieldRepeated}
		case len(given) == 1 && *from.to == "":
			*from.to = given[0]
		}
	}
	return a, nil
}

// What is told to a member of staff whose request accounts for it wrongly.
const (
	badTicket       = "the number of the ticket is malformed"
	badAccessReason = "the reason of the access is not one of the reasons there are"
	badApproval     = "the reference to an approval is malformed"
)

// accounting adds to the identity of a member of staff who they are and what they
// account for. What is malformed refuses the request: it might be anything, and was
// meant to be kept.
func accounting(id gateway.Identity, a account) (gateway.Identity, error) {
	if len(a.member) > maxMember || !utf8.ValidString(a.member) || strings.ContainsFunc(a.member, unicode.IsControl) {
		return gateway.Identity{}, &gateway.IdentityError{Source: id.Source, Reason: decision.StaffUnnamed, Cause: gateway.MemberMalformed}
	}
	id.Member = a.member
	broken := func(cause gateway.Cause, description string) (gateway.Identity, error) {
		return gateway.Identity{}, &gateway.IdentityError{Source: id.Source, Reason: decision.IdentityBroken, Cause: cause, Description: description}
	}
	var err error
	if a.ticket != "" {
		if id.Access.Ticket, err = reference.ParseTicket(a.ticket); err != nil {
			return broken(gateway.TicketMalformed, badTicket)
		}
	}
	id.Access.Reason = decision.AccessReason(a.reason)
	if a.reason != "" && !slices.Contains(decision.AccessReasons(), id.Access.Reason) {
		return broken(gateway.AccessReasonUnknown, badAccessReason)
	}
	if a.approval != "" {
		if id.Access.Approval, err = reference.ParseApproval(a.approval); err != nil {
			return broken(gateway.ApprovalMalformed, badApproval)
		}
	}
	return id, nil
}
