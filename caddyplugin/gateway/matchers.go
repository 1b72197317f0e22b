package gateway

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/sparkoo/transfergate/caddyplugin/option"
	"github.com/sparkoo/transfergate/controllers"
	"github.com/sparkoo/transfergate/internal/country"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/suggest"
)

func init() {
	caddy.RegisterModule(new(MatchController))
	caddy.RegisterModule(new(MatchCountry))
	caddy.RegisterModule(new(MatchRegion))
	caddy.RegisterModule(new(MatchOutcome))
}

type (
	// MatchController matches requests whose data controller has one of these
	// ids. It may stand anywhere: who a request is about is resolved once, after
	// the header guard.
	MatchController struct {
		// IDs of controllers. Required.
		IDs []string `json:"ids,omitempty"`
		// Where the matcher was written. Default: nowhere
		At  option.Places `json:"at,omitempty"`
		app *App
	}

	// MatchCountry matches requests whose data subject registered in one of
	// these countries. It may stand anywhere.
	MatchCountry struct {
		// Codes of countries, ISO 3166-1 alpha-2. Required.
		Codes []string `json:"codes,omitempty"`
		// Where the matcher was written. Default: nowhere
		At  option.Places `json:"at,omitempty"`
		app *App
	}

	// MatchRegion matches requests that one of these regions answers. It may
	// stand where the region is known: inside a region's block, or in intercept.
	// Elsewhere it is a load error. A request that the transfer handler did not
	// see matches none.
	MatchRegion struct {
		// Codes of regions. Required.
		Codes []string `json:"codes,omitempty"`
		// Where the matcher was written. Default: nowhere
		At  option.Places `json:"at,omitempty"`
		app *App
	}

	// MatchOutcome matches requests that were allowed, denied or failed. It may
	// stand in intercept. Elsewhere it is a load error. A request that the
	// transfer handler did not see matches none.
	MatchOutcome struct {
		// Outcomes: allowed, denied, failed. Required.
		Outcomes []string `json:"outcomes,omitempty"`
		// Where the matcher was written. Default: nowhere
		At option.Places `json:"at,omitempty"`
	}
)

// CaddyModule returns the Caddy module information.
func (MatchController) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.matchers.transfer_controller", New: func() caddy.Module { return new(MatchController) }}
}

// CaddyModule returns the Caddy module information.
func (MatchCountry) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.matchers.transfer_country", New: func() caddy.Module { return new(MatchCountry) }}
}

// CaddyModule returns the Caddy module information.
func (MatchRegion) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.matchers.transfer_region", New: func() caddy.Module { return new(MatchRegion) }}
}

// CaddyModule returns the Caddy module information.
func (MatchOutcome) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.matchers.transfer_outcome", New: func() caddy.Module { return new(MatchOutcome) }}
}

// UnmarshalCaddyfile implements caddyfile.Unmarshaler. Syntax:
//
//	transfer_controller <ids...>
func (m *MatchController) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return unmarshalWords(d, &m.IDs, &m.At)
}

// UnmarshalCaddyfile implements caddyfile.Unmarshaler. Syntax:
//
//	transfer_country <codes...>
func (m *MatchCountry) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return unmarshalWords(d, &m.Codes, &m.At)
}

// UnmarshalCaddyfile implements caddyfile.Unmarshaler. Syntax:
//
//	transfer_region <codes...>
func (m *MatchRegion) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return unmarshalWords(d, &m.Codes, &m.At)
}

// UnmarshalCaddyfile implements caddyfile.Unmarshaler. Syntax:
//
//	transfer_outcome allowed|denied|failed ...
func (m *MatchOutcome) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return unmarshalWords(d, &m.Outcomes, &m.At)
}

func unmarshalWords(d *caddyfile.Dispenser, words *[]string, places *option.Places) error {
	for d.Next() {
		if *places == nil {
			*places = option.Places{"": position(d)}
		}
		args := d.RemainingArgs()
		if len(args) == 0 || d.NextBlock(d.Nesting()) {
			return d.ArgErr()
		}
		*words = append(*words, args...)
	}
	return nil
}

