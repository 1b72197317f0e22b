package gateway

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/sparkoo/transfergate/caddyplugin/option"
	"github.com/sparkoo/transfergate/internal/country"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/policydiff"
	"github.com/sparkoo/transfergate/internal/world"
)

// What loads and is worth a look is gathered here: a line of the log each, with a code
// that 'transfer help CODE' explains. A reload repeats nothing that was said already.

// advice is what was said of one configuration.
type advice struct {
	mu       sync.Mutex
	said     map[string]int // by code and text: how often
	findings []Finding      // of the configuration itself, not of its policy
}

// advised is what was said of the configuration that runs.
var advised struct {
	mu  sync.Mutex
	app *App
}

// warn says something of the configuration. Two things of one text may stand at two
// places of it.
func (a *App) warn(f Finding) {
	a.advice.mu.Lock()
	n := a.advice.say(f)
	a.advice.findings = append(a.advice.findings, f)
	a.advice.mu.Unlock()
	if n > saidBefore(a, f) {
		a.logFinding(f)
	}
}

// warnOfPolicy says something of the policy in force, once.
func (a *App) warnOfPolicy(code, text string) {
	a.warnOnce(Finding{code, "", text})
}

// warnOnce says something that is found while the gateway runs.
func (a *App) warnOnce(f Finding) {
	if a.first(f) && saidBefore(a, f) == 0 {
		a.logFinding(f)
	}
}

// first reports whether it is said for the first time.
func (a *App) first(f Finding) bool {
	a.advice.mu.Lock()
	defer a.advice.mu.Unlock()
	return a.advice.say(f) == 1
}

func (d *advice) say(f Finding) int {
	if d.said == nil {
		d.said = make(map[string]int)
	}
	d.said[f.Code+f.Text]++
	return d.said[f.Code+f.Text]
}

// saidBefore is how often the configuration that runs, if it is another one, said it.
func saidBefore(a *App, f Finding) int {
	advised.mu.Lock()
	before := advised.app
	advised.mu.Unlock()
	if before == nil || before == a {
		return 0
	}
	before.advice.mu.Lock()
	defer before.advice.mu.Unlock()
	return before.advice.said[f.Code+f.Text]
}

func (a *App) logFinding(f Finding) {
	fields := []zap.Field{zap.String("code", f.Code)}
	if f.At != "" {
		fields = append(fields, zap.String("at", f.At))
	}
	a.logger.Warn(f.Text, fields...)
}

// listener is told of a configuration that is provisioned; nil for nobody.
var listener atomic.Pointer[func(*App)]

// Advise provisions a configuration without running it, as 'caddy validate' does, and
// returns what is worth a look in it. An error is why it does not load.
func Advise(config *caddy.Config) (findings []Finding, err error) {
	var app *App
	listen := func(a *App) { app = a }
	listener.Store(&listen)
	defer listener.Store(nil)
	err = caddy.Validate(config)
	if app != nil {
		findings = app.advice.findings
	}
	return findings, err
}

// running makes what was said of this configuration what is not repeated.
func (a *App) running() {
	advised.mu.Lock()
	defer advised.mu.Unlock()
	advised.app = a
}

// gone forgets it, if no other configuration runs instead.
func (a *App) gone() {
	advised.mu.Lock()
	defer advised.mu.Unlock()
	if advised.app == a {
		advised.app = nil
	}
}

// adviseOnOptions looks at the options that can be judged by themselves.
func (a *App) adviseOnOptions() {
	if a.Demo {
		a.warn(Finding{"demo", a.At["demo"], "demo: example and unconfirmed safeguards satisfy laws; not for production"})
	}
	a.adviseOnMode()
	a.adviseOnOrder()
	a.adviseOnKeys()
	a.adviseOnPolicy(a.store.State().Policy)
}

func (a *App) adviseOnMode() {
	switch on, over := a.Mode.At(now()); {
	case on:
		a.warn(Finding{"report-mode", a.At["mode"], fmt.Sprintf(
			"report mode: requests that lack only a safeguard pass and are recorded as denied, until %s; %s answers for it", a.Mode.Until, a.Mode.Owner)})
	case over:
		a.warn(Finding{"report-over", a.At["mode"], fmt.Sprintf(
			"report mode ended on %s: what lacks a safeguard is denied; take 'mode' out, or name a later day", a.Mode.Until)})
	}
}

// adviseOnOrder tells of a field that is believed before a signed word is looked at.
func (a *App) adviseOnOrder() {
	for i, source := range a.identity {
		if !believesPeers(source) {
			continue
		}
		for j := i + 1; j < len(a.identity); j++ {
			if !believesPeers(a.identity[j]) {
				a.warn(Finding{"identity-order", a.At[fmt.Sprint("identity.", i)], fmt.Sprintf(
					"'identity %s' is asked before 'identity %s': who comes with both is whom the fields name, whatever the credential says; write it last",
					a.sourceName(i), a.sourceName(j))})
				break
			}
		}
	}
}

// sourceName is what an identity source is called in the configuration.
func (a *App) sourceName(i int) string {
	var named struct {
		Source string `json:"source"`
	}
	_ = json.Unmarshal(a.IdentityRaw[i], &named) // it was loaded by that name
	return named.Source
}

