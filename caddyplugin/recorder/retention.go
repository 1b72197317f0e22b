package recorder

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger"
)

// What is done if [Options] say nothing else.
const (
	retentionInterval = time.Hour
	retentionPatience = 24 * time.Hour
)

// open opens the ledger if it is not open. From now on what is recorded is kept so
// long, and so many bytes of the volume belong to transfers.
func (l *shared) open(keep ledger.Retain, reserve uint64, logger *slog.Logger) error {
	if err := l.log.Open(); err != nil {
		return err
	}
	l.keep.Store(&keep)
	l.refused.reserve.Store(reserve)
	l.lookForRoom()
	l.changing.Lock()
	defer l.changing.Unlock()
	if l.endRetention == nil {
		ctx, cancel := context.WithCancel(context.Background())
		l.endRetention = cancel
		l.background.Go(func() { l.retain(ctx, logger) })
		l.background.Go(func() { l.settleRefusals(ctx, logger) })
		l.background.Go(func() { l.index(ctx, logger) })
		if l.look >= 0 {
			l.background.Go(func() { l.heartbeats(ctx, logger) })
		}
	}
	return nil
}

// retain deletes expired epochs at once and then each hour, until ctx is done.
func (l *shared) retain(ctx context.Context, logger *slog.Logger) {
	ticker := time.NewTicker(l.interval)
	defer ticker.Stop()
	for {
		found, err := l.log.DeleteExpired(ctx, *l.keep.Load())
		if ctx.Err() != nil {
			return // the ledger closes
		}
		processMetrics().retained(l.class, found, err, l.now())
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
func (l *shared) stopRetention() {
	l.changing.Lock()
	end := l.endRetention
	l.changing.Unlock()
	if end != nil {
		end()
		l.background.Wait()
	}
}
