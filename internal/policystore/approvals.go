package policystore

import (
	"errors"
	"fmt"

	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/approval"
)

// Approvals says how many people must stand behind a policy before it is taken.
type Approvals struct {
	// How many people besides the policy's author must have signed it. Required.
	Required int `json:"required,omitempty"`

	// The public keys of those who may write and approve policies, one a person,
	// as 'transfer policy keygen' prints them, or files that hold one a line.
	// Required.
	Keys []string `json:"keys,omitempty"`

	keys *approval.Keys
}

// Serials say which approved policy was in force last, so that no older one comes back.
type Serials interface {
	// Last returns its serial number and digest; zero if there was none.
	Last() (serial uint64, policy string, err error)
	// Note makes it another one. When it returns nil that is durable.
	Note(serial uint64, policy string) error
}

// RequireApprovals reads the keys and holds the policy to them: the one that was
// read, and any that is loaded later. last is where it stands which approved policy was
// in force last; those who write policies must not be able to write it.
func (s *Store) RequireApprovals(a *Approvals, last Serials) (err error) {
	if a.keys, err = approval.ReadKeys(a.Keys); err != nil {
		return fmt.Errorf("require_approvals: %w", err)
	}
	switch n, people := a.Required, a.keys.Len(); {
	case n < 1:
		return fmt.Errorf("require_approvals %d: at least one person besides the author must approve", n)
	case n >= people:
		return fmt.Errorf("require_approvals %d: with %d keys there are never so many people besides the author", n, people)
	case s.options.Folder == "":
		return errors.New("require_approvals: the embedded policy carries no signatures; copy it out with " +
			"'transfer policy export FOLDER', have it signed, and name the folder with 'policy FOLDER'")
	}
	s.changing.Lock()
	defer s.changing.Unlock()
	s.approvals, s.serials = a, last
	next := *s.state.Load()
	if err := s.approve(&next); err != nil {
		return s.fallBack(err)
	}
	s.state.Store(&next)
	return nil
}

// IDs names the keys once they are read.
func (a *Approvals) IDs() []string { return a.keys.IDs() }

// approve holds a policy to what the configuration asks of its signatures.
//
//clause:enforces §5(g); record policy
func (s *Store) approve(next *State) error {
	if s.approvals == nil {
		return nil
	}
	if next.folder.Approvals == nil {
		return fmt.Errorf("%s is not signed: it has no %s; its author signs it with 'transfer policy sign --author'", s.called(next), config.ApprovalsFile)
	}
	status, err := approval.Check(next.folder.Approvals, next.folder.Registers.Sums(), s.approvals.keys, s.approvals.Required)
	if err == nil {
		err = status.Sufficient()
	}
	if err != nil {
		return fmt.Errorf("%s is not approved: %w", s.called(next), err)
	}
	next.Approved = &status
	serial, policy, err := s.serials.Last()
	if err != nil {
		return fmt.Errorf("reading which policy was approved last: %w", err)
	}
	if status.Serial < serial || status.Serial == serial && status.Policy != policy {
		return fmt.Errorf("%s has serial %d, but serial %d was in force here with digest %s: to go back to an older policy, have it signed anew with a higher serial",
			s.called(next), status.Serial, serial, policy)
	}
	return nil
}

// called is what messages call a policy.
func (s *Store) called(next *State) string {
	if next.last {
		return "the policy that was in force last"
	}
	return "the policy in " + s.options.Folder
}

// noteApproved notes durably which policy comes into force, and that it was approved.
func (s *Store) noteApproved(state *State) error {
	s.noteLast(state)
	if state.Approved == nil {
		return nil
	}
	if err := s.serials.Note(state.Approved.Serial, state.Approved.Policy); err != nil {
		return fmt.Errorf("noting which policy was approved: %w", err)
	}
	return nil
}
