package gateway

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// AnswerProbes has the server of ctx, with a site that answers /ready, refuse that path
// to whoever asks by no site's name while the gateway is not ready: Caddy answers them
// with an empty 200, which a probe takes for ready. It is called while the server's
// handlers are provisioned, once or more.
func (a *App) AnswerProbes(ctx caddy.Context) {
	server, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if !ok || slices.Contains(a.probed, server.Name()) || len(server.Routes) == 0 {
		return
	}
	a.probed = append(a.probed, server.Name())
	// Caddy compiles the routes once all handlers are provisioned. A request that no
	// site is for gets to a matcher, never to a handler of ours; a matcher's error ends
	// it.
	if first := &server.Routes[0]; len(first.MatcherSets) > 0 { // else it is for every host
		first.MatcherSets = append(first.MatcherSets, caddyhttp.MatcherSet{unreadyProbe{a, server.Name()}})
	}
}

// unreadyProbe matches nothing, and fails a probe that is not to take Caddy's answer
// for the gateway's.
type unreadyProbe struct {
	app    *App
	server string
}

// MatchWithError implements caddyhttp.RequestMatcherWithError.
func (m unreadyProbe) MatchWithError(r *http.Request) (bool, error) {
	if r.URL.Path != "/ready" || m.app.sites.Knows(m.server, r.Host) {
		return false, nil
	}
	if err := m.app.Ready(); err != nil {
		return false, caddyhttp.Error(http.StatusServiceUnavailable, fmt.Errorf("not ready: %w", err))
	}
	return false, nil
}

// Interface guards
var (
	_ caddyhttp.RequestMatcherWithError = unreadyProbe{}
)
