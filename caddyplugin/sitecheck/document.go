package sitecheck

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"golang.org/x/net/idna"
)

// This file reads the http app's configuration as it is written. Loaded
// handlers would not do: Caddy loads one after the other, so that a handler
// could not see those that come after it.

// Route is a top-level route of a server, or one of its error routes.
type Route struct {
	Server   string    // its name
	Handlers []Handler // the handlers in it and in the named routes it invokes, to any depth

	listen []string
	logs   *caddyhttp.ServerLogConfig // nil without access logs
	hosts  []string                   // in lower case and ASCII; none means every host
	trees  []any                      // as JSON: itself and the named routes it invokes
}

// Handler is one handler's JSON object.
type Handler map[string]any

// Name is the handler's module name, empty if it has none.
func (h Handler) Name() string {
	name, _ := h["handler"].(string)
	return name
}

// Into decodes the handler as Caddy does.
func (h Handler) Into(target any) error {
	raw, err := json.Marshal(h)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, target)
}

// Load lists the routes of all servers of the configuration that is being loaded.
// It returns nil when that has no http app, or one that is loaded already: then
// nothing in it has asked for a gateway.
func Load(ctx caddy.Context) ([]*Route, error) {
	raw, err := rawApp(ctx, "http")
	if err != nil || raw == nil {
		return nil, err
	}
	return Read(raw)
}

// Read lists the routes in the configuration of an http app.
func Read(raw json.RawMessage) (routes []*Route, err error) {
	var app caddyhttp.App
	if err := json.Unmarshal(raw, &app); err != nil {
		return nil, fmt.Errorf("reading the http app's configuration: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(app.Servers)) {
		server := app.Servers[name]
		if server == nil {
			continue
		}
		all := slices.Clone(server.Routes)
		if server.Errors != nil {
			all = append(all, server.Errors.Routes...)
		}
		for _, r := range all {
			routes = append(routes, readRoute(name, server, r))
		}
	}
	return routes, nil
}

func readRoute(name string, server *caddyhttp.Server, r caddyhttp.Route) *Route {
	route := &Route{Server: name, listen: server.Listen, logs: server.Logs, hosts: hostsOf(r)}
	reader := &routeReader{route: route, named: server.NamedRoutes, followed: make(map[string]bool)}
	reader.read(r)
	return route
}

// routeReader collects what a route holds.
type routeReader struct {
	route    *Route
	named    map[string]*caddyhttp.Route
	followed map[string]bool // named routes
}

func (c *routeReader) read(r caddyhttp.Route) {
	var tree any
	raw, err := json.Marshal(r)
	if err == nil {
		err = json.Unmarshal(raw, &tree)
	}
	if err != nil {
		return // it was JSON a moment ago
	}
	c.route.trees = append(c.route.trees, tree)
	c.walk(tree)
}

// walk looks for handlers below v. It follows invoke to the named route, and
// does not enter a transfer handler: its regions are checked when it is loaded.
func (c *routeReader) walk(v any) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			c.walk(item)
		}
	case map[string]any:
		handler := Handler(v)
		if handler.Name() != "" {
			c.route.Handlers = append(c.route.Handlers, handler)
		}
		switch handler.Name() {
		case "transfer":
			return
		case "invoke":
			var invoke caddyhttp.Invoke
			if handler.Into(&invoke) == nil {
				c.follow(invoke.Name)
			}
		}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			c.walk(v[key])
		}
	}
}

func (c *routeReader) follow(name string) {
	if r := c.named[name]; r != nil && !c.followed[name] {
		c.followed[name] = true
		c.read(*r)
	}
}

// hostsOf lists the host names a route is for; none means every host.
func hostsOf(r caddyhttp.Route) (hosts []string) {
	for _, set := range r.MatcherSetsRaw {
		var names []string
		if json.Unmarshal(set["host"], &names) != nil || len(names) == 0 {
			return nil
		}
		for _, name := range names {
			hosts = append(hosts, plainHost(name))
		}
	}
	return hosts
}

// plainHost writes a host name as Caddy compares it. The root's dot goes too:
// with or without it the name is the same.
func plainHost(name string) string {
	if ascii, err := idna.ToASCII(name); err == nil {
		name = ascii
	}
	return strings.ToLower(strings.TrimSuffix(name, "."))
}

// asked is the host name in a request's Host field, as Caddy compares it.
func asked(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return plainHost(host)
}

// meets reports whether the two routes may see requests of the same site: on one
// server, or on one port, whatever address it is bound to, if they have a host
// in common; elsewhere only if the other one answers to its name, as one for
// every host does that others can reach.
func (r *Route) meets(other *Route) bool {
	if r.Server == other.Server || sharePort(r.listen, other.listen) {
		return r.hosts == nil || other.hosts == nil || shareHost(r.hosts, other.hosts)
	}
	named := slices.DeleteFunc(slices.Clone(r.hosts), isAddress)
	if other.hosts == nil {
		return len(named) > 0 && !other.onLoopback()
	}
	return shareHost(named, other.hosts)
}

// onLoopback reports whether only this machine reaches the route's server.
func (r *Route) onLoopback() bool {
	return len(r.listen) > 0 && !slices.ContainsFunc(r.listen, func(listen string) bool {
		address, err := caddy.ParseNetworkAddress(listen)
		return err != nil || !isLoopback(address)
	})
}

// onSocket reports whether the route's server listens on a Unix socket.
func (r *Route) onSocket() bool {
	return slices.ContainsFunc(r.listen, func(listen string) bool {
		address, err := caddy.ParseNetworkAddress(listen)
		return err == nil && address.IsUnixNetwork()
	})
}

// isAddress reports whether a host is no name of a site, but of a machine, which
// may have a different site on every port.
func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil || host == "localhost"
}

func shareHost(a, b []string) bool {
	return slices.ContainsFunc(a, func(x string) bool {
		return slices.ContainsFunc(b, func(y string) bool { return sameHost(x, y) })
	})
}

// sameHost compares two names, label by label as Caddy does where one has a
// wildcard. A name with a placeholder may be any.
func sameHost(x, y string) bool {
	if strings.Contains(x+y, "{") {
		return true
	}
	a, b := strings.Split(x, "."), strings.Split(y, ".")
	return slices.EqualFunc(a, b, func(a, b string) bool { return a == b || a == "*" || b == "*" })
}

// sharePort reports whether two servers listen on the same port. An address that
// cannot be read yet may be any.
func sharePort(a, b []string) bool {
	for _, x := range a {
		for _, y := range b {
			p, err1 := caddy.ParseNetworkAddress(x)
			q, err2 := caddy.ParseNetworkAddress(y)
			if err1 != nil || err2 != nil {
				return true
			}
			if p.EndPort > 0 && p.StartPort <= q.EndPort && q.StartPort <= p.EndPort {
				return true
			}
		}
	}
	return false
}
