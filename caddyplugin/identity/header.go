package identity

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/sparkoo/transfergate/caddyplugin/gateway"
	"github.com/sparkoo/transfergate/caddyplugin/option"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/suggest"
)

func init() {
	caddy.RegisterModule(Header{})
}

// Header takes the word of proxies in front of the gateway: the data subject's
// account and registered country stand in fields they set. The fields of any
// other peer are removed and counted. The peer is whoever opened the
// connection, never a forwarded address.
type Header struct {
	// Peers whose fields are believed, as addresses, CIDR blocks or private_ranges.
	// Required.
	From []string `json:"from,omitempty"`

	// Field with the registered country, ISO 3166-1 alpha-2 in upper case.
	// Default: Registered-Country
	CountryField string `json:"country_field,omitempty"`

	// Field with the account id. Default: Account-Id
	AccountField string `json:"account_field,omitempty"`

	// Field with the entity a member of staff works for. Default: Staff-Entity
	StaffEntityField string `json:"staff_entity_field,omitempty"`

	// Field with the country that member of staff is in. Default: Staff-Country
	StaffCountryField string `json:"staff_country_field,omitempty"`

	// Field with the id of that member of staff, of which records have a pseudonym.
	// Default: Staff-Id
	StaffIDField string `json:"staff_id_field,omitempty"`

	// Field with the number of the ticket they work on. Default: Staff-Ticket
	TicketField string `json:"ticket_field,omitempty"`

	// Field with why they look: support-request, troubleshooting, security or legal.
	// Default: Access-Reason
	AccessReasonField string `json:"access_reason_field,omitempty"`

	// Field with who approved the access, and until when, as in
	// approval:A-7;approver=duty-manager;until=@1798675200. Default: Access-Approval
	ApprovalField string `json:"approval_field,omitempty"`

	// Field with a reference to the person's consent or instruction, or to a case
	// (§4), as in consent:9f2c or case:2026-17;approver=legal-ops;until=@1798675200.
	// Default: none
	ReferenceField string `json:"reference_field,omitempty"`

	from []netip.Prefix
}

// BelievesPeers implements gateway.PeerBeliever.
func (*Header) BelievesPeers() {}

// CaddyModule returns the Caddy module information.
func (Header) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "transfer.identity.header", New: func() caddy.Module { return new(Header) }}
}

// UnmarshalCaddyfile implements caddyfile.Unmarshaler. Syntax:
//
//	identity header {
//	    from                <addresses, CIDR blocks or private_ranges...>
//	    country_field       <name>
//	    account_field       <name>
//	    staff_entity_field  <name>
//	    staff_country_field <name>
//	    staff_id_field      <name>
//	    ticket_field        <name>
//	    access_reason_field <name>
//	    approval_field      <name>
//	    reference_field     <name>
//	}
func (h *Header) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // consume the module's name
	if d.NextArg() {
		return d.ArgErr()
	}
	names := map[string]*string{
		"country_field": &h.CountryField, "account_field": &h.AccountField,
		"staff_entity_field": &h.StaffEntityField, "staff_country_field": &h.StaffCountryField,
		"staff_id_field": &h.StaffIDField, "ticket_field": &h.TicketField, "access_reason_field": &h.AccessReasonField,
		"approval_field": &h.ApprovalField, "reference_field": &h.ReferenceField,
	}
	return option.Block(d, []string{"from"}, func(d *caddyfile.Dispenser, word string) error {
		if word == "from" {
			networks := d.RemainingArgs()
			if h.From = append(h.From, networks...); len(networks) == 0 {
				return d.Err("from needs the proxies in front, as in 'from 10.0.0.0/8'")
			}
			return nil
		}
		target, known := names[word]
		switch {
		case !known:
			return d.Errf("unrecognized option '%s' of identity header; %s", word,
				suggest.For(word, []string{"from", "country_field", "account_field", "staff_entity_field", "staff_country_field", "staff_id_field", "ticket_field", "access_reason_field", "approval_field", "reference_field"}))
		case !d.AllArgs(target):
			return d.ArgErr()
		}
		return nil
	})
}

