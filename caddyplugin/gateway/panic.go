package gateway

import (
	"fmt"
	"net/http"
	"runtime"
	"strings"

	"go.uber.org/zap"
)

// mishap is something that goes wrong in the gateway itself and can happen again with
// each request that provokes it. Both are of closed sets.
type mishap struct{ what, where string }

// mishap logs one, and from then on how often it happened meanwhile.
func (a *App) mishap(logger *zap.Logger, what, where string, fields ...zap.Field) {
	if times, due := a.mishaps.Due(mishap{what, where}, now()); due {
		logger.Error(what, append(fields, zap.Uint64("times", times))...)
	}
}

// quietPanic ends a request whose handling panicked. It logs where, and aborts
// the answer: net/http would log the client's address. What the panic says is
// left out unless it is the runtime's, because it might quote the request.
func (a *App) quietPanic() {
	what := recover()
	if what == nil {
		return
	}
	if what != any(http.ErrAbortHandler) {
		said := fmt.Sprintf("%T", what)
		if e, ok := what.(runtime.Error); ok {
			said = e.Error()
		}
		a.mishap(a.logger, "handling a request panicked; its answer is aborted", panickedAt(), zap.String("panic", said), zap.Stack("stack"))
	}
	panic(http.ErrAbortHandler)
}

// panickedAt is the place in the code that panicked, for whoever recovers.
func panickedAt() string {
	var callers [32]uintptr
	frames := runtime.CallersFrames(callers[:runtime.Callers(1, callers[:])])
	for panicking := false; ; {
		frame, more := frames.Next()
		inRuntime := strings.HasPrefix(frame.Function, "runtime.")
		if panicking && !inRuntime || !more {
			return fmt.Sprintf("%s:%d", frame.File, frame.Line)
		}
		panicking = panicking || inRuntime
	}
}