// adviseOnKeys tells of files of secrets that others than their owner and group can get at.
func (a *App) adviseOnKeys() {
	if runtime.GOOS == "windows" {
		return // the bits say nothing there
	}
	files := option.SecretFiles(a, a.At)
	if a.Ledger != nil {
		for _, name := range []string{"checkpoint.key", "master.key"} { // where they lie if nothing else is said
			files = append(files, option.SecretFile{Option: "ledger", Path: filepath.Join(a.Ledger.Folder, name), At: a.At["ledger"]})
		}
	}
	for _, f := range files {
		info, err := os.Stat(f.Path)
		if err != nil || info.Mode().Perm()&0o007 == 0 {
			continue // who reads it says what is wrong
		}
		a.warn(Finding{"key-exposed", f.At, fmt.Sprintf(
			"%s: others than its owner and group can get at '%s' (mode %04o), and whoever has the secret can use it; 'chmod o= %s', and make it anew if they may have read it",
			f.Option, f.Path, info.Mode().Perm(), f.Path)})
	}
}

// soon is how long before a date of the policy people are told.
const soon = 30 * 24 * time.Hour

// adviseOnPolicy looks at a policy that is in force now, or still.
func (a *App) adviseOnPolicy(p *decision.Policy) {
	at := now()
	var over, examples []string
	for i := range p.Safeguards {
		row := &p.Safeguards[i]
		switch {
		case !row.Validity.Until.IsZero() && !at.Before(row.Validity.Until):
			over = append(over, row.ID+" ("+row.Validity.Until.UTC().Format(time.DateOnly)+")")
		case row.Example || row.Confirm:
			examples = append(examples, row.ID)
		}
	}
	if len(over) > 0 {
		a.warnOfPolicy("safeguard-expired", "safeguards that are over satisfy no law: "+strings.Join(over, ", ")+"; renew the instruments and their dates, or remove the rows")
	}
	if len(examples) > 0 && !a.Demo {
		a.warnOfPolicy("safeguard-unproven", "safeguards marked example or confirm satisfy no law: "+few(examples)+"; put the instruments into force and take the marks away")
	}
	for i := range p.Activities {
		adviseOnReport(a, &p.Activities[i], at)
	}
	for _, text := range a.ahead(p, at) {
		a.warnOfPolicy("law-changing", text)
	}
}

func adviseOnReport(a *App, row *decision.Activity, at time.Time) {
	switch r := row.Report; {
	case r == nil:
	case at.Before(r.Until):
		a.warnOfPolicy("report-mode", fmt.Sprintf(
			"report mode of activity '%s': requests that lack only a safeguard pass and are recorded as denied, until %s; %s answers for it",
			row.ID, r.Until.UTC().Format(time.DateOnly), r.Owner))
	default:
		a.warnOfPolicy("report-over", fmt.Sprintf("report mode of activity '%s' ended on %s: what lacks a safeguard is denied; take 'report' out of its row, or name a later day",
			row.ID, r.Until.UTC().Format(time.DateOnly)))
	}
}

// aheads keeps what was found for the last policy and day: it is some work.
var aheads struct {
	mu    sync.Mutex
	key   string
	texts []string
}

// ahead are the dates of a policy that are near, a sentence each.
func (a *App) ahead(p *decision.Policy, at time.Time) (texts []string) {
	aheads.mu.Lock()
	defer aheads.mu.Unlock()
	key := fmt.Sprint(p.Digest, a.Demo, at.Truncate(time.Hour).Unix())
	if aheads.key == key {
		return aheads.texts
	}
	dates := policydiff.Ahead(p, at, soon, policydiff.Scope{Usual: true, Demo: a.Demo})
	for i := range dates {
		texts = append(texts, dates[i].Text())
	}
	aheads.key, aheads.texts = key, texts
	return texts
}

// adviseOnSite looks at a site whose tables are made.
func (a *App) adviseOnSite(h *Handler) {
	if last := h.Activities[len(h.Activities)-1]; len(last.matchers) > 0 {
		a.warn(Finding{"no-catch-all", last.At, "requests that no activity of this site matches are denied (no_activity); " +
			"write an activity without a matcher last, as in 'activity serving', if they should not be"})
	}
	a.adviseOnCountries(a.store.State().Policy, h)
}

// adviseOnCountries tells whom the embedded policy denies in production: its contracts
// are examples.
func (a *App) adviseOnCountries(p *decision.Policy, h *Handler) {
	if a.Policy != "" || a.Demo {
		return
	}
	table, err := a.store.State().Table(&h.site, now())
	if err != nil {
		return // it was compiled before
	}
	denied := map[string][]string{}
	for f := range p.Domain(now()) {
		if f.Country != "" && slices.Contains(h.site.Activities, f.Activity) && table.Decide(f).Outcome != decision.Allowed {
			denied[f.Activity] = append(denied[f.Activity], f.Country)
		}
	}
	var parts []string
	for _, activity := range h.site.Activities {
		if list := denied[activity]; len(list) > 0 {
			parts = append(parts, fmt.Sprintf("%s for people registered in %d of %d countries (%s)", activity, len(list), country.Count, world.List(list, country.All())))
		}
	}
	if len(parts) == 0 {
		return
	}
	a.warn(Finding{"countries-denied", h.At[""], "the contracts of the embedded policy are examples, which count only with 'demo'; denied: " + strings.Join(parts, "; ") +
		"; write your own with 'transfer policy export FOLDER', and name the folder with 'policy FOLDER'"})
}

// few are the first of many.
func few(items []string) string {
	const limit = 6
	if len(items) <= limit {
		return strings.Join(items, " ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(items[:limit], " "), len(items)-limit)
}
