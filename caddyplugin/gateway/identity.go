package gateway

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/sparkoo/transfergate/internal/decision"
)

// IdentitySource vouches for the data subject of a request. Modules in
// transfer.identity implement it. The gateway asks its sources in the order
// written; the first that identifies wins.
type IdentitySource interface {
	// Identify reads the request and returns who it is about. An Identity that
	// is not Found leaves the question to the next source. An error refuses the
	// request: a source that cannot tell never lets it pass as anonymous.
	// Identify removes the fields it reads from the request, whether or not it
	// believes them, so that they reach no upstream. A credential that proves
	// itself, such as a signed token, may stay: it goes to every recipient from
	// whom the policy does not withhold it.
	Identify(r *http.Request) (Identity, error)
}

// FieldReader is implemented by identity sources that read header fields, so
// that those fields can be named where they are withheld from a recipient.
type FieldReader interface {
	Fields() []string
}

// SubjectReader is implemented by identity sources that may read the data subject
// of a member of staff's request from a field. Such sources may share the field;
// others must not wait for it, as it is taken out of the request.
type SubjectReader interface {
	// SubjectField is the field's name, one of Fields; empty for none.
	SubjectField() string
}

// AccessReader is implemented by identity sources that may read what a member of staff
// accounts for from fields that clients send. Such sources may share the fields, as
// with [SubjectReader].
type AccessReader interface {
	// AccessFields are their names, some of Fields.
	AccessFields() []string
}

// fieldsOf are the fields that a source reads.
func fieldsOf(source IdentitySource) []string {
	if reader, ok := source.(FieldReader); ok {
		return reader.Fields()
	}
	return nil
}

// takesSubject reports whether the source reads the data subject from the field.
func takesSubject(source IdentitySource, field string) bool {
	reader, ok := source.(SubjectReader)
	return ok && reader.SubjectField() == field
}

// use says what a source reads a field for, where several sources may read it.
func use(source IdentitySource, field string) string {
	if takesSubject(source, field) {
		return "the data subject"
	}
	if reader, ok := source.(AccessReader); ok && slices.Contains(reader.AccessFields(), field) {
		return "the ticket or reason of staff"
	}
	return ""
}

// PlaceChecker is implemented by identity sources whose configuration names who
// members of staff work for, so that what no register knows is a load error.
type PlaceChecker interface {
	// CheckPlaces returns an error that names the first place which is not known.
	CheckPlaces(known func(decision.Place) bool) error
}

// PeerBeliever is implemented by identity sources that go by the peer's address.
type PeerBeliever interface {
	IdentitySource

	// BelievesPeers says so.
	BelievesPeers()
}

// believesPeers reports whether a source goes by the peer's address.
func believesPeers(source IdentitySource) bool {
	_, ok := source.(PeerBeliever)
	return ok
}

// Refresher is implemented by identity sources that keep something up to date
// while the gateway runs, such as keys. Provision must not: a configuration is
// also provisioned to be validated.
type Refresher interface {
	// Watch is called once, when the gateway starts, in a goroutine of its own.
	// It returns when ctx is done.
	Watch(ctx caddy.Context)

	// Status returns when what the source relies on was last known to be right,
	// and how many tries to learn it have failed.
	Status() (synced time.Time, failures uint64)
}

// ClaimWatcher is implemented by identity sources that read claims which options name.
// An option that is misspelt reads nothing, and nobody would know.
type ClaimWatcher interface {
	// WatchClaims has tell called once, when enough credentials came to tell, with the
	// options whose claims none of them had. It is called before any request.
	WatchClaims(tell func(options []string))

	// UnseenClaims are those options by now; none before enough credentials came.
	UnseenClaims() []string
}

// Identity is what a source says about a request.
type Identity struct {
	// Found tells that the source vouches for what follows.
	Found bool

	// Source names the source in records and metrics: jwt, certificate, delegated
	// or header. Anything else stands there as the configuration calls the source.
	Source string

	// Account is the data subject's account id. It is never logged.
	Account string

	// Country is the registered country; empty when the source does not know.
	Country string

	// Party is the id of the contracting party the source vouches for, a controller
	// of the registers. It stands between the account record and the country table
	// (§11). Empty when the source does not know.
	Party string

	// Minor tells that the data subject is not of age where they live (§8), which
	// holds even if the account record does not say so.
	Minor bool

	// Born is when the data subject was born, which with the registers tells the
	// same; zero if nobody said so.
	Born decision.Birth

	// Withdrawn are the activities and purposes to which the data subject does not
	// consent, or AllConsents: what rests on consent then stops (§7), whatever the
	// account record says. A name the policy does not know stops as much as
	// AllConsents. The slice is shared and is not changed.
	Withdrawn []string

	// Staff is set when the requester is not the data subject: the entity the
	// requester works for and the country they are in. Account is then the
	// subject's.
	Staff *decision.Place

	// Member is the member of staff's id, with who vouches for it where two of them
	// might use the same. It is never logged; records have a pseudonym.
	Member string

	// Access is what the member of staff accounts for. Named is the host's to set.
	Access decision.StaffAccess

	// Reference is what the source vouches for beside the person: their consent or
	// instruction, or a case (§4). The zero Reference is none.
	Reference decision.Reference

	// Spoofed counts fields that came from a peer nobody trusts and were removed.
	Spoofed int
}

// AllConsents stands for everything that rests on consent.
const AllConsents = "*"

// IdentityError refuses a request because of what it says about its subject.
type IdentityError struct {
	// Source is as in [Identity].
	Source string

	// Reason is one of [decision.Reasons]. Any other counts as IdentityBroken.
	Reason decision.Reason

	// Description is told to the client in WWW-Authenticate when the reason is
	// [decision.IdentityBroken]: a fixed sentence of the source without quotes or
	// backslashes (RFC 6750 section 3), at most 200 characters of ASCII, never a value of
	// the request. May be empty, and is if it is none of this.
	Description string

	// Cause says it more exactly to the operator. One that is not of [Causes] counts
	// as [OtherCause]; a reason that leaves no question needs none.
	Cause Cause

	// Foreign says that the credential may be meant for another source of the same
	// name. If one of them identifies, this error is forgotten.
	Foreign bool
}

// Error names the source and the reason, never a value of the request.
func (e *IdentityError) Error() string {
	return fmt.Sprintf("identity source %s: %s", e.Source, e.Reason)
}
