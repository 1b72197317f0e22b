package identity

import (
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/sparkoo/transfergate/caddyplugin/gateway"
	"github.com/sparkoo/transfergate/caddyplugin/option"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/suggest"
)

func init() {
	caddy.RegisterModule(Auth{})
}

// Auth takes the word of an authentication handler that stands before the
// transfer handler: it reads {http.auth.user.*}. Nobody is identified without a
// user id. Records name the source as delegated: whether claims were verified
// is that handler's affair, and some can be told to skip it.
type Auth struct {
	// Metadata of the user that holds the registered country. Default: country
	Country string `json:"country,omitempty"`

	// Metadata of the user that holds the account id. Default: id
	Account string `json:"account,omitempty"`

	// Metadata that holds the entity a member of staff works for. The account
	// is then the data subject's and needs metadata of its own. Default: none
	StaffEntity string `json:"staff_entity,omitempty"`

	// Metadata that holds the country that member of staff is in. Default: none
	StaffCountry string `json:"staff_country,omitempty"`

	// Metadata that holds the number of the ticket that member of staff works on.
	// Default: none
	Ticket string `json:"ticket,omitempty"`

	// Metadata that holds why they look: support-request, troubleshooting, security
	// or legal. Default: none
	AccessReason string `json:"access_reason,omitempty"`

	// Metadata that holds who approved the access, and until when, as in
	// approval:A-7;approver=duty-manager;until=@1798675200. Default: none
	Approval string `json:"approval,omitempty"`
}

// CaddyModule returns the Caddy module information.
func (Auth) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "transfer.identity.auth", New: func() caddy.Module { return new(Auth) }}
}

// UnmarshalCaddyfile implements caddyfile.Unmarshaler. Syntax:
//
//	identity auth {
//	    country       <metadata>
//	    account       <metadata>
//	    staff_entity  <metadata>
//	    staff_country <metadata>
//	    ticket        <metadata>
//	    access_reason <metadata>
//	    approval      <metadata>
//	}
func (a *Auth) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // consume the module's name
	if d.NextArg() {
		return d.ArgErr()
	}
	names := map[string]*string{
		"country": &a.Country, "account": &a.Account, "staff_entity": &a.StaffEntity, "staff_country": &a.StaffCountry,
		"ticket": &a.Ticket, "access_reason": &a.AccessReason, "approval": &a.Approval,
	}
	return option.Block(d, nil, func(d *caddyfile.Dispenser, word string) error {
		target, known := names[word]
		switch {
		case !known:
			return d.Errf("unrecognized option '%s' of identity auth; %s", word, suggest.For(word, []string{"country", "account", "staff_entity", "staff_country", "ticket", "access_reason", "approval"}))
		case !d.AllArgs(target):
			return d.ArgErr()
		}
		return nil
	})
}

// Provision sets the defaults.
func (a *Auth) Provision(caddy.Context) error {
	if a.Country == "" {
		a.Country = "country"
	}
	if a.Account == "" {
		a.Account = "id"
	}
	return nil
}

// Identify implements gateway.IdentitySource.
func (a *Auth) Identify(r *http.Request) (gateway.Identity, error) {
	repl := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	user := func(metadata string) string {
		if metadata == "" {
			return ""
		}
		value, _ := repl.GetString("http.auth.user." + metadata)
		return value
	}
	if user("id") == "" {
		return gateway.Identity{}, nil
	}
	id := gateway.Identity{Found: true, Source: "delegated", Account: user(a.Account), Country: user(a.Country)}
	entity, country := user(a.StaffEntity), user(a.StaffCountry)
	switch {
	case entity == "" && country == "":
	case a.Account == "id":
		// The authenticated user is the member of staff, not the data subject.
		return gateway.Identity{}, &gateway.IdentityError{Source: "delegated", Reason: decision.StaffWithoutSubject, Cause: gateway.PersonNotNamed}
	default:
		id.Staff = &decision.Place{Entity: entity, Country: country}
		return accounting(id, account{user("id"), user(a.Ticket), user(a.AccessReason), user(a.Approval)})
	}
	return id, nil
}

// Interface guards
var (
	_ caddy.Provisioner      = (*Auth)(nil)
	_ caddyfile.Unmarshaler  = (*Auth)(nil)
	_ gateway.IdentitySource = (*Auth)(nil)
)
