package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/headers"

	"github.com/sparkoo/transfergate/internal/fields"
)

// httpConfig is what this file reads of the http app.
type httpConfig struct {
	Servers map[string]*struct {
		Routes      []route                   `json:"routes"`
		Errors      *struct{ Routes []route } `json:"errors"`
		NamedRoutes map[string]route          `json:"named_routes"`
	} `json:"servers"`
}

// route is a raw route.
type route struct {
	Match []struct {
		Host []string `json:"host"`
	} `json:"match"`
	Handle []json.RawMessage `json:"handle"`
}

// provisionSites walks the whole http configuration and refuses side doors: in
// a site with a transfer handler, a proxy outside its regions must be named
// under other_upstreams, and nothing may touch our header fields.
func (a *App) provisionSites() error {
	a.hosts = make(map[string]bool)
	raw, err := rawApp(a.ctx, "http")
	if err != nil || raw == nil {
		return err
	}
	var config httpConfig
	if err := json.Unmarshal(raw, &config); err != nil {
		return fmt.Errorf("reading the http app's configuration: %w", err)
	}
	for name, server := range config.Servers {
		for _, r := range server.Routes {
			s := scan(r.Handle)
			if s.transfers == 0 {
				continue
			}
			for _, host := range r.hosts() {
				a.hosts[host] = true
			}
			// What else may see this site's requests: its error routes, routes for
			// the same hosts, and named routes, whoever invokes them.
			for _, other := range server.Routes {
				if overlap(r, other) {
					s.add(scan(other.Handle))
				}
			}
			if server.Errors != nil {
				for _, other := range server.Errors.Routes {
					if overlap(r, other) {
						s.add(scan(other.Handle))
					}
				}
			}
			for _, other := range server.NamedRoutes {
				s.add(scan(other.Handle))
			}
			if err := s.check(); err != nil {
				return fmt.Errorf("site %s of server '%s': %w", siteName(r), name, err)
			}
		}
	}
	return nil
}

// rawApp returns the raw configuration of an app that is still being loaded.
// Caddy offers no way to read it, and drops each part once it is loaded, so
// that a walk over loaded handlers would miss their siblings.
func rawApp(ctx caddy.Context, name string) (json.RawMessage, error) {
	apps := reflect.ValueOf(ctx).FieldByName("cfg")
	if apps.Kind() != reflect.Pointer || apps.IsNil() {
		return nil, errors.New("this build of Caddy hides its configuration: side doors cannot be looked for")
	}
	apps = apps.Elem().FieldByName("AppsRaw")
	if apps.Kind() != reflect.Map {
		return nil, errors.New("this build of Caddy hides its apps: side doors cannot be looked for")
	}
	app := apps.MapIndex(reflect.ValueOf(name))
	if !app.IsValid() || app.Len() == 0 {
		return nil, nil
	}
	return app.Bytes(), nil
}

// hosts lists the host names a route is for; none means every host.
func (r route) hosts() []string {
	var hosts []string
	for _, set := range r.Match {
		if len(set.Host) == 0 {
			return nil
		}
		hosts = append(hosts, set.Host...)
	}
	return hosts
}

func siteName(r route) string {
	if hosts := r.hosts(); len(hosts) > 0 {
		return "'" + strings.Join(hosts, ", ") + "'"
	}
	return "for every host"
}

// overlap tells whether two routes may see the same request. Names with a
// wildcard or a placeholder are taken to match everything.
func overlap(a, b route) bool {
	x, y := a.hosts(), b.hosts()
	if x == nil || y == nil {
		return true
	}
	open := func(host string) bool { return strings.ContainsAny(host, "*{") }
	return slices.ContainsFunc(x, open) || slices.ContainsFunc(y, open) ||
		slices.ContainsFunc(x, func(host string) bool {
			return slices.ContainsFunc(y, func(other string) bool { return strings.EqualFold(host, other) })
		})
}

// finding is what a walk over raw handlers met.
type finding struct {
	transfers int        // transfer handlers, not walked into
	named     []string   // upstreams they name as no region's
	proxies   [][]string // upstreams of each proxy outside a region
	ops       []*headers.Handler
}

func (f *finding) add(other finding) {
	f.transfers += other.transfers
	f.named = append(f.named, other.named...)
	f.proxies = append(f.proxies, other.proxies...)
	f.ops = append(f.ops, other.ops...)
}