// Provision reads the peers and sets the defaults.
func (h *Header) Provision(caddy.Context) error {
	if len(h.From) == 0 {
		return errors.New("identity header believes nobody: name the proxies in front, as in 'from 10.0.0.0/8'")
	}
	var problems []error
	var bad string
	if h.from, bad = option.Networks(h.From); bad != "" {
		problems = append(problems, fmt.Errorf("identity header: '%s' is neither an address nor a CIDR block", bad))
	}
	for _, field := range []struct {
		name  *string
		usual string
	}{
		{&h.CountryField, "Registered-Country"},
		{&h.AccountField, "Account-Id"},
		{&h.StaffEntityField, "Staff-Entity"},
		{&h.StaffCountryField, "Staff-Country"},
		{&h.StaffIDField, "Staff-Id"},
		{&h.TicketField, "Staff-Ticket"},
		{&h.AccessReasonField, "Access-Reason"},
		{&h.ApprovalField, "Access-Approval"},
		{&h.ReferenceField, ""},
	} {
		if *field.name = cmp.Or(*field.name, field.usual); *field.name == "" {
			continue
		}
		var err error
		if *field.name, err = fieldName(*field.name); err != nil {
			problems = append(problems, fmt.Errorf("identity header: %w", err))
		}
	}
	return errors.Join(problems...)
}

// Fields implements gateway.FieldReader.
func (h *Header) Fields() []string {
	names := []string{
		h.CountryField, h.AccountField, h.StaffEntityField, h.StaffCountryField,
		h.StaffIDField, h.TicketField, h.AccessReasonField, h.ApprovalField,
	}
	if h.ReferenceField != "" {
		names = append(names, h.ReferenceField)
	}
	return names
}

// Identify implements gateway.IdentitySource.
func (h *Header) Identify(r *http.Request) (id gateway.Identity, err error) {
	var values [9]string
	var present, twice bool
	for i, name := range h.Fields() {
		got, found := r.Header[name]
		if !found {
			continue
		}
		delete(r.Header, name)
		if got = filled(got); len(got) == 0 {
			continue // some proxies set a field for everybody and leave it empty
		}
		present = true
		twice = twice || len(got) != 1 || strings.Contains(got[0], ",")
		values[i] = got[0]
		id.Spoofed++
	}
	if !present || !h.trusts(r.RemoteAddr) {
		return id, nil
	}
	id.Spoofed = 0
	if twice {
		return id, &gateway.IdentityError{Source: "header", Reason: decision.IdentityAmbiguous, Cause: gateway.FieldRepeated}
	}
	return h.believe(r, id, values)
}

// believe turns a trusted peer's values into an identity. A reference alone is
// about nobody.
func (h *Header) believe(_ *http.Request, id gateway.Identity, values [9]string) (gateway.Identity, error) {
	country, person, staffEntity, staffCountry, behind := values[0], values[1], values[2], values[3], values[8]
	if country == "" && person == "" && staffEntity == "" && staffCountry == "" {
		return id, &gateway.IdentityError{Source: "header", Reason: decision.IdentityAmbiguous, Cause: gateway.PersonNotNamed}
	}
	id.Found, id.Source, id.Account, id.Country = true, "header", person, country
	if staffEntity != "" || staffCountry != "" {
		id.Staff = &decision.Place{Entity: staffEntity, Country: staffCountry}
		var err error
		if id, err = accounting(id, account{values[4], values[5], values[6], values[7]}); err != nil {
			return gateway.Identity{}, err
		}
	}
	return referring(id, behind)
}

// trusts reports whether the peer that opened the connection is one of From.
func (h *Header) trusts(remote string) bool {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return false // a socket without an address
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	addr = addr.Unmap().WithZone("")
	for _, prefix := range h.from {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// Interface guards
var (
	_ caddy.Provisioner      = (*Header)(nil)
	_ caddyfile.Unmarshaler  = (*Header)(nil)
	_ gateway.IdentitySource = (*Header)(nil)
	_ gateway.FieldReader    = (*Header)(nil)
	_ gateway.PeerBeliever   = (*Header)(nil)
)
