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
	subject := ""
	if j.Subject != nil {
		subject = j.Subject.Claim
	}
	for _, option := range []struct {
		claim string
		cause gateway.Cause
	}{
		{j.AccountClaim, gateway.AccountClaimMalformed}, {j.CountryClaim, gateway.CountryClaimMalformed},
		{j.PartyClaim, gateway.PartyClaimMalformed}, {j.MinorClaim, gateway.MinorClaimMalformed}, {j.BirthClaim, gateway.BirthClaimMalformed},
		{j.ConsentsClaim, gateway.ConsentsMalformed}, {j.ReferenceClaim, gateway.ReferenceMalformed},
		{j.StaffEntityClaim, gateway.StaffEntityMalformed}, {j.StaffCountryClaim, gateway.StaffCountryMalformed},
		{j.TicketClaim, gateway.TicketMalformed}, {j.AccessReasonClaim, gateway.AccessReasonUnknown}, {j.ApprovalClaim, gateway.ApprovalMalformed},
		{subject, gateway.SubjectMalformed},
	} {
		if option.claim == fault.Claim {
			return option.cause
		}
	}
	return gateway.OtherCause
}

// badClaim refuses a token for one of its claims.
func badClaim(cause gateway.Cause) error {
	return &gateway.IdentityError{Source: source, Reason: decision.IdentityBroken, Cause: cause, Description: string(token.BadClaims)}
}
