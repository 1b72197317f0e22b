package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptrace"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/headers"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"golang.org/x/net/http/httpguts"

	"github.com/sparkoo/transfergate/internal/fields"
	"github.com/sparkoo/transfergate/internal/guard"
)

func init() {
	caddy.RegisterModule(new(Transport))
}

// Transport is Caddy's http transport, which sets the identity fields on what it
// sends and tells the attempt what became of it. The proxies of a region get it
// by themselves; it is not written in a configuration.
//
// Reverse_proxy would log a response that breaks off with the client's address
// and the query; here the break is noted and ends the response quietly, and the
// attempt aborts it.
type Transport struct {
	reverseproxy.HTTPTransport

	// KeepRequest leaves the request's fields to the proxy after the round trip.
	// A proxy that matches responses to try again may look at them; any other
	// only encodes them for a line of its debug log. Default: false
	KeepRequest bool `json:"keep_request,omitempty"`

	logger *zap.Logger
}

// CaddyModule returns the Caddy module information.
func (*Transport) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.reverse_proxy.transport.transfer", New: func() caddy.Module { return new(Transport) }}
}

// Provision sets up the transport. Proxies named by the environment are ignored.
func (o *Transport) Provision(ctx caddy.Context) error {
	if err := o.HTTPTransport.Provision(ctx); err != nil {
		return err
	}
	o.HTTPTransport.Transport.Proxy = nil
	o.logger = ctx.Logger()
	return nil
}

// RequestHeaderOps implements reverseproxy.RequestHeaderOpsTransport. Over TLS
// Caddy's transport would put the upstream's own name into Host; the upstream
// must see the client's, which signed requests cover.
func (o *Transport) RequestHeaderOps() *headers.HeaderOps { return nil }

// RoundTrip implements http.RoundTripper.
func (o *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	t := attemptOf(req.Context())
	if t == nil {
		return o.HTTPTransport.RoundTrip(req) // a health check
	}
	if err := t.staysItsActivity(req); err != nil {
		return nil, err
	}
	res, err := o.HTTPTransport.RoundTrip(t.traced(t.stamped(req)))
	o.spare(req)
	if err != nil {
		if _, ok := errors.AsType[reverseproxy.DialError](err); ok {
			t.dialFailed = true
		} else {
			t.sent = true
		}
		return res, err
	}
	t.sent, t.answered = true, true
	if res.StatusCode == http.StatusSwitchingProtocols && !switchesAsAsked(req, res) {
		return nil, errors.Join(errSwitched, res.Body.Close())
	}
	if res.StatusCode < 100 { // net/http reads such a status and panics when it is to write it
		return nil, errors.Join(errStatus, res.Body.Close())
	}
	guard.CleanUpstream(res)
	if res.StatusCode != http.StatusSwitchingProtocols {
		res.Body = &responseBody{ReadCloser: res.Body, response: res, attempt: t}
	}
	return res, nil
}

// errStatus is an answer that is none of HTTP (RFC 9110 section 15).
var errStatus = errors.New("the region answered with a status below 100")

// errSwitched is a region's answer that changes protocols unasked. Reverse_proxy
// would log it with the client's address and answer with an empty 200.
var errSwitched = errors.New("the region changed protocols unasked")

// switchesAsAsked reports whether a 101 is what the request asked for: a WebSocket.
func switchesAsAsked(req *http.Request, res *http.Response) bool {
	return isWebSocket(req) && strings.EqualFold(res.Header.Get("Upgrade"), "websocket") &&
		httpguts.HeaderValuesContainsToken(res.Header["Connection"], "upgrade")
}

// stamped returns the request with the identity fields the upstream may trust.
// They are set here and not earlier, so that no handler of the region comes after
// them. The header is reverse_proxy's own copy, made for this handler or, where it
// has header operations, for this try. The first try may write to it; a later one
// must not, because net/http may still be sending an earlier one.
func (t *attempt) stamped(req *http.Request) *http.Request {
	out := new(http.Request)
	*out = *req
	if t.tried {
		out.Header = maps.Clone(req.Header)
	}
	t.tried = true
	values := make([]string, len(t.candidate.Fields), len(t.candidate.Fields)+1)
	for i, f := range t.candidate.Fields {
		values[i] = f.Value
		if f.Name == fields.DataTransfer {
			values[i] = fields.AppendRecord(f.Value, t.exchange.record)
		}
		out.Header[f.Name] = values[i : i+1 : i+1]
	}
	if t.assertion != "" {
		values = append(values, t.assertion)
		out.Header[fields.TransferAssertion] = values[len(values)-1:]
	}
	return out
}

