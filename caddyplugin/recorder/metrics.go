package recorder

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
)

// metrics are the counters of all ledgers. There is one set per process. Label
// values come from closed sets only.
type metrics struct {
	appends prometheus.Histogram
	syncs   prometheus.Histogram

	epochsDeleted *prometheus.CounterVec // class
	epochsOverdue *prometheus.GaugeVec   // class, why
	retention     *prometheus.GaugeVec   // class

	refusalsCounted *prometheus.CounterVec // why

	looks *prometheus.CounterVec // what

	placeEntries  *prometheus.GaugeVec   // place
	placeTime     *prometheus.GaugeVec   // place
	placeFailures *prometheus.CounterVec // place
}

const metricsPrefix = "caddy_transfer_ledger_"

// processMetrics makes the counters once.
var processMetrics = sync.OnceValue(func() *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: metricsPrefix + name, Help: help}, labels)
	}
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: metricsPrefix + name, Help: help}, labels)
	}
	histogram := func(name, help string) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Name: metricsPrefix + name, Help: help, Buckets: prometheus.ExponentialBuckets(0.0001, 2, 16)})
	}
	m := &metrics{
		appends: histogram("append_seconds", "How long requests waited until their records were durable."),
		syncs:   histogram("fsync_seconds", "How long the ledger's syncs take, each of which releases all requests that wait."),

		epochsDeleted: counter("epochs_deleted_total", "Epochs deleted because their time had run out, by the class of their records.", "class"),
		epochsOverdue: gauge("epochs_overdue", "Epochs that are kept although their time has run out, by class and by why: hold, damage, or waiting, for a wrong clock to be noticed.", "class", "why"),
		retention:     gauge("retention_timestamp_seconds", "When expired epochs were last looked for and deleted without an error, by class.", "class"),

		refusalsCounted: counter("refusals_counted_total", "Denials that were counted and have no record of their own, by why: repeated, by nobody in particular; person, by somebody or by staff of one entity; reserve, for want of space.", "why"),

		looks: counter("looks_total", "Looks that entries of the ledger tell of, by what: person, at the records of one person; export, at what was taken away.", "what"),

		placeEntries:  gauge("anchored_entries", "Entries under the last checkpoint that a witness signed or a copy took, by place.", "place"),
		placeTime:     gauge("anchor_timestamp_seconds", "When a witness last signed or a copy last took a checkpoint, by place.", "place"),
		placeFailures: counter("anchor_failures_total", "Tries to bring a checkpoint to a witness or a copy that failed, by place.", "place"),
	}
	for _, why := range []string{"repeated", "person", "reserve"} {
		m.refusalsCounted.WithLabelValues(why) // it is there from the start
	}
	for _, what := range []string{record.LookPerson, record.LookExport} {
		m.looks.WithLabelValues(what)
	}
	return m
})

// Looked counts a look that an entry tells of: record.LookPerson or record.LookExport.
func (c *Class) Looked(what string) { processMetrics().looks.WithLabelValues(what).Inc() }

// pushed counts a try to bring a checkpoint to a place outside.
func (m *metrics) pushed(place string, size int64, err error, at time.Time) {
	if err != nil {
		m.placeFailures.WithLabelValues(place).Inc()
		return
	}
	m.placeFailures.WithLabelValues(place) // it is there from the first checkpoint on
	m.placeEntries.WithLabelValues(place).Set(float64(size))
	m.placeTime.WithLabelValues(place).Set(float64(at.Unix()))
}

// retained counts what a run of the ledger's retention did.
func (m *metrics) retained(class string, found ledger.Retention, err error, at time.Time) {
	m.epochsDeleted.WithLabelValues(class).Add(float64(len(found.Deleted)))
	if err != nil {
		return
	}
	m.epochsOverdue.WithLabelValues(class, "hold").Set(float64(len(found.Held)))
	m.epochsOverdue.WithLabelValues(class, "damage").Set(float64(len(found.Damaged)))
	m.epochsOverdue.WithLabelValues(class, "waiting").Set(float64(len(found.Waiting)))
	m.retention.WithLabelValues(class).Set(float64(at.Unix()))
}

// Collectors are what the recorder counts: the process's counters, and gauges that
// read this configuration's ledgers. Register them with every configuration.
func (r *Recorder) Collectors() []prometheus.Collector {
	m := processMetrics()
	return []prometheus.Collector{
		m.appends, m.syncs, m.epochsDeleted, m.epochsOverdue, m.retention, m.refusalsCounted, m.looks, m.placeEntries, m.placeTime, m.placeFailures, &gauges{r},
	}
}

