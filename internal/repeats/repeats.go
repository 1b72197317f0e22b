// Package repeats says when to log what repeats, so that nobody who provokes it can fill
// a log: the first time, and from then on how often it happened meanwhile.
package repeats

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Every is how often the same is logged unless a [Counter] says otherwise.
const Every = 10 * time.Minute

// Counter counts what repeats, by its kinds, which are a closed set: it remembers every
// one it was told of. Its zero value is ready, and any number of goroutines may use it.
type Counter[K comparable] struct {
	// Every is how often one kind is logged at most. Default: [Every]
	Every time.Duration

	mu   sync.Mutex
	told map[K]*told // guarded by mu
}

// told is what was told of a kind.
type told struct {
	at    time.Time // when it was logged
	since uint64    // how many came after that
}

// Due notes one of a kind and reports whether to log it, as so many. A clock that was
// set back makes it due.
func (c *Counter[K]) Due(kind K, at time.Time) (times uint64, due bool) {
	every := c.Every
	if every == 0 {
		every = Every
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.told == nil {
		c.told = make(map[K]*told)
	}
	one := c.told[kind]
	if one == nil {
		one = new(told)
		c.told[kind] = one
	}
	one.since++
	if age := at.Sub(one.at); !one.at.IsZero() && age >= 0 && age < every {
		return 0, false
	}
	times, one.since, one.at = one.since, 0, at
	return times, true
}

// Logger returns a logger that passes the same message on once in [Every], with how many
// times it came as "times" where it is more than one. Messages are constants; what varies
// stands in attributes.
func Logger(to *slog.Logger, now func() time.Time) *slog.Logger {
	return slog.New(&handler{Handler: to.Handler(), messages: new(Counter[string]), now: now})
}

// handler is a [slog.Handler] that leaves out what repeats.
type handler struct {
	slog.Handler
	messages *Counter[string]
	now      func() time.Time
}

func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	times, due := h.messages.Due(r.Message, h.now())
	if !due {
		return nil
	}
	if times > 1 {
		r = r.Clone()
		r.AddAttrs(slog.Uint64("times", times))
	}
	return h.Handler.Handle(ctx, r)
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &handler{h.Handler.WithAttrs(attrs), h.messages, h.now}
}

func (h *handler) WithGroup(name string) slog.Handler {
	return &handler{h.Handler.WithGroup(name), h.messages, h.now}
}
