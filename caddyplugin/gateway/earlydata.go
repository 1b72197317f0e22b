package gateway

import (
	"fmt"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// warnOfEarlyData says once per server that it takes requests before the TLS
// handshake is complete, as HTTP/3 does unless told otherwise. Anybody on the way
// may send those a second time: unsafe ones are refused with 425, which not every
// client understands, and safe ones may be answered and recorded twice.
func (a *App) warnOfEarlyData(ctx caddy.Context) {
	server, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if !ok || len(server.TLSConnPolicies) == 0 || !speaksHTTP3(server) || slices.Contains(a.early, server.Name()) {
		return
	}
	if off := server.Allow0RTT; off != nil && !*off {
		return
	}
	a.early = append(a.early, server.Name())
	a.advice.warn(Finding{"early-data", "", fmt.Sprintf(
		"requests may come in TLS early data over HTTP/3 to server '%s': unsafe ones are refused with 425; write '0rtt off' in the server options to have none", server.Name())})
}

// speaksHTTP3 reports whether any listener of the server speaks HTTP/3. Caddy has
// filled in the defaults.
func speaksHTTP3(server *caddyhttp.Server) bool {
	return slices.Contains(server.Protocols, "h3") ||
		slices.ContainsFunc(server.ListenProtocols, func(listener []string) bool { return slices.Contains(listener, "h3") })
}
