package identity

import (
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/dustin/go-humanize"

	"github.com/sparkoo/transfergate/caddyplugin/gateway"
	"github.com/sparkoo/transfergate/caddyplugin/option"
	"github.com/sparkoo/transfergate/internal/suggest"
	"github.com/sparkoo/transfergate/internal/token"
)

// jwtWords are the options, in the order they are documented.
var jwtWords = []string{
	"issuer", "audience", "audience_claim", "from", "account_claim", "account_ids", "country_claim", "party_claim", "minor_claim", "birth_claim",
	"consents_claim", "reference_claim", "staff_entity_claim", "staff_country_claim",
	"ticket_claim", "ticket_field", "access_reason_claim", "access_reason_field", "approval_claim", "subject", "typ", "algorithms", "keys", "max_token", "leeway", "stale_limit", "cache", "ca",
}

// UnmarshalCaddyfile implements caddyfile.Unmarshaler. Names of claims may lead
// into nested objects with dots. Syntax:
//
//	identity jwt [<url>] {
//	    issuer              <issuer>
//	    audience            <names...>
//	    audience_claim      <claim>
//	    from                header | cookie <name> | field <name>
//	    account_claim       <claim>
//	    account_ids         shared | own
//	    country_claim       <claim>
//	    party_claim         <claim>
//	    minor_claim         <claim>
//	    birth_claim         <claim>
//	    consents_claim      <claim>
//	    reference_claim     <claim>
//	    staff_entity_claim  <claim>
//	    staff_country_claim <claim>
//	    ticket_claim        <claim>
//	    ticket_field        <name>
//	    access_reason_claim <claim>
//	    access_reason_field <name>
//	    approval_claim      <claim>
//	    subject             claim <claim> | field <name> | path <number>
//	    typ                 <types...>
//	    algorithms          <names...>
//	    keys                <file>
//	    max_token           <size>
//	    leeway              <duration>
//	    stale_limit         <duration>
//	    cache               <folder>
//	    ca                  <file>
//	}
func (j *JWT) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // consume the module's name
	d.Args(&j.URL)
	if d.NextArg() {
		return d.ArgErr()
	}
	return option.Block(d, nil, func(d *caddyfile.Dispenser, word string) error {
		if !slices.Contains(jwtWords, word) {
			return d.Errf("unrecognized option '%s' of identity jwt; %s", word, suggest.For(word, jwtWords))
		}
		return j.unmarshalOption(d, word)
	})
}

func (j *JWT) unmarshalOption(d *caddyfile.Dispenser, word string) (err error) {
	switch word {
	case "from":
		return j.unmarshalFrom(d)

	case "audience", "typ", "algorithms":
		list := map[string]*[]string{"audience": &j.Audience, "typ": &j.Types, "algorithms": &j.Algorithms}[word]
		if *list = d.RemainingArgs(); len(*list) == 0 {
			return d.ArgErr()
		}
		return nil

	case "subject":
		j.Subject, err = unmarshalSubject(d)
		return err

	case "max_token":
		var text string
		if !d.AllArgs(&text) {
			return d.ArgErr()
		}
		size, err := humanize.ParseBytes(text)
		if err != nil || size == 0 || size > token.MaxMaxToken {
			return d.Errf("max_token '%s' is no size such as 32KiB, at most %s", text, humanize.IBytes(token.MaxMaxToken))
		}
		j.MaxToken = int(size)
		return nil

	case "account_ids":
		var text string
		if !d.AllArgs(&text) {
			return d.ArgErr()
		}
		if j.AccountIDs = gateway.AccountIDs(text); j.AccountIDs != gateway.SharedIDs && j.AccountIDs != gateway.OwnIDs {
			return d.Errf("account_ids '%s': account ids are 'shared', those of the account directory, or 'own', the issuer's", text)
		}
		return nil

	case "leeway":
		j.Leeway = new(caddy.Duration)
		return unmarshalDuration(d, j.Leeway)

	case "stale_limit":
		return unmarshalDuration(d, &j.StaleLimit)
	}
	target := map[string]*string{
		"issuer": &j.Issuer, "audience_claim": &j.AudienceClaim, "account_claim": &j.AccountClaim, "country_claim": &j.CountryClaim, "party_claim": &j.PartyClaim,
		"minor_claim": &j.MinorClaim, "birth_claim": &j.BirthClaim, "consents_claim": &j.ConsentsClaim,
		"reference_claim":    &j.ReferenceClaim,
		"staff_entity_claim": &j.StaffEntityClaim, "staff_country_claim": &j.StaffCountryClaim,
		"ticket_claim": &j.TicketClaim, "ticket_field": &j.TicketField, "access_reason_claim": &j.AccessReasonClaim,
		"access_reason_field": &j.AccessReasonField, "approval_claim": &j.ApprovalClaim,
		"keys": &j.Keys, "cache": &j.Cache, "ca": &j.CA,
	}[word]
	if !d.AllArgs(target) {
		return d.ArgErr()
	}
	return nil
}

func (j *JWT) unmarshalFrom(d *caddyfile.Dispenser) error {
	switch args := d.RemainingArgs(); {
	case len(args) == 1 && args[0] == "header":
	case len(args) == 2 && args[0] == "cookie":
		j.Cookie = args[1]
	case len(args) == 2 && args[0] == "field":
		j.Field = args[1]
	default:
		return d.Err("a token comes 'from header', 'from cookie NAME' or 'from field NAME'")
	}
	return nil
}

// unmarshalDuration reads a duration. Only a leeway may be nothing.
func unmarshalDuration(d *caddyfile.Dispenser, target *caddy.Duration) error {
	word := d.Val()
	var text string
	if !d.AllArgs(&text) {
		return d.ArgErr()
	}
	duration, err := caddy.ParseDuration(text)
	if err != nil || duration < 0 || duration == 0 && word != "leeway" {
		return d.Errf("%s '%s' is no duration such as 30s or 24h", word, text)
	}
	*target = caddy.Duration(duration)
	return nil
}

// Interface guard
var _ caddyfile.Unmarshaler = (*JWT)(nil)
