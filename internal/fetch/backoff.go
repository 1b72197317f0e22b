package fetch

import (
	"cmp"
	"context"
	"math/rand/v2"
	"time"
)

// Backoff says how long to wait after the failures of one thing. One goroutine uses it.
type Backoff struct {
	// First is the wait after one failure; it doubles with each further one in a row.
	// Default: 1 s
	First time.Duration

	// Most bounds the wait. Default: 1 min
	Most time.Duration

	inRow int
}

// Failed counts a failure, and returns how long to wait before the next try.
func (b *Backoff) Failed() time.Duration {
	b.inRow++
	return b.After(b.inRow)
}

// Succeeded forgets the failures.
func (b *Backoff) Succeeded() { b.inRow = 0 }

// After is how long to wait after so many failures in a row, at least one.
func (b Backoff) After(failures int) time.Duration {
	first, most := cmp.Or(b.First, time.Second), cmp.Or(b.Most, time.Minute)
	return Spread(min(most, first<<min(failures-1, 10)))
}

// Spread takes up to a tenth off a wait, so that not all gateways come at once.
func Spread(wait time.Duration) time.Duration { return wait - rand.N(wait/10+1) }

// Sleep returns after a pause, or when ctx is done.
func Sleep(ctx context.Context, pause time.Duration) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
