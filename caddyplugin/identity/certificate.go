package identity

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/sparkoo/transfergate/caddyplugin/gateway"
	"github.com/sparkoo/transfergate/caddyplugin/option"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/regular"
	"github.com/sparkoo/transfergate/internal/suggest"
)

func init() {
	caddy.RegisterModule(new(Certificate))
}

// Certificate recognizes staff by the TLS client certificate that Caddy verified
// (tls { client_auth ... } in the site). A certificate counts only if its verified
// chain ends in one of the authorities named here, whatever else the site trusts;
// one of theirs that no row names is refused, as it is staff of nobody knows whom, and
// so is one that has expired since the connection was made.
// Requests without such a certificate are left to the next source.
type Certificate struct {
	// File with the certificates, in PEM, of the authorities that vouch for staff.
	// Required.
	CA string `json:"ca,omitempty"`

	// Who a certificate's holder works for, and where. Required.
	Staff []CertificateRow `json:"staff,omitempty"`

	// Where requests name the data subject: a field or a path segment. Required.
	Subject *Subject `json:"subject,omitempty"`

	StaffWords

	roots []*x509.Certificate
}

// CertificateRow names the entity and country of the certificates it matches.
type CertificateRow struct {
	// What is compared: "uri", one of the subject's alternative names; "ou", one of
	// the subject's organizational units; or "fingerprint", the SHA-256 of the
	// certificate in hexadecimal. Required.
	By string `json:"by,omitempty"`

	// The value to the letter. A URI that ends in /* stands for all below it.
	// Required.
	Value string `json:"value,omitempty"`

	// The entity the holder works for: a recipient of the policy. Required.
	Entity string `json:"entity,omitempty"`

	// The country the holder is in: ISO 3166-1 alpha-2. Required.
	Country string `json:"country,omitempty"`
}

// CaddyModule returns the Caddy module information.
func (*Certificate) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "transfer.identity.certificate", New: func() caddy.Module { return new(Certificate) }}
}

// UnmarshalCaddyfile implements caddyfile.Unmarshaler. Syntax:
//
//	identity certificate {
//	    ca      <file>
//	    staff   uri|ou|fingerprint <value> <entity> <country>
//	    subject field <name> | path <number>
//	    ticket_field        <name>
//	    access_reason_field <name>
//	}
//
// Staff may be written many times.
func (c *Certificate) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // consume the module's name
	if d.NextArg() {
		return d.ArgErr()
	}
	return option.Block(d, []string{"staff"}, func(d *caddyfile.Dispenser, word string) (err error) {
		switch word {
		case "ca":
			if !d.AllArgs(&c.CA) {
				return d.ArgErr()
			}

		case "staff":
			var row CertificateRow
			if !d.AllArgs(&row.By, &row.Value, &row.Entity, &row.Country) {
				return d.ArgErr()
			}
			c.Staff = append(c.Staff, row)

		case "subject":
			c.Subject, err = unmarshalSubject(d)

		case "ticket_field", "access_reason_field":
			target := map[string]*string{"ticket_field": &c.TicketField, "access_reason_field": &c.AccessReasonField}[word]
			if !d.AllArgs(target) {
				return d.ArgErr()
			}

		default:
			return d.Errf("unrecognized option '%s' of identity certificate; %s", word, suggest.For(word, []string{"ca", "staff", "subject", "ticket_field", "access_reason_field"}))
		}
		return err
	})
}

// Provision reads the authorities and checks the rows.
func (c *Certificate) Provision(caddy.Context) error {
	if err := c.provision(); err != nil {
		return fmt.Errorf("identity certificate: %w", err)
	}
	return nil
}

