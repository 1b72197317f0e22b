// Package decision decides, from plain data alone, which region may lawfully
// answer a request, which law asked for which safeguard on the way there, and
// why a request must not pass.
//
// It is pure: no I/O, no clock, no Caddy, no logging, and no error at the time
// of a decision. The zero value of every type in it denies.
//
// A [Policy] is what package config resolved; a view is a policy at one place and
// moment, and answers; a [Table] keeps its answers. The methods of view stand in one
// file for each question (who, choices, legs, laws, safeguards, unlock, explain),
// because each is a page of the statement and is read beside it.
//
// The package is long because all that decides and all that explains a decision works
// on the same view: an explanation made elsewhere could say something else than what
// was decided. policy.go is long because it has the types of all registers side by side,
// which refer to each other; much of it is what their fields mean. explainsteps.go is long
// because the sentences of an explanation stand in it in the order they are told.
package decision

import "time"

// Policy is the registers of package config, resolved and ready to be compiled.
// A Policy is built once and never changed afterwards; everything in it may be
// read by any number of goroutines.
type Policy struct {
	// Digest identifies the policy: lower-case hex of the SHA-256 over its files.
	Digest string
	// Statements are the versions of the privacy statements, in order of
	// Validity.From. Several statements may stand side by side.
	Statements []Statement
	// Statement is the name of the one that holds where neither the activity nor
	// the site names another.
	Statement string
	// Controllers are the legal entities of §11.
	Controllers []Controller
	// Laws are the transfer regimes. One id may stand in several rows whose
	// validity does not overlap.
	Laws []Law
	// Clocks are the times that laws set, for reports. One law may stand in several
	// rows whose validity does not overlap.
	Clocks []Clocks
	// Ages are from which age on people are of age; nobody is before [Adult].
	Ages []Age
	// Regions are the places that can answer.
	Regions []Region
	// Recipients are the entities that may receive data, the operators of
	// regions among them.
	Recipients []Recipient
	// Activities say what a request does.
	Activities []Activity
	// Safeguards are the instruments that satisfy laws.
	Safeguards []Safeguard
	// Assessments are those that safeguards lean on.
	Assessments []Assessment
	// UnknownLaw is what happens to people of a country without a law.
	UnknownLaw UnknownLaw
}

// UnknownLaw is what happens to people of a country whose law nobody registered.
// The zero value is DenyUnknown.
type UnknownLaw string

// What may happen to them.
const (
	DenyUnknown      UnknownLaw = "deny"      // nothing of theirs is processed
	SingaporeUnknown UnknownLaw = "singapore" // they are served in Singapore alone
)

// Validity is a half-open stretch of time, From <= t < Until. A zero From is
// "always was", a zero Until "no end known".
type Validity struct {
	From, Until time.Time
}

// Contains reports whether t lies in the span.
func (v Validity) Contains(t time.Time) bool {
	return !t.Before(v.From) && (v.Until.IsZero() || t.Before(v.Until))
}

// Statement is one version of a privacy statement (§10: the latest version
// takes effect on posting).
type Statement struct {
	ID       string // of the version, unique in the register, for example 2023-11-21
	Name     string // of the statement this is a version of, for example developer
	Date     string // its "Updated" date, YYYY-MM-DD
	Title    string
	URL      string
	SHA256   string // of its text, lower-case hex; empty until the operator fills it in
	Validity Validity
	// Clauses are the ids of its clauses, in its order, for example 2a,
	// 2-basis(a), §4(c), 7-right(a).
	Clauses  []string
	Position string // file:line of the row, for explanations
}

// Controller is a legal entity of §11.
type Controller struct {
	ID      string // for example sparkoo-br; an RFC 9651 token
	Name    string
	Address string
	Country string   // where the entity is: ISO 3166-1 alpha-2; empty when unknown
	Serves  []string // registered countries it answers for
	Default bool     // answers for every country no other controller serves
	// Unlisted marks a contracting party that the registers do not know and an
	// account record named (§11, precedence). Its ID is "unlisted".
	Unlisted bool
	// DPO, RightsPortal and Email are the contacts of §11, as the operator set them.
	DPO, RightsPortal, Email string
	// Representatives stand for it where a law asks for somebody in its country.
	Representatives []Representative
	// Authority is the name of the authority that supervises it; empty when unknown.
	Authority string
	Party
	Position string // file:line of the row, for explanations
}

