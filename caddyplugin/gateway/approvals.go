package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

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

// unmarshalApprovals parses the option. Syntax:
//
//	require_approvals <number> <keys or files...>
func (a *App) unmarshalApprovals(d *caddyfile.Dispenser) (err error) {
	args := d.RemainingArgs()
	if len(args) < 2 {
		return d.Errf("%d arguments where 'require_approvals NUMBER KEYS...' is meant, as in 'require_approvals 1 /etc/transfergate/approvers.txt'", len(args))
	}
	a.Approvals = &Approvals{Keys: args[1:]}
	if a.Approvals.Required, err = strconv.Atoi(args[0]); err != nil {
		return d.Errf("'%s' is no number of approvals", args[0])
	}
	return nil
}

// provisionApprovals reads the keys and holds the first policy to them.
func (a *App) provisionApprovals() (err error) {
	if a.Approvals == nil {
		return nil
	}
	if a.Approvals.keys, err = approval.ReadKeys(a.Approvals.Keys); err != nil {
		return fmt.Errorf("require_approvals: %w", err)
	}
	switch n, people := a.Approvals.Required, a.Approvals.keys.Len(); {
	case n < 1:
		return fmt.Errorf("require_approvals %d: at least one person besides the author must approve", n)
	case n >= people:
		return fmt.Errorf("require_approvals %d: with %d keys there are never so many people besides the author", n, people)
	case a.Policy == "":
		return errors.New("require_approvals: the embedded policy carries no signatures; copy it out with " +
			"'transfer policy export FOLDER', have it signed, and name the folder with 'policy FOLDER'")
	}
	return a.approve(a.state.Load())
}

// approve holds a policy to what the configuration asks of its signatures.
//
//clause:enforces §5(g); record policy
func (a *App) approve(s *state) error {
	if a.Approvals == nil {
		return nil
	}
	if s.folder.Approvals == nil {
		return fmt.Errorf("the policy in %s is not signed: it has no %s; its author signs it with 'transfer policy sign --author'", a.Policy, config.ApprovalsFile)
	}
	status, err := approval.Check(s.folder.Approvals, s.folder.Registers.Sums(), a.Approvals.keys, a.Approvals.Required)
	if err == nil {
		err = status.Sufficient()
	}
	if err != nil {
		return fmt.Errorf("the policy in %s is not approved: %w", a.Policy, err)
	}
	s.approved = &status
	last, err := a.lastApproved()
	if err != nil {
		return err
	}
	if status.Serial < last.serial || status.Serial == last.serial && status.Policy != last.policy {
		return fmt.Errorf("the policy in %s has serial %d, but serial %d was in force here with digest %s: to go back to an older policy, have it signed anew with a higher serial",
			a.Policy, status.Serial, last.serial, last.policy)
	}
	return nil
}

// approved is the last approved policy that was in force.
type approved struct {
	serial uint64
	policy string // digest
}

// approvedFile stands in the ledger's folder, which those who write policies
// cannot write to, and says which policy must not be gone back behind.
const approvedFile = "policy.approved"

// lastApproved reads the file. Without one any serial may come.
func (a *App) lastApproved() (last approved, err error) {
	path := filepath.Join(a.recorder.Dir(), approvedFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return last, nil
	}
	if err == nil {
		_, err = fmt.Sscanf(string(text), "%d %64s\n", &last.serial, &last.policy)
	}
	if err != nil {
		return last, fmt.Errorf("reading which policy was approved last, in %s: %w", path, err)
	}
	return last, nil
}

// keepApproved notes durably that an approved policy comes into force.
func (a *App) keepApproved(s *state) error {
	if s.approved == nil {
		return nil
	}
	path := filepath.Join(a.recorder.Dir(), approvedFile)
	text := fmt.Appendf(nil, "%d %s\n", s.approved.Serial, s.approved.Policy)
	if was, err := os.ReadFile(path); err == nil && bytes.Equal(was, text) {
		return nil
	}
	if err := replaceFile(path, text); err != nil {
		return fmt.Errorf("noting which policy was approved: %w", err)
	}
	return nil
}

// replaceFile writes a file that is there whole after a crash, or as it was before.
func replaceFile(path string, text []byte) error {
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
