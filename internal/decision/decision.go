package decision

import (
	"slices"
	"time"
)

// Place is where data is: in a country, with an entity.
type Place struct {
	Entity  string `json:"entity,omitempty"`
	Country string `json:"country,omitempty"`
}

// Site is what a decision depends on besides policy and facts: where the
// gateway's node stands and which regions the operator declared.
type Site struct {
	Node Place
	// Regions are the region codes the site declares, in its order.
	Regions []string
	// Demo lets rows marked example or confirm satisfy laws. Every decision
	// that leaned on one says so.
	Demo bool
	// Statement is the name of the site's privacy statement; empty for the policy's.
	Statement string
}

// Facts are what is known about one request.
type Facts struct {
	Activity string
	// Identified reports whether anybody vouched for who the data subject is.
	Identified bool
	// Country is the subject's registered country; empty when unknown.
	Country string
	// Controller and Basis come from package controllers. A nil Controller denies.
	Controller *Controller
	Basis      Basis
	// Staff is the entity and country of a requester who is not the data
	// subject; nil when the person asks for their own data.
	Staff *Place
	// Access is what that requester accounts for.
	Access StaffAccess
	// Subject reports whether the data subject is known. Staff without a known
	// subject are denied.
	Subject bool
	// Choices are the data subject's, whoever asks.
	Choices Choices
	// Deletes tells that the request deletes what it names, and does nothing else.
	Deletes bool
	// Reference is what somebody vouched for that §4 asks for: the person's
	// consent or instruction, or a case. The zero Reference is none.
	Reference Reference
	// At is the moment of the request, by which a case has ended or not. Nothing
	// else turns on it: without it no case is open.
	At time.Time
}

// Outcome is what was decided. The zero value denies.
type Outcome uint8

// The outcomes.
const (
	Denied Outcome = iota
	Allowed
)

// Decision is the answer to one set of facts. A Decision handed out by a Table
// is shared and must not be changed. The zero Decision denies.
type Decision struct {
	Outcome Outcome
	// Reason is set when Denied.
	Reason Reason
	// Law is the law that had no safeguard, when that is the reason.
	Law string
	// Unlock says in one sentence what would make the request pass.
	Unlock string

	Activity   *Activity
	Controller *Controller
	Basis      Basis
	Country    string
	Statement  *Statement

	// Candidates are the lawful regions in the order to be tried; empty when Denied.
	Candidates []Candidate
	// Refused are the declared regions that are not lawful, and why.
	Refused []Refusal
	// Barred is what was denied: the region that the Reason is about, or for a reason
	// that asks for no region the first that could have answered, with the way the
	// data would have taken. Its Legs carry the laws' verdicts where laws were asked.
	// Nil when Allowed, and where there was no such region.
	Barred *Candidate
	// Waived is the activity's first candidate with its missing safeguards,
	// for report mode; set only when Reason is NoSafeguard or
	// SafeguardUnproven and the activity is not StorageOnly.
	Waived *Candidate
}

// Candidate is a region a request may be sent to.
type Candidate struct {
	Region    *Region
	Recipient *Recipient
	// Transfer reports whether data leaves the registered country or reaches an
	// entity other than the controller: then a record is owed.
	Transfer bool
	Legs     []Leg
	// Return is the leg by which data comes back to the store from a region or an
	// affiliate elsewhere; nil where none comes back from abroad.
	Return *Leg
	// Safeguards are the rows the legs lean on, each once, in order of use.
	Safeguards []*Safeguard
	// Demo tells that at least one of them is an example or unconfirmed.
	Demo bool
	// Lacking says which safeguards are missing all the same, as an Unlock
	// would. It is set only where nothing may stop a request: at the store,
	// for a person's own request of an activity marked Rights (§7), or to delete
	// what is stored (§6). The verdicts in Legs are then Missing.
	Lacking string

	// LegsJSON is the Way as it stands in a record.
	LegsJSON []byte
	// Fields are the header fields a host rendered when the table was compiled.
	Fields []Field
}

// Way is the whole way of the data: the legs, and the one by which it comes back.
// The slice is the caller's to read.
func (c *Candidate) Way() []Leg {
	if c.Return == nil {
		return c.Legs
	}
	return append(slices.Clip(c.Legs), *c.Return)
}

// Tags lists the tags of the safeguards the candidate leans on, each once, in
// order of use. The slice is the caller's.
func (c *Candidate) Tags() []string {
	tags := make([]string, 0, len(c.Safeguards))
	for _, s := range c.Safeguards {
		if !slices.Contains(tags, s.Tag) {
			tags = append(tags, s.Tag)
		}
	}
	return tags
}

// Field is one rendered header field.
type Field struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Refusal says why a declared region is no candidate.
type Refusal struct {
	Region string
	Reason Reason
	Law    string // the law without a safeguard, if that is the reason
	Unlock string
}

// LegKind names a step data takes.
type LegKind string

// The steps.
const (
	Collection LegKind = "collection" // person to controller
	Edge       LegKind = "edge"       // to the gateway's node
	Storage    LegKind = "storage"
	Serving    LegKind = "serving"
	Access     LegKind = "access" // staff read it from another place
	Onward     LegKind = "onward" // from the store to a further recipient
	Return     LegKind = "return" // back to the store
)

// Leg is one step data takes, with what each law says about it.
type Leg struct {
	Kind          LegKind       `json:"kind"`
	Exporter      string        `json:"exporter"`
	From          string        `json:"from"`
	Recipient     string        `json:"recipient"`
	RecipientKind RecipientKind `json:"recipient_kind,omitempty"`
	To            string        `json:"to"`
	Laws          []Verdict     `json:"laws,omitempty"`
}

// VerdictOutcome is what one law says about one leg. The zero value is Missing.
type VerdictOutcome uint8

// The verdicts.
const (
	Missing VerdictOutcome = iota
	Satisfied
	NotATransfer
)

// Verdict is one law's judgement of one leg.
type Verdict struct {
	Law     string         `json:"law"`
	Outcome VerdictOutcome `json:"outcome"`
	// Because says why the law sees no transfer.
	Because Because `json:"because,omitempty"`
	// Lacks says what is missing when the outcome is Missing, and Nearest is the row
	// that comes nearest; nil where none is made for the flow.
	Lacks   []Lack     `json:"lacks,omitempty"`
	Nearest *Safeguard `json:"-"`
	// Safeguard is the row that satisfies the law; its tag, instrument and
	// assessment stand in the record.
	Safeguard *Safeguard `json:"-"`
	// Rule is the row of the law's own rule that asks for nothing, beside the
	// Safeguard that binds the recipient all the same (§9); nil where there is none.
	Rule *Safeguard `json:"-"`
}

// Because is why a law sees no transfer in a leg.
type Because string

// The reasons a law sees no transfer.
const (
	// DirectCollection: the person gives the data to the controller.
	DirectCollection Because = "direct-collection"
	// InsideTerritory: the data arrives in the law's own territory.
	InsideTerritory Because = "inside-territory"
	// BeforeReach: the law reaches the data only on a later leg.
	BeforeReach Because = "before-reach"
	// OwnController: the data comes back to the controller itself.
	OwnController Because = "own-controller"
	// StoredInSingapore: no law is registered, and the data goes to the store (§9).
	StoredInSingapore Because = "stored-in-singapore"
	// Returned: the data of somebody of another country goes back to where it came from.
	Returned Because = "returned"
)

// Table is a policy compiled for one site and one stretch of time.
type Table struct {
	policy *Policy
	site   Site
	from   time.Time
	until  time.Time
	// The rest is the compiler's.
	cells table
}
