package policystore

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"sync/atomic"
	"time"

	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/controllers"
	"github.com/sparkoo/transfergate/internal/regular"
)

// This file goes on with what was good last where a folder's policy cannot be taken: a
// restart must not be less available than running on.

// What [Options.Failed] counts.
const (
	OfPolicy = "policy"
	OfShadow = "shadow"
)

// fallBack takes the policy that was in force last instead of the folder's, which fails
// with cause. It is held to all that is asked of the folder's: its digest and its
// approvals. The error is cause when no policy was in force here, or that one is no
// longer acceptable either. Whoever calls it holds changing, or is New.
func (s *Store) fallBack(cause error) error {
	var next *State
	err := s.options.Last.Slot(OfPolicy, s.options.Folder).Instead(cause, regular.PolicyLimit, func(body io.Reader, since time.Time) (err error) {
		next, err = s.last(body, since)
		if old := s.state.Load(); err == nil && old != nil && old.Policy.Digest == next.Policy.Digest && bytes.Equal(old.folder.Approvals, next.folder.Approvals) {
			return errSame
		}
		if err == nil {
			err = s.approve(next)
		}
		if err == nil {
			err = s.fit(next)
		}
		return err
	})
	if errors.Is(err, errSame) {
		return cause
	}
	if err != nil {
		return err
	}
	if old := s.state.Load(); old != nil {
		next.Shadow = old.Shadow
	}
	next.Roster = s.table.Snapshot().Roster()
	s.state.Store(next)
	s.failure.Store(s.failureOf(cause))
	s.options.Failed(OfPolicy)
	s.options.Logger.Error("the policy was not taken; the one that was in force last goes on",
		slog.String("digest", next.Policy.Digest), slog.Time("since", next.Loaded), slog.Any("error", cause))
	return nil
}

// errSame: it is the policy that was in force last which is at fault, or the configuration.
var errSame = errors.New("it is the same policy")

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

// last reads which policy was in force last, since when, and its approvals. Nobody signed
// what it reads: the policy is the one of that digest which the ledger has kept and has an
// entry of, and the approvals are to be checked.
func (s *Store) last(body io.Reader, since time.Time) (*State, error) {
	text, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	line, approvals, _ := bytes.Cut(text, []byte("\n"))
	digest := string(line)
	if !digestForm.MatchString(digest) {
		return nil, errors.New("it names no policy")
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
	return &State{folder: folder, Policy: registers.Policy, recorded: new(atomic.Bool), Loaded: since, last: true}, nil
}

// noteLast notes which policy is in force. The ledger keeps it already.
func (s *Store) noteLast(state *State) {
	if s.options.Folder == "" || state.last {
		return
	}
	s.save(OfPolicy, s.options.Folder, append([]byte(state.Policy.Digest+"\n"), state.folder.Approvals...))
}

// save keeps what is good now. A disk that does not take it is no reason not to go on.
func (s *Store) save(kind, source string, body []byte) {
	if err := s.options.Last.Slot(kind, source).Save(sha256.Sum256(body), bytes.NewReader(body)); err != nil {
		s.options.Logger.Error("what is in force could not be kept on disk; a restart will need the folder", slog.String("what", kind), slog.Any("error", err))
	}
}

// keepShadow keeps the shadow that is tried, unless its folder's is another one.
func (s *Store) keepShadow(c *Shadow) {
	if c == nil || s.shadowFailure.Load() != nil {
		return
	}
	s.save(OfShadow, s.shadowFolder, append([]byte(c.Policy.Digest+"\n"), c.registers.Archive()...))
}

// lastShadow reads the shadow that was tried last where the folder's cannot be, with cause.
// Whoever calls it holds changing.
func (s *Store) lastShadow(cause error) (shadow *Shadow, err error) {
	err = s.options.Last.Slot(OfShadow, s.shadowFolder).Instead(cause, 8*regular.PolicyLimit, func(body io.Reader, since time.Time) error {
		text, err := io.ReadAll(body)
		if err != nil {
			return err
		}
		digest, archive, _ := bytes.Cut(text, []byte("\n"))
		registers, err := config.LoadArchive(archive, "the last shadow policy", string(digest))
		if err != nil {
			return fmt.Errorf("reading the last shadow policy: %w", err)
		}
		shadow, err = s.shadowOf(registers, since)
		return err
	})
	if err != nil {
		return nil, err
	}
	s.shadowFailure.Store(s.failureOf(cause))
	s.options.Failed(OfShadow)
	s.options.Logger.Error("the shadow policy was not taken; the one that was tried last goes on",
		slog.String("digest", shadow.Policy.Digest), slog.Time("since", shadow.Loaded), slog.Any("error", cause))
	return shadow, nil
}

// LastGood is since when the policy in force, or the shadow, is there while its folder's
// cannot be taken; zero if it is the folder's.
func (s *Store) LastGood(of string) time.Time {
	state := s.state.Load()
	switch {
	case of == OfPolicy && s.failure.Load() != nil:
		return state.Loaded
	case of == OfShadow && s.shadowFailure.Load() != nil:
		return state.Shadow.Loaded
	}
	return time.Time{}
}
