package gateway

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger"
)

// retentionInterval is how often expired epochs are looked for, in nanoseconds.
// Tests shorten it.
var retentionInterval atomic.Int64

// retentionPatience is for how long an epoch's time must have run out before it is
// deleted, in nanoseconds. A machine that starts with a wrong clock, or is told a
// wrong time, has a day to notice. Tests shorten it.
var retentionPatience atomic.Int64

func init() {
	retentionInterval.Store(int64(time.Hour))
	retentionPatience.Store(int64(24 * time.Hour))
}

// open opens the ledger if it is not open, and keeps what is recorded so long
// from now on.
func (l *sharedLedger) open(keep ledger.Retain, logger *slog.Logger) error {
	if err := l.log.Open(); err != nil {
		return err
	}
	l.keep.Store(&keep)
	l.changing.Lock()
	defer l.changing.Unlock()
	if l.endRetention == nil {
		ctx, cancel := context.WithCancel(context.Background())
		l.endRetention = cancel
		l.background.Go(func() { l.retain(ctx, logger) })
	}
	return nil
}

// retain deletes expired epochs at once and then each hour, until ctx is done.
func (l *sharedLedger) retain(ctx context.Context, logger *slog.Logger) {
	ticker := time.NewTicker(time.Duration(retentionInterval.Load()))
	defer ticker.Stop()
	for {
		found, err := l.log.DeleteExpired(ctx, *l.keep.Load())
		if ctx.Err() != nil {
			return // the ledger closes
		}
		processMetrics().retained(l.class, found, err, now())
		if err != nil && !errors.Is(err, ledger.ErrClosed) {
			logger.Error("deleting expired epochs of the ledger; it is tried again", "dir", l.dir, "error", err)
		}
		if len(found.Held) > 0 {
			logger.Info("the time of epochs has run out, and a hold keeps them", "dir", l.dir, "epochs", len(found.Held))
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// stopRetention ends the work that open began.
func (l *sharedLedger) stopRetention() {
	l.changing.Lock()
	end := l.endRetention
	l.changing.Unlock()
	if end != nil {
		end()
		l.background.Wait()
	}
}
