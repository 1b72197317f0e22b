package gateway

import (
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/policystore"
)

// metrics are the gateway's counters. There is one set per process, registered
// anew with every configuration. Label values come from closed sets only.
type metrics struct {
	decisions  *prometheus.CounterVec // controller, region, outcome, enforced
	reasons    *prometheus.CounterVec // reason
	refusals   *prometheus.CounterVec // source, cause
	resolution *prometheus.CounterVec // source
	basis      *prometheus.CounterVec // basis, kind
	conflicts  *prometheus.CounterVec // pair
	records    *prometheus.CounterVec // recipient
	outcomes   *prometheus.CounterVec // state
	spoofs     prometheus.Counter
	unlisted   prometheus.Counter

	loadFailures *prometheus.CounterVec // what
	shadows      *prometheus.CounterVec // change
}

const metricsPrefix = "caddy_transfer_"

// processMetrics makes the counters once.
var processMetrics = sync.OnceValue(func() *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: metricsPrefix + name, Help: help}, labels)
	}
	return &metrics{
		decisions:  counter("decisions_total", "Decisions made, by the controller and the first lawful region, each none if there is none, by outcome, allowed or denied, and by whether a denial was enforced, which it is not in report mode.", "controller", "region", "outcome", "enforced"),
		reasons:    counter("reasons_total", "Requests denied or failed, by reason code.", "reason"),
		refusals:   counter("identity_refusals_total", "Requests refused for what they say about who asks, by identity source and cause.", "source", "cause"),
		resolution: counter("resolution_total", "Data subjects resolved, by identity source.", "source"),
		basis:      counter("controller_basis_total", "Data controllers chosen, by basis and by how the country table answered.", "basis", "table"),
		conflicts:  counter("country_mismatch_total", "Sources that disagreed about a data subject, by pair.", "pair"),
		records:    counter("records_total", "Transfers recorded, by recipient.", "recipient"),
		outcomes:   counter("outcomes_total", "Requests sent to regions, by how much of them arrived: complete, partial (the region answered before it had all), not-sent, unknown (bytes may have left, and no answer came).", "state"),
		spoofs:     prometheus.NewCounter(prometheus.CounterOpts{Name: metricsPrefix + "spoofed_headers_total", Help: "Inbound fields removed because only the gateway or a trusted proxy may set them."}),
		unlisted:   prometheus.NewCounter(prometheus.CounterOpts{Name: metricsPrefix + "unlisted_parties_total", Help: "Requests whose contracting party the registers do not know."}),

		loadFailures: counter("policy_load_failures_total", "What was not taken, so that what was good last stayed in force: a policy, the shadow policy, account records, keys, the country database.", "what"),
		shadows:      counter("shadow_differences_total", "Requests that the shadow policy would have decided differently, by what it changes.", "change"),
	}
})

// provisionMetrics registers the counters, and gauges that read this
// configuration's own sources, with the configuration's registry.
func (a *App) provisionMetrics() error {
	a.metrics = processMetrics()
	m := a.metrics
	for _, what := range []string{whatPolicy, whatShadow, whatAccounts, whatKeys, whatGeoIP} {
		m.loadFailures.WithLabelValues(what) // 0 is said too, or a first failure is no increase
	}
	for _, reason := range decision.Reasons() {
		m.reasons.WithLabelValues(string(reason)) // likewise
	}
	m.shadows.WithLabelValues(policystore.ShadowLeftOut)
	own := []prometheus.Collector{
		m.decisions, m.reasons, m.refusals, m.resolution, m.basis, m.conflicts, m.records, m.outcomes, m.spoofs, m.unlisted, m.loadFailures, m.shadows,
		&gauges{a},
	}
	return a.Count(append(own, a.recorder.Collectors()...)...)
}

func (m *metrics) spoofed(n int) {
	if n > 0 {
		m.spoofs.Add(float64(n))
	}
}

