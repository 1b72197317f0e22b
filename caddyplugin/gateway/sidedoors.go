package gateway

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/headers"
	caddymap "github.com/caddyserver/caddy/v2/modules/caddyhttp/map"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	"go.uber.org/zap"
)

// provisionSites looks for side doors: in a site with a transfer handler,
// nothing but its regions may send requests anywhere, and nothing may speak in
// the gateway's name. It reads the whole http configuration, since error
// routes, other routes for the same host and named routes see the same requests.
func (a *App) provisionSites() error {
	routes, err := readRoutes(a.ctx)
	if err != nil {
		return err
	}
	a.searched = len(routes) > 0
	a.hosts = make(map[string]bool)
	for _, r := range routes {
		if err := checkMatchers(r.trees, known{}); err != nil {
			return fmt.Errorf("%s: %w", r, err)
		}
	}
	for _, site := range routes {
		if !slices.ContainsFunc(site.handlers, isTransfer) {
			continue
		}
		for _, host := range site.hosts {
			a.hosts[host] = true
		}
		if err := a.checkSite(site, routes); err != nil {
			return fmt.Errorf("%s: %w", site, err)
		}
	}
	return nil
}

func (r *rawRoute) String() string {
	if len(r.hosts) == 0 {
		return "site for every host of server '" + r.server + "'"
	}
	return "site '" + strings.Join(r.hosts, ", ") + "' of server '" + r.server + "'"
}

func isTransfer(h handlerField) bool { return h.name() == "transfer" }

// checkSite checks all handlers that may see the site's requests.
func (a *App) checkSite(site *rawRoute, routes []*rawRoute) error {
	var beside []handlerField
	for _, r := range routes {
		if site.meets(r) {
			beside = append(beside, r.handlers...)
		}
	}
	named := otherUpstreams(beside)
	for _, h := range beside {
		if err := a.checkBeside(h, named); err != nil {
			return err
		}
	}
	return nil
}

// otherUpstreams are the addresses and handlers the transfer handlers name as no
// region's.
func otherUpstreams(handlers []handlerField) (named []string) {
	for _, h := range handlers {
		var transfer Handler
		if isTransfer(h) && h.into(&transfer) == nil { // Caddy will report what does not fit
			for _, other := range transfer.OtherUpstreams {
				named = append(named, other.Addresses...)
			}
		}
	}
	return named
}

// checkOtherUpstreams makes sure that each is one thing, with a reason, and says
// at every start that they are there.
func (h *Handler) checkOtherUpstreams() error {
	for _, other := range h.OtherUpstreams {
		if other.Why == "" {
			return fmt.Errorf("other_upstreams '%s' gives no reason", strings.Join(other.Addresses, " "))
		}
		for _, address := range other.Addresses {
			if strings.ContainsAny(address, "{*") {
				return fmt.Errorf("other_upstreams '%s' could be anything: name one address", address)
			}
		}
		h.logger.Warn("requests of this site may go to upstreams that are no region's", zap.Strings("upstreams", other.Addresses), zap.String("why", other.Why))
	}
	return nil
}

// stayHere are the handlers, besides those with a rule of their own, that send
// requests nowhere. Two of Caddy's own are missing: tracing sends spans with
// paths and addresses to a collector; templates sends requests of its own, from
// loopback and with the client's fields, so that identity header might believe them.
var stayHere = []string{
	"acme_server", "authentication", "copy_response", "copy_response_headers", "encode", "error", "file_server", "intercept",
	"invoke", "log_append", "metrics", "push", "request_body", "rewrite", "subroute", "timeouts", "transfer", "transfer_health", "transfer_jwks", "transfer_log",
}

// checkBeside checks a handler that stands outside every region.
func (a *App) checkBeside(h handlerField, named []string) error {
	switch name := h.name(); name {
	case "reverse_proxy":
		return checkOtherProxy(h, named)
	case "headers":
		ops := new(headers.Handler)
		if err := h.into(ops); err != nil {
			return err
		}
		return cmp.Or(checkHeaderOps(ops), a.checkIdentityOps(ops), checkLateOps(ops))
	case "vars", "map", "static_response":
		return checkNames(h)
	default:
		if slices.Contains(stayHere, name) || slices.Contains(named, name) {
			return nil
		}
		return fmt.Errorf("handler '%s' stands outside every region, and it might send requests elsewhere; "+
			"take it out, or answer for it as in 'other_upstreams %s \"why\"'", name, name)
	}
}

