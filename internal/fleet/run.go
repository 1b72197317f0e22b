package fleet

import (
	"context"
	"time"

	"github.com/sparkoo/transfergate/internal/fetch"
)

// endWithin is how long Finish tries.
const endWithin = 5 * time.Second

// Run ships until ctx is done: what is durable at each tick, and without a pause while
// more waits. A store that fails is tried again, later and later.
func (s *Shipper) Run(ctx context.Context) {
	backoff := fetch.Backoff{Most: 30 * time.Second}
	failing := false
	for ctx.Err() == nil {
		began := time.Now()
		more, err := s.Turn(ctx)
		pause := s.o.Every - time.Since(began)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !failing:
			s.o.Logger.Error("the ledger is not shipped to its store; it is tried again, and what waits stays on the disk", "error", err)
			pause = backoff.Failed()
		case err != nil:
			pause = backoff.Failed()
		case failing:
			s.o.Logger.Info("the ledger is shipped again")
			backoff.Succeeded()
		}
		failing = err != nil
		if err != nil || !more {
			fetch.Sleep(ctx, pause)
		}
	}
}

// Finish ships what is left once the log is closed, if that takes no longer than five
// seconds; the rest is shipped by the next process.
func (s *Shipper) Finish() error {
	ctx, cancel := context.WithTimeout(context.Background(), endWithin)
	defer cancel()
	for {
		if _, err := s.Turn(ctx); err != nil {
			return err
		}
		if s.noted.Shipped.ID == s.o.Log.End() {
			break
		}
	}
	if s.saved {
		return nil
	}
	return s.save()
}
