package gateway

import (
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/sparkoo/transfergate/internal/decision"
)

// sampleEvery is how often a reason's denials are logged at most.
const sampleEvery = time.Minute

// sampler picks, of what is the same, one in a while. Its zero value is ready.
type sampler struct {
	mu   sync.Mutex
	seen map[decision.Reason]sampled // guarded by mu; reasons are few
}

type sampled struct {
	at   time.Time // when one was picked
	more int       // since then
}

// pick reports whether to log this one, and how many of its reason were left out
// since the one before.
func (s *sampler) pick(reason decision.Reason, now time.Time) (left int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	was, known := s.seen[reason]
	if since := now.Sub(was.at); known && since >= 0 && since < sampleEvery {
		s.seen[reason] = sampled{was.at, was.more + 1}
		return 0, false
	}
	if s.seen == nil {
		s.seen = make(map[decision.Reason]sampled)
	}
	s.seen[reason] = sampled{at: now}
	return was.more, true
}

// logDenial logs a denial once a reason and minute. Each is in the ledger, and counted by
// caddy_transfer_reasons_total.
func (h *Handler) logDenial(d *decision.Decision, record string) {
	c := h.logger.Check(zapcore.InfoLevel, "a request was denied; further ones of this reason are only counted for a minute")
	if c == nil {
		return
	}
	if left, ok := h.app.denials.pick(d.Reason, now()); ok {
		c.Write(zap.String("reason", string(d.Reason)), zap.String("record", record), zap.Int("left_out_before", left))
	}
}
