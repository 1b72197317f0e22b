package gateway

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/sparkoo/transfergate/caddyplugin/option"
	"github.com/sparkoo/transfergate/caddyplugin/recorder"
	"github.com/sparkoo/transfergate/caddyplugin/sitecheck"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/policystore"
	"github.com/sparkoo/transfergate/internal/suggest"
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
	// was decided and where it is recorded, as addresses, CIDR blocks or
	// private_ranges. Default: none
	StatusTo []string `json:"status_to,omitempty"`

	// Why access and error logs keep who sent a request to this site and what for:
	// addresses, path and query, header fields. Default: empty, which leaves them out
	LogPersonalData string `json:"log_personal_data,omitempty"`

	// Pages for people whose browser sees a denial. Default: one in English that comes
	// with the gateway
	DenialPages []*DenialPage `json:"denial_pages,omitempty"`

	// Where the options were written, by their names. Default: nowhere
	At option.Places `json:"at,omitempty"`

	app      *App
	act      func(http.ResponseWriter, *http.Request, verdict) // serve, unless the configuration is only asked
	statusTo []netip.Prefix
	pages    *pages
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
	err := h.At.At("", errors.Join(h.provision(ctx), h.checkServer(ctx)))
	if err == nil || h.app == nil {
		return err
	}
	return h.app.problemsOfSites(ctx, h, err)
}

// problemsOfSites are those of the sites that Caddy has not come to, too, in their order,
// beside the problem of this one. Nothing is served then, and which site Caddy comes to
// first is a matter of chance. A site that never was in a Caddyfile stays alone.
func (a *App) problemsOfSites(ctx caddy.Context, h *Handler, problem error) error {
	document := new(Document)
	for _, route := range a.sites.Routes {
		if document.takeSites(route) != nil {
			return problem
		}
	}
	known := make(map[string]bool) // sites, by their places; a snippet that two import is one
	for _, served := range a.handlers {
		known[served.At[""]] = true
	}
	known[h.At[""]] = false
	var problems []error
	for _, other := range document.Sites {
		place := other.At[""]
		switch {
		case place == "":
			return problem
		case known[place]:
		case place == h.At[""]:
			problems = append(problems, problem)
		default:
			problems = append(problems, other.At.At("", other.provision(ctx)))
		}
		known[place] = true
	}
	return errors.Join(problems...)
}

// checkServer checks what is of the server that the site is in.
func (h *Handler) checkServer(ctx caddy.Context) error {
	app := h.app
	if app == nil {
		return nil
	}
	var problems []error
	if app.geo != nil {
		problems = append(problems, sitecheck.ClientAddress(ctx, "geoip", "chooses its own country"))
	}
	if len(h.StatusTo) > 0 {
		problems = append(problems, h.At.At("status_to", sitecheck.ClientAddress(ctx, "status_to", "that names an address of yours is told what was decided")))
	}
	app.warnOfEarlyData(ctx)
	app.connections.watch(ctx)
	return errors.Join(append(problems, app.redactLogs(ctx))...)
}

func (h *Handler) provision(ctx caddy.Context) error {
	app, err := AppOf(ctx)
	if err != nil {
		return Missing(err)
	}
	h.app, h.logger, h.act = app, ctx.Logger(), h.serve
	for _, other := range h.OtherUpstreams {
		if err := other.Check(); err != nil { // as it is written: it says that no placeholder may stand there
			return h.At.At("other_upstreams", err)
		}
	}
	if err := h.resolvePlaceholders(); err != nil {
		return err
	}
	if !app.searched {
		return errors.New("the http app's configuration could not be read: side doors cannot be looked for")
	}
	var problems []error
	check := func(option string, err error) {
		if err != nil {
			problems = append(problems, h.At.At(option, err))
		}
	}
	for _, other := range h.OtherUpstreams {
		if upstreams := other.Upstreams(); len(upstreams) > 0 {
			app.advice.warn(Finding{"other-upstreams", h.At["other_upstreams"], fmt.Sprintf("requests of this site may go to upstreams that are no region's, %s: %s; take out what is no longer needed",
				strings.Join(upstreams, ", "), other.Why)})
		}
	}
	check("statement", app.store.Require(h.checkStatement))
	check("status_to", h.provisionStatus())
	check("denial_page", h.provisionPages())
	check("", h.provisionActivities(ctx))
	check("", h.provisionRegions(ctx))
	if len(problems) > 0 {
		return errors.Join(problems...)
	}
	h.site.Node = decision.Place{Entity: app.Node.Entity, Country: app.Node.Country}
	h.site.Demo = app.Demo
	h.site.Statement = h.Statement
	if err := app.register(h); err != nil {
		return err
	}
	app.adviseOnSite(h)
	return nil
}

// checkStatement makes sure that the policy has the statement.
func (h *Handler) checkStatement(p *decision.Policy) error {
	names := ids(p.Statements, func(s decision.Statement) string { return s.Name })
	if h.Statement == "" || slices.Contains(names, h.Statement) {
		return nil
	}
	return fmt.Errorf("statement '%s' is not in the policy; %s", h.Statement, suggest.For(h.Statement, slices.Compact(names)))
}

// resolvePlaceholders resolves those in the options that are ours; what stands in a
// region's block is Caddy's affair.
func (h *Handler) resolvePlaceholders() error {
	places := maps.Clone(h.At)
	if places == nil {
		places = option.Places{}
	}
	for i, a := range h.Activities {
		places[fmt.Sprint("activities.", i)] = a.At
	}
	for i, r := range h.Regions {
		places[fmt.Sprint("regions.", i)] = r.At
	}
	return option.Resolve(h, places)
}

// AppOf returns the transfer app of the configuration that ctx is of, provisioned. An
// error means that there is none: a guest's Provision returns [Missing] of it.
func AppOf(ctx caddy.Context) (*App, error) {
	app, err := ctx.AppIfConfigured("transfer")
	switch {
	case errors.Is(err, caddy.ErrNotConfigured):
		return nil, errors.New("there is no global option 'transfer': say in it where the gateway stands and where transfers are recorded")
	case err != nil:
		return nil, errBroken
	}
	return app.(*App), nil
}

// errBroken tells that the app was not provisioned.
var errBroken = errors.New("the global option 'transfer' is broken")

// Missing is what a guest's Provision returns when [AppOf] found no app. It is nil if
// there is one that could not be provisioned: such a configuration never loads, and Caddy
// says why once, in the app's own words, if no guest did before it.
func Missing(err error) error {
	if errors.Is(err, errBroken) {
		return nil
	}
	return err
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
	h.app.recorder.Class(v.activity()).Requested()
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
		case errors.Is(err, recorder.ErrUnshipped):
			return x.fail(decision.LedgerUnshipped)
		case !try.mayHandOver():
			return x.fail(try.failure(err)).of(order[i].Region)
		}
	}
	return x.fail(decision.RegionDown).of(order[len(order)-1].Region)
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
