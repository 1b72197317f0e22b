package gateway

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/sparkoo/transfergate/caddyplugin/sitecheck"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/suggest"
)

// Region says how a region of the policy is reached from this site.
type Region struct {
	// Code of the region in the policy. Required.
	Code string `json:"code,omitempty"`

	// Routes that answer for the region, mostly a reverse_proxy. Required.
	Routes caddyhttp.RouteList `json:"routes,omitempty"`

	// Where the region was written, for messages. Default: unknown
	At string `json:"at,omitempty"`

	written caddyhttp.RouteList // its handlers before they were loaded
	bare    bool                // its routes are proxies, which change no request but their own copy
	chain   caddyhttp.Handler
}

// provisionRegions checks each region's routes before they are loaded, lets the
// gateway observe what their proxies send, and loads them.
func (h *Handler) provisionRegions(ctx caddy.Context) error {
	h.regions = make(map[string]*Region, len(h.Regions))
	var problems []error
	for _, region := range h.Regions {
		for _, route := range region.Routes {
			region.written = append(region.written, caddyhttp.Route{HandlersRaw: slices.Clone(route.HandlersRaw)})
		}
		rule := func(p *decision.Policy) error { return region.wrap(h.app.checkRegion(p, region)) }
		err := h.app.store.Require(rule)
		if err == nil {
			err = region.wrap(h.provisionRegion(ctx, region))
		}
		if err != nil {
			problems = append(problems, err)
			continue
		}
		h.regions[region.Code] = region
		h.site.Regions = append(h.site.Regions, region.Code)
	}
	if err := h.app.store.Require(h.checkReachable); err != nil {
		problems = append(problems, err)
	} else if len(h.Regions) == 0 {
		problems = append(problems, errors.New("a site without a region answers nothing: say how to reach one, as in 'region ap-southeast-3 https://sg-1.example.com'"))
	}
	return errors.Join(problems...)
}

func (h *Handler) provisionRegion(ctx caddy.Context, region *Region) error {
	if h.regions[region.Code] != nil {
		return errors.New("declared twice: name all its upstreams in one place")
	}
	region.bare = onlyProxies(region.Routes)
	switch found, err := observe(region.Routes); {
	case err != nil:
		return err
	case !found:
		return errors.New("nothing in it sends requests anywhere: name upstreams, or write a reverse_proxy")
	}
	if err := region.Routes.Provision(ctx); err != nil {
		return err
	}
	region.chain = region.Routes.Compile(fellThrough)
	return nil
}

// fellThrough stands behind a region's routes: falling out of them is an error,
// never Caddy's empty 200.
var fellThrough = caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error { return errFellThrough })

// wrap says which region an error is about.
func (r *Region) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("region '%s': %w%s", r.Code, err, at(r.At))
}

// checkRegion holds a region's block, as it was written, to what a policy says
// the region is.
func (a *App) checkRegion(p *decision.Policy, region *Region) error {
	row := regionOf(p, region.Code)
	if row == nil {
		return fmt.Errorf("not in the policy; %s", suggest.For(region.Code, ids(p.Regions, func(r decision.Region) string { return r.Code })))
	}
	rules := sitecheck.Region{Row: row, Withheld: withheldFrom(p, row), Node: a.Node.Country, Demo: a.Demo}
	return rules.Check(region.written)
}

// checkReachable makes sure that a storage activity has somewhere to go.
func (h *Handler) checkReachable(p *decision.Policy) error {
	store := storageRegion(p)
	if store != nil && slices.ContainsFunc(h.Regions, func(r *Region) bool { return r.Code == store.Code }) {
		return nil
	}
	for _, a := range h.Activities {
		if row := activityOf(p, a.Name); row != nil && row.StorageOnly {
			code := ""
			if store != nil {
				code = store.Code
			}
			return fmt.Errorf("activity '%s' stores in %s (§9), and no region block says how to reach it%s", a.Name, code, at(a.At))
		}
	}
	return nil
}

// hostOnly strips the port from a Host field.
func hostOnly(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return hostport
}
