package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
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

// provisionRegions checks each region's routes before they are loaded, loads
// them, and puts an observer before each proxy's transport.
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
	if err := region.Routes.Provision(ctx); err != nil {
		return err
	}
	if !observe(region.Routes) {
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

// mayStand are the handlers a region block may hold.
var mayStand = []string{"reverse_proxy", "subroute", "headers", "encode", "request_body", "rewrite", "vars", "map", "log_append", "static_response", "copy_response", "copy_response_headers"}

// checkRoutes walks a region's raw routes before anything of them is loaded.
func (a *App) checkRoutes(region *decision.Region, routes caddyhttp.RouteList) error {
	if len(routes) == 0 {
		return errors.New("empty: name upstreams, or write a reverse_proxy")
	}
	for _, route := range routes {
		for _, raw := range route.HandlersRaw {
			if err := a.checkHandler(region, raw); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *App) checkHandler(region *decision.Region, raw json.RawMessage) error {
	name := rawHandler(raw)
	if !slices.Contains(mayStand, name) {
		return fmt.Errorf("handler '%s' may not stand in a region: allowed are %s", name, strings.Join(mayStand, ", "))
	}
	switch name {
	case "subroute":
		sub := new(caddyhttp.Subroute)
		if err := json.Unmarshal(raw, sub); err != nil {
			return err
		}
		if sub.Errors != nil {
			if err := a.checkRoutes(region, sub.Errors.Routes); err != nil {
				return err
			}
		}
		return a.checkRoutes(region, sub.Routes)
	case "headers":
		ops := new(headers.Handler)
		if err := json.Unmarshal(raw, ops); err != nil {
			return err
		}
		return checkHeaderOps(ops)
	case "reverse_proxy":
		proxy := new(reverseproxy.Handler)
		if err := json.Unmarshal(raw, proxy); err != nil {
			return err
		}
		return a.checkProxy(region, proxy)
	}
	return nil
}

// checkProxy holds a region's proxy to what the policy says the region is.
func (a *App) checkProxy(region *decision.Region, proxy *reverseproxy.Handler) error {
	if proxy.DynamicUpstreamsRaw != nil {
		return errors.New("dynamic upstreams could lead out of the region: name its upstreams")
	}
	if len(proxy.Upstreams) == 0 {
		return errors.New("a proxy without upstreams")
	}
	transport, err := a.checkTransport(region, proxy.TransportRaw)
	if err != nil {
		return err
	}
	for _, upstream := range proxy.Upstreams {
		if err := a.checkUpstream(region, upstream.Dial, transport.TLS != nil); err != nil {
			return err
		}
	}
	if hc := proxy.HealthChecks; hc != nil && hc.Active != nil && hc.Active.Upstream != "" {
		if err := a.checkUpstream(region, hc.Active.Upstream, transport.TLS != nil); err != nil {
			return fmt.Errorf("health check: %w", err)
		}
	}
	if err := checkHeaderOps(proxy.Headers); err != nil {
		return err
	}
	for _, handler := range proxy.HandleResponse {
		if len(handler.Routes) == 0 {
			continue // it only rewrites the status
		}
		if err := a.checkRoutes(region, handler.Routes); err != nil {
			return fmt.Errorf("handle_response: %w", err)
		}
	}
	return nil
}

// checkTransport refuses ways around the upstreams that are named.
func (a *App) checkTransport(region *decision.Region, raw json.RawMessage) (*reverseproxy.HTTPTransport, error) {
	transport := new(reverseproxy.HTTPTransport)
	if raw == nil {
		return transport, nil
	}
	var named struct {
		Protocol string `json:"protocol"`
	}
	if err := json.Unmarshal(raw, &named); err != nil {
		return nil, err
	}
	if named.Protocol != "http" {
		return nil, fmt.Errorf("transport '%s' may not stand in a region: only http", named.Protocol)
	}
	if err := json.Unmarshal(raw, transport); err != nil {
		return nil, err
	}
	switch {
	case transport.TLS != nil && transport.TLS.InsecureSkipVerify:
		return nil, errors.New("tls_insecure_skip_verify: nobody would know who answers; trust the region's certificate with tls_trust_pool")
	case transport.ForwardProxyURL != "" || transport.NetworkProxyRaw != nil:
		return nil, errors.New("a network proxy could lead out of the region")
	case transport.Resolver != nil:
		return nil, errors.New("a resolver of its own could lead out of the region")
	case transport.ProxyProtocol != "" && a.withholdsAddress(region):
		return nil, fmt.Errorf("proxy_protocol would give the client's address to %s, from whom it is withheld", region.Operator)
	}
	return transport, nil
}

// withholdsAddress tells whether the region's operator must not get client addresses.
func (a *App) withholdsAddress(region *decision.Region) bool {
	for _, r := range a.policy.Recipients {
		if r.ID == region.Operator {
			return slices.Contains(r.Withhold, "client-address")
		}
	}
	return true
}

// checkUpstream refuses an address the policy does not give to the region, and
// plaintext across a border.
func (a *App) checkUpstream(region *decision.Region, dial string, tls bool) error {
	if strings.ContainsAny(dial, "{}") {
		return fmt.Errorf("upstream '%s' has a placeholder: a request could choose it", dial)
	}
	address, err := caddy.ParseNetworkAddressWithDefaults(dial, "tcp", 80)
	if err != nil {
		return fmt.Errorf("upstream '%s': %w", dial, err)
	}
	loopback := isLoopback(address.Host)
	if !(loopback && a.Demo) && !ownsHost(region, address) {
		return fmt.Errorf("upstream '%s' lies outside the hosts and networks that the policy gives to the region: %s",
			dial, strings.Join(slices.Concat(region.Hosts, region.Networks), ", "))
	}
	if !tls && !loopback && region.Country != a.Node.Country {
		return fmt.Errorf("upstream '%s' would be sent personal data in plain text from %s to %s: use https", dial, a.Node.Country, region.Country)
	}
	return nil
}

// ownsHost tells whether the policy gives the address to the region.
func ownsHost(region *decision.Region, address caddy.NetworkAddress) bool {
	if address.IsUnixNetwork() || address.IsFdNetwork() {
		return false
	}
	host := strings.ToLower(strings.TrimSuffix(address.Host, "."))
	if addr, err := netip.ParseAddr(host); err == nil {
		return slices.ContainsFunc(region.Networks, func(block string) bool {
			prefix, err := netip.ParsePrefix(block)
			return err == nil && prefix.Contains(addr.Unmap())
		})
	}
	return slices.ContainsFunc(region.Hosts, func(allowed string) bool {
		if strings.HasPrefix(allowed, ".") {
			return strings.HasSuffix(host, allowed)
		}
		return host == allowed
	})
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// hostOnly strips the port from a Host field.
func hostOnly(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return hostport
}

// observe prepares every proxy below the routes, and tells whether there is one.
func observe(routes caddyhttp.RouteList) (found bool) {
	for _, route := range routes {
		for _, handler := range route.Handlers {
			switch handler := handler.(type) {
			case *caddyhttp.Subroute:
				found = observe(handler.Routes) || found
				if handler.Errors != nil {
					found = observe(handler.Errors.Routes) || found
				}
			case *reverseproxy.Handler:
				prepareProxy(handler)
				for _, response := range handler.HandleResponse {
					observe(response.Routes)
				}
				found = true
			}
		}
	}
	return found
}

// prepareProxy lets the upstream see the client's Host, which signed requests
// cover, ignores proxies named by the environment, and observes the transport.
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
	if transport, ok := proxy.Transport.(*reverseproxy.HTTPTransport); ok {
		transport.Transport.Proxy = nil
	}
	proxy.Transport = &observedTransport{next: proxy.Transport}
}

func touchesHost(ops *headers.HeaderOps) bool {
	return ops.Set.Get("Host") != "" || ops.Add.Get("Host") != "" || slices.ContainsFunc(ops.Delete, func(n string) bool { return strings.EqualFold(n, "Host") })
}
