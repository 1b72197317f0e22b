// Package question holds what somebody wants to know of a policy, as people write
// it: in flags, in the tests of a policy, in a request to the admin API. Package
// whatif answers.
package question

import (
	"time"

	"github.com/sparkoo/transfergate/internal/decision"
)

// Question is what somebody wants to know of a policy. The zero Question asks
// about nobody, who does nothing.
type Question struct {
	// Activity is the id of what the request does.
	Activity string `json:"activity"`
	// Country is the registered country; empty for nobody identified, unless
	// Identified says that somebody is whose country is not known.
	Country    string `json:"country,omitempty"`
	Identified bool   `json:"identified,omitempty"`
	// At is the moment; zero is the caller's now.
	At time.Time `json:"at,omitzero"`
	// Party is the contracting party the Account Center shows, Claim the one a
	// verified token names; each the id of a controller. Empty for none.
	Party string `json:"contracting_party,omitempty"`
	Claim string `json:"claimed_party,omitempty"`
	// Account is the account id whose record gives the registered country, the
	// contracting party and the choices. It never stands in an answer or error.
	Account string `json:"account,omitempty"`
	// Staff is who asks, if it is not the person.
	Staff *decision.Place `json:"staff,omitempty"`
	// NoSubject tells that staff do not say whose data they ask for.
	NoSubject bool `json:"no_subject,omitempty"`
	// Unnamed tells that nothing says which member of staff it is.
	Unnamed bool `json:"unnamed,omitempty"`
	// Ticket, AccessReason and Approval are what the member of staff accounts for.
	Ticket       string                `json:"ticket,omitempty"`
	AccessReason decision.AccessReason `json:"access_reason,omitempty"`
	Approval     decision.Reference    `json:"approval,omitzero"`
	// Born is when the person was born; zero for not known.
	Born decision.Birth `json:"born,omitzero"`
	// Choices are the person's.
	Choices decision.Choices `json:"choices,omitzero"`
	// Reference is the person's consent or instruction, or the case (§4).
	Reference decision.Reference `json:"reference,omitzero"`
	// Deletes tells that the request deletes what it names.
	Deletes bool `json:"deletes,omitempty"`

	// Node is where the gateway stands. Default: with the operator of the
	// storage region.
	Node decision.Place `json:"node,omitzero"`
	// Regions are those the site declares. Default: all of the policy's.
	Regions []string `json:"regions,omitempty"`
	// Statement is the name of the site's privacy statement. Default: the policy's.
	Statement string `json:"statement,omitempty"`
	// Demo lets examples and unconfirmed rows satisfy laws.
	Demo bool `json:"demo,omitempty"`
}
