package identity

import (
	"slices"

	"github.com/sparkoo/transfergate/caddyplugin/gateway"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/token"
)

// causes are what operators are told about the faults of tokens, but for claims.
var causes = map[token.Fault]gateway.Cause{
	token.TooLarge:     gateway.TokenTooLarge,
	token.Malformed:    gateway.TokenMalformed,
	token.BadAlgorithm: gateway.TokenAlgorithm,
	token.Critical:     gateway.TokenCritical,
	token.BadType:      gateway.TokenType,
	token.BadIssuer:    gateway.TokenIssuer,
	token.BadAudience:  gateway.TokenAudience,
	token.NoExpiry:     gateway.TokenWithoutExpiry,
	token.Expired:      gateway.TokenExpired,
	token.NotYetValid:  gateway.TokenNotYetValid,
	token.NoKeyID:      gateway.TokenWithoutKeyID,
	token.UnknownKey:   gateway.TokenKeyUnknown,
	token.BadSignature: gateway.TokenSignature,
}

// cause is what the operator is told about a token that is refused: of a claim, which
// option asks for it.
func (j *JWT) cause(fault *token.InvalidError) gateway.Cause {
	if fault.Fault != token.BadClaims {
		return causes[fault.Fault]
	}
	if slices.Contains([]string{"exp", "nbf", "iat"}, fault.Claim) {
		return gateway.TokenTimes
	}
	for _, option := range j.claimOptions() {
		if option.claim == fault.Claim {
			return option.cause
		}
	}
	return gateway.OtherCause
}

// claimOption is an option that names a claim.
type claimOption struct {
	name, claim string
	cause       gateway.Cause // of a token whose claim is malformed
}

// claimOptions are those there are; an option that was not written names no claim.
func (j *JWT) claimOptions() []claimOption {
	subject := ""
	if j.Subject != nil {
		subject = j.Subject.Claim
	}
	return []claimOption{
		{"account_claim", j.AccountClaim, gateway.AccountClaimMalformed}, {"country_claim", j.CountryClaim, gateway.CountryClaimMalformed},
		{"party_claim", j.PartyClaim, gateway.PartyClaimMalformed}, {"minor_claim", j.MinorClaim, gateway.MinorClaimMalformed},
		{"birth_claim", j.BirthClaim, gateway.BirthClaimMalformed}, {"consents_claim", j.ConsentsClaim, gateway.ConsentsMalformed},
		{"reference_claim", j.ReferenceClaim, gateway.ReferenceMalformed},
		{"staff_entity_claim", j.StaffEntityClaim, gateway.StaffEntityMalformed}, {"staff_country_claim", j.StaffCountryClaim, gateway.StaffCountryMalformed},
		{"ticket_claim", j.TicketClaim, gateway.TicketMalformed}, {"access_reason_claim", j.AccessReasonClaim, gateway.AccessReasonUnknown},
		{"approval_claim", j.ApprovalClaim, gateway.ApprovalMalformed}, {"subject claim", subject, gateway.SubjectMalformed},
	}
}

// WatchClaims implements gateway.ClaimWatcher.
func (j *JWT) WatchClaims(tell func(options []string)) { j.told.Store(&tell) }

// UnseenClaims implements gateway.ClaimWatcher.
func (j *JWT) UnseenClaims() []string { return j.naming(j.verifier.Unseen()) }

// tellUnseen passes on which claims no token had.
func (j *JWT) tellUnseen(claims []string) {
	if tell := j.told.Load(); tell != nil {
		(*tell)(j.naming(claims))
	}
}

// naming are the options that somebody wrote and that name one of the claims.
func (j *JWT) naming(claims []string) (options []string) {
	for _, o := range j.claimOptions() {
		if o.claim != "" && slices.Contains(claims, o.claim) && !(j.anyCountry && o.name == "country_claim") {
			options = append(options, o.name)
		}
	}
	return options
}

// badClaim refuses a token for one of its claims.
func badClaim(cause gateway.Cause) error {
	return &gateway.IdentityError{Source: source, Reason: decision.IdentityBroken, Cause: cause, Description: string(token.BadClaims)}
}
