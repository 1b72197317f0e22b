package recorder

import (
	"context"
	"log/slog"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/query/columns"
	"github.com/sparkoo/transfergate/internal/repeats"
)

// sealed notes that a segment is finished.
func (l *shared) sealed(ledger.Sealed) {
	select {
	case l.toIndex <- struct{}{}:
	default: // it is noted already
	}
	l.sealedToShip()
}

// index keeps the finished segments by columns, too, until ctx is done: those that lack
// them at once, and each that is sealed later. Nobody waits for it, and it works half of
// the time at most. A ledger without columns is read.
func (l *shared) index(ctx context.Context, logger *slog.Logger) {
	trouble := repeats.Logger(logger, l.now)
	for {
		_, err := columns.Update(ctx, ledger.At(l.dir), func(took time.Duration) time.Duration { return took })
		if ctx.Err() != nil {
			return // the ledger closes
		}
		if err != nil {
			trouble.Warn("segments of the ledger have no columns; queries read them instead, and it is tried again with the next segment", "dir", l.dir, "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-l.toIndex:
		}
	}
}