// resolved counts who a request turned out to be about.
//
//clause:enforces §5(j).5; record conflicts origin
func (m *metrics) resolved(x *exchange) {
	source := x.identity.Source
	if !x.identified {
		source = "anonymous"
	}
	m.resolution.WithLabelValues(source).Inc()
	m.basis.WithLabelValues(string(x.subject.Basis), tableAnswer(x)).Inc()
	for _, pair := range x.conflicts {
		m.conflicts.WithLabelValues(pair).Inc()
	}
	if c := x.subject.Controller; c != nil && c.Unlisted {
		m.unlisted.Inc()
	}
}

// tableAnswer tells apart why a controller was chosen: a country of its own, any
// other country, not registered, or an account record.
func tableAnswer(x *exchange) string {
	switch c := x.subject.Controller; {
	case c == nil:
		return "none"
	case x.subject.Basis != decision.BasisRegisteredCountry:
		return string(x.subject.Basis)
	case c.Default:
		return "other-country"
	default:
		return "listed-country"
	}
}

// decided counts a decision.
func (m *metrics) decided(d *decision.Decision, reported bool) {
	controller, region, outcome := "none", "none", outcomeDenied
	if d.Controller != nil {
		controller = d.Controller.ID
	}
	enforced := true
	switch {
	case d.Outcome == decision.Allowed:
		outcome, region = outcomeAllowed, d.Candidates[0].Region.Code
	case reported:
		enforced, region = false, d.Waived.Region.Code
	}
	m.decisions.WithLabelValues(controller, region, outcome, strconv.FormatBool(enforced)).Inc()
}

func (m *metrics) refusedIdentity(r refuser) {
	m.refusals.WithLabelValues(r.source, string(r.cause)).Inc()
}
func (m *metrics) refused(reason decision.Reason) { m.reasons.WithLabelValues(string(reason)).Inc() }
func (m *metrics) shadowed(change string)         { m.shadows.WithLabelValues(change).Inc() }
func (m *metrics) recorded(recipient string)      { m.records.WithLabelValues(recipient).Inc() }
func (m *metrics) concluded(state string)         { m.outcomes.WithLabelValues(state).Inc() }

// gauges reads the state of one configuration when metrics are scraped.
type gauges struct{ app *App }

var (
	descPolicy       = prometheus.NewDesc(metricsPrefix+"policy_info", "The policy in force: its digest, and the version of the privacy statement.", []string{"version", "digest"}, nil)
	descNextChange   = prometheus.NewDesc(metricsPrefix+"policy_next_change_timestamp_seconds", "When the policy changes next by itself.", nil, nil)
	descSafeguard    = prometheus.NewDesc(metricsPrefix+"safeguard_expiry_timestamp_seconds", "When a safeguard ends or its review is due, whichever is sooner; by its id.", []string{"id"}, nil)
	descReportEnd    = prometheus.NewDesc(metricsPrefix+"report_mode_end_timestamp_seconds", "When report mode ends, after which what lacks a safeguard is denied, by activity, which is empty for the mode of the whole gateway; absent where denials are enforced, or are by now.", []string{"activity"}, nil)
	descLawBegins    = prometheus.NewDesc(metricsPrefix+"law_begin_timestamp_seconds", "When a law that is not in force yet begins, by its id.", []string{"law"}, nil)
	descReady        = prometheus.NewDesc(metricsPrefix+"ready", "1 when transfers can be decided and recorded.", nil, nil)
	descGeoBuild     = prometheus.NewDesc(metricsPrefix+"geoip_build_timestamp_seconds", "When the country database was built.", nil, nil)
	descGeoFailures  = prometheus.NewDesc(metricsPrefix+"geoip_load_failures_total", "Country databases that were not taken.", nil, nil)
	descAccountsSync = prometheus.NewDesc(metricsPrefix+"accounts_sync_timestamp_seconds", "Up to when the account records are known, or when their directory last answered; 0 for never.", nil, nil)
	descIdentitySync = prometheus.NewDesc(metricsPrefix+"identity_sync_timestamp_seconds", "When what an identity source relies on, such as keys, was last known to be right; by the source's place in the chain, from 1, and its name.", []string{"position", "source"}, nil)
	descIdentityFail = prometheus.NewDesc(metricsPrefix+"identity_refresh_failures_total", "Tries to refresh what an identity source relies on that failed; by its place in the chain, from 1, and its name.", []string{"position", "source"}, nil)
	descUnseen       = prometheus.NewDesc(metricsPrefix+"identity_claims_unseen", "1 for an option that names a claim which no credential has had; by the source's place in the chain, from 1, its name and the option.", []string{"position", "source", "option"}, nil)
	descLastGood     = prometheus.NewDesc(metricsPrefix+"last_good_timestamp_seconds", "Since when what is in force has been there, or was last known to be right, where it cannot be had from where it comes; absent where it can.", []string{"what"}, nil)
	descAccountsFail = prometheus.NewDesc(metricsPrefix+"accounts_load_failures_total", "Account records that were not taken.", nil, nil)
)

