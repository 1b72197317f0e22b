package record

// What records call the outcomes of a decision.
const (
	Allowed = "allowed"
	Denied  = "denied"
)

// The modes.
const (
	Enforce = "enforce"
	Report  = "report"
)

// Self is the requester where the person whose data it is asks.
const Self = "self"

// Transfer is the record of one transfer or denial (§9, §4). It never carries
// account ids, names, addresses, tokens, paths, queries or bodies. Empty fields
// are left out. Lists are written as they stand: give them sorted.
type Transfer struct {
	Header // Type is TypeAccepted or TypeRefused

	Site      string // configured host name the request came to
	Activity  string
	Statement string // version of the privacy statement
	Policy    string // digest

	Controller     string // its id (§11)
	ControllerName string // only for a contracting party the registers do not know
	// ControllerCountry is where it is; empty if that is not known.
	ControllerCountry string
	Basis             string // why it is the controller
	Country           string // registered country of the data subject
	CountrySource     string // who vouched for it
	Origin            string // visitor's country by GeoIP, a hint
	Requester         string // Self, or entity@country for staff
	Staff             string // pseudonym of the member of staff
	Ticket            string
	AccessReason      string // one of decision.AccessReasons
	Approval          string // of the access by staff, with approver and end
	Conflicts         []string

	// Legs is the way of the data with what each law says, as AppendLegs writes
	// it; ParseLegs reads it.
	Legs []byte
	// Region, Recipient and Destination, the region's country, are those the data went
	// to, or of a denial would have.
	Region      string
	Recipient   string
	Destination string
	Purposes    []string // 2a ... 2g
	Categories  []string // 1a ... 1l
	LegalBasis  string
	Reference   string   // consent, instruction, ticket, case, approver
	Withheld    []string // what was removed from the recipient's hop
	Subject     string   // pseudonym

	Method string
	Route  string // pattern, never the path
	// Bytes is the length of the request's body as announced; negative if it
	// is not known.
	Bytes int64

	Decision string // Allowed or Denied
	Enforced bool   // false if the decision was only reported
	Mode     string // Enforce or Report
	Reason   string
	Cause    string // why what says who asks was refused, more exactly than Reason
	Clause   string
	Law      string

	// Shadow is what a shadow policy would have decided instead, as Shadow.Append
	// writes it; empty if the same, or if none is tried. ParseShadow reads it.
	Shadow []byte

	RetainUntil string // date
	Demo        bool   // an example or unconfirmed safeguard was leaned on; of a denial, would have counted
	Trace       string // W3C trace id
}

// Append appends the record and fills in ID and Salt if they are zero. It allocates
// nothing if dst has room; a usual record takes less than 1 KiB.
func (t *Transfer) Append(dst []byte) []byte {
	t.stamp(TypeAccepted)
	return transferTable.append(dst, t)
}

// Parse sets the record to the one that data holds. Its texts are parts of one
// copy of data. The error is an [*Error].
func (t *Transfer) Parse(data []byte) error {
	return parse(transferTable, t, data, TypeAccepted, TypeRefused)
}

func (t *Transfer) parse(data []byte) error { return t.Parse(data) }

