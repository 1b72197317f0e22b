package gateway

import (
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// GracePeriod is how long requests in flight have when their servers stop, unless
// grace_period says otherwise. Caddy's own default is for ever: one open stream would
// keep the process from ending.
const GracePeriod = 30 * time.Second

// lastWait is how long a process that ends waits for the outcomes of requests whose
// connections it has closed.
const lastWait = 5 * time.Second

// open are the process's open connections to sites, of net.Conn: those of a
// configuration outlast it when a stream outlasts a reload. Tunnels are among them while
// their requests last: the proxy closes its own with its configuration, and in which
// order modules are cleaned up is left to chance.
var open sync.Map

// connections are those of a configuration's sites.
type connections struct {
	servers []string // that tell of theirs
}

// watch has a server tell of its connections, once.
func (c *connections) watch(ctx caddy.Context) {
	server, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if !ok || slices.Contains(c.servers, server.Name()) {
		return
	}
	c.servers = append(c.servers, server.Name())
	server.RegisterConnState(func(conn net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			open.Store(conn, nil)
		case http.StateClosed, http.StateHijacked:
			open.Delete(conn)
		default: // it stays open
		}
	})
}

// limitGrace bounds how long the servers wait when they stop.
func (a *App) limitGrace() {
	app, err := a.ctx.AppIfConfigured("http")
	if err != nil {
		return // it serves nothing
	}
	if server := app.(*caddyhttp.App); server.GracePeriod == 0 {
		server.GracePeriod = caddy.Duration(GracePeriod)
	}
}

// endRequests ends what the grace period has left of requests when the process ends, and
// what outlasted a reload: with its connection each gets its outcome, and the ledger is
// closed after that. A reload ends none: they go on with the ledger they began with.
func (a *App) endRequests() {
	if !caddy.Exiting() {
		return
	}
	for deadline := time.Now().Add(lastWait); ; time.Sleep(5 * time.Millisecond) {
		open.Range(func(conn, _ any) bool {
			_ = conn.(net.Conn).Close() // it may be closed already
			return true
		})
		if a.recorder.Idle() || time.Now().After(deadline) {
			return
		}
	}
}
