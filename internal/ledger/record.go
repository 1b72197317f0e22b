package ledger

import (
	"crypto/rand"
	"encoding/binary"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger/format"
)

// Record is one transfer or denial (§9, §4). It never carries account ids,
// names, addresses, tokens, paths, queries or bodies. Empty fields are left
// out. Lists are written as they stand: give them sorted.
//
//clause:enforces §5(b); record country categories controller recipient legs time
type Record struct {
	// Type is TypeAccepted or TypeRefused.
	Type string
	// ID is a UUIDv7 and Salt keeps the hash of a record from confirming what
	// was in it. AppendJSON makes them up if they are zero.
	ID   [16]byte
	Salt [16]byte
	Time time.Time

	Node      string // name of the gateway's node
	Site      string // configured host name the request came to
	Activity  string
	Statement string // version of the privacy statement
	Policy    string // digest

	Controller     string // its id (§11)
	ControllerName string // only for a contracting party the registers do not know
	Basis          string // why it is the controller
	Country        string // registered country of the data subject
	CountrySource  string // who vouched for it
	Origin         string // visitor's country by GeoIP, a hint
	Requester      string // "self", or entity@country for staff
	Conflicts      []string

	Legs       []byte // JSON of the legs with what each law says
	Region     string
	Recipient  string
	Purposes   []string // 2a ... 2g
	Categories []string // 1a ... 1l
	LegalBasis string
	Reference  string   // consent, instruction, ticket, case, approver
	Withheld   []string // what was removed from the recipient's hop
	Subject    string   // pseudonym, see Log.Subject

	Method string
	Route  string // pattern, never the path
	// Bytes is the length of the request's body as announced; negative if it
	// is not known.
	Bytes int64

	Decision string // allowed or denied
	Enforced bool   // false if the decision was only reported
	Reason   string
	Clause   string
	Law      string

	// Shadow is what a candidate policy would have decided instead, as a JSON
	// object whose members are sorted; empty if the same, or if none is tried.
	Shadow []byte

	RetainUntil string // date
	Demo        bool   // an example or unconfirmed safeguard was leaned on
	Trace       string // W3C trace id
}

// AppendJSON appends the record as one JSON object in the form of RFC 8785 and
// fills in ID and Salt if they are zero. It allocates nothing if dst has room;
// a usual record takes less than 1 KiB.
func (r *Record) AppendJSON(dst []byte) []byte {
	r.stamp()
	o := object(append(dst, '{'))
	o.text("activity", r.Activity)
	o.text("basis", r.Basis)
	o.number("bytes", r.Bytes)
	o.texts("categories", r.Categories)
	o.text("clause", r.Clause)
	o.texts("conflicts", r.Conflicts)
	o.text("controller", r.Controller)
	o.text("controller_name", r.ControllerName)
	o.text("country", r.Country)
	o.text("country_source", r.CountrySource)
	o.text("decision", r.Decision)
	if r.Demo {
		o.truth("demo", true)
	}
	o.truth("enforced", r.Enforced)
	o.id("id", r.ID)
	o.text("law", r.Law)
	o.text("legal_basis", r.LegalBasis)
	o.raw("legs", r.Legs)
	o.text("method", r.Method)
	o.text("node", r.Node)
	o.text("origin", r.Origin)
	o.text("policy", r.Policy)
	o.texts("purposes", r.Purposes)
	o.text("reason", r.Reason)
	o.text("recipient", r.Recipient)
	o.text("reference", r.Reference)
	o.text("region", r.Region)
	o.text("requester", r.Requester)
	o.text("retain_until", r.RetainUntil)
	o.text("route", r.Route)
	o.base64("salt", r.Salt[:])
	o.raw("shadow", r.Shadow)
	o.text("site", r.Site)
	o.text("statement", r.Statement)
	o.text("subject", r.Subject)
	o.time("time", r.Time)
	o.text("trace", r.Trace)
	o.text("type", r.Type)
	o.text("v", format.Schema)
	o.texts("withheld", r.Withheld)
	return append(o, '}')
}

// stamp makes up ID and Salt where they are zero.
func (r *Record) stamp() {
	if r.ID == ([16]byte{}) {
		r.ID = newID(r.Time)
	}
	if r.Salt == ([16]byte{}) {
		r.Salt = newSalt()
	}
}

// newID is a UUID version 7 (RFC 9562): 48 bits of Unix milliseconds, and
// random bits.
func newID(t time.Time) (id [16]byte) {
	rand.Read(id[:]) // never fails: crypto/rand ends the process instead
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(t.UnixMilli()))
	copy(id[:6], ms[2:])
	id[6] = 0x70 | id[6]&0x0f
	id[8] = 0x80 | id[8]&0x3f
	return id
}

func newSalt() (salt [16]byte) {
	rand.Read(salt[:])
	return salt
}