func (c *Certificate) provision() error {
	switch {
	case c.CA == "":
		return errors.New("no authority vouches for staff: name its certificates, as in 'ca /etc/transfergate/staff-ca.pem'")
	case len(c.Staff) == 0:
		return errors.New("no certificate is anybody's: say whose, as in 'staff ou support huawei-cloud-cn CN'")
	case c.Subject == nil || c.Subject.Claim != "":
		return errors.New("a certificate does not say whose data is asked for: write 'subject field NAME' or 'subject path N'")
	}
	if err := c.Subject.provision(); err != nil {
		return err
	}
	if err := c.StaffWords.provision(); err != nil {
		return err
	}
	for i := range c.Staff {
		if err := c.Staff[i].provision(); err != nil {
			return err
		}
		if slices.ContainsFunc(c.Staff[:i], func(r CertificateRow) bool { return r.By == c.Staff[i].By && r.Value == c.Staff[i].Value }) {
			return fmt.Errorf("staff %s '%s' is written twice", c.Staff[i].By, c.Staff[i].Value)
		}
	}
	return c.readRoots()
}

// provision checks the row and writes a fingerprint in lower case without colons.
func (row *CertificateRow) provision() error {
	if row.Entity == "" || row.Country == "" || row.Value == "" {
		return fmt.Errorf("staff %s '%s': a row has a value, an entity and a country", row.By, row.Value)
	}
	switch row.By {
	case "uri":
		u, err := url.Parse(row.Value)
		if err != nil || u.Scheme == "" || u.Host == "" || strings.Contains(strings.TrimSuffix(row.Value, "/*"), "*") {
			return fmt.Errorf("staff uri '%s' is no URI such as spiffe://example.com/support or spiffe://example.com/support/*", row.Value)
		}
	case "ou":
	case "fingerprint":
		plain := strings.ToLower(strings.ReplaceAll(row.Value, ":", ""))
		if sum, err := hex.DecodeString(plain); err != nil || len(sum) != sha256.Size {
			return fmt.Errorf("staff fingerprint '%s' is no SHA-256 in hexadecimal", row.Value)
		}
		row.Value = plain
	default:
		return fmt.Errorf("staff '%s': certificates are told apart by uri, ou or fingerprint", row.By)
	}
	return nil
}

// readRoots reads the authorities' certificates.
func (c *Certificate) readRoots() error {
	rest, err := regular.ReadText(c.CA, regular.CertLimit)
	if err != nil {
		return fmt.Errorf("reading the authorities: %w", err)
	}
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		root, err := x509.ParseCertificate(block.Bytes)
		if block.Type != "CERTIFICATE" || err != nil {
			return fmt.Errorf("%s holds something else than certificates in PEM", c.CA)
		}
		c.roots = append(c.roots, root)
	}
	if len(c.roots) == 0 || len(bytes.TrimSpace(rest)) > 0 {
		return fmt.Errorf("%s holds something else than certificates in PEM", c.CA)
	}
	return nil
}

// Fields implements gateway.FieldReader.
func (c *Certificate) Fields() []string {
	return slices.DeleteFunc(append(c.names(), c.Subject.Field), func(name string) bool { return name == "" })
}

// AccessFields implements gateway.AccessReader.
func (c *Certificate) AccessFields() []string { return c.names() }

// SubjectField implements gateway.SubjectReader.
func (c *Certificate) SubjectField() string { return c.Subject.Field }

// CheckPlaces implements gateway.PlaceChecker: a row that names nobody would
// refuse its staff at night.
func (c *Certificate) CheckPlaces(known func(decision.Place) bool) error {
	for _, row := range c.Staff {
		if !known(decision.Place{Entity: row.Entity, Country: row.Country}) {
			return fmt.Errorf("identity certificate: staff %s '%s': '%s' is no recipient of the policy in '%s'", row.By, row.Value, row.Entity, row.Country)
		}
	}
	return nil
}

// certificateSource is the name of this source in records.
const certificateSource = "certificate"