// stats are the numbers of all classes' ledgers together. The last checkpoint is
// the oldest of those that do not cover everything, else the latest.
func (r *Recorder) stats() (sum ledger.Stats) {
	behind := false
	for i, c := range r.classes {
		s := c.shared.log.Stats()
		late := s.Signed < s.Next
		if i == 0 {
			sum, behind = s, late
			continue
		}
		sum.Appended, sum.Pending = sum.Appended+s.Appended, sum.Pending+s.Pending
		for op, n := range s.Errors {
			sum.Errors[op] += n
		}
		if late && (!behind || s.SignedAt.Before(sum.SignedAt)) || !late && !behind && s.SignedAt.After(sum.SignedAt) {
			sum.SignedAt = s.SignedAt
		}
		behind = behind || late
	}
	return sum
}

// gauges reads the ledgers of one configuration when metrics are scraped.
type gauges struct{ recorder *Recorder }

var (
	descAppended   = prometheus.NewDesc(metricsPrefix+"records_total", "Entries written to the ledger.", nil, nil)
	descPending    = prometheus.NewDesc(metricsPrefix+"pending_records", "Entries waiting to become durable.", nil, nil)
	descFree       = prometheus.NewDesc(metricsPrefix+"free_bytes", "Free bytes on the ledger's file system.", nil, nil)
	descFiles      = prometheus.NewDesc(metricsPrefix+"free_inodes", "Files that the ledger's file system can still hold; absent where it sets no limit.", nil, nil)
	descReserve    = prometheus.NewDesc(metricsPrefix+"reserve_bytes", "Free bytes below which what is left belongs to transfers, and denials of nobody are only counted.", nil, nil)
	descCheckpoint = prometheus.NewDesc(metricsPrefix+"checkpoint_timestamp_seconds", "When the ledger last signed a checkpoint, or was opened with one that covers all of it.", nil, nil)
	descUnshipped  = prometheus.NewDesc(metricsPrefix+"unshipped_records", "Entries that are not known to be in the store the ledger is shipped to, by the class of their records; absent where it is not shipped.", []string{"class"}, nil)
	descWaiting    = prometheus.NewDesc(metricsPrefix+"unshipped_seconds", "For how long the oldest entry that was read to be shipped has waited, by class.", []string{"class"}, nil)
	descForks      = prometheus.NewDesc(metricsPrefix+"ship_forks_total", "Objects that lay in the store under a name that only this ledger gives, by class: it was copied, or somebody forges it.", []string{"class"}, nil)
	descErrors     = prometheus.NewDesc(metricsPrefix+"errors_total", "Failed operations of the ledger, by operation: write, sync, truncate, create, space, outcome (outcomes that were lost), key (of the pseudonyms), hash, checkpoint, seal, epoch (the next one was not begun), policy (one was not kept), hold, retention, note (of the last checkpoint, beside the folder), open.", []string{"op"}, nil)
)

// Describe implements prometheus.Collector.
func (g *gauges) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descAppended, descPending, descFree, descReserve, descFiles, descCheckpoint, descUnshipped, descWaiting, descForks, descErrors} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (g *gauges) Collect(ch chan<- prometheus.Metric) {
	send := func(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, kind, v, labels...)
	}
	stats := g.recorder.stats()
	send(descAppended, prometheus.CounterValue, float64(stats.Appended))
	send(descPending, prometheus.GaugeValue, float64(stats.Pending))
	send(descFree, prometheus.GaugeValue, float64(stats.Free))
	send(descReserve, prometheus.GaugeValue, float64(g.recorder.reserve()))
	if stats.FilesKnown {
		send(descFiles, prometheus.GaugeValue, float64(stats.FreeFiles))
	}
	if !stats.SignedAt.IsZero() {
		send(descCheckpoint, prometheus.GaugeValue, float64(stats.SignedAt.UnixNano())/1e9)
	}
	for _, c := range g.recorder.classes {
		if s := c.shared.ship.Load(); s != nil {
			if b := s.behind.Load(); b != nil {
				send(descUnshipped, prometheus.GaugeValue, float64(b.records), c.name)
				send(descWaiting, prometheus.GaugeValue, b.age.Seconds(), c.name)
				send(descForks, prometheus.CounterValue, float64(b.forks), c.name)
			}
		}
	}
	for op, n := range stats.Errors {
		send(descErrors, prometheus.CounterValue, float64(n), op)
	}
}
