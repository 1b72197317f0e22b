package policystore_test

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/approval"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/lastgood"
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
	shadow      string // folder
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
	o.Last = lastgood.Within(n.ledger)
	o.Keep = func(digest string, archive []byte, _ *approval.Status) error {
		n.archives[digest] = archive
		return nil
	}
	o.Kept = func(digest string) ([]byte, error) {
		if archive, kept := n.archives[digest]; kept {
			return archive, nil
		}
		return nil, fmt.Errorf("the ledger has not kept it: %w", fs.ErrNotExist)
	}
	o.Failed = func(string) { n.failed++ }
	store, err := policystore.New(o)
	if err == nil && n.rule != nil {
		err = store.Require(n.rule)
	}
	if err == nil && n.required != nil {
		required := *n.required
		err = store.RequireApprovals(&required, &n.serials)
	}
	if err == nil && n.shadow != "" {
		err = store.TryShadow(n.shadow)
	}
	if err == nil {
		err = store.Started()
	}
	return store, err
}

// note overwrites which policy was in force last, as somebody who can write to the ledger's
// folder would.
func (n *node) note(text string) {
	n.t.Helper()
	if err := lastgood.Within(n.ledger).Slot(policystore.OfPolicy, n.dir).Save(sha256.Sum256([]byte(text)), strings.NewReader(text)); err != nil {
		n.t.Fatal(err)
	}
}

// wantRefused starts the node, which must not start.
func (n *node) wantRefused(what string, why ...string) {
	n.t.Helper()
	_, err := n.start()
	if err == nil {
		n.t.Errorf("%s: it starts", what)
		return
	}
	for _, w := range why {
		if !strings.Contains(err.Error(), w) {
			n.t.Errorf("%s: got %v, want %q", what, err, w)
		}
	}
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
	keys := n.people()
	if _, err := n.start(); err == nil {
		t.Fatal("an unsigned policy is in force that never was approved")
	}
	n.sign(1, keys["ana"], keys["bea"])
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

// people makes the keys of four who may sign.
func (n *node) people() (keys map[string]string) {
	n.t.Helper()
	keys = map[string]string{}
	for _, name := range []string{"ana", "bea", "cem", "dan"} {
		skey, vkey, err := note.GenerateKey(rand.Reader, name)
		if err != nil {
			n.t.Fatal(err)
		}
		keys[name] = skey
		n.required.Keys = append(n.required.Keys, vkey)
	}
	return keys
}

// sign has the folder's policy signed, and returns the signatures.
func (n *node) sign(serial uint64, author, approver string) string {
	n.t.Helper()
	folder, err := config.LoadFolder(n.dir)
	if err != nil {
		n.t.Fatal(err)
	}
	signed, err := approval.Write(folder.Registers.Sums(), serial, author)
	if err == nil {
		signed, err = approval.Approve(signed, folder.Registers.Sums(), approver)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(n.dir, config.ApprovalsFile), signed, 0o600)
	}
	if err != nil {
		n.t.Fatal(err)
	}
	return string(signed)
}

// Nobody signed which policy was in force last: what stands there is believed as little as a
// folder, and only of what the ledger has kept.
func TestTamperedLastPolicyIsRefused(t *testing.T) {
	n := &node{t: t, dir: filepath.Join(t.TempDir(), "policy"), ledger: t.TempDir(), archives: map[string][]byte{}, required: &policystore.Approvals{Required: 1}}
	if err := config.Export(n.dir); err != nil {
		t.Fatal(err)
	}
	keys := n.people()
	run := func() string {
		t.Helper()
		store, err := n.start()
		if err != nil {
			t.Fatal(err)
		}
		return store.State().Policy.Digest
	}
	oldSigned := n.sign(1, keys["ana"], keys["bea"])
	old := run()
	edit(t, n.dir, "controllers.yaml", sparkooBrazil, renamed)
	signed := n.sign(2, keys["ana"], keys["bea"])
	digest := run()
	edit(t, n.dir, "controllers.yaml", renamed, "nme: Half an edit")

	n.note(old + "\n" + oldSigned)
	n.wantRefused("the policy before, with its own signatures", "the policy that was in force last has serial 1, but serial 2 was in force here")
	n.note(old + "\n" + signed)
	n.wantRefused("the policy before, with the signatures of this one", "the policy that was in force last is not approved")
	n.note(digest + "\n")
	n.wantRefused("no signatures", "the policy that was in force last is not signed")
	n.note(digest + "\n" + strings.Replace(signed, "bea", "cem", 1))
	n.wantRefused("another's name", "the policy that was in force last is not approved")
	n.note(strings.Repeat("0", 64) + "\n" + signed)
	n.wantRefused("a policy the ledger never kept", "nor can what was good last be used", "the ledger has not kept it")
	n.note("../../" + digest + "\n" + signed)
	n.wantRefused("no digest", "it names no policy")
	n.note(digest + "\n" + signed)
	n.wantLast("as it was", digest)
	n.required = nil
	n.note(strings.Repeat("0", 64) + "\n")
	n.wantRefused("without approvals, a policy the ledger never kept", "the ledger has not kept it")
}

// The shadow that was tried last goes on, too, and its folder is taken once it is right.
func TestRestartGoesOnWithTheLastShadow(t *testing.T) {
	n := &node{t: t, ledger: t.TempDir(), archives: map[string][]byte{}, shadow: filepath.Join(t.TempDir(), "shadow")}
	if err := config.Export(n.shadow); err != nil {
		t.Fatal(err)
	}
	edit(t, n.shadow, "controllers.yaml", sparkooBrazil, "nme: Half an edit")
	n.wantRefused("a shadow that never was good", "loading the shadow policy")
	edit(t, n.shadow, "controllers.yaml", "nme: Half an edit", renamed)
	store, err := n.start()
	if err != nil {
		t.Fatal(err)
	}
	digest := store.State().Shadow.Policy.Digest
	if store.State().Policy.Digest == digest || !store.LastGood(policystore.OfShadow).IsZero() {
		t.Fatalf("shadow %s, last good since %v", digest, store.LastGood(policystore.OfShadow))
	}
	edit(t, n.shadow, "controllers.yaml", renamed, "nme: Half an edit")
	for _, what := range []string{"a broken register", "once more"} {
		failed := n.failed
		if store, err = n.start(); err != nil {
			t.Fatalf("%s: a restart refuses what running on does not: %v", what, err)
		}
		status := store.ShadowStatus(store.State())
		if status.Digest != digest || status.Failure == nil || n.failed != failed+1 || store.LastGood(policystore.OfShadow).IsZero() {
			t.Errorf("%s: %+v, counted %d", what, status, n.failed-failed)
		}
	}
	edit(t, n.shadow, "controllers.yaml", "nme: Half an edit", sparkooBrazil)
	if changed, err := store.ReloadShadow(); err != nil || !changed || !store.LastGood(policystore.OfShadow).IsZero() {
		t.Errorf("the folder is right again: %v, %v", changed, err)
	}
	kept := lastgood.Within(n.ledger).Slot(policystore.OfShadow, n.shadow)
	forged := digest + "\n" + "no archive"
	if err := kept.Save(sha256.Sum256([]byte(forged)), strings.NewReader(forged)); err != nil {
		t.Fatal(err)
	}
	edit(t, n.shadow, "controllers.yaml", sparkooBrazil, "nme: Half an edit")
	n.wantRefused("a forged shadow", "reading the last shadow policy")
}
