package gateway

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
)

// startWait is for how long, in nanoseconds, what is to be recorded waits for a
// gateway that starts. Caddy may let requests in before the ledger is open.
var startWait atomic.Int64

func init() { startWait.Store(int64(10 * time.Second)) }

// starting is what requests wait for that arrive before Start is done.
type starting struct {
	done atomic.Bool // read by every request, so that it needs no lock
	once sync.Once
	over chan struct{} // closed when Start is done, with or without an error
}

func newStarting() *starting { return &starting{over: make(chan struct{})} }

// end lets those who wait go on.
func (s *starting) end() {
	s.once.Do(func() {
		s.done.Store(true)
		close(s.over)
	})
}

// wait returns when Start is done, and after startWait at the latest.
func (s *starting) wait() {
	if s.done.Load() {
		return
	}
	bound := time.NewTimer(time.Duration(startWait.Load()))
	defer bound.Stop()
	select {
	case <-s.over:
	case <-bound.C:
	}
}

// sayWhatToTry ends the log of a demo's start with what to do next, once Caddy has said
// all it says.
func (a *App) sayWhatToTry(ctx caddy.Context) {
	if !a.Demo || a.example == "" {
		return
	}
	try := "curl -s " + a.example
	if len(a.identity.fields) > 0 {
		try = "curl -s -H '" + a.identity.fields[0] + ": BR' " + a.example
	}
	text := "the demo is ready: open " + a.example + " or try: " + try
	if a.console != "" {
		text += "; review what it recorded at " + a.console
	}
	said := time.AfterFunc(time.Second, func() {
		a.logger.Info(text)
	})
	context.AfterFunc(ctx, func() { said.Stop() })
}
