package ledger

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/caddyplugin/command/cli"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/ledger/verify"
)

// A sound ledger is said to be so, for people and for programs; a damaged one is
// a finding that names the place.
func TestVerifyLedger(t *testing.T) {
	l := newEvidenceLedger(t)
	var out bytes.Buffer
	if code, err := verifyLedger(&out, l.folder, verify.Options{}, false); code != cli.Fine || err != nil ||
		!strings.HasPrefix(out.String(), "ok: 3 entries, ") || !strings.Contains(out.String(), " bytes\nepochs 1 to 1; 3 entries signed; 1 policies kept\nwithout --known it is not ruled out that ") {
		t.Errorf("%d, %v: %s", code, err, &out)
	}
	out.Reset()
	var bar bytes.Buffer
	o := verify.Options{Progress: progressBar(&bar)}
	if code, err := verifyLedger(&out, l.folder, o, true); code != cli.Fine || err != nil {
		t.Errorf("%d, %v", code, err)
	}
	var result verifyJSON
	if err := json.Unmarshal(out.Bytes(), &result); err != nil || !result.OK || result.Entries != 3 || result.Signed != 3 {
		t.Errorf("%+v, %v", result, err)
	}
	if !strings.HasPrefix(bar.String(), "\r[####") {
		t.Errorf("progress %q", bar.String())
	}
	policies, err := filepath.Glob(filepath.Join(l.folder, "policy", "*.tar"))
	if err != nil || len(policies) != 1 {
		t.Fatal(policies, err)
	}
	if err := os.WriteFile(policies[0], []byte("another"), 0o600); err != nil {
		t.Fatal(err)
	}
	out.Reset()
	if code, err := verifyLedger(&out, l.folder, verify.Options{}, true); code != cli.Findings || err == nil {
		t.Errorf("%d, %v", code, err)
	}
	if err := json.Unmarshal(out.Bytes(), &result); err != nil || result.OK || result.Problem.File != policies[0] || result.Problem.Index != 1 || result.Problem.Expected == "" {
		t.Errorf("%+v, %v", result, err)
	}
	if code, err := verifyLedger(&out, t.TempDir(), verify.Options{}, false); code != cli.Error || err == nil {
		t.Errorf("no ledger: %d, %v", code, err)
	}
}

// Entries without a checkpoint are a finding.
func TestVerifyUnsigned(t *testing.T) {
	l := newEvidenceLedger(t)
	if err := os.Remove(filepath.Join(l.folder, "epoch-000001", "checkpoint")); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	code, err := verifyLedger(&out, l.folder, verify.Options{}, false)
	if code != cli.Findings || err == nil || !strings.Contains(err.Error(), "the checkpoint is missing") {
		t.Errorf("%d, %v: %s", code, err, &out)
	}
}

// What is taken from the word of an earlier call is said.
func TestVerifyResumed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ledger")
	log := ledger.New(dir, ledger.Options{SegmentEntries: 8})
	if err := log.Open(); err != nil {
		t.Fatal(err)
	}
	sealed := func() int {
		files, _ := filepath.Glob(filepath.Join(dir, "epoch-000001", "sealed", "*.zst"))
		return len(files)
	}
	for deadline := time.Now().Add(3 * time.Minute); sealed() == 0 && time.Now().Before(deadline); {
		if _, err := log.Append([]byte("entry")); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	o := verify.Options{State: filepath.Join(t.TempDir(), "state")}
	for _, want := range []bool{false, true} {
		var out bytes.Buffer
		code, err := verifyLedger(&out, dir, o, false)
		if got := strings.Contains(out.String(), "of the entries were read by an earlier call"); code != cli.Fine || err != nil || got != want {
			t.Errorf("%d, %v: %s", code, err, &out)
		}
	}
}

func TestTail(t *testing.T) {
	l := newEvidenceLedger(t)
	for n, want := range map[uint64]int{1: 1, 2: 2, 3: 3, 9: 3, 0: 3} {
		var out bytes.Buffer
		if err := tailLedger(&out, l.folder, n, false); err != nil || strings.Count(out.String(), "\n") != want ||
			!strings.Contains(out.String(), "transfer.accepted") {
			t.Errorf("tail of %d: %v: %s", n, err, &out)
		}
	}
}

// A new epoch has a key of its own name, and the ledger verifies over both.
func TestNewEpoch(t *testing.T) {
	l := newEvidenceLedger(t)
	var out bytes.Buffer
	key := filepath.Join(filepath.Dir(l.folder), "checkpoint.key")
	code, err := newEpoch(&out, l.folder, ledger.Options{Node: "gw-1", Key: key}, beginning{because: "a test", by: "uid 1"}, false)
	if lines := strings.Split(out.String(), "\n"); code != cli.Fine || err != nil || lines[0] != "epoch 2" || !strings.Contains(lines[1], "/epoch-000002+") {
		t.Errorf("%d, %v: %s", code, err, &out)
	}
	out.Reset()
	if code, err := verifyLedger(&out, l.folder, verify.Options{}, false); code != cli.Fine || err != nil || !strings.Contains(out.String(), "epochs 1 to 2") {
		t.Errorf("%d, %v: %s", code, err, &out)
	}
	if code, err := newEpoch(&out, l.folder, ledger.Options{Key: key}, beginning{by: "uid 1"}, false); code != cli.Error || err == nil {
		t.Errorf("without a reason: %d, %v", code, err)
	}
}
