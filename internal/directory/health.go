package directory

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sparkoo/transfergate/internal/repeats"
)

// health is what a directory's answers say about itself.
type health struct {
	logger   *slog.Logger
	answered atomic.Int64 // nanoseconds since 1970; 0 for never
	failures atomic.Uint64
	records  repeats.Counter[string] // what is wrong with single records

	mu       sync.Mutex
	reported string        // guarded by mu: the failure last reported; empty after a success was
	said     time.Time     // guarded by mu: when either was last reported
	pause    time.Duration // guarded by mu: until another may be
}

// A directory that fails and answers by turns is told of less and less often, until it
// has been one or the other for a while.
const (
	sayFirst = time.Second
	sayMost  = time.Minute
)

// refused counts an answer that says what is wrong with one account.
func (h *health) refused(err error) {
	defer h.failures.Add(1)
	h.record("the directory's answer about an account cannot be used: that account is refused, and no other", err)
}

// failed counts a failure, and reports it if it is another one than the last.
func (h *health) failed(err error) {
	defer h.failures.Add(1) // whoever sees it finds it told
	h.mu.Lock()
	defer h.mu.Unlock()
	if text := err.Error(); text != h.reported && h.mayTell() {
		h.reported = text
		h.logger.Error("the directory of accounts failed; the last good records stay in force until they are too old", "error", err)
	}
}

// mayTell reports whether something may be told, and notes that it is. Whoever calls it
// holds mu.
func (h *health) mayTell() bool {
	quiet := time.Since(h.said)
	if quiet < h.pause {
		return false
	}
	h.pause = min(max(2*h.pause, sayFirst), sayMost)
	if quiet > 2*sayMost {
		h.pause = sayFirst
	}
	h.said = time.Now()
	return true
}

// odd says that a record had an invalid country and was taken without it.
func (h *health) odd(err error) {
	h.record("an account record has an invalid country: its person counts as one whose country is unknown, and only rights requests and public activities pass", err)
}

// record says what is wrong with an account's record.
func (h *health) record(what string, err error) {
	if times, due := h.records.Due(what, time.Now()); due {
		h.logger.Error(what, "error", err, "times", times)
	}
}

func (h *health) succeeded(asked time.Time) {
	for {
		old := h.answered.Load()
		if old >= asked.UnixNano() || h.answered.CompareAndSwap(old, asked.UnixNano()) {
			break
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.reported != "" && h.mayTell() {
		h.reported = ""
		h.logger.Info("the directory of accounts answers again")
	}
}

func (h *health) status() (time.Time, uint64) {
	failures := h.failures.Load()
	if at := h.answered.Load(); at != 0 {
		return time.Unix(0, at), failures
	}
	return time.Time{}, failures
}
