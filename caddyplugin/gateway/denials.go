package gateway

import (
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/sparkoo/transfergate/internal/decision"
)

// logDenial logs a denial once a reason and minute. Each is in the ledger, and counted by
// caddy_transfer_reasons_total.
func (h *Handler) logDenial(d *decision.Decision, record string) {
	c := h.logger.Check(zapcore.InfoLevel, "a request was denied; further ones of this reason are only counted for a minute")
	if c == nil {
		return
	}
	if times, due := h.app.denials.Due(d.Reason, now()); due {
		c.Write(zap.String("reason", string(d.Reason)), zap.String("record", record), zap.Uint64("left_out_before", times-1))
	}
}
