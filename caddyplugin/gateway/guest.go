package gateway

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/sparkoo/transfergate/caddyplugin/recorder"
	"github.com/sparkoo/transfergate/internal/decision"
)

// What a guest handler, which finds the app by [AppOf] when it is provisioned, may
// ask of it while it serves. All of it may be called by many at once, and by requests
// in flight after the configuration is gone.

// PolicyInForce is the policy that requests are judged by now. It never changes; the
// next call may return another one.
func (a *App) PolicyInForce() *decision.Policy { return a.store.State().Policy }

// Recorder is where this configuration records. Who reads a ledger's files needs
// nothing else; who writes acquires the class first.
func (a *App) Recorder() *recorder.Recorder { return a.recorder }

// Now is the time of decisions and records.
func (a *App) Now() time.Time { return now() }

// Example is the address of a site of the gateway that this machine may ask without a
// name or TLS; empty if there is none, or it has not started.
func (a *App) Example() string { return a.example }

// Ready tells why transfers cannot be decided and recorded now, if they cannot. The
// error names no person, no file and no address: strangers may read it.
func (a *App) Ready() error {
	for _, source := range a.identity.sources {
		if r, ok := source.(Refresher); ok {
			if synced, _ := r.Status(); synced.IsZero() {
				return errors.New("the keys of an identity source were never loaded")
			}
		}
	}
	if loader, ok := a.accounts.(AccountLoader); ok && !loader.Loaded() {
		return errors.New("the account records were never loaded")
	}
	err := a.opening.err()
	if err == nil {
		err = a.recorder.Ready() // a policy is always there
	}
	return a.forStrangers(err)
}

// forStrangers is an error of the ledger without the files and addresses in it, with
// which it is logged.
func (a *App) forStrangers(err error) error {
	if err == nil || !strings.ContainsAny(err.Error(), `/\`) {
		return err
	}
	kind := failureOf(err)
	if times, due := a.unready.Due(kind, now()); due {
		a.logger.Error("the gateway is not ready", zap.Uint64("times", times), zap.Error(err))
	}
	if kind != nil {
		return kind
	}
	kind = errors.New("the ledger cannot be written to; the gateway's log says why")
	if why, ok := errors.AsType[syscall.Errno](err); ok {
		kind = fmt.Errorf("the ledger cannot be written to: %w", why)
	}
	return kind
}

// Count registers what a guest counts with this configuration's metrics. A collector
// that is registered already, as one that a process has once, is no error.
func (a *App) Count(collectors ...prometheus.Collector) error {
	registry := a.ctx.GetMetricsRegistry()
	for _, c := range collectors {
		var twice prometheus.AlreadyRegisteredError
		if err := registry.Register(c); err != nil && !errors.As(err, &twice) {
			return err
		}
	}
	return nil
}

// KeySet is the public keys that assertions are verified with, a JSON Web Key Set
// (RFC 7517). Whoever calls it made sure that the configuration has an assertion.
func (a *App) KeySet() ([]byte, error) {
	return a.Assertion.ring.KeySet(a.Assertion.keys, now())
}
