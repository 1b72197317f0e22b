package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/sparkoo/transfergate/caddyplugin/adminapi"
	"github.com/sparkoo/transfergate/caddyplugin/option"
	"github.com/sparkoo/transfergate/caddyplugin/recorder"
	"github.com/sparkoo/transfergate/caddyplugin/sitecheck"
	"github.com/sparkoo/transfergate/controllers"
	"github.com/sparkoo/transfergate/internal/country"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/geo"
	"github.com/sparkoo/transfergate/internal/lastgood"
	"github.com/sparkoo/transfergate/internal/policystore"
	"github.com/sparkoo/transfergate/internal/repeats"
	"github.com/sparkoo/transfergate/internal/suggest"
)

func init() {
	caddy.RegisterModule(new(App))
}

// App is the transfer gateway's configuration for the whole process: where its
// node stands, which policy is in force, who vouches for data subjects, and
// where transfers are recorded.
type App struct {
	// The node this gateway runs on. Required.
	Node *Node `json:"node,omitempty"`

	// The folder of the policy's registers. Default: the embedded policy.
	Policy string `json:"policy,omitempty"`

	// The folder of a policy on trial beside the one in force: what it would
	// change is counted and recorded, and nothing else. Default: none
	Shadow string `json:"shadow,omitempty"`

	// Deprecated: the former name of shadow. Default: none
	Candidate string `json:"candidate,omitempty"`

	// Where transfers are recorded. Required.
	Ledger *recorder.Ledger `json:"ledger,omitempty"`

	// Accepts a ledger outside the storage country, where it would otherwise
	// be a load error: personal data is stored in Singapore (§9).
	// Default: false
	AcceptLedgerOutside bool `json:"accept_ledger_outside,omitempty"`

	// The country database: a file in the GeoIP2-Country schema, or the word
	// "embedded". It only ever gives a hint. Default: off
	GeoIP string `json:"geoip,omitempty"`

	// Who vouches for data subjects, in the order asked. Default: nobody, so
	// that every request is anonymous.
	IdentityRaw []json.RawMessage `json:"identity,omitempty" caddy:"namespace=transfer.identity inline_key=source"`

	// Where account records come from. Default: nowhere
	AccountsRaw json.RawMessage `json:"accounts,omitempty" caddy:"namespace=transfer.accounts inline_key=source"`

	// Whether denials are enforced or only reported. Default: enforced
	Mode *policystore.Mode `json:"mode,omitempty"`

	// Who must have signed a policy. Default: nobody
	Approvals *policystore.Approvals `json:"approvals,omitempty"`

	// The public keys of those whose signed orders the admin API obeys: holds, keys,
	// reloads of the policy. As 'transfer policy keygen' prints them, or files that
	// hold one a line. Default: nobody, so that orders come over a unix socket alone
	OperatorKeys []string `json:"operators,omitempty"`

	// Signed assertions for upstreams. Default: none
	Assertion *Assertion `json:"assertion,omitempty"`

	// Lets safeguards marked example or confirm satisfy laws, and upstreams
	// stand on loopback. For demonstrations: every record says so.
	// Default: false
	Demo bool `json:"demo,omitempty"`

	// Logs a line for each transfer. The ledger has a record of each anyway.
	// Default: false
	LogTransfers bool `json:"log_transfers,omitempty"`

	// Where the options were written, by their paths. Default: nowhere
	At option.Places `json:"at,omitempty"`

	ctx    caddy.Context
	logger *zap.Logger
	store  *policystore.Store // the policy in force

	table    *controllers.Table
	identity chain
	accounts AccountSource
	finder   AccountFinder // the account source, if it is one
	geo      *geo.Source
	lastGood *lastgood.Room     // nil without a ledger, which is refused
	recorder *recorder.Recorder // requests in flight use it after Cleanup
	metrics  *metrics
	hosts    map[string]bool // host names of sites with a transfer handler
	searched bool            // the http app was searched for side doors

	stop       func()
	background sync.WaitGroup // what Stop waits for

	connections connections
	sites       sitecheck.Sites
	redacted    []string // servers whose logs are
	probed      []string // servers that refuse probes
	starting    *starting
	opening     opening
	advice      advice
	complaints  repeats.Counter[refuser] // of credentials that were refused; at most causes times sources
	failures    repeats.Counter[error]   // of the ledger
	unready     repeats.Counter[error]   // likewise, as a probe found it
	mishaps     repeats.Counter[mishap]
	operators   *adminapi.Operators

	example  string                           // address of a site to try
	console  string                           // address of the review console, likewise
	denials  repeats.Counter[decision.Reason] // of the log
	early    []string                         // servers that a warning of early data was given for
	unlisted unlisted

	written  written     // the configuration
	declared atomic.Bool // the ledger is to say how the gateway is set

	handlers []*Handler // no more of them once the app has started
}

// Node is where a gateway stands and who runs it.
type Node struct {
	// Name stands in every record. An RFC 9651 token.
	Name string `json:"name,omitempty"`

	// Country the node stands in: ISO 3166-1 alpha-2.
	Country string `json:"country,omitempty"`

	// Entity that runs the node: the id of a controller or recipient.
	Entity string `json:"entity,omitempty"`
}

