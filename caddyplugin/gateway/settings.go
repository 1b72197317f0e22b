package gateway

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/sparkoo/transfergate/caddyplugin/recorder"
	"github.com/sparkoo/transfergate/caddyplugin/sitecheck"
	"github.com/sparkoo/transfergate/internal/policystore"
	"github.com/sparkoo/transfergate/internal/version"
)

// This file says in the ledger how the gateway is set. What bears on a decision or a
// record is said in words; all the rest of the options is left to a digest, and so are
// values that may be secrets or about persons. Placeholders stay as they are written.

// declare says how the gateway is set, if that is not what the ledger says already.
func (a *App) declare() error {
	if !a.declared.Load() {
		return nil
	}
	state := a.store.State()
	return a.recorder.Declare(recorder.Configuration{
		Settings: recorder.NewSettings(a.settings(state)), Policy: state.Policy.Digest, Program: program(),
	})
}

// withdraw says that this configuration holds no more.
func (a *App) withdraw() error {
	if !a.declared.Swap(false) {
		return nil
	}
	return a.recorder.Withdraw()
}

// program is which version runs.
func program() string {
	caddyVersion, _ := caddy.Version()
	return "transfergate " + version.Own() + ", Caddy " + caddyVersion
}

// settings are the lines, in an order that follows from the configuration alone.
func (a *App) settings(state *policystore.State) []string {
	lines := []string{
		fmt.Sprintf("node: %s in %s, run by %s", a.Node.Name, a.Node.Country, a.Node.Entity),
		"mode: " + modeLine(a.Mode),
		fmt.Sprintf("demo: %t", a.Demo),
		"policy: " + policyLine(a.Policy, state),
		"shadow: " + or(a.Shadow, "none"),
		"require_approvals: " + a.approvalsLine(),
		"operators: " + or(strings.Join(hashes(a.operators.IDs()), " "), "none"),
		fmt.Sprintf("accept_ledger_outside: %t", a.AcceptLedgerOutside),
		"geoip: " + or(a.GeoIP, "off"),
		fmt.Sprintf("log_transfers: %t", a.LogTransfers),
		"ledger: kept " + or(a.Ledger.Retain, "the default time"),
	}
	if said := demoClock.Load(); said != nil {
		lines = append(lines, "clock: "+*said)
	}
	for _, c := range a.Ledger.Classes {
		lines = append(lines, fmt.Sprintf("ledger class %s: kept %s, %s", c.Name, c.Retain, or(strings.Join(c.Activities, " "), "no activity")))
	}
	lines = append(lines, fmt.Sprintf("ledger outside: %d witnesses, %d copies", len(a.Ledger.Witnesses), len(a.Ledger.Copies)))
	if a.Ledger.Ship != nil {
		lines = append(lines, "ledger ship: "+a.Ledger.Ship.Line())
	}
	for i, source := range a.written.Identity {
		lines = append(lines, fmt.Sprintf("identity %d: %s, options %s", i+1, sourceName(source), digestOf(source)))
	}
	if accounts := a.written.Accounts; accounts != nil {
		lines = append(lines, fmt.Sprintf("accounts: %s, options %s", sourceName(accounts), digestOf(accounts)))
	}
	lines = append(lines, "all options of transfer: "+digestOf(a.written.all))
	return append(lines, siteLines(a.sites.Routes)...)
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// modeLine leaves out who answers for it, which may be a person.
func modeLine(m *policystore.Mode) string {
	if m == nil || !m.Report {
		return "enforce"
	}
	return "report until " + m.Until
}

// policyLine says which policy is in force, and who stands behind it.
func policyLine(folder string, state *policystore.State) string {
	line := fmt.Sprintf("%s from %s", state.Policy.Digest, or(folder, "the program"))
	if state.Approved != nil {
		by := signedBy(state.Approved)
		line += fmt.Sprintf(", serial %d, written by %s, approved by %s", by.Serial, by.Author, strings.Join(by.Approvers, " "))
	}
	return line
}

func (a *App) approvalsLine() string {
	if a.Approvals == nil {
		return "none"
	}
	return fmt.Sprintf("%d of the keys %s", a.Approvals.Required, strings.Join(hashes(a.Approvals.IDs()), " "))
}

// written is the configuration as it was written, before anything was loaded or resolved.
type written struct {
	Identity []json.RawMessage `json:"identity"`
	Accounts json.RawMessage   `json:"accounts"`

	all json.RawMessage
}

// asWritten keeps what Caddy drops once it is loaded.
func (a *App) asWritten() (w written, err error) {
	if w.all, err = json.Marshal(a); err == nil {
		err = json.Unmarshal(w.all, &w)
	}
	return w, err
}

// siteLines are those of all sites with a gateway.
func siteLines(routes []*sitecheck.Route) (lines []string) {
	times := map[string]int{}
	for _, r := range routes {
		for _, found := range r.Handlers {
			if found.Name() != "transfer" {
				continue
			}
			name := "site " + r.Name()
			if times[name]++; times[name] > 1 {
				name += fmt.Sprintf(" (%d)", times[name])
			}
			h := new(Handler)
			if err := found.Into(h); err != nil {
				continue // it was JSON a moment ago
			}
			for _, line := range h.lines(found) {
				lines = append(lines, name+", "+line)
			}
		}
	}
	slices.Sort(lines)
	return lines
}

// lines say how one site is set. The handler is decoded, not loaded.
func (h *Handler) lines(as sitecheck.Handler) (lines []string) {
	for i, activity := range h.Activities {
		line := fmt.Sprintf("activity %02d: %s for %s", i+1, activity.Name, matcherLine(activity.MatcherSetsRaw))
		if activity.WebSocket {
			line += ", with tunnels"
		}
		lines = append(lines, line)
	}
	for _, region := range h.Regions {
		lines = append(lines, fmt.Sprintf("region %s: %s", region.Code, or(strings.Join(dialled(region.Routes), " "), "no upstream")))
	}
	for i, other := range h.OtherUpstreams {
		lines = append(lines, fmt.Sprintf("other_upstreams %d: %s, because %s", i+1, strings.Join(other.Addresses, " "), other.Why))
	}
	if h.Statement != "" {
		lines = append(lines, "statement: "+h.Statement)
	}
	if h.LogPersonalData != "" {
		lines = append(lines, "log_personal_data: "+h.LogPersonalData)
	}
	raw, err := json.Marshal(as)
	if err != nil {
		return lines
	}
	return append(lines, "all options: "+digestOf(raw))
}

// plainMatchers are those whose values name no person and are no secret.
var plainMatchers = []string{"host", "method", "path", "path_regexp", "protocol"}

// matcherLine says which requests matchers match.
func matcherLine(sets caddyhttp.RawMatcherSets) string {
	var all []string
	for _, set := range sets {
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(set)) {
			part := name + " with options " + digestOf(set[name])
			if slices.Contains(plainMatchers, name) {
				part = name + " " + string(set[name])
			}
			parts = append(parts, part)
		}
		all = append(all, strings.Join(parts, " and "))
	}
	return or(strings.Join(all, ", or "), "every request")
}

// dialled are the addresses that a region's routes send requests to, as written.
func dialled(routes caddyhttp.RouteList) (addresses []string) {
	raw, err := json.Marshal(routes)
	var tree any
	if err != nil || json.Unmarshal(raw, &tree) != nil {
		return nil
	}
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, item := range v {
				walk(item)
			}
		case map[string]any:
			if dial, ok := v["dial"].(string); ok {
				addresses = append(addresses, dial)
			}
			for _, key := range slices.Sorted(maps.Keys(v)) {
				walk(v[key])
			}
		}
	}
	walk(tree)
	return addresses
}

// digestDigits are how many of a digest's digits stand in a line.
const digestDigits = 16

// digestOf is a digest of options, whatever the order of their keys and wherever they
// were written.
func digestOf(raw json.RawMessage) string {
	var tree any
	if err := json.Unmarshal(raw, &tree); err == nil {
		withoutPlaces(tree)
		if sorted, err := json.Marshal(tree); err == nil {
			raw = sorted
		}
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])[:digestDigits]
}

// withoutPlaces takes out where options were written.
func withoutPlaces(v any) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			withoutPlaces(item)
		}
	case map[string]any:
		delete(v, "at")
		for _, inner := range v {
			withoutPlaces(inner)
		}
	}
}
