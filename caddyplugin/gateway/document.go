package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"golang.org/x/net/idna"
)

// This file reads the http app's configuration as it is written. Loaded
// handlers would not do: Caddy loads one after the other, so that a handler
// could not see those that come after it.

// rawRoute is a top-level route of a server, or one of its error routes.
type rawRoute struct {
	server   string
	listen   []string
	hosts    []string       // in lower case and ASCII; none means every host
	trees    []any          // as JSON: itself and the named routes it invokes
	handlers []handlerField // the handlers in them, to any depth
}

// handlerField is one handler's JSON object.
type handlerField map[string]any

func (h handlerField) name() string {
	name, _ := h["handler"].(string)
	return name
}

// into decodes the handler as Caddy does.
func (h handlerField) into(target any) error {
	raw, err := json.Marshal(h)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, target)
}

// readRoutes lists the routes of all servers. It returns nil when this
// configuration has no http app, or one that is loaded already: then nothing
// in it has asked for a gateway.
func readRoutes(ctx caddy.Context) (routes []*rawRoute, err error) {
	raw, err := rawApp(ctx, "http")
	if err != nil || raw == nil {
		return nil, err
	}
	return routesOf(raw)
}

// routesOf lists the routes in the configuration of an http app.
func routesOf(raw json.RawMessage) (routes []*rawRoute, err error) {
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

func readRoute(name string, server *caddyhttp.Server, r caddyhttp.Route) *rawRoute {
	route := &rawRoute{server: name, listen: server.Listen, hosts: hostsOf(r)}
	reader := &routeReader{route: route, named: server.NamedRoutes, followed: make(map[string]bool)}
	reader.read(r)
	return route
}

// routeReader collects what a route holds.
type routeReader struct {
	route    *rawRoute
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
		handler := handlerField(v)
		if handler.name() != "" {
			c.route.handlers = append(c.route.handlers, handler)
		}
		switch handler.name() {
		case "transfer":
			return
		case "invoke":
			var invoke caddyhttp.Invoke
			if handler.into(&invoke) == nil {
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

// meets tells whether the two routes may see requests of the same site: on one
// server, or on one port, whatever address it is bound to, if they have a host
// in common; elsewhere only if they share its name.
func (r *rawRoute) meets(other *rawRoute) bool {
	if r.server == other.server || sharePort(r.listen, other.listen) {
		return r.hosts == nil || other.hosts == nil || shareHost(r.hosts, other.hosts)
	}
	return shareHost(slices.DeleteFunc(slices.Clone(r.hosts), isAddress), other.hosts)
}

// isAddress tells whether a host is no name of a site, but of a machine, which
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

// sharePort tells whether two servers listen on the same port. An address that
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

// rawApp returns the raw configuration of an app that is still being loaded.
// Caddy offers no way to read it.
func rawApp(ctx any, name string) (json.RawMessage, error) {
	config := reflect.ValueOf(ctx).FieldByName("cfg")
	if config.Kind() != reflect.Pointer || config.IsNil() || config.Elem().Kind() != reflect.Struct {
		return nil, errors.New("this build of Caddy hides its configuration: side doors cannot be looked for")
	}
	apps := config.Elem().FieldByName("AppsRaw")
	if apps.Kind() != reflect.Map {
		return nil, errors.New("this build of Caddy hides its apps: side doors cannot be looked for")
	}
	app := apps.MapIndex(reflect.ValueOf(name))
	if !app.IsValid() || app.Len() == 0 {
		return nil, nil
	}
	return app.Bytes(), nil
}