var transferTable = entryTable([]string{TypeAccepted, TypeRefused},
	row("access_reason", Label, func(t *Transfer) field { return (*text)(&t.AccessReason) },
		"why the member of staff looked, as they or their source said", "§5(f)", "§2").
		of("support-request", "troubleshooting", "security", "legal").since(version2),
	row("activity", Label, func(t *Transfer) field { return (*text)(&t.Activity) },
		"what the request does, by its id in activities.yaml", "§2", "§4(d)", "7-right(a)", "7-right(b)", "7-right(c)", "7-right(f)", "7-right(g)"),
	row("approval", Key, func(t *Transfer) field { return (*text)(&t.Approval) },
		"who approved the access by staff, and until when: approval:id;approver=who;until=@seconds", "§5(f)").since(version2),
	row("basis", Label, func(t *Transfer) field { return (*text)(&t.Basis) },
		"on what ground the controller was found; a conflict between grounds shows in conflicts", "§11").
		of("account-center", "token-claim", "registered-country", "not-registered"),
	row("bytes", Count, func(t *Transfer) field { return (*count)(&t.Bytes) },
		"length of the request's body as it was announced; absent if it was not"),
	row("categories", Labels, func(t *Transfer) field { return (*texts)(&t.Categories) },
		"categories of personal data, by the tags of the statement: 1a to 1l", "§1", "§5(b)", "2g"),
	row("cause", Label, func(t *Transfer) field { return (*text)(&t.Cause) },
		"code of what was wrong with the credential, or with the fields, that say who asks; absent where the reason says all", "§5(j)"),
	row("clause", Label, func(t *Transfer) field { return (*text)(&t.Clause) },
		"clause of the statement by which the request was denied, or would have been", "§6", "§8", "7-withdrawal", "7-deletion", "7-right(d)", "7-right(e)"),
	row("conflicts", Labels, func(t *Transfer) field { return (*texts)(&t.Conflicts) },
		"pairs of sources that disagreed about the person's country or controller", "§11", "§5(j)"),
	row("controller", Label, func(t *Transfer) field { return (*text)(&t.Controller) },
		"legal entity that is responsible, by its id in controllers.yaml; unlisted for a contracting party that is not there", "§11", "§5(b)"),
	row("controller_country", Label, func(t *Transfer) field { return (*text)(&t.ControllerCountry) },
		"country of the controller, ISO 3166-1 alpha-2; of a contracting party that the registers do not list, as the account record has it; absent if it is not known", "§11").
		since(version2),
	row("controller_name", Label, func(t *Transfer) field { return (*text)(&t.ControllerName) },
		"name of a contracting party that the registers do not list", "§11"),
	row("country", Label, func(t *Transfer) field { return (*text)(&t.Country) },
		"country in which the person's account was registered, ISO 3166-1 alpha-2; absent if it is not known", "§11", "§5(b)"),
	row("country_source", Label, func(t *Transfer) field { return (*text)(&t.CountrySource) },
		"source of identity that vouched for the country", "§11"),
	row("decision", Label, func(t *Transfer) field { return (*text)(&t.Decision) },
		"what was decided; with enforced false a denial was only reported, and the request passed", "§9", "7-right(a)", "7-right(b)", "7-right(c)", "7-right(f)", "7-right(g)").
		of(Allowed, Denied),
	row("demo", Flag, func(t *Transfer) field { return (*sign)(&t.Demo) },
		"true if the decision leaned on a safeguard that is an example or not confirmed, and of a denial if such would have counted; absent otherwise", "§5(l)"),
	row("destination", Label, func(t *Transfer) field { return (*text)(&t.Destination) },
		"country of the region: where the data went, or of a denial would have gone, ISO 3166-1 alpha-2; where staff were who asked, requester says", "§9").
		since(version2),
	row("enforced", Flag, func(t *Transfer) field { return (*truth)(&t.Enforced) },
		"false if the decision was only reported", "§9"),
	row("law", Label, func(t *Transfer) field { return (*text)(&t.Law) },
		"law that was not satisfied, by its id in laws.yaml", "introduction", "§9"),
	row("legal_basis", Label, func(t *Transfer) field { return (*text)(&t.LegalBasis) },
		"legal basis of the activity, by the tag of the statement", "§2"),
	row("legs", NoColumn, func(t *Transfer) field { return (*legs)(&t.Legs) },
		"the steps the data took, or of a denial would have taken, in order, with what each law says of each; no law was asked where the denial has another reason", "introduction", "§9", "9-operator", "9-partner", "§5(b)", "§5(l)"),
	row("method", Label, func(t *Transfer) field { return (*text)(&t.Method) },
		"method of the HTTP request"),
	row("mode", Label, func(t *Transfer) field { return (*text)(&t.Mode) },
		"whether a missing safeguard denied such requests then, or was only reported", "§9").
		of(Enforce, Report).since(version2),
	row("origin", Label, func(t *Transfer) field { return (*text)(&t.Origin) },
		"country the request came from by its address, ISO 3166-1 alpha-2: a hint, which decides nothing; the address is not kept", "§5(j)"),
	row("policy", Label, func(t *Transfer) field { return (*text)(&t.Policy) },
		"digest of the registers that decided; a policy.snapshot entry says that they are kept", "§5(g)"),
	row("purposes", Labels, func(t *Transfer) field { return (*texts)(&t.Purposes) },
		"purposes, by the tags of the statement: 2a to 2g", "§2", "§1", "2g"),
	row("reason", Label, func(t *Transfer) field { return (*text)(&t.Reason) },
		"code of why the request was denied, or would have been", "§4(c)", "§5(f)", "§6", "§8", "§9", "7-withdrawal", "7-deletion", "7-right(d)", "7-right(e)"),
	row("recipient", Label, func(t *Transfer) field { return (*text)(&t.Recipient) },
		"entity that received the data, or of a denial would have, by its id in recipients.yaml", "§4(c)", "§9", "9-operator", "9-partner", "§5(b)", "§5(l)"),
	row("reference", Key, func(t *Transfer) field { return (*text)(&t.Reference) },
		"consent, instruction or case that the activity needs: kind:id, and after semicolons approver=who and until=@seconds", "§4(a)", "§4(b)"),
	row("region", Label, func(t *Transfer) field { return (*text)(&t.Region) },
		"region that was chosen to answer, or of a denial would have answered, by its code in regions.yaml", "§9", "§4(d)"),
	row("requester", Label, func(t *Transfer) field { return (*text)(&t.Requester) },
		"who asked: self for the person, entity@COUNTRY for a member of staff", "§5(f)", "§9"),
	row("retain_until", Label, func(t *Transfer) field { return (*day)(&t.RetainUntil) },
		"last day on which the record is kept", "§6"),
	row("route", Label, func(t *Transfer) field { return (*text)(&t.Route) },
		"pattern of the route that took the request, never its path", "§5(d)"),
	row("shadow", NoColumn, func(t *Transfer) field { return (*shadow)(&t.Shadow) },
		"what the policy on trial would have decided instead; absent if the same", "§5(g)"),
	row("site", Label, func(t *Transfer) field { return (*text)(&t.Site) },
		"configured host name that the request came to"),
	row("staff", Key, func(t *Transfer) field { return (*text)(&t.Staff) },
		"pseudonym of the member of staff who asked, made with the same keys as subject's: h1:period:code; absent where the person asks", "§5(f)", "§5(h)").since(version2),
	row("statement", Label, func(t *Transfer) field { return (*text)(&t.Statement) },
		"version of the privacy statement in force", "§10"),
	row("subject", Key, func(t *Transfer) field { return (*text)(&t.Subject) },
		"pseudonym of the person whose data it is: h1:period:code; absent if nobody was identified", "§5(h)", "§5(d)", "§6", "7-right(c)"),
	row("ticket", Key, func(t *Transfer) field { return (*text)(&t.Ticket) },
		"number of the ticket that the member of staff named; absent where the activity asks for none", "§5(f)").since(version2),
	row("trace", Key, func(t *Transfer) field { return (*text)(&t.Trace) },
		"trace id (W3C Trace Context) of the request"),
	row("withheld", Labels, func(t *Transfer) field { return (*texts)(&t.Withheld) },
		"what was removed from the request before the recipient got it", "§4(c)", "§5(d)", "§3"),
)
