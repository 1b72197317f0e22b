package gateway

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/sparkoo/transfergate/caddyplugin/option"
	"github.com/sparkoo/transfergate/caddyplugin/recorder"
	"github.com/sparkoo/transfergate/caddyplugin/sitecheck"
	"github.com/sparkoo/transfergate/internal/policystore"
	"github.com/sparkoo/transfergate/internal/suggest"
)

func init() {
	httpcaddyfile.RegisterGlobalOption("transfer", parseApp)
	httpcaddyfile.RegisterHandlerDirective("transfer", parseHandler)
	httpcaddyfile.RegisterDirectiveOrder("transfer", httpcaddyfile.Before, "reverse_proxy")
}

// parseApp parses the global option. Syntax:
//
//	transfer {
//	    node    <name> <country> <entity>
//	    policy  <folder>
//	    ledger  <folder> { ... }
//	    accept_ledger_outside
//	    geoip   embedded|<file>
//	    identity <source> ...
//	    accounts <source> ...
//	    assertion { ... }
//	    require_approvals <number> <keys or files...>
//	    operators <keys or files...>
//	    shadow  <folder>
//	    mode    enforce
//	    mode    report <owner> <YYYY-MM-DD>
//	    log_transfers
//	    demo
//	}
func parseApp(d *caddyfile.Dispenser, existing any) (any, error) {
	if existing != nil {
		d.Next()
		return nil, d.Err("the transfer option is written twice: keep all of it in one block")
	}
	app := new(App)
	if err := app.UnmarshalCaddyfile(d); err != nil {
		return nil, err
	}
	return httpcaddyfile.App{Name: "transfer", Value: caddyconfig.JSON(app, nil)}, nil
}

// UnmarshalCaddyfile implements caddyfile.Unmarshaler. The syntax stands at parseApp.
func (a *App) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // consume the option's name
	if d.NextArg() {
		return d.ArgErr()
	}
	a.At = option.Places{"": position(d)}
	return option.Block(d, []string{"identity"}, func(d *caddyfile.Dispenser, word string) error {
		segment := d.NextSegment()
		d.Reset()
		d.Next()
		if word == "candidate" {
			caddy.Log().Named("caddyfile").Warn("the option 'candidate' is deprecated: it is now called 'shadow'", zap.String("at", position(d)))
			word = "shadow"
		}
		path := word
		if word == "identity" {
			path = fmt.Sprint("identity.", len(a.IdentityRaw))
		}
		a.At.Note(path, segment)
		return a.unmarshalOption(d, word)
	})
}

func (a *App) unmarshalOption(d *caddyfile.Dispenser, word string) (err error) {
	switch word {
	case "node":
		a.Node = new(Node)
		return allArgs(d, "node NAME COUNTRY ENTITY", &a.Node.Name, &a.Node.Country, &a.Node.Entity)

	case "policy":
		return allArgs(d, "policy FOLDER", &a.Policy)

	case "ledger":
		a.Ledger = new(recorder.Ledger)
		return a.Ledger.UnmarshalCaddyfile(d)

	case "geoip":
		return allArgs(d, "geoip embedded|FILE", &a.GeoIP)

	case "accept_ledger_outside":
		a.AcceptLedgerOutside = true
		return allArgs(d, "accept_ledger_outside")

	case "demo":
		a.Demo = true
		return allArgs(d, "demo")

	case "log_transfers":
		a.LogTransfers = true
		return allArgs(d, "log_transfers")

	case "identity":
		raw, err := guest(d, "identity")
		a.IdentityRaw = append(a.IdentityRaw, raw)
		return err

	case "accounts":
		a.AccountsRaw, err = guest(d, "accounts")
		return err

	case "assertion":
		return a.unmarshalAssertion(d)

	case "mode":
		return a.unmarshalMode(d)

	case "shadow":
		if a.Shadow != "" { // by its former name
			return d.Err("'shadow' is written twice")
		}
		return allArgs(d, "shadow FOLDER", &a.Shadow)

	case "require_approvals":
		return a.unmarshalApprovals(d)

	case "operators":
		if a.OperatorKeys = d.RemainingArgs(); len(a.OperatorKeys) == 0 {
			return d.Errf("operators needs public keys or files that hold them, as in 'operators /etc/transfergate/operators.txt'")
		}
		return nil
	}
	return d.Errf("unrecognized option '%s'; %s", word, suggest.For(word, []string{
		"node", "policy", "ledger", "geoip", "accept_ledger_outside", "demo", "identity", "accounts", "assertion", "log_transfers", "mode", "operators", "require_approvals", "shadow",
	}))
}