// Describe implements prometheus.Collector.
func (g *gauges) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		descPolicy, descNextChange, descSafeguard, descReportEnd, descLawBegins, descReady,
		descGeoBuild, descGeoFailures, descAccountsSync, descAccountsFail, descIdentitySync, descIdentityFail, descUnseen, descLastGood,
	} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (g *gauges) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	a := g.app
	inForce := a.store.State()
	gauge(descPolicy, 1, statementAt(inForce.Policy, now()), inForce.Policy.Digest)
	if next := inForce.NextChange(now()); !next.IsZero() {
		gauge(descNextChange, float64(next.Unix()))
	}
	for i := range inForce.Policy.Safeguards {
		if row := &inForce.Policy.Safeguards[i]; !row.Expires().IsZero() {
			gauge(descSafeguard, float64(row.Expires().Unix()), row.ID)
		}
	}
	for activity, end := range reportEnds(a.Mode.Status(inForce.Policy, now())) {
		gauge(descReportEnd, float64(end.Unix()), activity)
	}
	for law, begin := range lawsToCome(inForce.Policy, now()) {
		gauge(descLawBegins, float64(begin.Unix()), law)
	}
	ready := 1.0
	if a.Ready() != nil {
		ready = 0
	}
	gauge(descReady, ready)

	for what, since := range oldestLastGood(a.loads()) {
		gauge(descLastGood, float64(since.Unix()), what)
	}
	if a.geo != nil {
		status := a.geo.Status()
		gauge(descGeoBuild, float64(status.BuildTime.Unix()))
		counter(descGeoFailures, status.Refused)
	}
	if a.accounts != nil {
		synced, failures := a.accounts.Status()
		gauge(descAccountsSync, float64(max(synced.Unix(), 0)))
		counter(descAccountsFail, failures)
	}
	for i, source := range a.identity.sources {
		if refresher, ok := source.(Refresher); ok {
			synced, failures := refresher.Status()
			gauge(descIdentitySync, float64(max(synced.Unix(), 0)), strconv.Itoa(i+1), a.identity.names[i])
			counter(descIdentityFail, failures, strconv.Itoa(i+1), a.identity.names[i])
		}
		if watcher, ok := source.(ClaimWatcher); ok {
			for _, option := range watcher.UnseenClaims() {
				gauge(descUnseen, 1, strconv.Itoa(i+1), a.identity.names[i], option)
			}
		}
	}
}

// reportEnds are the days on which report mode ends, by activity; that of the whole
// gateway by none.
func reportEnds(mode policystore.ModeStatus) map[string]time.Time {
	ends := map[string]time.Time{}
	if until, err := time.Parse(time.DateOnly, mode.Until); mode.Report && err == nil { // it was held to that form
		ends[""] = until
	}
	for _, a := range mode.Activities {
		ends[a.Activity] = a.Until
	}
	return ends
}

// lawsToCome are the moments after t at which laws begin, by their ids.
func lawsToCome(p *decision.Policy, t time.Time) map[string]time.Time {
	begins := map[string]time.Time{}
	for i := range p.Laws {
		from := p.Laws[i].Validity.From
		if next, known := begins[p.Laws[i].ID]; from.After(t) && (!known || from.Before(next)) {
			begins[p.Laws[i].ID] = from
		}
	}
	return begins
}