// spare keeps reverse_proxy from encoding the fields of its request, which was
// made for this try, for a line that only a debug log would write. What net/http
// still sends is the copy. An upgrade is checked against the request.
func (o *Transport) spare(req *http.Request) {
	if o.KeepRequest || isWebSocket(req) || o.logger.Core().Enabled(zapcore.DebugLevel) {
		return
	}
	req.Header = nil
}

// traced lets the attempt know when a connection is had. A dial error alone
// does not prove that nothing was sent: net/http dials again when a kept-alive
// connection breaks under a request that it may repeat.
func (t *attempt) traced(req *http.Request) *http.Request {
	trace := httptrace.ContextClientTrace(req.Context())
	if trace == nil {
		trace = new(httptrace.ClientTrace)
		req = req.WithContext(httptrace.WithClientTrace(req.Context(), trace))
	}
	before := trace.GotConn // reverse_proxy makes a trace for each try, so it may be changed
	trace.GotConn = func(info httptrace.GotConnInfo) {
		t.sent = true
		if before != nil {
			before(info)
		}
	}
	return req
}

// responseBody ends quietly where the upstream broke off or the client left.
type responseBody struct {
	io.ReadCloser
	response *http.Response
	attempt  *attempt
}

func (b *responseBody) Read(p []byte) (int, error) {
	if b.attempt.clientGone.Load() {
		return 0, io.EOF
	}
	n, err := b.ReadCloser.Read(p)
	if err == nil {
		return n, nil
	}
	guard.CleanUpstreamTrailers(b.response)
	if err != io.EOF {
		b.attempt.brokenBody.Store(true)
	}
	return n, io.EOF
}

// attemptOf returns the attempt an outgoing request belongs to; nil for health checks.
func attemptOf(ctx context.Context) *attempt {
	if x, _ := caddyhttp.GetVar(ctx, exchangeVar).(*exchange); x != nil {
		return x.attempt
	}
	return nil
}

// observe gives every proxy below the raw routes our transport, and tells
// whether there is one. This must be done before they are loaded: from then on
// a proxy's health checks read it.
func observe(routes caddyhttp.RouteList) (found bool, err error) {
	for _, route := range routes {
		for i, raw := range route.HandlersRaw {
			decoder := json.NewDecoder(bytes.NewReader(raw))
			decoder.UseNumber()
			var handler any
			if err := decoder.Decode(&handler); err != nil {
				return false, err
			}
			found = observeIn(handler) || found
			if route.HandlersRaw[i], err = json.Marshal(handler); err != nil {
				return false, err
			}
		}
	}
	return found, nil
}

// observeIn walks raw configuration. checkTransport has let through no
// transport but http, whose options ours has too.
func observeIn(v any) (found bool) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			found = observeIn(item) || found
		}
	case map[string]any:
		if v["handler"] == "reverse_proxy" {
			transport, ok := v["transport"].(map[string]any)
			if !ok {
				transport = make(map[string]any)
				v["transport"] = transport
			}
			transport["protocol"] = "transfer"
			if balancing, ok := v["load_balancing"].(map[string]any); ok && balancing["retry_match"] != nil {
				transport["keep_request"] = true
			}
			found = true
		}
		for _, item := range v {
			found = observeIn(item) || found
		}
	}
	return found
}

// onlyProxies reports whether the raw routes hold nothing but proxies. Handlers
// that a proxy runs on a response get the request itself, and might change it.
func onlyProxies(routes caddyhttp.RouteList) bool {
	for _, route := range routes {
		for _, raw := range route.HandlersRaw {
			var handler struct {
				Handler        string              `json:"handler"`
				Routes         caddyhttp.RouteList `json:"routes"`
				Errors         json.RawMessage     `json:"errors"`
				HandleResponse json.RawMessage     `json:"handle_response"`
			}
			if json.Unmarshal(raw, &handler) != nil {
				return false
			}
			switch {
			case handler.Handler == "reverse_proxy" && handler.HandleResponse == nil:
			case handler.Handler == "subroute" && handler.Errors == nil && onlyProxies(handler.Routes):
			default:
				return false
			}
		}
	}
	return true
}

// Interface guards
var (
	_ caddy.Provisioner                                = (*Transport)(nil)
	_ caddy.CleanerUpper                               = (*Transport)(nil)
	_ http.RoundTripper                                = (*Transport)(nil)
	_ reverseproxy.HealthCheckSchemeOverriderTransport = (*Transport)(nil)
	_ reverseproxy.ProxyProtocolTransport              = (*Transport)(nil)
	_ reverseproxy.RequestHeaderOpsTransport           = (*Transport)(nil)
)
