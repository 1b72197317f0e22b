package policystore_test

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/approval"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/policystore"
)

// node is a gateway that is started again and again over one folder and one ledger.
type node struct {
	t           *testing.T
	dir, ledger string
	archives    map[string][]byte
	required    *policystore.Approvals
	rule        func(*decision.Policy) error
	serials     serials
	failed      int
}

// serials are the approved policy that was in force last.
type serials struct {
	serial uint64
	policy string
}

func (s *serials) Last() (serial uint64, policy string, err error) { return s.serial, s.policy, nil }

func (s *serials) Note(serial uint64, policy string) error {
	*s = serials{serial, policy}
	return nil
}

// start does what a gateway does until it serves.
func (n *node) start() (*policystore.Store, error) {
	o := new(keeper).options(n.dir)
	o.Ledger = n.ledger
	o.Keep = func(digest string, archive []byte) error { n.archives[digest] = archive; return nil }
	o.Kept = func(digest string) ([]byte, error) { return n.archives[digest], nil }
	o.Failed = func() { n.failed++ }
	store, err := policystore.New(o)
	if err == nil && n.rule != nil {
		err = store.Require(n.rule)
	}
	if err == nil && n.required != nil {
		required := *n.required
		err = store.RequireApprovals(&required, &n.serials)
	}
	if err == nil {
		err = store.Started()
	}
	return store, err
}

// wantLast starts the node, which goes on with the policy of that digest.
func (n *node) wantLast(what, digest string) {
	n.t.Helper()
	before := n.failed
	store, err := n.start()
	if err != nil {
		n.t.Errorf("%s: a restart refuses what running on does not: %v", what, err)
		return
	}
	if got := store.State().Policy.Digest; got != digest || store.Failure() == nil || n.failed == before {
		n.t.Errorf("%s: %s is in force, want %s; failure %v, counted %d", what, got, digest, store.Failure(), n.failed-before)
	}
}

// A restart is never less available than running on: where the folder's policy cannot be
// taken, the one that was in force last goes on, if it is what it was.
func TestRestartGoesOnWithTheLastPolicy(t *testing.T) {
	n := &node{t: t, dir: filepath.Join(t.TempDir(), "policy"), ledger: t.TempDir(), archives: map[string][]byte{}}
	if err := config.Export(n.dir); err != nil {
		t.Fatal(err)
	}
	store, err := n.start()
	if err != nil {
		t.Fatal(err)
	}
	digest := store.State().Policy.Digest

	edit(t, n.dir, "controllers.yaml", sparkooBrazil, "nme: Half an edit")
	n.wantLast("a broken register", digest)
	n.wantLast("once more", digest)
	edit(t, n.dir, "controllers.yaml", "nme: Half an edit", renamed)
	n.rule = func(p *decision.Policy) error {
		if p.Digest != digest {
			return errors.New("this configuration wants another")
		}
		return nil
	}
	n.wantLast("a policy that does not fit the configuration", digest)
	edit(t, n.dir, "controllers.yaml", renamed, "nme: Half an edit")
	n.archives[digest] = append(n.archives[digest], 0)
	if _, err := n.start(); err == nil {
		t.Error("a policy is in force that is not what it was")
	}
	n.ledger = t.TempDir()
	if _, err := n.start(); err == nil {
		t.Error("a policy is in force that never was good")
	}
}

// With approvals, what goes on is the last approved policy, with its signatures.
func TestRestartGoesOnWithTheLastApprovedPolicy(t *testing.T) {
	n := &node{t: t, dir: filepath.Join(t.TempDir(), "policy"), ledger: t.TempDir(), archives: map[string][]byte{}, required: &policystore.Approvals{Required: 1}}
	if err := config.Export(n.dir); err != nil {
		t.Fatal(err)
	}
	keys := map[string]string{}
	for _, name := range []string{"ana", "bea", "cem", "dan"} {
		skey, vkey, err := note.GenerateKey(rand.Reader, name)
		if err != nil {
			t.Fatal(err)
		}
		keys[name] = skey
		n.required.Keys = append(n.required.Keys, vkey)
	}
	if _, err := n.start(); err == nil {
		t.Fatal("an unsigned policy is in force that never was approved")
	}
	folder, err := config.LoadFolder(n.dir)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := approval.Write(folder.Registers.Sums(), 1, keys["ana"])
	if err == nil {
		signed, err = approval.Approve(signed, folder.Registers.Sums(), keys["bea"])
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(n.dir, config.ApprovalsFile), signed, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	store, err := n.start()
	if err != nil {
		t.Fatal(err)
	}
	digest := store.State().Policy.Digest
	edit(t, n.dir, "controllers.yaml", sparkooBrazil, renamed)
	n.wantLast("an unsigned edit", digest)
	if err := os.Remove(filepath.Join(n.dir, config.ApprovalsFile)); err != nil {
		t.Fatal(err)
	}
	n.wantLast("no signatures", digest)
	n.required.Keys = n.required.Keys[2:] // those who approved it left
	if _, err := n.start(); err == nil {
		t.Error("a policy is in force that nobody approved who may")
	}
}