// Party is what decides which clauses bind an entity, and whether a law looks
// beyond the entity to who owns it.
type Party struct {
	Role    Role
	OwnedBy *Owner // nil when nobody wrote it down
}

// Role is what an entity is to the data (GDPR Art 4(7), (8), Art 26).
type Role string

// The roles.
const (
	RoleController Role = "controller"
	RoleProcessor  Role = "processor"
	RoleJoint      Role = "joint"
)

// Owner is who owns an entity.
type Owner struct {
	Name    string
	Country string // where the owner is: ISO 3166-1 alpha-2
	Share   int    // percent
}

// Basis says on what ground a controller was chosen (§11).
type Basis string

// The grounds, strongest first.
const (
	BasisAccountCenter     Basis = "account-center"
	BasisTokenClaim        Basis = "token-claim"
	BasisRegisteredCountry Basis = "registered-country"
	BasisNotRegistered     Basis = "not-registered"
)

// Law is a transfer regime, or one dated stretch of it.
type Law struct {
	ID    string // for example br, eu
	Title string // for example LGPD Arts 33-36
	// Countries are those it governs, members and territories by alias among them.
	Countries []string
	// Default is the effect without a mechanism, for people to read:
	// prohibited, accountable or open. A safeguard row is asked for in each
	// case; for an open law it is the row that says so.
	Default string
	// DirectCollection is how it sees a person who gives data to a controller abroad.
	DirectCollection Reading
	// Returns is how it sees data of people of other countries that goes back to
	// the store from a region or an affiliate in its territory.
	Returns Reading
	// Localisation is what it wants kept in its territory; nil for nothing.
	Localisation *Localisation
	// Concern is which recipients it closes whatever the instrument; nil for none.
	Concern *Concern
	// Duties are what it asks for beside a mechanism: all of them.
	Duties []Duty
	// Mechanisms are what can satisfy it: any of them. A safeguard's tag is one of theirs.
	Mechanisms []Mechanism
	Validity   Validity
	Confirm    bool   // counsel has yet to confirm this row
	Source     string // where the row's facts come from
	Position   string // file:line of the row, for explanations
}

// Reading is how a law sees a flow of which laws differ on whether it is a
// transfer. The zero Reading sees one.
type Reading struct {
	None    bool   // the law sees no transfer
	Source  string // where that comes from
	Confirm bool   // counsel has yet to confirm it
}

// Mechanism is one way in which a law lets data be transferred, or its rule that
// asks for none.
type Mechanism struct {
	Tag        string   // for example br-lgpd-art33-iib-scc
	Title      string   // what it is
	DPV        []string // terms of the Data Privacy Vocabulary, as prefix:Name
	Occasional bool     // the law limits it to occasional transfers
	Needs      []string // what a safeguard that leans on it must state, such as countries
	// Rule marks the law's own rule that asks for nothing. It satisfies the law, but
	// the statement promises bound recipients (§9): another row has to bind them.
	Rule bool
	// Modules are those of standard clauses, one of which a safeguard names; nil
	// when it is no set of clauses.
	Modules []string
	// ImporterOutside: the clauses are not for a recipient the law itself binds.
	ImporterOutside bool
	Confirm         bool // counsel has yet to confirm that the law has it so
}

// Duty is something a law asks for beside a mechanism: evidence of it stands in the
// safeguard's row, with a reference and a date, or the row does not count.
type Duty struct {
	Evidence   string   // what it is, such as notification; Assessed for an assessment
	Title      string   // what the law asks for
	For        []string // tags of the mechanisms it goes with; nil for all
	Categories Set      // only for flows with one of these
	Months     int      // how long evidence lasts; 0 for as long as the row does
	Confirm    bool     // counsel has yet to confirm that the law has it so
}

// Assessed is the evidence that is a row of Policy.Assessments.
const Assessed = "assessment"

// LocalCopy is the evidence of where data is kept that must not leave alone.
const LocalCopy = "local-copy"

// Localisation is what a law wants kept in its territory.
type Localisation struct {
	Categories Set
	Form       Form
	Persons    Persons
	From       time.Time // the first moment it holds; zero for as long as the law
	// Tag is that of safeguards that say where the data is kept; empty when none may.
	Tag     string
	Source  string
	Confirm bool
}

