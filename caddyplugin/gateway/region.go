package gateway

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

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
