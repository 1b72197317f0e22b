package assertion

import "time"

const (
	// Type is the value of an assertion's header parameter typ (RFC 8725 section
	// 3.11), so that no other token of the same issuer passes for one.
	Type = "transfer-assertion+jwt"

	// MaxLifetime is the longest an assertion may live.
	MaxLifetime = time.Minute

	// DefaultLifetime is how long it lives unless configured.
	DefaultLifetime = 30 * time.Second
)

// Facts are what an assertion is to say about one hop. Equal facts may share one
// assertion.
type Facts struct {
	// Account is the data subject's account id, empty for nobody in particular.
	// It never leaves the signer; [Claims.Subject] does.
	Account string
	// Recipient is the id of the entity that gets the assertion.
	Recipient string
	// Region is the code of the region that gets it.
	Region string

	Controller     string // id of the legal entity responsible (§11)
	ControllerName string // its name, if the registers do not list it
	Basis          string // why it is the controller
	Country        string // registered country; empty when unknown
	Activity       string
	Safeguards     string // tags separated by spaces
	Statement      string // version of the privacy statement (§10)
	Actor          Actor  // set when the requester is not the data subject
	Record         string // the transfer's number, used only with Config.PerRequest
}

// Actor is a requester who is not the data subject: staff of an entity in a country.
type Actor struct {
	Entity  string `json:"sub,omitempty"`
	Country string `json:"country,omitempty"`
}

// Claims are what an assertion says.
type Claims struct {
	Issuer   string `json:"iss"`
	Audience string `json:"aud"` // code of the region it is meant for
	// Subject is the data subject's name for this recipient alone. It is empty
	// when nobody is identified.
	Subject string `json:"sub,omitempty"`
	// Actor is who asks, when that is not the subject (RFC 8693 section 4.1).
	Actor          *Actor `json:"act,omitempty"`
	Controller     string `json:"controller"`
	ControllerName string `json:"controller_name,omitempty"` // only of one the registers lack
	Basis          string `json:"basis"`
	Country        string `json:"country,omitempty"`
	Activity       string `json:"activity"`
	Safeguards     string `json:"safeguards,omitempty"` // tags separated by spaces
	Statement      string `json:"statement"`
	Record         string `json:"record,omitempty"` // only when made for each request
	IssuedAt       int64  `json:"iat"`              // seconds since 1970
	Expires        int64  `json:"exp"`              // likewise
	ID             string `json:"jti"`
}

// claims states the facts to their recipient.
func (s *Signer) claims(f *Facts, now time.Time) *Claims {
	c := &Claims{
		Issuer: s.issuer, Audience: f.Region, Subject: s.subjects.name(f.Recipient, f.Account),
		Controller: f.Controller, ControllerName: f.ControllerName, Basis: f.Basis, Country: f.Country,
		Activity: f.Activity, Safeguards: f.Safeguards, Statement: f.Statement, Record: f.Record,
		IssuedAt: now.Unix(), Expires: now.Unix() + int64(s.lifetime/time.Second), ID: newID(),
	}
	if actor := f.Actor; actor != (Actor{}) {
		c.Actor = &actor
	}
	return c
}
