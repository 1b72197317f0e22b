package gateway

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/repeats"
)

// A gateway that runs on a full volume serves what is no transfer and refuses the rest.
// So does one that is started there: this file has it come up, and take transfers by
// itself once its ledger can be written to and says that it started, how it is set and
// under which policy. What is wrong with a ledger stops the start all the same.

// openAgain is how long, in nanoseconds, the first pause is between tries to open a ledger
// that cannot be written to; each is twice as long as the one before, up to maxOpenAgain.
// Tests shorten it.
var openAgain atomic.Int64

func init() { openAgain.Store(int64(time.Second)) }

const maxOpenAgain = 30 * time.Second

// opening is how far a gateway's ledger is.
type opening struct {
	done  atomic.Bool // records may be written; every one asks
	cause atomic.Pointer[error]
}

// err is why nothing is recorded yet; nil if records may be written.
func (o *opening) err() error {
	if o.done.Load() {
		return nil
	}
	if cause := o.cause.Load(); cause != nil {
		return *cause
	}
	return ledger.ErrNotOpen
}

// started are the configurations that are started, the latest one last: it alone says
// where checkpoints go and how the gateway is set.
var started struct {
	sync.Mutex
	apps []*App
}

// holds makes this the latest configuration.
func (a *App) holds() {
	started.Lock()
	defer started.Unlock()
	started.apps = append(started.apps, a)
}

// holdsNoMore has the one before hold again, if it still runs, as it does when Caddy
// could not start all of this one: its ledger then says who oversees it.
func (a *App) holdsNoMore() error {
	started.Lock()
	defer started.Unlock()
	started.apps = slices.DeleteFunc(started.apps, func(other *App) bool { return other == a })
	n := len(started.apps)
	if n == 0 || !started.apps[n-1].opening.done.Load() {
		return nil // if it opens its ledger it says so then
	}
	before := started.apps[n-1]
	return noteOversight(before.oversight(), before.Node.Name, before.recorder.Class(""))
}

// open opens the ledger and writes what it is to hold before the first record. What was
// done before an error is not done again. It does nothing while a later configuration holds.
func (a *App) open() error {
	started.Lock()
	defer started.Unlock()
	if n := len(started.apps); n == 0 || started.apps[n-1] != a {
		return nil
	}
	if err := a.recorder.Open(); err != nil {
		return err
	}
	if err := a.store.Started(); err != nil {
		return err
	}
	if err := noteOversight(a.oversight(), a.Node.Name, a.recorder.Class("")); err != nil {
		return err
	}
	a.declared.Store(true)
	if err := a.declare(); err != nil {
		return fmt.Errorf("recording how the gateway is set: %w", err)
	}
	if err := a.recorder.OfferLatest(); err != nil {
		return err
	}
	a.opening.done.Store(true)
	return nil
}

// openOrWait opens the ledger. wait tells that it cannot be written to for now, and is to
// be opened again.
func (a *App) openOrWait() (wait bool, err error) {
	a.holds()
	failed := a.open()
	if failed == nil {
		return false, nil
	}
	if !a.recorder.Passes(failed) {
		return false, errors.Join(failed, a.holdsNoMore())
	}
	a.opening.cause.Store(&failed) // not the result, which is no error
	a.logger.Error("the ledger cannot be written to: the gateway refuses every transfer and serves only what is none; it tries again until the ledger opens", zap.Error(failed))
	return true, nil
}

// keepOpening opens the ledger again and again until it is open, or ctx is done. What else
// is found to be wrong with it meanwhile is no reason to end what is served.
func (a *App) keepOpening(ctx context.Context) {
	var said repeats.Counter[error]
	said.Due(failureOf(a.opening.err()), now())
	for pause := time.Duration(openAgain.Load()); ; pause = min(2*pause, maxOpenAgain) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		err := a.open()
		if a.opening.done.Load() {
			a.logger.Info("the ledger is open: transfers pass")
			return
		}
		if err == nil {
			continue // another configuration holds
		}
		a.opening.cause.Store(&err)
		if times, due := said.Due(failureOf(err), now()); due {
			a.logger.Error("the ledger still cannot be opened; it is tried again", zap.Uint64("times", times), zap.Error(err))
		}
	}
}
