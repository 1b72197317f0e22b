package gateway

import (
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
	"github.com/sparkoo/transfergate/internal/policystore"
	"github.com/sparkoo/transfergate/internal/world"
)

// What loads and is worth a look is gathered here: a line of the log each, with a code
// that 'transfer help CODE' explains. A reload repeats nothing that was said already.

// advice is what is said of one configuration.
type advice struct {
	logger *zap.Logger

	mu       sync.Mutex
	said     map[string]int // by code and text: how often
	findings []Finding      // of the configuration itself, not of its policy
}

// advised is what was said of the configuration that runs.
var advised atomic.Pointer[advice]

// warn says something of the configuration. Two things of one text may stand at two
// places of it.
func (d *advice) warn(f Finding) {
	d.mu.Lock()
	n := d.say(f)
	d.findings = append(d.findings, f)
	d.mu.Unlock()
	if n > d.before(f) {
		d.log(f)
	}
}

// once says something of the policy in force, or what is found while the gateway runs.
func (d *advice) once(f Finding) {
	d.mu.Lock()
	first := d.say(f) == 1
	d.mu.Unlock()
	if first && d.before(f) == 0 {
		d.log(f)
	}
}

// say counts; mu is held.
func (d *advice) say(f Finding) int {
	if d.said == nil {
		d.said = make(map[string]int)
	}
	d.said[f.Code+f.Text]++
	return d.said[f.Code+f.Text]
}

// before is how often the configuration that runs, if it is another one, said it.
func (d *advice) before(f Finding) int {
	running := advised.Load()
	if running == nil || running == d {
		return 0
	}
	running.mu.Lock()
	defer running.mu.Unlock()
	return running.said[f.Code+f.Text]
}

func (d *advice) log(f Finding) {
	fields := []zap.Field{zap.String("code", f.Code)}
	if f.At != "" {
		fields = append(fields, zap.String("at", f.At))
	}
	d.logger.Warn(f.Text, fields...)
}

// running makes what was said of this configuration what is not repeated.
func (d *advice) running() { advised.Store(d) }

// gone forgets it, if no other configuration runs instead.
func (d *advice) gone() { advised.CompareAndSwap(d, nil) }

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

// adviseOnOptions looks at the options that can be judged by themselves.
func (a *App) adviseOnOptions() {
	if a.Demo {
		a.advice.warn(Finding{"demo", a.At["demo"], "demo: example and unconfirmed safeguards satisfy laws; not for production"})
	}
	a.advice.onMode(a.Mode, a.At["mode"])
	a.advice.onOrder(&a.identity, a.At)
	files := option.SecretFiles(a, a.At)
	if a.Ledger != nil {
		for _, name := range []string{"checkpoint.key", "master.key"} { // where they lie if nothing else is said
			files = append(files, option.SecretFile{Option: "ledger", Path: filepath.Join(a.Ledger.Folder, name), At: a.At["ledger"]})
		}
	}
	a.advice.onKeys(files)
	a.adviseOnPolicy(a.store.State().Policy)
}

// adviseOnPolicy looks at a policy that is in force now, or still.
func (a *App) adviseOnPolicy(p *decision.Policy) {
	a.advice.onPolicy(p, a.Demo, now())
	if err := a.declare(); err != nil { // it is written before the next record
		a.logger.Error("the ledger did not take how the gateway is set", zap.Error(err))
	}
}

// adviseOnSite looks at a site whose tables are made.
func (a *App) adviseOnSite(h *Handler) {
	if last := h.Activities[len(h.Activities)-1]; len(last.matchers) > 0 {
		a.advice.warn(Finding{"no-catch-all", last.At, "requests that no activity of this site matches are denied (no_activity); " +
			"write an activity without a matcher last, as in 'activity serving', if they should not be"})
	}
	if a.Policy != "" || a.Demo {
		return
	}
	state := a.store.State()
	if table, err := state.Table(&h.site, now()); err == nil { // it was compiled before
		a.advice.onCountries(state.Policy, table, &h.site, h.At[""])
	}
}

func (d *advice) onMode(mode *policystore.Mode, at string) {
	switch on, over := mode.At(now()); {
	case on:
		d.warn(Finding{"report-mode", at, fmt.Sprintf(
			"report mode: requests that lack only a safeguard pass and are recorded as denied, until %s; %s answers for it", mode.Until, mode.Owner)})
	case over:
		d.warn(Finding{"report-over", at, fmt.Sprintf(
			"report mode ended on %s: what lacks a safeguard is denied; take 'mode' out, or name a later day", mode.Until)})
	}
}