// unmarshalApprovals parses the option. Syntax:
//
//	require_approvals <number> <keys or files...>
func (a *App) unmarshalApprovals(d *caddyfile.Dispenser) (err error) {
	args := d.RemainingArgs()
	if len(args) < 2 {
		return d.Errf("%d arguments where 'require_approvals NUMBER KEYS...' is meant, as in 'require_approvals 1 /etc/transfergate/approvers.txt'", len(args))
	}
	a.Approvals = &policystore.Approvals{Keys: args[1:]}
	if a.Approvals.Required, err = strconv.Atoi(args[0]); err != nil {
		return d.Errf("'%s' is no number of approvals", args[0])
	}
	return nil
}

func (a *App) unmarshalMode(d *caddyfile.Dispenser) error {
	args := d.RemainingArgs()
	switch {
	case slices.Equal(args, []string{"enforce"}):
		a.Mode = new(policystore.Mode)
	case len(args) == 3 && args[0] == "report":
		a.Mode = &policystore.Mode{Report: true, Owner: args[1], Until: args[2]}
	default:
		return d.Errf("mode is 'enforce', or 'report OWNER YYYY-MM-DD' with who answers for it and the day it ends")
	}
	return nil
}

// guest parses a guest module: its name, then whatever it takes.
func guest(d *caddyfile.Dispenser, namespace string) (json.RawMessage, error) {
	if !d.NextArg() {
		return nil, d.Errf("%s needs a source, as in '%s file accounts.ndjson' or '%s header'", namespace, namespace, namespace)
	}
	name := d.Val()
	module, err := caddyfile.UnmarshalModule(d, "transfer."+namespace+"."+name)
	if err != nil {
		return nil, err
	}
	switch module.(type) {
	case IdentitySource, AccountSource:
		return caddyconfig.JSONModuleObject(module, "source", name, nil), nil
	}
	return nil, d.Errf("module '%s' is no %s source", name, namespace)
}

// parseHandler parses the directive. Syntax:
//
//	transfer {
//	    activity <name> [<matcher>] {
//	        websocket
//	    }
//	    region <code> <upstreams...>
//	    region <code> {
//	        <handlers...>
//	    }
//	    other_upstreams <addresses or handlers...> "<why>"
//	    statement <name>
//	    status_to <networks or private_ranges...>
//	    denial_page <file> [<language>]
//	    log_personal_data "<why>"
//	}
func parseHandler(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	h.Next() // consume the directive's name
	if h.NextArg() {
		return nil, h.ArgErr()
	}
	handler := &Handler{At: option.Places{"": position(h.Dispenser)}}
	err := option.Block(h.Dispenser, siteRepeats, func(d *caddyfile.Dispenser, word string) error {
		if handler.At[word] == "" && word != "activity" && word != "region" { // those know theirs
			handler.At[word] = position(d)
		}
		return handler.unmarshalOption(h.WithDispenser(d), word)
	})
	if err != nil {
		return nil, err
	}
	return handler, nil
}

// siteWords are the options of a site, and siteRepeats those that may be repeated.
var (
	siteWords   = []string{"activity", "region", "other_upstreams", "statement", "status_to", "denial_page", "log_personal_data"}
	siteRepeats = []string{"activity", "region", "other_upstreams", "status_to", "denial_page"}
)

func (h *Handler) unmarshalOption(helper httpcaddyfile.Helper, word string) error {
	switch word {
	case "activity":
		return h.unmarshalActivity(helper)

	case "region":
		return h.unmarshalRegion(helper)

	case "other_upstreams":
		return h.unmarshalOther(helper)

	case "statement":
		return allArgs(helper.Dispenser, "statement NAME", &h.Statement)

	case "status_to":
		networks := helper.RemainingArgs()
		if h.StatusTo = append(h.StatusTo, networks...); len(networks) == 0 {
			return helper.Err("status_to needs networks, as in 'status_to 10.0.0.0/8'")
		}
		return nil

	case "log_personal_data":
		if err := allArgs(helper.Dispenser, `log_personal_data "WHY"`, &h.LogPersonalData); err != nil {
			return err
		}
		if h.LogPersonalData == "" {
			return helper.Err("log_personal_data gives no reason")
		}
		return nil

	case "denial_page":
		args := helper.RemainingArgs()
		if len(args) < 1 || len(args) > 2 {
			return helper.Err("denial_page needs the file of a page, and may name its language, as in 'denial_page /etc/transfergate/denial.pt.html pt'")
		}
		h.DenialPages = append(h.DenialPages, &DenialPage{File: args[0], Language: strings.Join(args[1:], "")})
		return nil
	}
	if strings.HasPrefix(word, "@") {
		return helper.Errf("the matcher '%s' stands inside 'transfer': define it in the site, outside of this block, and name it here, as in 'activity storage %s'", word, word)
	}
	return helper.Errf("unrecognized subdirective '%s'; %s", word, suggest.For(word, siteWords))
}