// Provision checks the ids against the policy.
func (m *MatchController) Provision(ctx caddy.Context) error { return m.At.At("", m.provision(ctx)) }

func (m *MatchController) provision(ctx caddy.Context) (err error) {
	if err := option.Resolve(m, m.At); err != nil {
		return err
	}
	if m.app, err = AppOf(ctx); err != nil {
		return Missing(err)
	}
	return m.app.store.Require(func(p *decision.Policy) error {
		for _, id := range m.IDs {
			if !knows(p, id) && id != controllers.UnlistedID {
				return fmt.Errorf("controller '%s' is not in the policy; %s", id, suggest.For(id, ids(p.Controllers, func(c decision.Controller) string { return c.ID })))
			}
		}
		return nil
	})
}

// Provision checks the codes.
func (m *MatchCountry) Provision(ctx caddy.Context) error { return m.At.At("", m.provision(ctx)) }

func (m *MatchCountry) provision(ctx caddy.Context) (err error) {
	if err := option.Resolve(m, m.At); err != nil {
		return err
	}
	if m.app, err = AppOf(ctx); err != nil {
		return Missing(err)
	}
	for _, code := range m.Codes {
		if !country.Valid(code) {
			return fmt.Errorf("country '%s' is not an ISO 3166-1 alpha-2 code; %s", code, country.Advice(code))
		}
	}
	return nil
}

// Provision checks the codes against the policy.
func (m *MatchRegion) Provision(ctx caddy.Context) error { return m.At.At("", m.provision(ctx)) }

func (m *MatchRegion) provision(ctx caddy.Context) (err error) {
	if err := option.Resolve(m, m.At); err != nil {
		return err
	}
	if m.app, err = AppOf(ctx); err != nil {
		return Missing(err)
	}
	return m.app.store.Require(func(p *decision.Policy) error {
		for _, code := range m.Codes {
			if regionOf(p, code) == nil {
				return fmt.Errorf("region '%s' is not in the policy; %s", code, suggest.For(code, ids(p.Regions, func(r decision.Region) string { return r.Code })))
			}
		}
		return nil
	})
}

// Provision checks the words.
func (m *MatchOutcome) Provision(caddy.Context) error { return m.At.At("", m.provision()) }

func (m *MatchOutcome) provision() error {
	if err := option.Resolve(m, m.At); err != nil {
		return err
	}
	for _, outcome := range m.Outcomes {
		if known := []string{outcomeAllowed, outcomeDenied, outcomeFailed}; !slices.Contains(known, outcome) {
			return fmt.Errorf("unknown outcome '%s'; %s", outcome, suggest.For(outcome, known))
		}
	}
	return nil
}

// MatchWithError implements caddyhttp.RequestMatcherWithError.
func (m *MatchController) MatchWithError(r *http.Request) (bool, error) {
	c := m.app.resolve(r).subject.Controller
	return c != nil && slices.Contains(m.IDs, c.ID), nil
}

// MatchWithError implements caddyhttp.RequestMatcherWithError.
func (m *MatchCountry) MatchWithError(r *http.Request) (bool, error) {
	return slices.Contains(m.Codes, m.app.resolve(r).subject.Country), nil
}

// MatchWithError implements caddyhttp.RequestMatcherWithError.
func (m *MatchRegion) MatchWithError(r *http.Request) (bool, error) {
	x := exchangeOf(r)
	return x != nil && x.candidate != nil && slices.Contains(m.Codes, x.candidate.Region.Code), nil
}

// MatchWithError implements caddyhttp.RequestMatcherWithError.
func (m *MatchOutcome) MatchWithError(r *http.Request) (bool, error) {
	x := exchangeOf(r)
	return x != nil && slices.Contains(m.Outcomes, x.outcome), nil
}

// Interface guards
var (
	_ caddyhttp.RequestMatcherWithError = (*MatchController)(nil)
	_ caddyhttp.RequestMatcherWithError = (*MatchCountry)(nil)
	_ caddyhttp.RequestMatcherWithError = (*MatchRegion)(nil)
	_ caddyhttp.RequestMatcherWithError = (*MatchOutcome)(nil)
)
