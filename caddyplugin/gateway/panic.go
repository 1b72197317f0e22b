package gateway

import (
	"fmt"
	"net/http"
	"runtime"

	"go.uber.org/zap"
)

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
		a.logger.Error("handling a request panicked; its answer is aborted", zap.String("panic", said), zap.Stack("stack"))
	}
	panic(http.ErrAbortHandler)
}
