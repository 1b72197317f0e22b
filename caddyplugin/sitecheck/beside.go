package sitecheck

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/headers"
	caddymap "github.com/caddyserver/caddy/v2/modules/caddyhttp/map"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

// Sites are the routes of a configuration, with what the checks must know of the
// gateway in it.
type Sites struct {
	Routes []*Route

	// IdentityFields are the inbound fields that an identity source believes from
	// the peer.
	IdentityFields []string

	// Peers says that an identity source believes peers by their address.
	Peers bool
}

// Check looks for side doors: in a site with a transfer handler, nothing but its
// regions may send requests anywhere, and nothing may speak in the gateway's name.
// It takes the whole http configuration, since error routes, other routes for the
// same host and named routes see the same requests. The errors, joined, name the
// site and what is wrong with it.
func (s Sites) Check() error {
	var problems []error
	for _, r := range s.Routes {
		if err := checkMatchers(r.trees, known{}); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", r, err))
		}
	}
	for _, site := range s.Routes {
		if !slices.ContainsFunc(site.Handlers, isTransfer) {
			continue
		}
		for _, err := range s.checkSite(site) {
			problems = append(problems, fmt.Errorf("%s: %w", site, err))
		}
	}
	return errors.Join(problems...)
}

// Hosts are the host names of the sites with a transfer handler, in lower case
// and ASCII.
func (s Sites) Hosts() map[string]bool {
	hosts := make(map[string]bool)
	for _, site := range s.Routes {
		if slices.ContainsFunc(site.Handlers, isTransfer) {
			for _, host := range site.hosts {
				hosts[host] = true
			}
		}
	}
	return hosts
}

// String names the site for messages.
func (r *Route) String() string {
	if len(r.hosts) == 0 {
		return "site for every host of server '" + r.Server + "'"
	}
	return "site '" + strings.Join(r.hosts, ", ") + "' of server '" + r.Server + "'"
}

// Name is the site's hosts, or where its server listens if it answers for all.
func (r *Route) Name() string {
	if len(r.hosts) == 0 {
		return strings.Join(r.listen, " ")
	}
	return strings.Join(r.hosts, " ")
}

