package gateway

import (
	"slices"

	"go.uber.org/zap"
)

// Cause says more exactly than a reason why an identity source refused a request. It
// is one of [Causes], for records, metrics and logs, and holds no value of a request.
type Cause string

// The causes. What is malformed is named by the option that asks for it.
const (
	TokenTooLarge      Cause = "token_too_large"
	TokenMalformed     Cause = "token_malformed"
	TokenAlgorithm     Cause = "token_algorithm"
	TokenCritical      Cause = "token_critical"
	TokenType          Cause = "token_type"
	TokenIssuer        Cause = "token_issuer"
	TokenAudience      Cause = "token_audience"
	TokenWithoutExpiry Cause = "token_without_expiry"
	TokenTimes         Cause = "token_times_malformed"
	TokenExpired       Cause = "token_expired"
	TokenNotYetValid   Cause = "token_not_yet_valid"
	TokenWithoutKeyID  Cause = "token_without_key_id"
	TokenKeyUnknown    Cause = "token_key_unknown"
	TokenSignature     Cause = "token_signature"
	TokenRepeated      Cause = "token_repeated"

	AccountClaimMissing   Cause = "account_claim_missing"
	AccountClaimMalformed Cause = "account_claim_malformed"
	CountryClaimMalformed Cause = "country_claim_malformed"
	PartyClaimMalformed   Cause = "party_claim_malformed"
	MinorClaimMalformed   Cause = "minor_claim_malformed"
	BirthClaimMalformed   Cause = "birth_claim_malformed"
	ConsentsMalformed     Cause = "consents_claim_malformed"
	StaffEntityMalformed  Cause = "staff_entity_claim_malformed"
	StaffCountryMalformed Cause = "staff_country_claim_malformed"
	SubjectMalformed      Cause = "subject_claim_malformed"
	ReferenceMalformed    Cause = "reference_malformed"
	MemberMalformed       Cause = "staff_id_malformed"
	TicketMalformed       Cause = "ticket_malformed"
	AccessReasonUnknown   Cause = "access_reason_unknown"
	ApprovalMalformed     Cause = "approval_malformed"

	AccountMalformed Cause = "account_malformed"
	PartyUnknown     Cause = "party_unknown"
	PersonNotNamed   Cause = "person_not_named"
	FieldRepeated    Cause = "field_repeated"

	CertificateExpired   Cause = "certificate_expired"
	CertificateAmbiguous Cause = "certificate_ambiguous"

	// OtherCause stands for a source that gives none, or one that is not listed.
	OtherCause Cause = "other"
)

// Causes returns every cause. The slice is the caller's.
func Causes() []Cause {
	return []Cause{
		TokenTooLarge, TokenMalformed, TokenAlgorithm, TokenCritical, TokenType, TokenIssuer, TokenAudience, TokenWithoutExpiry, TokenTimes,
		TokenExpired, TokenNotYetValid, TokenWithoutKeyID, TokenKeyUnknown, TokenSignature, TokenRepeated,
		AccountClaimMissing, AccountClaimMalformed, CountryClaimMalformed, PartyClaimMalformed, MinorClaimMalformed, BirthClaimMalformed,
		ConsentsMalformed, StaffEntityMalformed, StaffCountryMalformed, SubjectMalformed, ReferenceMalformed,
		MemberMalformed, TicketMalformed, AccessReasonUnknown, ApprovalMalformed,
		AccountMalformed, PartyUnknown, PersonNotNamed, FieldRepeated, CertificateExpired, CertificateAmbiguous, OtherCause,
	}
}

// listed is the cause, or OtherCause for one that is not listed.
func (c Cause) listed() Cause {
	if slices.Contains(Causes(), c) {
		return c
	}
	return OtherCause
}

// refuser is who refused a request for what it says about its subject, and why.
type refuser struct {
	source   string // as in IdentityError
	position int    // in the chain, from 1
	cause    Cause
}

// complain counts a refusal, and logs it where it is new. A token that has expired is
// what sound clients bring every day.
//
//clause:enforces §5(j).5; record cause
func (a *App) complain(r refuser) {
	a.metrics.refusedIdentity(r)
	times, due := a.complaints.Due(r, now())
	if !due {
		return
	}
	log := a.logger.Warn
	if r.cause == TokenExpired {
		log = a.logger.Info
	}
	log("requests are refused for what they say about who asks; the runbook says what each cause means",
		zap.String("source", r.source), zap.Int("position", r.position), zap.String("cause", string(r.cause)), zap.Uint64("times", times))
}