// CaddyModule returns the Caddy module information.
func (*App) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "transfer", New: func() caddy.Module { return new(App) }}
}

// Provision reads everything a request needs. It creates no file and takes no
// lock: a configuration is also provisioned to be validated, beside the
// gateway that runs.
func (a *App) Provision(ctx caddy.Context) error {
	a.ctx = ctx
	a.logger = ctx.Logger(a)
	a.starting, a.advice.logger = newStarting(), a.logger
	if listen := listener.Load(); listen != nil {
		(*listen)(a)
	}
	if err := a.provision(); err != nil {
		if len(ctx.Modules()) > 1 {
			// Caddy keeps the error for the next who asks, but without the words it
			// puts before it if no guest asks first: who does is a matter of chance.
			err = fmt.Errorf("provision transfer: %w", err)
		}
		return err
	}
	return nil
}

// provision does all that it can, so that all problems are told at once, in the order in
// which things depend on each other.
func (a *App) provision() error {
	a.denials.Every = time.Minute
	var err error
	if a.written, err = a.asWritten(); err != nil {
		return err
	}
	if err := option.Resolve(a, a.At); err != nil {
		return err
	}
	a.provisionLastGood()
	var problems []error
	failed := map[string]bool{}
	for _, step := range []struct {
		option string
		run    func() error
		needs  []string // what must have gone well
	}{
		{"demo", a.checkClock, nil},
		{"policy", a.provisionPolicy, nil},
		{"node", a.provisionNode, nil},
		{"node.entity", a.provisionEntity, []string{"policy", "node"}},
		{"mode", a.provisionMode, []string{"policy"}},
		{"ledger", a.provisionLedger, []string{"policy", "node"}},
		{"require_approvals", a.provisionApprovals, []string{"policy", "ledger"}},
		{"operators", a.provisionOperators, []string{"ledger"}},
		{"shadow", a.provisionShadow, []string{"policy", "ledger"}},
		{"assertion", a.provisionAssertion, []string{"ledger"}},
		{"identity", a.provisionIdentity, nil},
		{"accounts", a.provisionAccounts, []string{"policy"}},
		{"geoip", a.provisionGeo, nil},
		{"", a.provisionSites, []string{"identity"}},
	} {
		if slices.ContainsFunc(step.needs, func(n string) bool { return failed[n] }) {
			failed[step.option] = true
			continue
		}
		if err := step.run(); err != nil {
			failed[step.option] = true
			if step.option != "" { // a site's problem is at the site
				err = a.At.At(step.option, err)
			}
			problems = append(problems, err)
		}
	}
	if len(problems) > 0 {
		return errors.Join(problems...)
	}
	a.adviseOnOptions()
	return a.provisionMetrics()
}

// provisionSites looks for side doors in the http app's configuration.
func (a *App) provisionSites() error {
	routes, err := sitecheck.Load(a.ctx)
	if err != nil {
		return err
	}
	sites := sitecheck.Sites{Routes: routes, IdentityFields: a.identity.fields, Peers: slices.ContainsFunc(a.identity.sources, believesPeers)}
	a.searched, a.hosts, a.sites = len(routes) > 0, sites.Hosts(), sites
	logs, err := sitecheck.Logs(a.ctx)
	if err != nil {
		return err
	}
	if err := errors.Join(sites.Check(), sites.CheckLogs(logs)); err != nil {
		return err
	}
	for _, name := range sites.Unredacted(logs) {
		a.advice.warn(Finding{"log-unredacted", "", fmt.Sprintf("log '%s' is at level DEBUG, at which Caddy's proxies log people's requests with addresses, queries and header fields; "+
			"take DEBUG out when you are done, or write 'exclude http.handlers' in the log", name)})
	}
	for _, prefix := range sites.OpenLedgers() {
		a.advice.warn(Finding{"ledger-served", "", fmt.Sprintf("the transfer ledger is served under '%s': whoever reaches it reads every record; put it behind authentication, as in deploy/README.md", prefix)})
	}
	a.example, a.console = sites.Example(), sites.Console()
	if names := sites.HealthByName(); len(names) > 0 {
		a.advice.warn(Finding{"ready-by-name", "", fmt.Sprintf("transfer_health stands in sites with names only, '%s': a probe that asks by address, or on port 80 of a site with TLS, "+
			"gets Caddy's empty 200 or a redirect; write 'http://:8081 { transfer_health }' and have it ask there", strings.Join(names, ", "))})
	}
	return nil
}

// redactLogs has a server leave out of its logs who sent a request, once.
func (a *App) redactLogs(ctx caddy.Context) error {
	server, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if !ok || slices.Contains(a.redacted, server.Name()) {
		return nil
	}
	a.redacted = append(a.redacted, server.Name())
	return a.sites.RedactLogs(server)
}