// Form says what may leave besides.
type Form string

// The forms.
const (
	OnlyHere  Form = "only-here"  // nothing
	FirstHere Form = "first-here" // what was collected here first
	CopyHere  Form = "copy-here"  // a copy of what is kept here
)

// Persons says whose data is meant.
type Persons string

// Whose data. Of a registered country's people nobody knows which are citizens:
// all are taken to be.
const (
	Citizens  Persons = "citizens"
	Residents Persons = "residents"
	Anyone    Persons = "anyone" // whoever's data a controller in the territory collects
)

// Concern is which recipients a law closes: by place, and by owner (28 CFR 202.211).
type Concern struct {
	Countries []string // the recipient is there, or is owned from there
	Share     int      // from this share on, in percent, an owner counts
	Tags      []string // mechanisms that open such a recipient all the same
	Source    string
	Confirm   bool
}

// Assessment is a transfer impact assessment.
type Assessment struct {
	ID         string
	Digest     string // SHA-256 of the document, lower-case hex
	Date       time.Time
	Until      time.Time // the first moment it no longer holds; zero for no end
	Author     string    // a role
	Law        string    // whose mechanisms it is about
	Countries  Set       // the destinations it judges
	Acceptable bool      // its conclusion
	Conditions string
	// Measures are what it rests on and the gateway holds: words and names of
	// Recipient.Withhold, and NoStaff.
	Measures []string
	Example  bool   // the document does not exist yet
	Position string // file:line of the row, for explanations
}

// NoStaff is the measure that nobody reads the data from another place.
const NoStaff = "no-staff-access"

// Region is a place that can answer.
type Region struct {
	Code     string // the provider's code, for example ap-southeast-3
	Name     string
	Country  string
	Operator string // recipient id of the entity that runs it
	// Storage marks the one region in which personal data is stored (§9).
	Storage bool
	// Near lists countries for which this region is the nearest one.
	Near []string
	// Hosts are the domain names its upstreams may have: "example.internal"
	// allows that name alone, ".example.internal" every name below it.
	Hosts []string
	// Networks are the CIDR blocks its upstreams' addresses may lie in.
	Networks []string
	Position string // file:line of the row, for explanations
}

// RecipientKind is a row of §4 or §9 under which data may reach an entity.
type RecipientKind string

// The kinds of §4 and §9.
const (
	Operator   RecipientKind = "9-operator" // runs a storage or serving region
	Partner    RecipientKind = "9-partner"  // declared partner bound by contract
	Instructed RecipientKind = "4a"         // third party under the user's instruction
	Authority  RecipientKind = "4b"         // compliance, fraud prevention, security
	Affiliate  RecipientKind = "4c"         // affiliate, for support
	ThePublic  RecipientKind = "4d"         // the public
)

// Recipient is an entity that may receive data.
type Recipient struct {
	ID      string
	Name    string
	Address string
	Country string
	// Kinds are the rows of §4 and §9 it may receive under.
	Kinds []RecipientKind
	// Supports limits an affiliate to these kinds of support (§4(c)):
	// services-support, technical-support, security-support.
	Supports []string
	// Withhold names what is kept from it on its hop: cookies, authorization,
	// client-address, referer, user-agent, identity-fields, field:NAME for one
	// header field, or query:NAME for one query parameter.
	Withhold []string
	BoundBy  []string // laws that bind the entity itself, by id
	Party
	Position string // file:line of the row, for explanations
}

// Exporter says where the data of an activity sets out from on its last leg.
type Exporter string

// The places data can set out from.
const (
	// FromPerson: the person hands the data to the destination; the node is a
	// mere conduit and does not appear as a place of its own.
	FromPerson Exporter = "person"
	// FromNode: the gateway's node sends on what it was given.
	FromNode Exporter = "node"
	// FromStore: the destination is given what the store holds.
	FromStore Exporter = "store"
)

// Order says in which order an activity's regions are tried.
type Order string

// The orders.
const (
	// OrderDeclared keeps the site's order.
	OrderDeclared Order = "declared"
	// OrderHome puts regions in the registered country first.
	OrderHome Order = "home"
	// OrderNearest lets the visitor's country (GeoIP) choose among the lawful ones.
	OrderNearest Order = "nearest"
)