// checkOtherProxy checks a proxy that stands outside every region: wherever it
// may send requests must be named.
func checkOtherProxy(h handlerField, named []string) error {
	proxy := new(reverseproxy.Handler)
	if err := h.into(proxy); err != nil {
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

// reservedVars are variables by which the gateway or Caddy knows the request.
var reservedVars = []string{exchangeVar, caddyhttp.ClientIPVarKey, caddyhttp.TrustedProxyVarKey, "http.auth.user.id"}

// checkNames refuses names by which vars, map and static_response would speak in
// the gateway's name, or in an authentication handler's.
func checkNames(h handlerField) error {
	switch h.name() {
	case "vars":
		for _, name := range slices.Sorted(maps.Keys(h)) {
			if slices.Contains(reservedVars, name) || strings.Contains(name, "{") {
				return fmt.Errorf("variable '%s' is not the site's to set: what is known about the request hangs on it", name)
			}
		}
	case "map":
		mapping := new(caddymap.Handler)
		if err := h.into(mapping); err != nil {
			return err
		}
		for _, name := range mapping.Destinations {
			if strings.HasPrefix(name, "{http.auth.") || strings.HasPrefix(name, "{"+placeholderPrefix) {
				return fmt.Errorf("placeholder '%s' is not the site's to map: what is known about the request hangs on it", name)
			}
		}
	case "static_response":
		response := new(caddyhttp.StaticResponse)
		if err := h.into(response); err != nil {
			return err
		}
		return checkHeaderOps(&headers.Handler{Response: &headers.RespHeaderOps{HeaderOps: &headers.HeaderOps{Set: response.Headers}}})
	}
	return nil
}

// known says what a matcher can know where it stands.
type known struct{ region, outcome bool }

// checkMatchers refuses transfer_region and transfer_outcome where their answer
// is not known yet. A region is known in its own block, everything in intercept.
func checkMatchers(v any, k known) error {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			if err := checkMatchers(item, k); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			_, matcher := v[key].(map[string]any)
			within := k
			switch {
			case matcher && key == "transfer_region" && !k.region, matcher && key == "transfer_outcome" && !k.outcome:
				return fmt.Errorf("matcher %s stands where its answer is not known yet: use it in intercept%s", key, alsoKnown[key])
			case key == "regions" && v["handler"] == "transfer":
				within = known{region: true}
			case key == "handle_response" && v["handler"] == "intercept":
				within = known{region: true, outcome: true}
			}
			if err := checkMatchers(v[key], within); err != nil {
				return err
			}
		}
	}
	return nil
}

var alsoKnown = map[string]string{"transfer_region": ", or in a region's block"}

// checkClientAddress refuses GeoIP where a client could choose its address:
// behind trusted proxies Caddy takes the left-most forwarded address unless
// told to be strict.
func (a *App) checkClientAddress(ctx caddy.Context) error {
	if a.geo == nil {
		return nil
	}
	server, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if !ok {
		return errors.New("this build of Caddy hides the server: whom it trusts for client addresses cannot be told")
	}
	if server.TrustedProxiesStrict > 0 {
		return nil
	}
	trusts, err := trustsProxies(server)
	if err != nil {
		return err
	}
	if trusts || server.TrustedProxiesUnix {
		return errors.New("geoip behind trusted_proxies needs trusted_proxies_strict in the server options: otherwise a client chooses its own country")
	}
	return nil
}

// trustsProxies tells whether the server trusts proxies. By now Caddy has
// emptied the part of the configuration that says so.
func trustsProxies(server any) (bool, error) {
	field := reflect.Indirect(reflect.ValueOf(server)).FieldByName("trustedProxies")
	if field.Kind() != reflect.Interface {
		return false, errors.New("this build of Caddy hides its trusted proxies: whether a client could choose its address cannot be told")
	}
	return !field.IsNil(), nil
}
