package recorder

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/refusals"
)

// ledgers holds the process's open ledgers by absolute path, so that the
// configurations of a reload, which run side by side, write through one writer.
var ledgers = caddy.NewUsagePool()

// shared is a ledger that stays open until its last user is done: the
// configurations that name it and the requests in flight, which outlive theirs.
type shared struct {
	dir   string
	class string // of its records
	now   func() time.Time
	log   *ledger.Log

	logger *slog.Logger // of the configuration that found it first
	users  atomic.Int64 // the pool counts as one

	// outside are the places checkpoints go to, nil if none is configured. It is
	// replaced under changing.
	outside  atomic.Pointer[outside]
	changing sync.Mutex

	// keep is how long what is recorded is kept, by the configuration that started
	// last. endRetention ends the background work; nil before open, and guarded by
	// changing.
	keep         atomic.Pointer[ledger.Retain]
	endRetention context.CancelFunc
	background   sync.WaitGroup
	interval     time.Duration // between looks for expired epochs

	toIndex chan struct{} // one token: a segment was sealed

	ship atomic.Pointer[shipping] // nil if the ledger is not shipped; replaced under changing

	refused refused
	running running
	look    time.Duration // between looks whether a heartbeat is due; negative: none

	views views
}

// load returns the process's ledger of that folder, with records of a class,
// unopened if it is new.
func load(dir, class string, writer ledger.Options, o *Options) (*shared, error) {
	value, _, err := ledgers.LoadOrNew(dir, func() (caddy.Destructor, error) {
		l := &shared{dir: dir, class: class, now: o.Now, logger: o.Logger, interval: cmp.Or(o.Interval, retentionInterval), look: o.Heartbeat, toIndex: make(chan struct{}, 1), views: views{dir: ledger.At(dir)}}
		writer.OnCheckpoint, writer.OnSealed = l.published, l.sealed
		writer.DueFor = max(0, cmp.Or(o.Patience, retentionPatience))
		writer.KnownElsewhere = func(ctx context.Context, origin string) ([]byte, error) { return nil, l.knownElsewhere(ctx, origin) }
		writer.KnownBefore = l.knownBefore
		l.log = ledger.New(dir, writer)
		l.refused.node, l.refused.counter = o.Node, refusals.New(o.Refusals, l.writeCounted)
		l.users.Store(1)
		return l, nil
	})
	if err != nil {
		return nil, err
	}
	return value.(*shared), nil
}

// giveBack ends one configuration's use.
func giveBack(l *shared) error {
	_, err := ledgers.Delete(l.dir)
	return err
}

// acquire keeps the ledger open for one request. It reports whether it is not closed
// already.
func (l *shared) acquire() bool {
	for {
		n := l.users.Load()
		if n == 0 {
			return false
		}
		if l.users.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// release gives back what acquire took; the last one closes the ledger.
func (l *shared) release() error {
	if l.users.Add(-1) == 0 {
		l.stopRetention()
		err := errors.Join(l.refused.counter.Close(), l.stopped(), l.log.Close())
		l.finishShipping(l.logger)
		l.closeOutside()
		return err
	}
	return nil
}

// Destruct implements caddy.Destructor: the pool lets go.
func (l *shared) Destruct() error { return l.release() }
