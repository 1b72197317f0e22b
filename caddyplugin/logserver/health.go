package logserver

import (
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/sparkoo/transfergate/caddyplugin/gateway"
	"github.com/sparkoo/transfergate/caddyplugin/option"
)

func init() {
	caddy.RegisterModule(Health{})
}

// Health answers /live, which says that the process serves, and /ready, which
// says that transfers can be decided and recorded. Every other path goes on to
// the next handler.
type Health struct {
	// Where the directive was written. Default: nowhere
	At option.Places `json:"at,omitempty"`

	app *gateway.App
}

// CaddyModule returns the Caddy module information.
func (Health) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.transfer_health", New: func() caddy.Module { return new(Health) }}
}

// parseHealth parses the directive. Syntax:
//
//	transfer_health
func parseHealth(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	h.Next() // consume the directive's name
	at := option.Places{"": option.Position(h.Dispenser)}
	if h.NextArg() || h.NextBlock(h.Nesting()) {
		return nil, h.ArgErr()
	}
	return &Health{At: at}, nil
}

// Provision sets up the handler.
func (h *Health) Provision(ctx caddy.Context) error { return h.At.At("", h.provision(ctx)) }

func (h *Health) provision(ctx caddy.Context) (err error) {
	if h.app, err = gateway.AppOf(ctx); err != nil {
		return gateway.Missing(err)
	}
	h.app.AnswerProbes(ctx)
	return nil
}

// ServeHTTP implements caddyhttp.MiddlewareHandler.
func (h *Health) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	var err error
	switch r.URL.Path {
	case "/live":
	case "/ready":
		err = h.app.Ready()
	default:
		return next.ServeHTTP(w, r)
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		answerHealth(w, "not ready: "+err.Error())
		return nil
	}
	answerHealth(w, "ok")
	return nil
}

// answerHealth writes a line. A client that left is nobody's concern, and an
// error would be logged with its address.
func answerHealth(w http.ResponseWriter, line string) {
	_, _ = w.Write([]byte(line + "\n"))
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Health)(nil)
	_ caddyhttp.MiddlewareHandler = (*Health)(nil)
)
