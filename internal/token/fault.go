package token

import "errors"

// Fault says what is wrong with a token. It is a fixed sentence that fits the
// error_description of RFC 6750 section 3 and never holds a value of the token.
type Fault string

// The faults of a token.
const (
	TooLarge     Fault = "the token is too large"
	Malformed    Fault = "the token is not a signed JWT in compact form"
	BadAlgorithm Fault = "the token's algorithm is not accepted"
	Critical     Fault = "the token has critical header parameters, which are not accepted"
	BadType      Fault = "the token's type is not accepted"
	BadClaims    Fault = "a claim of the token is missing or malformed"
	BadIssuer    Fault = "the token's issuer is not accepted"
	BadAudience  Fault = "the token is meant for another audience"
	NoExpiry     Fault = "the token has no expiry"
	Expired      Fault = "the token has expired"
	NotYetValid  Fault = "the token is not valid yet"
	NoKeyID      Fault = "the token does not name its key"
	UnknownKey   Fault = "the token's key is unknown"
	BadSignature Fault = "the token's signature is not valid"
)

// Faults returns every fault. The slice is the caller's.
func Faults() []Fault {
	return []Fault{
		TooLarge, Malformed, BadAlgorithm, Critical, BadType, BadClaims, BadIssuer, BadAudience,
		NoExpiry, Expired, NotYetValid, NoKeyID, UnknownKey, BadSignature,
	}
}

// InvalidError refuses a token: whoever sent it must bring another one.
type InvalidError struct {
	Fault Fault

	// Claim is the name of the claim that is malformed, with [BadClaims].
	Claim string
}

// Error returns the fault's sentence.
func (e *InvalidError) Error() string { return string(e.Fault) }

// invalid makes an InvalidError.
func invalid(f Fault) error { return &InvalidError{Fault: f} }

// malformed makes an InvalidError of a claim.
func malformed(claim string) error { return &InvalidError{Fault: BadClaims, Claim: claim} }

// ErrUnavailable says that a token could not be judged: the key service was not
// reached and no key at hand is fit for use. The same token may be sent again
// later.
var ErrUnavailable = errors.New("no key to verify the token with: the key service cannot be reached")
