// Package console is the guest handler of the pages on which a ledger is reviewed: it
// tells who looks, from what Caddy's authentication says, and leaves the rest to
// internal/console.
package console

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/sparkoo/transfergate/caddyplugin/gateway"
	"github.com/sparkoo/transfergate/caddyplugin/option"
	"github.com/sparkoo/transfergate/internal/console"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/query/scan"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/repeats"
	"github.com/sparkoo/transfergate/internal/report"
)

func init() {
	caddy.RegisterModule(new(Console))
}

// Console serves the pages on which people review the transfers that the ledger
// records. Who looks must have been authenticated by another handler before it, and
// have a role:
//
//   - a viewer reads all pages but those of persons
//   - a reviewer exports, makes reports, sees records as they stand and whose they are
//   - an officer looks up persons
//
// Who has several has the highest.
type Console struct {
	// Where the directive was written. Default: nowhere
	At option.Places `json:"at,omitempty"`

	// The path under which the console stands; other paths go on to the next handler.
	// Default: /, every path of the route
	Prefix string `json:"prefix,omitempty"`

	// The placeholder that says who looks. Default: {http.auth.user.id}
	User string `json:"user,omitempty" placeholders:"own"`

	// A placeholder that says which role they have: viewer, reviewer or officer, of
	// several with commas the highest; other words are none. Default: none
	Role string `json:"role,omitempty" placeholders:"own"`

	// Who has a role, by what User says; * is everybody who was authenticated.
	// Default: nobody
	Viewers   []string `json:"viewers,omitempty"`
	Reviewers []string `json:"reviewers,omitempty"`
	Officers  []string `json:"officers,omitempty"`

	// The role of whoever asks on this machine, by its own name, without having been
	// authenticated. For demonstrations. Default: none
	AllowAnonymous string `json:"allow_anonymous,omitempty"`

	// Ledgers that are shown beside the gateway's own, such as copies of other nodes'.
	// Default: none
	Ledgers []*Ledger `json:"ledgers,omitempty"`

	anonymous console.Role
	pages     *console.Console
}

// Ledger is another ledger that the pages show. It is only read.
type Ledger struct {
	// The name by which the pages call it: letters, digits, '-' and '_'. Required.
	Name string `json:"name,omitempty"`

	// The ledger's folder. Required.
	Folder string `json:"folder,omitempty"`
}

