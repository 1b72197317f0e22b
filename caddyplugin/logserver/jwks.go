package logserver

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/sparkoo/transfergate/caddyplugin/gateway"
	"github.com/sparkoo/transfergate/caddyplugin/option"
	"github.com/sparkoo/transfergate/internal/assertion"
)

func init() {
	caddy.RegisterModule(new(JWKS))
}

// DefaultJWKSPath is where the keys of assertions are served unless configured.
const DefaultJWKSPath = "/.well-known/transfergate/jwks.json"

// JWKS answers its path with the public keys that assertions are verified with
// (RFC 7517). Every other path goes on to the next handler.
type JWKS struct {
	// Where the directive was written. Default: nowhere
	At option.Places `json:"at,omitempty"`

	// Path to answer. Default: /.well-known/transfergate/jwks.json
	Path string `json:"path,omitempty"`

	app    *gateway.App
	logger *zap.Logger
}

// CaddyModule returns the Caddy module information.
func (*JWKS) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.transfer_jwks", New: func() caddy.Module { return new(JWKS) }}
}

// parseJWKS parses the directive. A path is its argument, not a matcher: the
// handler itself looks at it. Syntax:
//
//	transfer_jwks [<path>]
func parseJWKS(h httpcaddyfile.Helper) ([]httpcaddyfile.ConfigValue, error) {
	h.Next() // consume the directive's name
	at := option.Places{"": option.Position(h.Dispenser)}
	handler := &JWKS{At: at}
	if h.NextArg() {
		handler.Path = h.Val()
		if !option.IsPlainPath(handler.Path) {
			return nil, h.Errf("transfer_jwks takes one path without wildcards, as in 'transfer_jwks %s', not '%s'", DefaultJWKSPath, handler.Path)
		}
	}
	if h.NextArg() || h.NextBlock(h.Nesting()) {
		return nil, h.ArgErr()
	}
	return h.NewRoute(nil, handler), nil
}

// Provision sets up the handler.
func (h *JWKS) Provision(ctx caddy.Context) error { return h.At.At("", h.provision(ctx)) }

func (h *JWKS) provision(ctx caddy.Context) error {
	if err := option.Resolve(h, h.At); err != nil {
		return err
	}
	app, err := gateway.AppOf(ctx)
	if err != nil {
		return gateway.Missing(err)
	}
	if app.Assertion == nil {
		return errors.New("transfer_jwks has no keys to serve: the global option 'transfer' has no 'assertion'")
	}
	if h.Path == "" {
		h.Path = DefaultJWKSPath
	}
	if !option.IsPlainPath(h.Path) {
		return errors.New("transfer_jwks needs a path without wildcards")
	}
	h.app, h.logger = app, ctx.Logger()
	return nil
}

// ServeHTTP implements caddyhttp.MiddlewareHandler.
func (h *JWKS) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	if r.URL.Path != h.Path {
		return next.ServeHTTP(w, r)
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		w.WriteHeader(http.StatusMethodNotAllowed)
		return nil
	}
	set, err := h.app.KeySet()
	if err != nil {
		h.logger.Error("encoding the key set of assertions", zap.Error(err))
		w.WriteHeader(http.StatusInternalServerError)
		return nil
	}
	serveKeySet(w, r, set)
	return nil
}

// serveKeySet answers with a key set, or with 304 who has it already.
func serveKeySet(w http.ResponseWriter, r *http.Request, set []byte) {
	sum := sha256.Sum256(set)
	tag := `"` + hex.EncodeToString(sum[:8]) + `"`
	header := w.Header()
	header.Set("Content-Type", "application/jwk-set+json")
	header.Set("Cache-Control", "public, max-age="+strconv.Itoa(int(assertion.MaxAge/time.Second)))
	header.Set("ETag", tag)
	header.Set("X-Content-Type-Options", "nosniff")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(set)) // RFC 9110's conditions
}

// Interface guards
var (
	_ caddy.Provisioner           = (*JWKS)(nil)
	_ caddyhttp.MiddlewareHandler = (*JWKS)(nil)
)
