package gateway

import (
	"fmt"
	"net/http"

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
	// believes them, so that they reach no upstream.
	Identify(r *http.Request) (Identity, error)
}

// FieldReader is implemented by identity sources that read header fields, so
// that those fields can be named where they are withheld from a recipient.
type FieldReader interface {
	Fields() []string
}

// Identity is what a source says about a request.
type Identity struct {
	// Found tells that the source vouches for what follows.
	Found bool

	// Source names the source in records and metrics: header, auth, ...
	Source string

	// Account is the data subject's account id. It is never logged.
	Account string

	// Country is the registered country; empty when the source does not know.
	Country string

	// Staff is set when the requester is not the data subject: the entity the
	// requester works for and the country they are in. Account is then the
	// subject's.
	Staff *decision.Place

	// Spoofed counts fields that came from a peer nobody trusts and were removed.
	Spoofed int
}

// IdentityError refuses a request because of what it says about its subject.
type IdentityError struct {
	Source string
	Reason decision.Reason
}

// Error names the source and the reason, never a value of the request.
func (e *IdentityError) Error() string {
	return fmt.Sprintf("identity source %s: %s", e.Source, e.Reason)
}
