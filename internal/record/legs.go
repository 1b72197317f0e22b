package record

// Leg is one step the data takes, with what each law that applies says of it.
type Leg struct {
	Kind          string // collection, edge, storage, serving, access, onward or return
	Exporter      string // entity that hands the data over; empty for the person
	From          string // country; empty if it is not known
	Recipient     string // entity
	RecipientKind string // kind of recipient (§4, §9); empty for a controller
	To            string // country
	Laws          []Verdict
	Unknown       []Unknown
}

// Verdict is what one law says of a leg: why it sees no transfer, or the safeguard
// that satisfies it, or that one is missing.
type Verdict struct {
	Law        string
	Because    string // why it sees no transfer
	Safeguard  string // tag
	Row        string // id in the register
	Rule       string // row of the law's own rule, beside which Row binds the recipient
	Instrument string
	Assessment string
	Missing    bool
	Lacks      []string // what is missing, each in a word
	Nearest    string   // row of the register that comes nearest to what is missing
	Unknown    []Unknown
}

// AppendLegs appends legs as they stand in a record. No legs are [].
func AppendLegs(dst []byte, all []Leg) []byte {
	return append(legTable.appendAll(append(dst, '['), all), ']')
}

// ParseLegs reads the legs of a record. The error is an [*Error], with offsets
// from their begin.
func ParseLegs(data []byte) (all []Leg, err error) {
	if len(data) == 0 || string(data) == "[]" {
		return nil, nil
	}
	s := scanner{text: string(data)}
	if (parts[Leg]{&all, legTable}).parse(&s) {
		s.end()
	}
	return all, s.err()
}

var legTable = newObject(func(l *Leg) *[]Unknown { return &l.Unknown },
	row("exporter", Label, func(l *Leg) field { return (*text)(&l.Exporter) },
		"entity that hands the data over; absent where the person does", "§9"),
	row("from", Label, func(l *Leg) field { return (*text)(&l.From) },
		"country the data leaves", "§9"),
	row("kind", Label, func(l *Leg) field { return (*must)(&l.Kind) },
		"what kind of step it is: from the person to the controller, to the gateway's node, into the store, to a region that answers, to staff who read, on from the store, back to the store from a region or an affiliate elsewhere (return, since xfer/2)", "§9").
		of("collection", "edge", "storage", "serving", "access", "onward", "return"),
	row("laws", NoColumn, func(l *Leg) field { return parts[Verdict]{&l.Laws, verdictTable} },
		"what each law that applies says of the step", "introduction", "§9"),
	row("recipient", Label, func(l *Leg) field { return (*text)(&l.Recipient) },
		"entity that gets the data", "§4(c)", "§9"),
	row("recipient_kind", Label, func(l *Leg) field { return (*text)(&l.RecipientKind) },
		"kind of recipient, by the tag of the statement; absent for a controller", "§4(a)", "§4(b)", "§4(c)", "§4(d)", "9-operator", "9-partner"),
	row("to", Label, func(l *Leg) field { return (*text)(&l.To) },
		"country the data reaches", "§9"),
)

var verdictTable = newObject(func(v *Verdict) *[]Unknown { return &v.Unknown },
	row("assessment", Label, func(v *Verdict) field { return (*text)(&v.Assessment) },
		"transfer impact assessment that the safeguard rests on, by its id in assessments.yaml", "§9", "§5(l)"),
	row("because", Label, func(v *Verdict) field { return (*text)(&v.Because) },
		"why the law sees no transfer in the step", "§9").
		of("direct-collection", "inside-territory", "before-reach", "own-controller", "stored-in-singapore", "returned"),
	row("instrument", Label, func(v *Verdict) field { return (*text)(&v.Instrument) },
		"contract or other instrument of the safeguard", "§9", "§5(l)"),
	row("lacks", Labels, func(v *Verdict) field { return (*texts)(&v.Lacks) },
		"what the law asks for and there is not: mechanism, law, concern, people, countries, force, routine, proof, contract, rule, or after a colon which category, purpose or duty, or how the data is to be kept in the territory (localisation)", "§9").
		since(version2),
	row("law", Label, func(v *Verdict) field { return (*must)(&v.Law) },
		"law, by its id in laws.yaml", "introduction", "§9"),
	row("missing", Flag, func(v *Verdict) field { return (*sign)(&v.Missing) },
		"true if the law asks for a safeguard and there is none; absent otherwise", "§9"),
	row("nearest", Label, func(v *Verdict) field { return (*text)(&v.Nearest) },
		"row that comes nearest to what is missing, by its id in safeguards.yaml; absent if none is made for the step", "§9").
		since(version2),
	row("row", Label, func(v *Verdict) field { return (*text)(&v.Row) },
		"row of the safeguard that satisfies the law, by its id in safeguards.yaml", "§9", "§5(l)").
		since(version2),
	row("rule", Label, func(v *Verdict) field { return (*text)(&v.Rule) },
		"row of the law's own rule that asks for nothing, by its id in safeguards.yaml, where the row binds the recipient beside it; absent if the law has none", "§9").
		since(version2),
	row("safeguard", Label, func(v *Verdict) field { return (*text)(&v.Safeguard) },
		"tag of the safeguard that satisfies the law", "§9", "§5(l)"),
)

