package recorder

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/refusals"
)

// settleInterval is how often numbers of denials are written that no denial of a later
// minute has written, and how often the volume's free space is looked at.
const settleInterval = 5 * time.Second

// refused is what a ledger knows of denials. It outlives a reload.
type refused struct {
	node    string
	counter *refusals.Counter
	reserve atomic.Uint64 // by the configuration that started last
	scarce  atomic.Bool   // less than that is free
}

// Refuse notes a denial and reports whether it is to be recorded; else it is counted,
// and its number will stand in the ledger. An error means that what was counted before
// could not be written. Whoever calls it has acquired the ledger.
func (c *Class) Refuse(a refusals.About, at time.Time) (full bool, err error) {
	r := &c.shared.refused
	scarce := r.scarce.Load()
	full, err = r.counter.Admit(a, at, scarce)
	if !full {
		c.Recorded(record.TypeRefused)
		why := "person"
		switch {
		case a.Nobody() && scarce:
			why = "reserve"
		case a.Nobody():
			why = "repeated"
		}
		processMetrics().refusalsCounted.WithLabelValues(why).Inc()
	}
	return full, err
}

// writeCounted writes a number of denials to the ledger.
func (l *shared) writeCounted(s refusals.Summary) error {
	entry := record.Counted{
		Header: record.Header{Time: l.now(), Node: l.refused.node},
		Reason: s.Reason, Site: s.Site, Requester: s.Requester, Subject: s.Subject,
		From: s.From, To: s.To, Counted: s.Counted, Full: s.Full,
	}
	_, err := l.log.Append(entry.Append(nil))
	return err
}

// lookForRoom finds out whether what is free belongs to transfers alone.
func (l *shared) lookForRoom() {
	free := l.log.Stats().Free // 0 where it is not known
	l.refused.scarce.Store(free != 0 && free < l.refused.reserve.Load())
}

// settleRefusals writes the numbers of minutes after which nothing more was denied,
// until ctx is done.
func (l *shared) settleRefusals(ctx context.Context, logger *slog.Logger) {
	ticker := time.NewTicker(settleInterval)
	defer ticker.Stop()
	for failing := false; ; {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		l.lookForRoom()
		err := l.refused.counter.Settle(l.now())
		if err != nil && !failing && !errors.Is(err, ledger.ErrClosed) {
			logger.Error("writing how many requests were denied; it is kept and tried again", "dir", l.dir, "error", err)
		}
		failing = err != nil
	}
}
