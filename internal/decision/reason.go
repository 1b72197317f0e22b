package decision

// Reason is a stable, documented code for why a request did not pass. A code is
// never reused for another meaning.
type Reason string

// The reasons a decision denies.
const (
	NoActivity            Reason = "no_activity"
	NoController          Reason = "no_controller"
	CountryUnknown        Reason = "country_unknown"
	AnonymousSingapore    Reason = "anonymous_singapore_only"
	LawUnknown            Reason = "law_unknown"
	NoSafeguard           Reason = "no_safeguard"
	SafeguardUnproven     Reason = "safeguard_unproven"
	NoRegion              Reason = "no_region"
	StorageInSingapore    Reason = "storage_in_singapore"
	RecipientNotAllowed   Reason = "recipient_not_allowed"
	SupportNotAllowed     Reason = "support_not_allowed"
	IdentityDocuments     Reason = "identity_documents"
	StaffWithoutSubject   Reason = "staff_without_subject"
	StaffUnknownRecipient Reason = "staff_unknown_recipient"
	NoStatement           Reason = "no_statement"
	InstructionMissing    Reason = "instruction_missing"
	CaseMissing           Reason = "case_missing"
	CaseExpired           Reason = "case_expired"
	Localised             Reason = "localised"
	StaffUnnamed          Reason = "staff_unnamed"
	TicketMissing         Reason = "ticket_missing"
	ApprovalMissing       Reason = "approval_missing"
	ApprovalExpired       Reason = "approval_expired"
)

// The reasons that are choices of the data subject (§7, §8).
const (
	AccountClosed        Reason = "account_closed"
	MinorWithoutGuardian Reason = "minor_without_guardian"
	ProcessingRestricted Reason = "processing_restricted"
	ConsentWithdrawn     Reason = "consent_withdrawn"
	PurposeObjected      Reason = "purpose_objected"
	RecipientObjected    Reason = "recipient_objected"
	OptOutSignal         Reason = "opt_out_signal"
)

// The reasons a request is refused before or after a decision.
const (
	CountryInvalid    Reason = "country_invalid"
	IdentityAmbiguous Reason = "identity_ambiguous"
	IdentityBroken    Reason = "identity_broken"
	MethodNotAllowed  Reason = "method_not_allowed"
	PathAmbiguous     Reason = "path_ambiguous"
	RequestAmbiguous  Reason = "request_ambiguous"
	HostMissing       Reason = "host_missing"
	UpgradeRefused    Reason = "upgrade_refused"
	BodyBroken        Reason = "body_broken"
	BodyTooLarge      Reason = "body_too_large"
	RegionDown        Reason = "region_down"
	RegionFailed      Reason = "region_failed"
	RegionFellThrough Reason = "region_fell_through"
	LedgerUnavailable Reason = "ledger_unavailable"
	LedgerUnshipped   Reason = "ledger_unshipped"
	DirectoryDown     Reason = "directory_down"
	AccountUnreadable Reason = "account_unreadable"
	KeysUnavailable   Reason = "keys_unavailable"
	TooEarly          Reason = "too_early"
	StaffDenied       Reason = "staff_denied"
)

// Info documents a reason: what a client is told and what an operator can look up.
type Info struct {
	Status int    // HTTP status of the answer
	Clause string // of the statement; empty where the reason is HTTP's
	Title  string // one line, for the problem document
	Unlock string // what would make such a request pass; a decision may say it more exactly
}