// Identify implements gateway.IdentitySource.
func (c *Certificate) Identify(r *http.Request) (id gateway.Identity, err error) {
	lines, said := c.Subject.take(r), c.StaffWords.take(r)
	chains := c.chains(r.TLS)
	if len(chains) == 0 {
		return id, nil
	}
	if !r.TLS.HandshakeComplete {
		return id, &gateway.IdentityError{Source: certificateSource, Reason: decision.TooEarly}
	}
	if !slices.ContainsFunc(chains, inForce) {
		return id, &gateway.IdentityError{Source: certificateSource, Reason: decision.IdentityBroken, Cause: gateway.CertificateExpired, Description: expired}
	}
	leaf := r.TLS.PeerCertificates[0]
	place, err := c.place(leaf)
	if err != nil {
		return id, err
	}
	person, err := c.Subject.account(r, lines, certificateSource)
	if err != nil {
		return id, err
	}
	a, err := account{member: holder(leaf)}.fill(said, certificateSource)
	if err != nil {
		return id, err
	}
	return accounting(gateway.Identity{Found: true, Source: certificateSource, Account: person, Staff: place}, a)
}

// holder is the id of a certificate's holder: the first of its URIs, the subject's
// name where it has a common name in it, or else the certificate itself.
func holder(leaf *x509.Certificate) string {
	switch {
	case len(leaf.URIs) > 0:
		return leaf.URIs[0].String()
	case leaf.Subject.CommonName != "":
		return leaf.Issuer.String() + "#" + leaf.Subject.String()
	}
	sum := sha256.Sum256(leaf.Raw)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// chains are those by which the authorities vouch for the peer: Caddy verified that
// they lead from the peer's certificate to one of them.
func (c *Certificate) chains(state *tls.ConnectionState) (chains [][]*x509.Certificate) {
	if state == nil || len(state.PeerCertificates) == 0 {
		return nil
	}
	for _, chain := range state.VerifiedChains {
		if len(chain) > 1 && chain[0].Equal(state.PeerCertificates[0]) && slices.ContainsFunc(c.roots, chain[len(chain)-1].Equal) {
			chains = append(chains, chain)
		}
	}
	return chains
}

// expired is told to a client whose certificate was in force when it connected.
const expired = "the client certificate has expired since the connection was made"

// inForce reports whether all certificates of a verified chain still are: a connection
// may last for days.
func inForce(chain []*x509.Certificate) bool {
	now := time.Now()
	return !slices.ContainsFunc(chain, func(c *x509.Certificate) bool { return now.After(c.NotAfter) })
}

// place is where the rows put the certificate's holder: in one place, or nobody
// is believed.
func (c *Certificate) place(leaf *x509.Certificate) (place *decision.Place, err error) {
	for _, row := range c.Staff {
		if !row.matches(leaf) {
			continue
		}
		found := decision.Place{Entity: row.Entity, Country: row.Country}
		if place != nil && *place != found {
			return nil, &gateway.IdentityError{Source: certificateSource, Reason: decision.IdentityAmbiguous, Cause: gateway.CertificateAmbiguous}
		}
		place = &found
	}
	if place == nil {
		return nil, &gateway.IdentityError{Source: certificateSource, Reason: decision.StaffUnknownRecipient}
	}
	return place, nil
}

// matches reports whether the row is about the certificate.
func (row *CertificateRow) matches(leaf *x509.Certificate) bool {
	switch row.By {
	case "uri":
		return slices.ContainsFunc(leaf.URIs, func(u *url.URL) bool { return row.matchesURI(u.String()) })
	case "ou":
		return slices.Contains(leaf.Subject.OrganizationalUnit, row.Value)
	default:
		sum := sha256.Sum256(leaf.Raw)
		return hex.EncodeToString(sum[:]) == row.Value
	}
}

func (row *CertificateRow) matchesURI(uri string) bool {
	below, all := strings.CutSuffix(row.Value, "*")
	if !all {
		return uri == row.Value
	}
	// What would climb out again is not below.
	return strings.HasPrefix(uri, below) && len(uri) > len(below) && !strings.Contains(uri, "/.") && !strings.Contains(uri, "%")
}

// Interface guards
var (
	_ caddy.Provisioner      = (*Certificate)(nil)
	_ caddyfile.Unmarshaler  = (*Certificate)(nil)
	_ gateway.IdentitySource = (*Certificate)(nil)
	_ gateway.FieldReader    = (*Certificate)(nil)
	_ gateway.SubjectReader  = (*Certificate)(nil)
	_ gateway.AccessReader   = (*Certificate)(nil)
	_ gateway.PlaceChecker   = (*Certificate)(nil)
)