func (h *Handler) unmarshalActivity(helper httpcaddyfile.Helper) error {
	a := &Activity{At: position(helper.Dispenser)}
	if !helper.NextArg() {
		return helper.Err("activity needs a name of the policy, as in 'activity storage @objects'")
	}
	a.Name = helper.Val()
	matcher, found, err := helper.MatcherToken()
	switch {
	case err != nil:
		return helper.WrapErr(err)
	case !found && helper.Val() != a.Name:
		return helper.Errf("'%s' is no matcher: write @name, /path or *", helper.Val())
	case matcher != nil:
		a.MatcherSetsRaw = caddyhttp.RawMatcherSets{matcher}
	}
	if helper.NextArg() {
		return helper.ArgErr()
	}
	h.Activities = append(h.Activities, a)
	return option.Block(helper.Dispenser, nil, func(d *caddyfile.Dispenser, word string) error {
		if a.WebSocket = word == "websocket"; !a.WebSocket {
			return d.Errf("unrecognized option '%s' of an activity; %s", word, suggest.For(word, []string{"websocket"}))
		}
		return nil
	})
}

func (h *Handler) unmarshalRegion(helper httpcaddyfile.Helper) error {
	region := &Region{At: position(helper.Dispenser)}
	if !helper.NextArg() {
		return helper.Err("region needs a code of the policy, as in 'region ap-southeast-3 https://sg-1.internal'")
	}
	region.Code = helper.Val()
	code := helper.Token()
	upstreams := helper.RemainingArgs()
	segment := helper.NewFromNextSegment()
	var tokens []caddyfile.Token
	for segment.Next() {
		tokens = append(tokens, segment.Token())
	}
	block := tokens[1:] // after the last word of the line
	switch {
	case len(upstreams) > 0 && len(block) > 0:
		return fmt.Errorf("region '%s' has upstreams and a block: write one of the two%s", region.Code, at(region.At))
	case len(upstreams) > 0:
		block = proxyTokens(code, upstreams)
	case len(block) <= 2:
		return fmt.Errorf("region '%s' is empty: name upstreams, or write a block with a reverse_proxy%s", region.Code, at(region.At))
	}
	sub, err := httpcaddyfile.ParseSegmentAsSubroute(helper.WithDispenser(caddyfile.NewDispenser(append([]caddyfile.Token{code}, block...))))
	if err != nil {
		return err
	}
	region.Routes = sub.(*caddyhttp.Subroute).Routes
	h.Regions = append(h.Regions, region)
	return nil
}

// proxyTokens are the tokens of "{ reverse_proxy upstreams... }", on the line
// they stand for.
func proxyTokens(like caddyfile.Token, upstreams []string) []caddyfile.Token {
	word := func(text string, line int) caddyfile.Token {
		t := like.Clone()
		t.Text, t.Line = text, line
		return t
	}
	tokens := []caddyfile.Token{word("{", like.Line), word("reverse_proxy", like.Line+1)}
	for _, u := range upstreams {
		tokens = append(tokens, word(u, like.Line+1))
	}
	return append(tokens, word("}", like.Line+2))
}

func (h *Handler) unmarshalOther(helper httpcaddyfile.Helper) error {
	args := helper.RemainingArgs()
	if len(args) < 2 {
		return helper.Err(`other_upstreams needs addresses and a reason, as in 'other_upstreams auth.internal:9091 "forward_auth sees no body"'`)
	}
	last := len(args) - 1
	h.OtherUpstreams = append(h.OtherUpstreams, sitecheck.OtherUpstreams{Addresses: args[:last], Why: args[last]})
	return nil
}

// allArgs reads exactly the arguments a word takes.
func allArgs(d *caddyfile.Dispenser, syntax string, targets ...*string) error {
	args := d.RemainingArgs()
	if len(args) != len(targets) {
		return d.Errf("%d arguments where '%s' is meant", len(args), syntax)
	}
	for i, target := range targets {
		*target = args[i]
	}
	return nil
}

// position is where the dispenser stands, as file:line.
func position(d *caddyfile.Dispenser) string { return option.Position(d) }

// Interface guards
var (
	_ caddyfile.Unmarshaler = (*App)(nil)
	_ caddy.Module          = (*App)(nil)
)
