package policystore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"sync/atomic"
	"time"

	"github.com/sparkoo/transfergate/config"
)

// read reads the policy as it stands now. What it returns has no roster and no
// tables yet.
func (s *Store) read() (*State, error) {
	folder, err := s.options.Common.read(s.options.Folder)
	if err != nil {
		return nil, err
	}
	return &State{folder: folder, Policy: folder.Registers.Policy, recorded: new(atomic.Bool), Loaded: s.options.Now()}, nil
}

// Reload puts the policy in force as its folder has it now: all of it or, if
// anything about it is wrong, nothing. It reports whether it is another one.
// Requests go on meanwhile under the policy they began with.
func (s *Store) Reload() (changed bool, err error) {
	s.changing.Lock()
	defer s.changing.Unlock()
	next, err := s.read()
	if err == nil {
		changed, err = s.replace(next)
	}
	digest := s.state.Load().Policy.Digest
	s.failure.Store(s.failureOf(err))
	switch {
	case err != nil:
		s.options.Failed(OfPolicy)
		s.options.Logger.Error("the policy was not taken; the old one stays in force", slog.String("digest", digest), slog.Any("error", err))
	case changed:
		s.options.Logger.Info("another policy is in force", slog.String("digest", digest))
	}
	return changed, err
}

// replace puts a policy in force. Whoever calls it holds changing.
func (s *Store) replace(next *State) (changed bool, err error) {
	if err := s.approve(next); err != nil {
		return false, err
	}
	old := s.state.Load()
	if next.Policy.Digest == old.Policy.Digest {
		same := *old
		same.folder, same.Approved, same.last = next.folder, next.Approved, false // perhaps signed anew
		again := !reflect.DeepEqual(old.Approved, next.Approved)
		if again {
			same.recorded = new(atomic.Bool) // the ledger is to say by whom
		}
		if err := s.Keep(&same); err != nil {
			return false, err
		}
		s.state.Store(&same)
		if err := s.noteApproved(next); err != nil {
			return false, err
		}
		if again {
			s.options.Advise(same.Policy)
		}
		return false, nil
	}
	for _, rule := range s.rules {
		if err := rule(next.Policy); err != nil {
			return false, fmt.Errorf("the policy does not fit the configuration: %w", err)
		}
	}
	if err := s.compile(next, s.options.Now()); err != nil {
		return false, err
	}
	// If it is not taken in the end, the ledger holds a policy that no record names.
	if err := s.Keep(next); err != nil {
		return false, err
	}
	if err := s.table.SetPolicy(next.Policy); err != nil {
		return false, fmt.Errorf("the policy does not fit the account records: %w", err)
	}
	if err := s.noteApproved(next); err != nil {
		return false, errors.Join(err, s.table.SetPolicy(old.Policy))
	}
	next.Roster, next.Shadow = s.table.Snapshot().Roster(), old.Shadow
	s.state.Store(next)
	s.options.Advise(next.Policy)
	return true, nil
}

// Started keeps the policy in the ledger, which is open now, notes that it was
// approved, and keeps what a restart goes on with.
func (s *Store) Started() error {
	s.changing.Lock()
	defer s.changing.Unlock()
	state := s.state.Load()
	if err := s.Keep(state); err != nil {
		return err
	}
	s.keepShadow(state.Shadow)
	return s.noteApproved(state)
}

// Keep makes sure that a copy of the state's policy is kept before a record names
// it, so that old records stay explainable. Mostly that was done when the policy
// was loaded; after a reload of the configuration a request may come before the
// gateway has quite started.
func (s *Store) Keep(state *State) error {
	if state.recorded.Load() {
		return nil
	}
	if err := s.options.Keep(state.Policy.Digest, state.folder.Registers.Archive(), state.Approved); err != nil {
		return err // it says what was not kept
	}
	state.recorded.Store(true)
	return nil
}

// Failure is why a folder's policy is not the one in force, or on trial.
type Failure struct {
	At    time.Time `json:"at"`
	Error string    `json:"error"`
}

// failureOf is nil if there was no error.
func (s *Store) failureOf(err error) *Failure {
	if err == nil {
		return nil
	}
	return &Failure{At: s.options.Now(), Error: err.Error()}
}

// watch looks at a policy's folder until ctx is done, and calls changed when it is
// another one. It waits until two looks find the same, so that files which are
// written one after the other are taken together. seen is the state that was
// loaded already.
func watch(ctx context.Context, interval time.Duration, dir, seen string, changed func()) {
	ticker := time.NewTicker(interval)
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
