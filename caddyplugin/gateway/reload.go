package gateway

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/sparkoo/transfergate/config"
)

// readPolicy reads the policy as it stands now. What it returns has no roster and
// no tables yet.
func (a *App) readPolicy() (*state, error) {
	folder, err := inCommon.read(a.Policy)
	if err != nil {
		return nil, err
	}
	return &state{folder: folder, policy: folder.Registers.Policy, recorded: new(atomic.Bool), loaded: now()}, nil
}

// reload puts the policy in force as its folder has it now: all of it or, if
// anything about it is wrong, nothing. It tells whether it is another one. Requests
// go on meanwhile under the policy they began with.
func (a *App) reload() (changed bool, err error) {
	a.changing.Lock()
	defer a.changing.Unlock()
	next, err := a.readPolicy()
	if err == nil {
		changed, err = a.replace(next)
	}
	digest := a.state.Load().policy.Digest
	a.failure.Store(failureOf(err))
	switch {
	case err != nil:
		a.metrics.policyFailures.Inc()
		a.logger.Error("the policy was not taken; the old one stays in force", zap.String("digest", digest), zap.Error(err))
	case changed:
		a.logger.Info("another policy is in force", zap.String("digest", digest))
	}
	return changed, err
}

// replace puts a policy in force. Whoever calls it holds changing.
func (a *App) replace(next *state) (changed bool, err error) {
	if err := a.approve(next); err != nil {
		return false, err
	}
	old := a.state.Load()
	if next.policy.Digest == old.policy.Digest {
		same := *old
		same.folder, same.approved = next.folder, next.approved // perhaps signed anew
		a.state.Store(&same)
		return false, a.keepApproved(next)
	}
	for _, rule := range a.rules {
		if err := rule(next.policy); err != nil {
			return false, fmt.Errorf("the policy does not fit the configuration: %w", err)
		}
	}
	if err := next.compile(a.handlers, now()); err != nil {
		return false, err
	}
	// If it is not taken in the end, the ledger holds a policy that no record names.
	if err := a.keepPolicy(next); err != nil {
		return false, err
	}
	if err := a.table.SetPolicy(next.policy); err != nil {
		return false, fmt.Errorf("the policy does not fit the account records: %w", err)
	}
	if err := a.keepApproved(next); err != nil {
		return false, errors.Join(err, a.table.SetPolicy(old.policy))
	}
	next.roster, next.candidate = a.table.Snapshot().Roster(), old.candidate
	a.state.Store(next)
	a.warnOfModes(next.policy)
	return true, nil
}

// keepPolicy keeps a copy of the policy beside the ledger before a record can
// name it, so that old records stay explainable. Mostly that was done when the
// policy was loaded; after a reload of the configuration a request may come before
// the gateway has quite started.
func (a *App) keepPolicy(s *state) error {
	if s.recorded.Load() {
		return nil
	}
	if err := a.recorder.KeepPolicy(s.policy.Digest, s.folder.Registers.Archive()); err != nil {
		return err
	}
	s.recorded.Store(true)
	return nil
}

// loadFailure is why the folder's policy is not the one in force.
type loadFailure struct {
	At    time.Time `json:"at"`
	Error string    `json:"error"`
}

// failureOf is nil if there was no error.
func failureOf(err error) *loadFailure {
	if err == nil {
		return nil
	}
	return &loadFailure{At: now(), Error: err.Error()}
}

// policyInterval is how often a policy's folder is looked at, in nanoseconds.
// Tests shorten it.
var policyInterval atomic.Int64

func init() { policyInterval.Store(int64(sourceInterval)) }

// watch looks at a policy's folder until ctx is done, and calls changed when it is
// another one. It waits until two looks find the same, so that files which are
// written one after the other are taken together. seen is the state that was
// loaded already.
func watch(ctx caddy.Context, dir, seen string, changed func()) {
	ticker := time.NewTicker(time.Duration(policyInterval.Load()))
	defer ticker.Stop()
	last := seen
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		found := config.Fingerprint(dir)
		if found == last && found != seen {
			seen = found
			changed()
		}
		last = found
	}
}