// Activity is what a request does, named by compliance.
type Activity struct {
	ID         string
	Title      string
	Kind       RecipientKind // the row of §4 or §9 its recipients receive under
	Purposes   []string      // 2a ... 2g
	Categories []string      // 1a ... 1l
	LegalBasis string        // 2-basis(a) ... 2-basis(d)
	Exporter   Exporter
	Order      Order
	// StorageOnly keeps the activity in the storage region, always (§9). It
	// counts as storing: for the person themselves a restriction lets it go on (§7).
	StorageOnly bool
	// Public marks what is public by nature (§4(d)): it needs no registered
	// country and may be answered for anybody.
	Public bool
	// Support is the kind of support an activity of kind 4c gives.
	Support string
	// Occasional marks an activity that is not routine, so that a derogation
	// limited to occasional use may serve it.
	Occasional bool
	// Rights marks the subject's own access and rights requests (§7), which
	// the subject's choices never stop. Asked by the person themselves they
	// pass to the store even if a law lacks a safeguard or the registered
	// country is not known.
	Rights bool
	// NoTicket is why staff need no ticket for it; empty if they do (§5(f)).
	NoTicket string
	// Approval is the countries whose staff need an approval for it.
	Approval Set
	// Statement is the name of the privacy statement that covers it; empty for
	// the site's.
	Statement string
	// Report lets requests pass for a time that lack only a safeguard; nil to
	// enforce. Storage has none.
	Report *Report
	// DataSubjects are the categories of people whose data it is, in words.
	DataSubjects []string
	// Erasure is by when its data is erased; empty when nobody wrote it down.
	Erasure []Erasure
	// Measures are how its data is kept safe, in words.
	Measures []string
	Position string // file:line of the row, for explanations
}

// Report is report mode with who answers for it and when it ends.
type Report struct {
	Owner string
	Until time.Time // the first moment that is enforced again
}

// Set is a closed list or, on purpose only, everything. Its zero value matches nothing.
type Set struct {
	Any bool
	Of  []string
}

// Person stands among a safeguard's exporters for people who give their data to a
// controller themselves, where their law sees a transfer in that.
const Person = "person"

// Safeguard is an instrument, or a rule of a law itself, that satisfies a law
// for the flows it is bound to.
type Safeguard struct {
	ID         string // unique in the register
	Tag        string // machine tag, for example br-lgpd-art33-iib-scc; an RFC 9651 token
	Law        string
	Exporters  Set // entity ids, or Person
	Recipients Set // entity ids
	Countries  Set // destination countries
	Purposes   Set
	Categories Set
	// Kinds limits it to flows under these rows of §4 and §9.
	Kinds      Set
	Except     []string // registered countries for whose people it does not count
	Instrument string   // reference of the contract, decision or provision
	Module     string   // of standard clauses: c2c, c2p, p2p or p2c
	Version    string   // of standard clauses
	Assessment string   // id of the transfer impact assessment
	Clause     string   // of the statement, for example §9
	// Evidence shows that the law's duties are fulfilled, by Duty.Evidence.
	Evidence   map[string]Evidence
	Validity   Validity
	Review     Review
	Occasional bool   // its law limits it to occasional transfers
	Example    bool   // the instrument does not exist yet
	Confirm    bool   // counsel has yet to confirm it
	Position   string // file:line of the row, for explanations
}

// Evidence shows that a duty is fulfilled. Without a date it shows nothing.
type Evidence struct {
	Reference string
	Date      time.Time
}

// Review says how often somebody holds a safeguard against what it stands for. A
// safeguard whose review is overdue still counts.
type Review struct {
	EveryMonths int
	Owner       string    // who does it
	Last        time.Time // when it was done last
}

// Due is when the next review is; zero if none is planned.
func (r Review) Due() time.Time {
	if r.EveryMonths <= 0 || r.Last.IsZero() {
		return time.Time{}
	}
	return r.Last.AddDate(0, r.EveryMonths, 0)
}

// Expires is the first moment at which somebody has to have done something about
// a safeguard: its end or its next review, whichever is sooner; zero for neither.
func (s *Safeguard) Expires() time.Time {
	end, due := s.Validity.Until, s.Review.Due()
	if end.IsZero() || !due.IsZero() && due.Before(end) {
		return due
	}
	return end
}
