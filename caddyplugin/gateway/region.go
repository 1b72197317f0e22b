package gateway

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/headers"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/sparkoo/transfergate/internal/decision"
)

// Region says how a region of the policy is reached from this site.
type Region struct {
	// Code of the region in the policy. Required.
	Code string `json:"code,omitempty"`

	// Routes that answer for the region, mostly a reverse_proxy. Required.
	Routes caddyhttp.RouteList `json:"routes,omitempty"`

	// Where the region was written, for messages. Default: unknown
	At string `json:"at,omitempty"`

	row   *decision.Region
	chain caddyhttp.Handler
}

// provisionRegions checks each region's routes before they are loaded, lets the
// gateway observe what their proxies send, and loads them.
func (h *Handler) provisionRegions(ctx caddy.Context) error {
	h.regions = make(map[string]*Region, len(h.Regions))
	for _, region := range h.Regions {
		if err := h.provisionRegion(ctx, region); err != nil {
			return fmt.Errorf("region '%s': %w%s", region.Code, err, at(region.At))
		}
		h.regions[region.Code] = region
		h.site.Regions = append(h.site.Regions, region.Code)
	}
	return h.checkReachable()
}

func (h *Handler) provisionRegion(ctx caddy.Context, region *Region) error {
	region.row = h.app.region(region.Code)
	if region.row == nil {
		return fmt.Errorf("not in the policy%s", did(region.Code, ids(h.app.policy.Regions, func(r decision.Region) string { return r.Code })))
	}
	if h.regions[region.Code] != nil {
		return errors.New("declared twice: name all its upstreams in one place")
	}
	if err := h.app.checkRoutes(region.row, region.Routes); err != nil {
		return err
	}
	if err := observe(region.Routes); err != nil {
		return err
	}
	if err := region.Routes.Provision(ctx); err != nil {
		return err
	}
	if !prepare(region.Routes) {
		return errors.New("nothing in it sends requests anywhere: name upstreams, or write a reverse_proxy")
	}
	region.chain = region.Routes.Compile(fellThrough)
	return nil
}

// fellThrough stands behind a region's routes: falling out of them is an error,
// never Caddy's empty 200.
var fellThrough = caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error { return errFellThrough })

// checkReachable makes sure that a storage activity has somewhere to go.
func (h *Handler) checkReachable() error {
	hasStorage := slices.ContainsFunc(h.Regions, func(r *Region) bool { return r.row.Storage })
	for _, a := range h.Activities {
		if a.storageOnly && !hasStorage {
			return fmt.Errorf("activity '%s' stores in %s (§9), and no region block says how to reach it%s", a.Name, h.app.storageRegion(), at(a.At))
		}
	}
	return nil
}

// storageRegion is the code of the storage region.
func (a *App) storageRegion() string {
	for _, r := range a.policy.Regions {
		if r.Storage {
			return r.Code
		}
	}
	return ""
}

// hostOnly strips the port from a Host field.
func hostOnly(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return hostport
}

// prepare prepares every proxy below the routes, and tells whether there is one.
func prepare(routes caddyhttp.RouteList) (found bool) {
	for _, route := range routes {
		for _, handler := range route.Handlers {
			switch handler := handler.(type) {
			case *caddyhttp.Subroute:
				found = prepare(handler.Routes) || found
				if handler.Errors != nil {
					found = prepare(handler.Errors.Routes) || found
				}
			case *reverseproxy.Handler:
				prepareProxy(handler)
				for _, response := range handler.HandleResponse {
					prepare(response.Routes)
				}
				found = true
			}
		}
	}
	return found
}

// prepareProxy lets the upstream see the client's Host, which signed requests
// cover.
func prepareProxy(proxy *reverseproxy.Handler) {
	if proxy.Headers == nil {
		proxy.Headers = new(headers.Handler)
	}
	if proxy.Headers.Request == nil {
		proxy.Headers.Request = new(headers.HeaderOps)
	}
	if ops := proxy.Headers.Request; !touchesHost(ops) {
		if ops.Set == nil {
			ops.Set = make(http.Header)
		}
		ops.Set["Host"] = []string{"{http.request.hostport}"}
	}
}

func touchesHost(ops *headers.HeaderOps) bool {
	return ops.Set.Get("Host") != "" || ops.Add.Get("Host") != "" || slices.ContainsFunc(ops.Delete, func(n string) bool { return strings.EqualFold(n, "Host") })
}
