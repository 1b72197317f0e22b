package directory

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// health is what a directory's answers say about itself. A failure is reported when
// it is another one than the last, and nothing more often than once in sayEvery.
type health struct {
	logger   *slog.Logger
	answered atomic.Int64 // nanoseconds since 1970; 0 for never
	failures atomic.Uint64

	mu       sync.Mutex
	reported string    // guarded by mu: the failure last reported; empty after a success was
	said     time.Time // guarded by mu: when something was last reported
	oddSaid  time.Time // guarded by mu: when an odd record was last reported
}

// sayEvery keeps a directory that fails and answers by turns from filling the log.
const sayEvery = time.Second

func (h *health) failed(err error) {
	h.failures.Add(1)
	h.mu.Lock()
	defer h.mu.Unlock()
	if text := err.Error(); text != h.reported && time.Since(h.said) >= sayEvery {
		h.reported, h.said = text, time.Now()
		h.logger.Error("the directory of accounts failed; the last good records stay in force until they are too old", "error", err)
	}
}

// odd says that a record had an invalid country and was taken without it.
func (h *health) odd(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if time.Since(h.oddSaid) >= sayEvery {
		h.oddSaid = time.Now()
		h.logger.Error("an account record has an invalid country: its person counts as one whose country is unknown, and only rights requests and public activities pass", "error", err)
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
	if h.reported != "" && time.Since(h.said) >= sayEvery {
		h.reported, h.said = "", time.Now()
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
