package policystore

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"regexp"
	"sync/atomic"

	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/controllers"
	"github.com/sparkoo/transfergate/internal/durable"
	"github.com/sparkoo/transfergate/internal/regular"
)

// This file goes on with the policy that was in force last where the folder's cannot be
// taken at a start: a restart must not be less available than running on.

// lastFile says which policy was in force last: a line with its digest, then its
// approvals if it had any. It stands beside the ledger, where the policy itself is kept.
const lastFile = "policy.last"

// fallBack takes the policy that was in force last instead of the folder's, which fails
// with cause. It is held to all that is asked of the folder's: its digest and its
// approvals. The error is cause when no policy was in force here, or that one is no
// longer acceptable either. Whoever calls it holds changing, or is New.
func (s *Store) fallBack(cause error) error {
	next, err := s.last()
	if old := s.state.Load(); err == nil && (next == nil || old != nil && old.Policy.Digest == next.Policy.Digest && bytes.Equal(old.folder.Approvals, next.folder.Approvals)) {
		return cause // it is that policy which is at fault, or the configuration
	}
	if err == nil {
		err = s.approve(next)
	}
	if err == nil {
		err = s.fit(next)
	}
	if err != nil {
		return errors.Join(cause, fmt.Errorf("the policy that was in force last cannot be taken instead: %w", err))
	}
	if old := s.state.Load(); old != nil {
		next.Shadow = old.Shadow
	}
	next.Roster = s.table.Snapshot().Roster()
	s.state.Store(next)
	s.failure.Store(s.failureOf(cause))
	s.options.Failed()
	s.options.Logger.Error("the policy was not taken; the one that was in force last goes on", slog.String("digest", next.Policy.Digest), slog.Any("error", cause))
	return nil
}

// fit holds a policy to the configuration so far, and brings it into the table.
func (s *Store) fit(next *State) (err error) {
	for _, rule := range s.rules {
		if err := rule(next.Policy); err != nil {
			return err
		}
	}
	if err := s.compile(next, s.options.Now()); err != nil {
		return err
	}
	if s.table != nil {
		return s.table.SetPolicy(next.Policy)
	}
	s.table, err = controllers.ForPolicy(next.Policy)
	return err
}

var digestForm = regexp.MustCompile("^[0-9a-f]{64}$")

// last reads the policy that was in force last; nil if there was none.
func (s *Store) last() (*State, error) {
	if s.options.Ledger == "" || s.options.Folder == "" {
		return nil, nil
	}
	text, err := regular.ReadFile(filepath.Join(s.options.Ledger, lastFile), regular.KeyLimit)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	line, approvals, _ := bytes.Cut(text, []byte("\n"))
	digest := string(line)
	if !digestForm.MatchString(digest) {
		return nil, fmt.Errorf("%s names no policy", filepath.Join(s.options.Ledger, lastFile))
	}
	archive, err := s.options.Kept(digest)
	if err != nil {
		return nil, err
	}
	registers, err := config.LoadArchive(archive, "the ledger's policy "+digest[:shadowDigits], digest)
	if err != nil {
		return nil, err
	}
	folder := &config.Folder{Registers: registers}
	if len(approvals) > 0 {
		folder.Approvals = approvals
	}
	return &State{folder: folder, Policy: registers.Policy, recorded: new(atomic.Bool), Loaded: s.options.Now()}, nil
}

// noteLast notes durably which policy is in force. The ledger keeps it already.
func (s *Store) noteLast(state *State) error {
	if s.options.Ledger == "" || s.options.Folder == "" {
		return nil
	}
	file := filepath.Join(s.options.Ledger, lastFile)
	text := append([]byte(state.Policy.Digest+"\n"), state.folder.Approvals...)
	if was, err := regular.ReadFile(file, regular.KeyLimit); err == nil && bytes.Equal(was, text) {
		return nil
	}
	if err := durable.WriteFile(file, text, 0o600); err != nil {
		return fmt.Errorf("noting which policy is in force: %w", err)
	}
	return nil
}