// scan walks raw handlers to any depth.
func scan(handlers []json.RawMessage) (f finding) {
	for _, raw := range handlers {
		var v any
		if json.Unmarshal(raw, &v) == nil { // Caddy will report what is not JSON
			f.walk(v)
		}
	}
	return f
}

func (f *finding) walk(v any) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			f.walk(item)
		}
	case map[string]any:
		switch v["handler"] {
		case "transfer":
			var h Handler
			if remarshal(v, &h) == nil { // Caddy will report what does not fit
				f.transfers++
				for _, other := range h.OtherUpstreams {
					f.named = append(f.named, other.Addresses...)
				}
			}
			return
		case "reverse_proxy":
			f.proxies = append(f.proxies, proxyTargets(v))
		case "headers":
			ops := new(headers.Handler)
			if remarshal(v, ops) == nil {
				f.ops = append(f.ops, ops)
			}
		}
		for _, item := range v {
			f.walk(item)
		}
	}
}

// proxyTargets lists where a raw proxy may send requests.
func proxyTargets(proxy map[string]any) (targets []string) {
	upstreams, _ := proxy["upstreams"].([]any)
	for _, u := range upstreams {
		if u, ok := u.(map[string]any); ok {
			dial, _ := u["dial"].(string)
			targets = append(targets, dial)
		}
	}
	if proxy["dynamic_upstreams"] != nil {
		targets = append(targets, "dynamic")
	}
	return targets
}

func remarshal(from, to any) error {
	raw, err := json.Marshal(from)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, to)
}

// check refuses the proxies and header operations that must not be.
func (f *finding) check() error {
	for _, targets := range f.proxies {
		for _, target := range targets {
			if !slices.Contains(f.named, target) {
				return fmt.Errorf("a proxy to '%s' stands outside every region: its requests would pass no decision and leave no record; "+
					"move it into a region, or name it as in 'other_upstreams %s \"why\"'", target, target)
			}
		}
	}
	for _, ops := range f.ops {
		if err := checkHeaderOps(ops); err != nil {
			return err
		}
	}
	return nil
}

// checkHeaderOps refuses operations on our own fields.
func checkHeaderOps(handler *headers.Handler) error {
	if handler == nil {
		return nil
	}
	var all []*headers.HeaderOps
	all = append(all, handler.Request)
	if handler.Response != nil {
		all = append(all, handler.Response.HeaderOps)
	}
	for _, ops := range all {
		if ops == nil {
			continue
		}
		for _, name := range operatedOn(ops) {
			if touchesOurs(name) {
				return fmt.Errorf("a header operation on '%s': the gateway alone sets its fields", name)
			}
		}
	}
	return nil
}

func operatedOn(ops *headers.HeaderOps) (names []string) {
	for name := range ops.Add {
		names = append(names, name)
	}
	for name := range ops.Set {
		names = append(names, name)
	}
	for name := range ops.Replace {
		names = append(names, name)
	}
	names = append(names, ops.Delete...)
	slices.Sort(names)
	return names
}

// touchesOurs tells whether a header operation's name, perhaps with wildcards,
// reaches one of our fields. A placeholder might.
func touchesOurs(name string) bool {
	if strings.Contains(name, "{") {
		return true
	}
	if !strings.Contains(name, "*") {
		return fields.Reserved(name)
	}
	core := fields.Fold(name)
	for _, ours := range fields.RequestNames() {
		folded := fields.Fold(ours)
		switch {
		case strings.HasPrefix(name, "*") && strings.HasSuffix(name, "*"):
			if strings.Contains(folded, core) {
				return true
			}
		case strings.HasPrefix(name, "*"):
			if strings.HasSuffix(folded, core) {
				return true
			}
		default:
			if strings.HasPrefix(folded, core) {
				return true
			}
		}
	}
	return false
}

// checkClientAddress refuses GeoIP where a client could choose its address:
// behind trusted proxies Caddy takes the left-most forwarded address unless
// told to be strict.
func (a *App) checkClientAddress(ctx caddy.Context) error {
	server, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if a.geo == nil || !ok || server.TrustedProxiesStrict > 0 {
		return nil
	}
	proxies := reflect.ValueOf(server).Elem().FieldByName("trustedProxies")
	if proxies.IsValid() && proxies.Kind() == reflect.Interface && proxies.IsNil() {
		return nil
	}
	return errors.New("geoip behind trusted_proxies needs trusted_proxies_strict in the server options: otherwise a client chooses its own country")
}