func (a *App) provisionNode() error {
	if a.Node == nil {
		return errors.New("no node: say where this gateway stands, as in 'node gw-sg-1 SG sparkoo-sg'")
	}
	var problems []error
	if !isToken(a.Node.Name) {
		problems = append(problems, fmt.Errorf("node name '%s' is not a token of letters, digits and '-': it stands in header fields", a.Node.Name))
	}
	if !country.Valid(a.Node.Country) {
		problems = append(problems, fmt.Errorf("node country '%s' is not an ISO 3166-1 alpha-2 code; %s", a.Node.Country, country.Advice(a.Node.Country)))
	}
	return errors.Join(problems...)
}

// provisionEntity makes sure that the policy knows who runs the node.
func (a *App) provisionEntity() error {
	return a.store.Require(func(p *decision.Policy) error {
		if !knows(p, a.Node.Entity) {
			return fmt.Errorf("node entity '%s' is neither a controller nor a recipient of the policy; %s", a.Node.Entity, suggest.For(a.Node.Entity, entities(p)))
		}
		return nil
	})
}

// provisionIdentity loads the identity sources, each by itself, so that an error has a
// place.
func (a *App) provisionIdentity() error {
	var problems []error
	for i, raw := range a.IdentityRaw {
		one := struct {
			Raw json.RawMessage `caddy:"namespace=transfer.identity inline_key=source"`
		}{raw}
		guest, err := a.ctx.LoadModule(&one, "Raw")
		if err == nil {
			err = a.identity.add(guest.(IdentitySource), sourceName(raw), a.store.Require)
		}
		if err != nil {
			problems = append(problems, a.At.At(fmt.Sprint("identity.", i), guestError(err)))
		}
	}
	problems = append(problems, a.identity.checkIssuers())
	return errors.Join(problems...)
}

// sourceName is what an identity source is called in the configuration.
func sourceName(raw json.RawMessage) string {
	var named struct {
		Source string `json:"source"`
	}
	_ = json.Unmarshal(raw, &named) // it was loaded by that name
	return named.Source
}

func (a *App) provisionAccounts() error {
	if a.AccountsRaw == nil {
		return nil
	}
	guest, err := a.ctx.LoadModule(a, "AccountsRaw")
	if err != nil {
		return guestError(err)
	}
	a.accounts = guest.(AccountSource)
	a.finder, _ = guest.(AccountFinder)
	if err := a.accounts.Load(a.table); err != nil {
		return err
	}
	if keeper, ok := guest.(LastGoodKeeper); ok && !keeper.LastGood().IsZero() {
		notTaken(whatAccounts)
	}
	return nil
}

// guestError is what a guest says, without how Caddy came to it.
func guestError(err error) error {
	if _, said, ok := strings.Cut(err.Error(), ": provision transfer."); ok {
		if _, said, ok = strings.Cut(said, ": "); ok {
			return errors.New(said)
		}
	}
	return err
}

// Start opens the ledger and starts what no request waits for. A ledger that cannot be
// written to for now is opened later.
func (a *App) Start() error {
	defer a.starting.end()
	a.advice.running()
	a.identity.watchClaims(&a.advice, a.At)
	a.adviseOnPolicy(a.store.State().Policy) // perhaps another one by now
	a.limitGrace()
	wait, err := a.openOrWait()
	if err != nil {
		return err
	}
	a.Assertion.publish()
	ctx, cancel := caddy.NewContext(a.ctx)
	a.stop = cancel
	if wait {
		a.background.Go(func() { a.keepOpening(ctx) })
	}
	failures := a.newLoadFailures()
	if a.accounts != nil {
		a.background.Go(func() { a.accounts.Watch(ctx) }) // it may keep records on disk when it ends
	}
	for _, source := range a.identity.sources {
		if refresher, ok := source.(Refresher); ok {
			go refresher.Watch(ctx)
		}
	}
	if a.geo != nil {
		go a.geo.Watch(ctx, sourceInterval)
	}
	a.background.Go(func() { failures.run(ctx) })
	a.tidyLastGood(ctx)
	interval := time.Duration(policyInterval.Load())
	a.background.Go(func() { a.store.Run(ctx, interval) })
	a.sayWhatToTry(ctx)
	return nil
}

// Stop ends what Start began. The ledger stays open for requests in flight.
func (a *App) Stop() error {
	if a.stop != nil {
		a.stop()
		a.background.Wait()
	}
	return errors.Join(a.holdsNoMore(), a.withdraw())
}

// Cleanup gives back the ledger, which closes when the last request that uses it
// is done, and the keys of assertions.
func (a *App) Cleanup() error {
	a.endRequests()
	a.advice.gone()
	return errors.Join(a.withdraw(), a.Assertion.cleanup(), a.recorder.Close())
}

// sourceInterval is how often files that may be replaced are looked at.
const sourceInterval = 2 * time.Second

// clock replaces the time of decisions and records in tests; nil otherwise.
var clock atomic.Pointer[func() time.Time]

// now is the time of decisions and records.
func now() time.Time {
	if c := clock.Load(); c != nil {
		return (*c)()
	}
	return time.Now()
}

// Interface guards
var (
	_ caddy.App          = (*App)(nil)
	_ caddy.Provisioner  = (*App)(nil)
	_ caddy.CleanerUpper = (*App)(nil)
)
