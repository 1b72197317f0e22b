package gateway

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/sparkoo/transfergate/internal/ledger"
)

// ledgers holds the process's open ledgers by absolute path, so that the
// configurations of a reload, which run side by side, write through one writer.
var ledgers = caddy.NewUsagePool()

// sharedLedger is a ledger that stays open until its last user is done: the
// configurations that name it and the requests in flight, which outlive theirs.
type sharedLedger struct {
	dir   string
	class string // of its records
	log   *ledger.Log
	users atomic.Int64 // the pool counts as one

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

	views views
}

// loadLedger returns the process's ledger of that folder, with records of a class,
// unopened if it is new.
func loadLedger(dir, class string, o ledger.Options) (*sharedLedger, error) {
	value, _, err := ledgers.LoadOrNew(dir, func() (caddy.Destructor, error) {
		l := &sharedLedger{dir: dir, class: class, views: views{dir: dir}}
		o.OnCheckpoint = l.published
		o.DueFor = time.Duration(retentionPatience.Load())
		o.KnownElsewhere = func(ctx context.Context, origin string) ([]byte, error) { return nil, l.knownElsewhere(ctx, origin) }
		l.log = ledger.New(dir, o)
		l.users.Store(1)
		return l, nil
	})
	if err != nil {
		return nil, err
	}
	return value.(*sharedLedger), nil
}

// releaseLedger gives back one configuration's hold.
func releaseLedger(l *sharedLedger) error {
	_, err := ledgers.Delete(l.dir)
	return err
}

// hold keeps the ledger open for one request. It reports false when the ledger
// is closed already.
func (l *sharedLedger) hold() bool {
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

// release ends a hold; the last one closes the ledger.
func (l *sharedLedger) release() error {
	if l.users.Add(-1) == 0 {
		l.stopRetention()
		err := l.log.Close()
		l.closeOutside()
		return err
	}
	return nil
}

// Destruct implements caddy.Destructor: the pool lets go.
func (l *sharedLedger) Destruct() error { return l.release() }