// ledgerName is one that may stand in an address as it is.
var ledgerName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`)

// requestPlaceholder is one that Caddy fills for each request; what stands for the same
// for all would make everybody one user.
var requestPlaceholder = regexp.MustCompile(`^\{http\.[^{}]+\}$`)

// CaddyModule returns the Caddy module information.
func (*Console) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.transfer_console", New: func() caddy.Module { return new(Console) }}
}

// Provision sets up the handler.
func (c *Console) Provision(ctx caddy.Context) error { return c.At.At("", c.provision(ctx)) }

func (c *Console) provision(ctx caddy.Context) error {
	if err := option.Resolve(c, c.At); err != nil {
		return err
	}
	if c.Prefix = strings.TrimSuffix(c.Prefix, "/"); c.Prefix != "" && !option.IsPlainPath(c.Prefix) {
		return fmt.Errorf("transfer_console takes one path without wildcards, as in 'transfer_console /compliance', not '%s'", c.Prefix)
	}
	if c.User == "" {
		c.User = "{http.auth.user.id}"
	}
	for _, o := range []struct{ name, value string }{{"user", c.User}, {"role", c.Role}} {
		if o.value != "" && !requestPlaceholder.MatchString(o.value) {
			return fmt.Errorf("%s '%s' is no placeholder of a request: write one, as {http.auth.user.id} or {http.vars.role}", o.name, o.value)
		}
	}
	if c.AllowAnonymous != "" {
		var ok bool
		if c.anonymous, ok = console.ParseRole(c.AllowAnonymous); !ok {
			return fmt.Errorf("allow_anonymous '%s' is no role: choose viewer, reviewer or officer", c.AllowAnonymous)
		}
	}
	others, err := c.others()
	if err != nil {
		return err
	}
	app, err := gateway.AppOf(ctx)
	if err != nil {
		return gateway.Missing(err)
	}
	if app.Node == nil {
		return errors.New("transfer_console needs a gateway with a node")
	}
	dir := ledger.At(app.Recorder().Dir())
	c.pages = console.New(console.Options{
		Node: app.Node.Name, Dir: dir, Source: scan.Of(dir), Others: others, Policy: app.PolicyInForce, Now: app.Now,
		Record:   func(who string, look report.Look) (string, error) { return recordLook(app, who, look) },
		Subjects: func(account, salt string) ([]string, string, error) { return subjects(app, account, salt) },
		Example:  app.Example,
		InForce:  func() console.InForce { return inForce(app) },
		Standing: func() []console.Notice { return standing(app) },
		Logger:   repeats.Logger(ctx.Slogger(), time.Now), // whoever looks can ask again and again
		Demo:     app.Demo,
	})
	return nil
}

// others are the other ledgers. Whether one is there is seen when somebody looks: a copy
// that is being replaced keeps no gateway from starting.
func (c *Console) others() (all []*console.Ledger, err error) {
	for _, l := range c.Ledgers {
		switch {
		case !ledgerName.MatchString(l.Name):
			return nil, fmt.Errorf("ledger '%s': its name stands in addresses; write letters, digits, '-' and '_', as in 'ledger gw-br-1 /srv/ledgers/gw-br-1'", l.Name)
		case l.Folder == "":
			return nil, fmt.Errorf("ledger '%s' has no folder", l.Name)
		case slices.ContainsFunc(all, func(o *console.Ledger) bool { return o.Name == l.Name }):
			return nil, fmt.Errorf("two ledgers have the name '%s'", l.Name)
		}
		dir := ledger.At(l.Folder)
		all = append(all, &console.Ledger{Name: l.Name, Node: cmp.Or(dir.Node(), l.Name), Dir: dir, Source: scan.Of(dir)})
	}
	return all, nil
}

// recordLook has an entry of the ledger tell of a look. Who looks stands in it by their
// pseudonym, as members of staff do in records of transfers.
func recordLook(app *gateway.App, who string, look report.Look) (number string, err error) {
	c := app.Recorder().Class("")
	release, open := c.Acquire()
	if !open {
		return "", ledger.ErrClosed
	}
	defer release()
	if who != "" {
		if look.Office = c.Log().Staff(who, app.Now()); look.Office == "" {
			return "", ledger.ErrClosed
		}
	}
	if err := look.Check(); err != nil {
		return "", err
	}
	id, err := c.Append(look.Entry(app.Node.Name, app.Now()))
	if err != nil {
		return "", err
	}
	c.Looked(look.What)
	return c.RecordName(id), nil
}

// subjects are the pseudonyms of an account.
func subjects(app *gateway.App, account, salt string) (all []string, now string, err error) {
	for _, c := range app.Recorder().Classes() {
		release, open := c.Acquire()
		if !open {
			return nil, "", ledger.ErrClosed
		}
		for _, s := range slices.Compact([]string{salt, ""}) {
			all = append(all, c.Log().Subjects(account, s)...)
		}
		if c.Name() == record.DefaultClass {
			now = c.Log().Subject(account, salt, app.Now())
		}
		release()
	}
	return all, now, nil
}

// inForce is where the policy in force comes from.
func inForce(app *gateway.App) console.InForce {
	status := app.PolicyStatus()
	of := console.InForce{Source: status.Source, Loaded: status.Loaded}
	if a := status.Approvals; a != nil {
		of.Approvals = fmt.Sprintf("Serial %d, written by %s, approved by %s; %d must approve.", a.Serial, a.Author, strings.Join(a.Approvers, ", "), a.Required)
	}
	return of
}

// standing is what is wrong with the gateway now, or worth to know.
func standing(app *gateway.App) (all []console.Notice) {
	if err := app.Ready(); err != nil {
		all = append(all, console.Notice{Wrong: true, Text: "The gateway is not ready: " + err.Error() + "."})
	}
	policy := app.PolicyStatus()
	if f := policy.Failure; f != nil {
		all = append(all, console.Notice{Wrong: true, Text: "The policy of the folder was not taken: " + f.Error + ". The one before it is in force."})
	}
	if m := policy.Mode; m.Report {
		all = append(all, console.Notice{Text: fmt.Sprintf("Missing safeguards are only reported until %s, by decision of %s.", m.Until, m.Owner)})
	}
	for _, a := range policy.Mode.Activities {
		all = append(all, console.Notice{Text: fmt.Sprintf("Missing safeguards of the activity %s are only reported until %s, by decision of %s.", a.Activity, a.Until.UTC().Format(time.DateOnly), a.Owner)})
	}
	if s := policy.Shadow; s != nil {
		all = append(all, console.Notice{Text: "A policy is on trial beside the one in force: what it would change stands in records (shadow:*)."})
	}
	return all
}

// ServeHTTP implements caddyhttp.MiddlewareHandler.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	if c.Prefix != "" && r.URL.Path == c.Prefix {
		w.Header().Set("Location", c.Prefix[strings.LastIndexByte(c.Prefix, '/')+1:]+"/")
		w.WriteHeader(http.StatusPermanentRedirect)
		return nil
	}
	path, ours := strings.CutPrefix(r.URL.Path, c.Prefix+"/")
	if !ours {
		return next.ServeHTTP(w, r)
	}
	c.pages.Serve(w, r, path, c.visitor(r))
	return nil
}

// visitor is who looks. Nobody else's word counts than that of the handlers before
// this one.
func (c *Console) visitor(r *http.Request) console.Visitor {
	repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if !ok {
		return console.Visitor{}
	}
	name := repl.ReplaceAll(c.User, "")
	if name == "" {
		if c.anonymous != console.Nobody && fromHere(r) {
			return console.Visitor{Role: c.anonymous}
		}
		return console.Visitor{}
	}
	v := console.Visitor{Name: name}
	if c.Role != "" {
		for word := range strings.SplitSeq(repl.ReplaceAll(c.Role, ""), ",") {
			if role, ok := console.ParseRole(strings.TrimSpace(word)); ok {
				v.Role = max(v.Role, role)
			}
		}
	}
	for role, users := range map[console.Role][]string{console.Viewer: c.Viewers, console.Reviewer: c.Reviewers, console.Officer: c.Officers} {
		if slices.Contains(users, name) || slices.Contains(users, "*") {
			v.Role = max(v.Role, role)
		}
	}
	return v
}

// fromHere reports whether a request comes from this machine and is for it by its own
// name: a page of elsewhere could make a name of its own lead here.
func fromHere(r *http.Request) bool {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if host = strings.Trim(host, "[]"); !strings.EqualFold(host, "localhost") {
		if a, err := netip.ParseAddr(host); err != nil || !a.IsLoopback() {
			return false
		}
	}
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && from.Addr().Unmap().IsLoopback()
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Console)(nil)
	_ caddyhttp.MiddlewareHandler = (*Console)(nil)
)