// onOrder tells of a field that is believed before a signed word is looked at.
func (d *advice) onOrder(c *chain, at option.Places) {
	for i, source := range c.sources {
		if !believesPeers(source) {
			continue
		}
		for j := i + 1; j < len(c.sources); j++ {
			if !believesPeers(c.sources[j]) {
				d.warn(Finding{"identity-order", at[fmt.Sprint("identity.", i)], fmt.Sprintf(
					"'identity %s' is asked before 'identity %s': who comes with both is whom the fields name, whatever the credential says; write it last",
					c.names[i], c.names[j])})
				break
			}
		}
	}
}

// onKeys tells of files of secrets that others than their owner and group can get at.
func (d *advice) onKeys(files []option.SecretFile) {
	if runtime.GOOS == "windows" {
		return // the bits say nothing there
	}
	for _, f := range files {
		info, err := os.Stat(f.Path)
		if err != nil || info.Mode().Perm()&0o007 == 0 {
			continue // who reads it says what is wrong
		}
		d.warn(Finding{"key-exposed", f.At, fmt.Sprintf(
			"%s: others than its owner and group can get at '%s' (mode %04o), and whoever has the secret can use it; 'chmod o= %s', and make it anew if they may have read it",
			f.Option, f.Path, info.Mode().Perm(), f.Path)})
	}
}

// soon is how long before a date of the policy people are told.
const soon = 30 * 24 * time.Hour

// onPolicy looks at a policy at a moment.
func (d *advice) onPolicy(p *decision.Policy, demo bool, at time.Time) {
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
		d.once(Finding{"safeguard-expired", "", "safeguards that are over satisfy no law: " + strings.Join(over, ", ") + "; renew the instruments and their dates, or remove the rows"})
	}
	if len(examples) > 0 && !demo {
		d.once(Finding{"safeguard-unproven", "", "safeguards marked example or confirm satisfy no law: " + few(examples) + "; put the instruments into force and take the marks away"})
	}
	for i := range p.Activities {
		d.onReport(&p.Activities[i], at)
	}
	for _, text := range ahead(p, demo, at) {
		d.once(Finding{"law-changing", "", text})
	}
}

func (d *advice) onReport(row *decision.Activity, at time.Time) {
	switch r := row.Report; {
	case r == nil:
	case at.Before(r.Until):
		d.once(Finding{"report-mode", "", fmt.Sprintf(
			"report mode of activity '%s': requests that lack only a safeguard pass and are recorded as denied, until %s; %s answers for it",
			row.ID, r.Until.UTC().Format(time.DateOnly), r.Owner)})
	default:
		d.once(Finding{"report-over", "", fmt.Sprintf("report mode of activity '%s' ended on %s: what lacks a safeguard is denied; take 'report' out of its row, or name a later day",
			row.ID, r.Until.UTC().Format(time.DateOnly))})
	}
}

// aheads keeps what was found for the last policy and hour: it is some work.
var aheads struct {
	mu    sync.Mutex
	key   string
	texts []string
}

// ahead are the dates of a policy that are near, a sentence each.
func ahead(p *decision.Policy, demo bool, at time.Time) (texts []string) {
	aheads.mu.Lock()
	defer aheads.mu.Unlock()
	key := fmt.Sprint(p.Digest, demo, at.Truncate(time.Hour).Unix())
	if aheads.key == key {
		return aheads.texts
	}
	dates := policydiff.Ahead(p, at, soon, policydiff.Scope{Usual: true, Demo: demo})
	for i := range dates {
		texts = append(texts, dates[i].Text())
	}
	aheads.key, aheads.texts = key, texts
	return texts
}

// onCountries tells whom the embedded policy denies in production: its contracts are
// examples.
func (d *advice) onCountries(p *decision.Policy, table *decision.Table, site *policystore.Site, at string) {
	denied := map[string][]string{}
	for f := range p.Domain(now()) {
		if f.Country != "" && slices.Contains(site.Activities, f.Activity) && table.Decide(f).Outcome != decision.Allowed {
			denied[f.Activity] = append(denied[f.Activity], f.Country)
		}
	}
	var parts []string
	for _, activity := range site.Activities {
		if list := denied[activity]; len(list) > 0 {
			parts = append(parts, fmt.Sprintf("%s for people registered in %d of %d countries (%s)", activity, len(list), country.Count, world.List(list, country.All())))
		}
	}
	if len(parts) > 0 {
		d.warn(Finding{"countries-denied", at, "the contracts of the embedded policy are examples, which count only with 'demo'; denied: " + strings.Join(parts, "; ") +
			"; write your own with 'transfer policy export FOLDER', and name the folder with 'policy FOLDER'"})
	}
}

// few are the first of many.
func few(items []string) string {
	const limit = 6
	if len(items) <= limit {
		return strings.Join(items, " ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(items[:limit], " "), len(items)-limit)
}
