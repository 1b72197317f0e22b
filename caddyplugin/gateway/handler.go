package gateway

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/sparkoo/transfergate/caddyplugin/sitecheck"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/policystore"
)

func init() {
	caddy.RegisterModule(new(Handler))
}

// Handler answers every request of its site from a lawful region, or denies it.
// It never calls the next handler: what no activity matches is denied.
//
// It offers these placeholders, empty until they are known:
//
// Placeholder | Description
// ------------|------------
// `{http.transfer.controller}` | id of the data controller
// `{http.transfer.controller.name}` | its legal name
// `{http.transfer.basis}` | why it is the controller: account-center, token-claim, registered-country, not-registered
// `{http.transfer.country}` | registered country of the data subject
// `{http.transfer.origin}` | visitor's country by GeoIP, a hint
// `{http.transfer.activity}` | what the request does
// `{http.transfer.region}` | code of the region that answers
// `{http.transfer.destination}` | that region's country
// `{http.transfer.safeguards}` | tags of the safeguards, separated by spaces
// `{http.transfer.record}` | number of the transfer's record, as node#index
// `{http.transfer.statement}` | version of the privacy statement
// `{http.transfer.outcome}` | allowed, denied, failed, or preflight
// `{http.transfer.reason}` | reason code of a denial or failure
type Handler struct {
	// What requests do, first match wins. A request that matches none is
	// denied with no_activity.
	Activities []*Activity `json:"activities,omitempty"`

	// How to reach each region.
	Regions []*Region `json:"regions,omitempty"`

	// Upstreams of proxies that stand in this site outside any region, and
	// handlers that might send requests elsewhere, and why they may. Default:
	// none, so that such a proxy or handler is a load error.
	OtherUpstreams []sitecheck.OtherUpstreams `json:"other_upstreams,omitempty"`

	// Name of the privacy statement that covers this site, of the register of
	// statements; an activity that names its own has that one. Default: the
	// register's default statement
	Statement string `json:"statement,omitempty"`

	// Networks whose callers are told in the response field Transfer-Status what
	// was decided and where it is recorded, as CIDR blocks. Default: none
	StatusTo []string `json:"status_to,omitempty"`

	app      *App
	act      func(http.ResponseWriter, *http.Request, verdict) // serve, unless the configuration is only asked
	statusTo []netip.Prefix
	logger   *zap.Logger
	regions  map[string]*Region
	site     policystore.Site
	reading  reading // how activities are told apart
}

// CaddyModule returns the Caddy module information.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.transfer", New: func() caddy.Module { return new(Handler) }}
}

// Provision sets up the handler.
func (h *Handler) Provision(ctx caddy.Context) error {
	app, err := AppOf(ctx)
	if err != nil {
		return err
	}
	h.app, h.logger, h.act = app, ctx.Logger(), h.serve
	if !app.searched {
		return errors.New("the http app's configuration could not be read: side doors cannot be looked for")
	}
	for _, other := range h.OtherUpstreams {
		if err := other.Check(); err != nil {
			return err
		}
		if upstreams := other.Upstreams(); len(upstreams) > 0 {
			h.logger.Warn("requests of this site may go to upstreams that are no region's", zap.Strings("upstreams", upstreams), zap.String("why", other.Why))
		}
	}
	if err := h.provisionStatus(); err != nil {
		return err
	}
	if app.geo != nil {
		if err := sitecheck.ClientAddress(ctx, "geoip", "chooses its own country"); err != nil {
			return err
		}
	}
	if len(h.StatusTo) > 0 {
		if err := sitecheck.ClientAddress(ctx, "status_to", "that names an address of yours is told what was decided"); err != nil {
			return err
		}
	}
	app.warnOfEarlyData(ctx)
	if err := h.provisionActivities(ctx); err != nil {
		return err
	}
	if err := h.provisionRegions(ctx); err != nil {
		return err
	}
	h.site.Node = decision.Place{Entity: app.Node.Entity, Country: app.Node.Country}
	h.site.Demo = app.Demo
	h.site.Statement = h.Statement
	return app.register(h)
}

// AppOf returns the transfer app of the configuration that ctx is of, provisioned. An
// error means that there is none: a guest that was given it refuses to load.
func AppOf(ctx caddy.Context) (*App, error) {
	app, err := ctx.AppIfConfigured("transfer")
	if err != nil {
		return nil, fmt.Errorf("the global option 'transfer' is missing or broken: %w", err)
	}
	return app.(*App), nil
}

// ServeHTTP answers the request. It writes denials and failures itself and
// returns nil: an error handed to Caddy would have an empty body, could be
// proxied elsewhere by handle_errors, and would be logged with address and query.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, _ caddyhttp.Handler) error {
	defer h.app.quietPanic()
	h.act(w, r, h.judge(r))
	return nil
}

// serve acts on a verdict.
func (h *Handler) serve(w http.ResponseWriter, r *http.Request, v verdict) {
	x := v.exchange
	if v.preflight {
		x.answerPreflight(w)
		h.logFields(r, x)
		return
	}
	if v.decided {
		h.tryShadow(x, v.decision, v.facts)
		h.app.metrics.decided(v.decision, v.reported)
	}
	x.decision = v.decision
	var p *problem
	switch candidates := v.candidates(); {
	case v.failure != "":
		p = x.fail(v.failure)
	case len(candidates) > 0:
		p = h.send(w, r, x, candidates, !v.reported)
	default:
		p = h.deny(r, x)
	}
	if p != nil {
		h.answer(w, r, x, p)
	}
	h.logFields(r, x)
}

// send sends the request to the first lawful region that takes it, and returns
// what is wrong if none has answered. The next one is tried only while no byte of
// the request has left.
func (h *Handler) send(w http.ResponseWriter, r *http.Request, x *exchange, candidates []decision.Candidate, enforced bool) *problem {
	order := nearestFirst(candidates, x)
	for i := range order {
		try := &attempt{handler: h, exchange: x, decision: x.decision, candidate: &order[i], enforced: enforced}
		err := try.run(w, r)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, errLedger):
			return x.fail(decision.LedgerUnavailable)
		case !try.mayHandOver():
			return x.fail(try.failure(err))
		}
	}
	return x.fail(decision.RegionDown)
}

// nearestFirst puts the region nearest to the visitor first where the activity
// asks for it and the visitor's country is known. All of them are lawful.
func nearestFirst(candidates []decision.Candidate, x *exchange) []decision.Candidate {
	if a := x.decision.Activity; a == nil || a.Order != decision.OrderNearest || x.origin == "" {
		return candidates
	}
	order := slices.Clone(candidates)
	near := func(c decision.Candidate) int {
		if c.Region.Country == x.origin {
			return 0
		}
		if slices.Contains(c.Region.Near, x.origin) {
			return 1
		}
		return 2
	}
	slices.SortStableFunc(order, func(a, b decision.Candidate) int { return near(a) - near(b) })
	return order
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
)
