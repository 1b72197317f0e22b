package sitecheck

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/headers"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/rewrite"

	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/guard"
	"github.com/sparkoo/transfergate/internal/suggest"
)

// mayStand are the handlers a region block may hold.
var mayStand = []string{"reverse_proxy", "subroute", "headers", "encode", "request_body", "rewrite", "vars", "map", "log_append", "static_response", "copy_response", "copy_response_headers"}

// Region is what a region's block is held to.
type Region struct {
	Row      *decision.Region // what a policy says the region is
	Withheld []string         // what its operator must not get: words of package guard
	Node     string           // the country the gateway stands in
	Demo     bool             // upstreams may stand on loopback
}

// ErrPlaintext says that a hop is not encrypted.
var ErrPlaintext = errors.New("would be sent personal data in plain text")

// Check walks a region's raw routes before anything of them is loaded. The error
// is the first thing that may not stand there.
func (c Region) Check(routes caddyhttp.RouteList) error { return c.checkRoutes(routes) }

func (c Region) checkRoutes(routes caddyhttp.RouteList) error {
	if len(routes) == 0 {
		return errors.New("empty: name upstreams, or write a reverse_proxy")
	}
	for _, route := range routes {
		for _, raw := range route.HandlersRaw {
			if err := c.checkHandler(raw); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c Region) checkHandler(raw json.RawMessage) error {
	name := handlerName(raw)
	if !slices.Contains(mayStand, name) {
		return fmt.Errorf("handler '%s' may not stand in a region; %s", name, suggest.OneOf(mayStand))
	}
	if name == "subroute" {
		sub := new(caddyhttp.Subroute)
		if err := json.Unmarshal(raw, sub); err != nil {
			return err
		}
		if sub.Errors != nil {
			if err := c.checkRoutes(sub.Errors.Routes); err != nil {
				return err
			}
		}
		return c.checkRoutes(sub.Routes)
	}
	if err := c.checkPlaceholders(raw); err != nil {
		return err
	}
	switch name {
	case "headers":
		ops := new(headers.Handler)
		if err := json.Unmarshal(raw, ops); err != nil {
			return err
		}
		return cmp.Or(checkHeaderOps(ops), checkRequestOps(ops.Request))
	case "rewrite":
		rewriter := new(rewrite.Rewrite)
		if err := json.Unmarshal(raw, rewriter); err != nil {
			return err
		}
		return checkRewrite(rewriter)
	case "vars", "map", "static_response":
		var h Handler
		if err := json.Unmarshal(raw, &h); err != nil {
			return err
		}
		return checkNames(h)
	case "reverse_proxy":
		if err := checkSpelling(raw); err != nil {
			return err
		}
		proxy := new(reverseproxy.Handler)
		if err := json.Unmarshal(raw, proxy); err != nil {
			return err
		}
		return c.checkProxy(proxy)
	}
	return nil
}

// checkSpelling refuses a proxy whose JSON spells a key with capitals. Go reads
// it all the same, so that two spellings could say two things.
func checkSpelling(raw json.RawMessage) error {
	var proxy map[string]json.RawMessage
	if err := json.Unmarshal(raw, &proxy); err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(proxy)) {
		if key != strings.ToLower(key) {
			return fmt.Errorf("a proxy's '%s' is written with capitals: write '%s'", key, strings.ToLower(key))
		}
	}
	return nil
}

// placeholder is one of Caddy's, in what a handler's JSON says.
var placeholder = regexp.MustCompile(`\{[A-Za-z][^{}"\s]*\}`)

// harmless are the placeholders, by prefix, that say nothing of what may be
// withheld from a recipient: client's address, fields, credentials, or variables
// that may hold any of them.
var harmless = []string{
	"{http.request.host", "{http.request.port", "{http.request.method", "{http.request.scheme", "{http.request.uri", "{http.request.orig_",
	"{http.request.proto", "{http.reverse_proxy.", "{http.error.", "{http.transfer.", "{env.", "{system.", "{time.",
}

// saysQuery reports whether a placeholder says more of the request's URI than its path.
func saysQuery(found string) bool {
	rest, original := strings.CutPrefix(found, "{http.request.orig_uri")
	if !original {
		var plain bool
		if rest, plain = strings.CutPrefix(found, "{http.request.uri"); !plain {
			return false
		}
	}
	return !strings.HasPrefix(rest, ".path")
}

// checkPlaceholders refuses to send by a placeholder what is withheld from the
// region's operator: it stands for the request as it came, before anything was
// taken from it.
func (c Region) checkPlaceholders(raw json.RawMessage) error {
	if len(c.Withheld) == 0 {
		return nil
	}
	query := slices.ContainsFunc(c.Withheld, func(word string) bool { return strings.HasPrefix(word, guard.WithholdQuery) })
	for _, found := range placeholder.FindAllString(string(raw), -1) {
		if query && saysQuery(found) || !slices.ContainsFunc(harmless, func(prefix string) bool { return strings.HasPrefix(found, prefix) }) {
			return fmt.Errorf("placeholder '%s' could give %s what is withheld from it", found, c.Row.Operator)
		}
	}
	return nil
}

// checkProxy holds a region's proxy to what the policy says the region is.
func (c Region) checkProxy(proxy *reverseproxy.Handler) error {
	if proxy.DynamicUpstreamsRaw != nil {
		return errors.New("dynamic upstreams could lead out of the region: name its upstreams")
	}
	if len(proxy.Upstreams) == 0 {
		return errors.New("a proxy without upstreams")
	}
	transport, err := c.checkTransport(proxy.TransportRaw)
	if err != nil {
		return err
	}
	for _, upstream := range proxy.Upstreams {
		if err := c.checkUpstream(upstream.Dial, transport.TLS); err != nil {
			return err
		}
	}
	if hc := proxy.HealthChecks; hc != nil && hc.Active != nil {
		if hc.Active.FollowRedirects {
			return errors.New("health_follow_redirects could lead out of the region")
		}
		if hc.Active.Upstream != "" {
			if err := c.checkUpstream(hc.Active.Upstream, transport.TLS); err != nil {
				return fmt.Errorf("health check: %w", err)
			}
		}
	}
	if err := checkHeaderOps(proxy.Headers); err != nil {
		return err
	}
	if proxy.Headers != nil {
		if err := checkRequestOps(proxy.Headers.Request); err != nil {
			return err
		}
	}
	if err := checkRewrite(proxy.Rewrite); err != nil {
		return err
	}
	for _, handler := range proxy.HandleResponse {
		if len(handler.Routes) == 0 {
			continue // it only rewrites the status
		}
		if err := c.checkRoutes(handler.Routes); err != nil {
			return fmt.Errorf("handle_response: %w", err)
		}
	}
	return nil
}

// checkRewrite refuses rewrites in a region that make another request of the one
// that was judged. Its path may change: what that makes of it is judged again.
func checkRewrite(r *rewrite.Rewrite) error {
	if r == nil {
		return nil
	}
	_, query, hasQuery := strings.Cut(r.URI, "?")
	switch {
	case r.Method != "" && r.Method != http.MethodGet && r.Method != http.MethodHead: // these store nothing
		return fmt.Errorf("a rewrite to method '%s' in a region would make another request of the one that was judged: write it before transfer", r.Method)
	case r.Query != nil, hasQuery && query != "{http.request.uri.query}":
		return errors.New("a rewrite of the query in a region would make another request of the one that was judged: write it before transfer")
	}
	return nil
}

// checkTransport refuses ways around the upstreams that are named.
func (c Region) checkTransport(raw json.RawMessage) (*reverseproxy.HTTPTransport, error) {
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
	case transport.TLS != nil && strings.Contains(transport.TLS.ServerName, "{"):
		return nil, fmt.Errorf("tls_server_name '%s' has a placeholder: a request could choose whose certificate is believed", transport.TLS.ServerName)
	case transport.ForwardProxyURL != "" || transport.NetworkProxyRaw != nil:
		return nil, errors.New("a network proxy could lead out of the region")
	case transport.Resolver != nil:
		return nil, errors.New("a resolver of its own could lead out of the region")
	case transport.ProxyProtocol != "" && slices.Contains(c.Withheld, guard.WithholdClientAddress):
		return nil, fmt.Errorf("proxy_protocol would give the client's address to %s, from whom it is withheld", c.Row.Operator)
	}
	return transport, nil
}

// handlerName reads the name of a raw handler; empty if it has none.
func handlerName(raw json.RawMessage) string {
	var named struct {
		Handler string `json:"handler"`
	}
	if json.Unmarshal(raw, &named) != nil {
		return ""
	}
	return named.Handler
}