// HealthByName lists the names of the sites that answer /ready, if none of them does
// for whoever asks by address: a probe that does gets what Caddy answers in its place,
// an empty 200 or, on port 80 of a site with TLS, a redirect.
func (s Sites) HealthByName() (names []string) {
	for _, r := range s.Routes {
		if !slices.ContainsFunc(r.Handlers, func(h Handler) bool { return h.Name() == "transfer_health" }) {
			continue
		}
		if r.hosts == nil || slices.ContainsFunc(r.hosts, func(host string) bool { return host != "localhost" && isAddress(host) }) {
			return nil
		}
		names = append(names, r.hosts...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Knows reports whether a site of the server is for that host, as a request names it.
func (s Sites) Knows(server, host string) bool {
	hosts := []string{asked(host)}
	return slices.ContainsFunc(s.Routes, func(r *Route) bool {
		return r.Server == server && (r.hosts == nil || shareHost(hosts, r.hosts))
	})
}

// OpenLedgers lists the paths under which the ledger is served to whoever reaches them:
// without an authentication handler in the route, beyond this machine.
func (s Sites) OpenLedgers() (prefixes []string) {
	for _, r := range s.Routes {
		if r.onLoopback() || r.onSocket() || slices.ContainsFunc(r.Handlers, func(h Handler) bool { return h.Name() == "authentication" }) {
			continue
		}
		for _, h := range r.Handlers {
			if prefix, ok := h["prefix"].(string); ok && h.Name() == "transfer_log" {
				prefixes = append(prefixes, strings.TrimSuffix(prefix, "/")+"/")
			}
		}
	}
	return prefixes
}

// Example is the address of a site with a transfer handler that this machine may ask
// without a name or TLS; empty if there is none.
func (s Sites) Example() string { return s.example(isTransfer) }

// Console is that of one with the review console.
func (s Sites) Console() string {
	return s.example(func(h Handler) bool { return h.Name() == "transfer_console" })
}

func (s Sites) example(has func(Handler) bool) string {
	for _, r := range s.Routes {
		host := "localhost"
		if i := slices.IndexFunc(r.hosts, isAddress); i >= 0 {
			host = r.hosts[i]
		} else if r.hosts != nil {
			continue
		}
		if !slices.ContainsFunc(r.Handlers, has) {
			continue
		}
		for _, listen := range r.listen {
			if address, err := caddy.ParseNetworkAddress(listen); err == nil && !address.IsUnixNetwork() && address.StartPort != 443 {
				return "http://" + net.JoinHostPort(host, strconv.Itoa(int(address.StartPort))) + "/"
			}
		}
	}
	return ""
}

func isTransfer(h Handler) bool { return h.Name() == "transfer" }

// checkSite checks all handlers that may see the site's requests.
func (s Sites) checkSite(site *Route) (problems []error) {
	if s.Peers && site.onSocket() {
		problems = append(problems, errors.New("identity header believes peers by their address, and a peer on a Unix socket has none, so that nobody would be identified: "+
			"listen on a port of loopback, or identify by token or certificate"))
	}
	var beside []Handler
	for _, r := range s.Routes {
		if site.meets(r) {
			beside = append(beside, r.Handlers...)
		}
	}
	named := otherUpstreams(beside)
	for _, h := range beside {
		if err := s.checkBeside(h, named); err != nil && !slices.ContainsFunc(problems, func(p error) bool { return p.Error() == err.Error() }) {
			problems = append(problems, err)
		}
	}
	return append(problems, checkSaid(beside)...)
}

// OtherUpstreams are upstreams that are no region's.
type OtherUpstreams struct {
	// Addresses as they stand in the proxy, host and port, or names of handlers.
	Addresses []string `json:"addresses,omitempty"`

	// Why they see requests of this site. Required.
	Why string `json:"why,omitempty"`
}

// Check makes sure that each is one thing, with a reason.
func (o OtherUpstreams) Check() error {
	if o.Why == "" {
		return fmt.Errorf("other_upstreams '%s' gives no reason", strings.Join(o.Addresses, " "))
	}
	for _, address := range o.Addresses {
		if strings.ContainsAny(address, "{*") {
			return fmt.Errorf("other_upstreams '%s' could be anything: name one address", address)
		}
	}
	return nil
}

// Upstreams are those of the addresses that are no names of handlers or logs.
func (o OtherUpstreams) Upstreams() (list []string) {
	for _, address := range o.Addresses {
		if strings.ContainsAny(address, ":/.") {
			list = append(list, address)
		}
	}
	return list
}

// otherUpstreams are the addresses and handlers the transfer handlers name as no
// region's.
func otherUpstreams(handlers []Handler) (named []string) {
	for _, h := range handlers {
		var transfer struct {
			OtherUpstreams []OtherUpstreams `json:"other_upstreams"`
		}
		if isTransfer(h) && h.Into(&transfer) == nil { // Caddy will report what does not fit
			for _, other := range transfer.OtherUpstreams {
				named = append(named, other.Addresses...)
			}
		}
	}
	return named
}

// stayHere are the handlers, besides those with a rule of their own, that send
// requests nowhere. Two of Caddy's own are missing, which sends tells of. Those of
// others that many sites have were read for whether they open a connection with
// anything of a request: they do not.
var stayHere = []string{
	"rate_limit", // github.com/mholt/caddy-ratelimit, unless its counts are shared
	"replace_response", "request_id", "user_agent_parse",
	"acme_server", "authentication", "copy_response", "copy_response_headers", "encode", "error", "file_server", "intercept",
	"invoke", "log_append", "metrics", "push", "request_body", "rewrite", "subroute", "timeouts", "transfer", "transfer_console", "transfer_health", "transfer_jwks", "transfer_log",
}

// sends says what handlers do that are often written beside a gateway and do send
// something of a request.
var sends = map[string]string{
	"tracing":    "sends spans with paths and addresses to a collector (OTEL_EXPORTER_OTLP_ENDPOINT)",
	"templates":  "sends requests of its own, from loopback and with the client's fields, which identity header might believe",
	"crowdsec":   "asks another service about addresses",
	"rate_limit": "shares its counts, with the keys of requests, by way of the storage (distributed)",
}

// checkBeside checks a handler that stands outside every region.
func (s Sites) checkBeside(h Handler, named []string) error {
	switch name := h.Name(); name {
	case "reverse_proxy":
		return checkOtherProxy(h, named)
	case "headers":
		ops := new(headers.Handler)
		if err := h.Into(ops); err != nil {
			return err
		}
		return cmp.Or(checkHeaderOps(ops), checkIdentityOps(ops, s.IdentityFields), checkLateOps(ops))
	case "vars", "map", "static_response":
		return checkNames(h)
	default:
		if slices.Contains(stayHere, name) && (name != "rate_limit" || h["distributed"] == nil) || slices.Contains(named, name) {
			return nil
		}
		return fmt.Errorf("handler '%s' stands outside every region, and it %s; "+
			"take it out, or answer for it as in 'other_upstreams %s \"why\"'", name, cmp.Or(sends[name], "might send requests elsewhere"), name)
	}
}

// checkOtherProxy checks a proxy that stands outside every region: wherever it
// may send requests must be named.
func checkOtherProxy(h Handler, named []string) error {
	proxy := new(reverseproxy.Handler)
	if err := h.Into(proxy); err != nil {
		return err
	}
	if proxy.DynamicUpstreamsRaw != nil {
		return errors.New("a proxy outside every region has dynamic upstreams, which cannot be named: write its upstreams out")
	}
	for _, upstream := range proxy.Upstreams {
		switch dial := upstream.Dial; {
		case strings.Contains(dial, "{"):
			return fmt.Errorf("a proxy outside every region has a placeholder in its upstream '%s': a request could choose it", dial)
		case !slices.Contains(named, dial):
			return fmt.Errorf("a proxy to '%s' stands outside every region: its requests would pass no decision and leave no record; "+
				"move it into a region, or name it as in 'other_upstreams %s \"why\"'", dial, dial)
		}
	}
	if err := checkOtherTransport(proxy); err != nil {
		return err
	}
	return checkHeaderOps(proxy.Headers)
}

// checkOtherTransport refuses network proxies, which would see the requests too.
func checkOtherTransport(proxy *reverseproxy.Handler) error {
	transport := struct {
		Protocol        string          `json:"protocol"`
		TLS             json.RawMessage `json:"tls"`
		ForwardProxyURL string          `json:"forward_proxy_url"`
		NetworkProxy    struct {
			From string `json:"from"`
		} `json:"network_proxy"`
	}{Protocol: "http"}
	if proxy.TransportRaw != nil {
		if err := json.Unmarshal(proxy.TransportRaw, &transport); err != nil {
			return err
		}
	}
	switch {
	case transport.Protocol == "fastcgi":
		return nil // it dials by itself
	case transport.Protocol != "http":
		return fmt.Errorf("transport '%s' of a proxy outside every region might lead anywhere: only http and fastcgi", transport.Protocol)
	case transport.ForwardProxyURL != "" || transport.NetworkProxy.From != "" && transport.NetworkProxy.From != "none":
		return errors.New("a proxy outside every region has a network proxy, which would see its requests too")
	case transport.NetworkProxy.From == "none":
		return nil
	}
	target := &url.URL{Scheme: "http"}
	if transport.TLS != nil {
		target.Scheme = "https"
	}
	for _, upstream := range proxy.Upstreams {
		target.Host = upstream.Dial
		if via, err := http.ProxyFromEnvironment(&http.Request{URL: target}); via != nil || err != nil {
			return fmt.Errorf("the environment names a network proxy for '%s', which would see its requests too: write 'network_proxy none' in the transport", upstream.Dial)
		}
	}
	return nil
}

// Names by which the gateway knows a request: a site may set none of them.
const (
	// ExchangeVar is the request variable that carries what is known.
	ExchangeVar = "transfer_exchange"

	// PlaceholderPrefix begins the names of its placeholders.
	PlaceholderPrefix = "http.transfer."
)

// reservedVars are variables by which the gateway or Caddy knows the request.
var reservedVars = []string{ExchangeVar, caddyhttp.ClientIPVarKey, caddyhttp.TrustedProxyVarKey, "http.auth.user.id"}

// checkNames refuses names by which vars, map and static_response would speak in
// the gateway's name, or in an authentication handler's.
func checkNames(h Handler) error {
	switch h.Name() {
	case "vars":
		for _, name := range slices.Sorted(maps.Keys(h)) {
			if slices.Contains(reservedVars, name) || strings.Contains(name, "{") {
				return fmt.Errorf("variable '%s' is not the site's to set: what is known about the request hangs on it", name)
			}
		}
	case "map":
		mapping := new(caddymap.Handler)
		if err := h.Into(mapping); err != nil {
			return err
		}
		for _, name := range mapping.Destinations {
			if strings.HasPrefix(name, "{http.auth.") || strings.HasPrefix(name, "{"+PlaceholderPrefix) {
				return fmt.Errorf("placeholder '%s' is not the site's to map: what is known about the request hangs on it", name)
			}
		}
	case "static_response":
		response := new(caddyhttp.StaticResponse)
		if err := h.Into(response); err != nil {
			return err
		}
		return checkHeaderOps(&headers.Handler{Response: &headers.RespHeaderOps{HeaderOps: &headers.HeaderOps{Set: response.Headers}}})
	}
	return nil
}
