package gateway

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/sparkoo/transfergate/internal/lastgood"
	"github.com/sparkoo/transfergate/internal/policystore"
)

// This file sees to it that a restart goes on with what was good last of what the gateway
// takes from elsewhere, that this is counted, and how old it is.

// LastGoodKeeper is implemented by account and identity sources that go on with what was
// good last.
type LastGoodKeeper interface {
	// LastGood is since when what is in force has been there, or was last known to be
	// right, while it cannot be had from where it comes; zero if it can.
	LastGood() time.Time
}

// What is loaded: the values of the label what.
const (
	whatPolicy   = policystore.OfPolicy
	whatShadow   = policystore.OfShadow
	whatAccounts = "accounts"
	whatKeys     = "keys"
	whatGeoIP    = "geoip"
)

type lastGoodKey struct{}

// LastGoodOf is where a guest keeps what was good last, while it is provisioned; nil if
// nothing is kept. It reads while it is provisioned, and writes once the gateway has
// started.
func LastGoodOf(ctx caddy.Context) *lastgood.Room {
	room, _ := ctx.Value(lastGoodKey{}).(*lastgood.Room)
	return room
}

// provisionLastGood says where what was good last is kept: beside the records, and sealed
// with what follows from their master secret. An app without a ledger is refused later.
func (a *App) provisionLastGood() {
	if a.Ledger != nil {
		a.lastGood = lastgood.Within(a.Ledger.Folder)
		a.lastGood.SealWith(func() ([]byte, error) { return a.Ledger.Secret("seal what was good last") })
		a.ctx = a.ctx.WithValue(lastGoodKey{}, a.lastGood)
	}
}

// tidyAfter is how long after a start, in nanoseconds, what no source needs any more is
// removed: another app of the configuration may fail to start, and then the configuration
// before goes on. Tests shorten it.
var tidyAfter atomic.Int64

func init() { tidyAfter.Store(int64(time.Minute)) }

func (a *App) tidyLastGood(ctx context.Context) {
	timer := time.AfterFunc(time.Duration(tidyAfter.Load()), func() {
		if err := a.lastGood.Tidy(); err != nil {
			a.logger.Error("removing what was good last of sources that are no longer configured", zap.Error(err))
		}
	})
	context.AfterFunc(ctx, func() { timer.Stop() })
}

// loaded is something that is loaded from elsewhere.
type loaded struct {
	what     string
	failures func() uint64    // tries that failed while the gateway ran; nil: they are counted where they happen
	lastGood func() time.Time // see LastGoodKeeper; nil: never
}

// loads are the things that this configuration loads.
func (a *App) loads() []loaded {
	all := []loaded{
		{what: whatPolicy, lastGood: func() time.Time { return a.store.LastGood(whatPolicy) }},
		{what: whatShadow, lastGood: func() time.Time { return a.store.LastGood(whatShadow) }},
	}
	if a.geo != nil {
		all = append(all, loaded{whatGeoIP, func() uint64 { return a.geo.Status().Refused }, func() time.Time { return a.geo.Status().LastGood }})
	}
	add := func(what string, source any, status func() (time.Time, uint64)) {
		l := loaded{what: what, failures: func() uint64 { _, failures := status(); return failures }}
		if keeper, ok := source.(LastGoodKeeper); ok {
			l.lastGood = keeper.LastGood
		}
		all = append(all, l)
	}
	if a.accounts != nil {
		add(whatAccounts, a.accounts, a.accounts.Status)
	}
	for _, source := range a.identity.sources {
		if refresher, ok := source.(Refresher); ok {
			add(whatKeys, source, refresher.Status)
		}
	}
	return all
}

// loadFailures counts what sources fail to load while a configuration runs.
type loadFailures struct {
	all     []loaded
	seen    []uint64 // what each has counted, by its place in all
	counted *prometheus.CounterVec
}

// newLoadFailures begins to count. What the sources counted before was another
// configuration's, or was counted where it happened.
func (a *App) newLoadFailures() *loadFailures {
	f := &loadFailures{counted: a.metrics.loadFailures}
	for _, l := range a.loads() {
		if l.failures != nil {
			f.all, f.seen = append(f.all, l), append(f.seen, l.failures())
		}
	}
	return f
}

// run counts until ctx is done.
func (f *loadFailures) run(ctx context.Context) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for ctx.Err() == nil {
		select {
		case <-ticker.C:
		case <-ctx.Done():
		}
		for i, l := range f.all {
			n := l.failures()
			f.counted.WithLabelValues(l.what).Add(float64(n - f.seen[i]))
			f.seen[i] = n
		}
	}
}

// notTaken counts what was not taken, whatever goes on instead.
func notTaken(what string) { processMetrics().loadFailures.WithLabelValues(what).Inc() }

// oldestLastGood is since when the oldest thing of each kind has been there that goes on
// because it cannot be had from where it comes.
func oldestLastGood(all []loaded) map[string]time.Time {
	oldest := map[string]time.Time{}
	for _, l := range all {
		if l.lastGood == nil {
			continue
		}
		since := l.lastGood()
		if was, known := oldest[l.what]; !since.IsZero() && (!known || since.Before(was)) {
			oldest[l.what] = since
		}
	}
	return oldest
}
