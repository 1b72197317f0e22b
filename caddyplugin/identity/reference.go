package identity

import (
	"github.com/sparkoo/transfergate/caddyplugin/gateway"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/reference"
)

// badReference is told to a client whose credential carries a malformed reference.
const badReference = "the reference to a consent, instruction or case is malformed"

// referring adds what a source says stands behind the request (§4). A malformed
// reference refuses the request: one that was meant and is lost would be found out
// only by who asks for it.
func referring(id gateway.Identity, text string) (gateway.Identity, error) {
	if text == "" {
		return id, nil
	}
	var err error
	if id.Reference, err = reference.Parse(text); err != nil {
		return gateway.Identity{}, &gateway.IdentityError{Source: id.Source, Reason: decision.IdentityBroken, Cause: gateway.ReferenceMalformed, Description: badReference}
	}
	return id, nil
}