// legs is Transfer.Legs as a field.
type legs []byte

func (f *legs) kind() Kind        { return Objects }
func (f *legs) always() bool      { return false }
func (f *legs) clear()            { *f = nil }
func (f *legs) members() []Member { return legTable.list() }

func (f *legs) append(dst []byte, key string) []byte { return appendRaw(dst, key, *f) }
func (f *legs) parse(s *scanner) bool                { return s.raw((*[]byte)(f), '[') }

// Shadow is what a policy on trial would have decided instead.
type Shadow struct {
	Change     string // what it changes about the request, the gravest only
	Controller string
	Decision   string // Allowed or Denied
	Policy     string // the first digits of its digest
	Reason     string
	Region     string
	Safeguards []string // tags
	Unknown    []Unknown
}

// Append appends it as it stands in a record.
func (w *Shadow) Append(dst []byte) []byte { return shadowTable.append(dst, w) }

// ParseShadow reads the member of a record; the zero Shadow if there is none.
// The error is an [*Error], with offsets from the member's begin.
func ParseShadow(data []byte) (w Shadow, err error) {
	if len(data) == 0 {
		return w, nil
	}
	s := scanner{text: string(data)}
	if shadowTable.parse(&s, &w) {
		s.end()
	}
	return w, s.err()
}

var shadowTable = newObject(func(w *Shadow) *[]Unknown { return &w.Unknown },
	row("change", Label, func(w *Shadow) field { return (*must)(&w.Change) },
		"the gravest that would change: stops and passes turn the decision round", "§5(g)").
		of("stops", "passes", "controller", "region", "safeguard", "reason"),
	row("controller", Label, func(w *Shadow) field { return (*text)(&w.Controller) },
		"controller by the policy on trial", "§11"),
	row("decision", Label, func(w *Shadow) field { return (*must)(&w.Decision) },
		"decision by the policy on trial", "§9").of(Allowed, Denied),
	row("policy", Label, func(w *Shadow) field { return (*must)(&w.Policy) },
		"the first digits of the digest of the policy on trial", "§5(g)"),
	row("reason", Label, func(w *Shadow) field { return (*text)(&w.Reason) },
		"code of the denial by the policy on trial", "§9"),
	row("region", Label, func(w *Shadow) field { return (*text)(&w.Region) },
		"first region by the policy on trial", "§9"),
	row("safeguards", Labels, func(w *Shadow) field { return (*texts)(&w.Safeguards) },
		"tags of the safeguards by the policy on trial", "§9"),
)

// shadow is Transfer.Shadow as a field.
type shadow []byte

func (f *shadow) kind() Kind        { return Object }
func (f *shadow) always() bool      { return false }
func (f *shadow) clear()            { *f = nil }
func (f *shadow) members() []Member { return shadowTable.list() }

func (f *shadow) append(dst []byte, key string) []byte { return appendRaw(dst, key, *f) }
func (f *shadow) parse(s *scanner) bool                { return s.raw((*[]byte)(f), '{') }

// appendRaw appends a value that is JSON already; nothing makes no member.
func appendRaw(dst []byte, key string, value []byte) []byte {
	if len(value) == 0 {
		return dst
	}
	return append(begin(dst, key), value...)
}

// raw reads an object or list that is kept as it stands.
func (s *scanner) raw(value *[]byte, begins byte) bool {
	if s.at == len(s.text) || s.text[s.at] != begins {
		return s.fail("'" + string(begins) + "' is wanted here")
	}
	text, ok := s.skip()
	*value = []byte(text)
	return ok
}
