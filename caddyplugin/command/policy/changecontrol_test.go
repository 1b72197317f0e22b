package policy

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sparkoo/transfergate/caddyplugin/command/cli"
	"github.com/sparkoo/transfergate/config"
)

// A policy is taken out, edited, signed by its author, approved, edited again.
func TestChangeControl(t *testing.T) {
	dir := t.TempDir()
	policy, keys := filepath.Join(dir, "policy"), filepath.Join(dir, "approvers.txt")
	if err := config.Export(policy); err != nil {
		t.Fatal(err)
	}
	var public bytes.Buffer
	for _, name := range []string{"ana", "bea"} {
		if code, err := keygen(&public, name, filepath.Join(dir, name+".key")); code != cli.Fine || err != nil {
			t.Fatalf("keygen: %d, %v", code, err)
		}
	}
	if err := os.WriteFile(keys, public.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(dir, "ana.key")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the private key: %v, %v", info.Mode(), err)
	}
	if _, err := keygen(&public, "ana", filepath.Join(dir, "ana.key")); err == nil {
		t.Error("a private key was replaced")
	}
	wantStatus := func(code int, says string) {
		t.Helper()
		var out bytes.Buffer
		if got, err := signedBy(&out, policy, []string{keys}, 1, false); got != code || err != nil || !strings.Contains(out.String(), says) {
			t.Errorf("exit code %d, %v, want %d; output %q lacks %q", got, err, code, out.String(), says)
		}
	}
	sign := func(name string, author bool, want string) {
		t.Helper()
		var out bytes.Buffer
		code, err := signPolicy(&out, policy, filepath.Join(dir, name+".key"), author, 0)
		switch {
		case want == "" && (code != cli.Fine || err != nil):
			t.Errorf("%s: %d, %v", name, code, err)
		case want != "" && (code != cli.Error || err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %d, %v, want %q", name, code, err, want)
		}
	}
	wantStatus(cli.Findings, "missing   nobody signed it")
	sign("bea", false, "the author signs first")
	sign("ana", true, "")
	wantStatus(cli.Findings, "missing   it has 0 of 1 approvals")
	sign("ana", false, "'ana' is the author")
	sign("bea", false, "")
	wantStatus(cli.Fine, "approved  bea\nok        1 approvals of 1")

	path := filepath.Join(policy, "safeguards.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(text, "# a word\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	wantStatus(cli.Findings, "safeguards.yaml changed after they were signed")
	sign("bea", false, "safeguards.yaml changed")
	sign("ana", true, "")
	var out bytes.Buffer
	if code, err := signedBy(&out, policy, []string{keys}, 1, true); code != cli.Findings || err != nil {
		t.Errorf("%d, %v", code, err)
	}
	var s signedStatus
	if err := json.Unmarshal(out.Bytes(), &s); err != nil || s.Serial != 2 || !s.Signed || s.Missing == "" || s.Policy == "" {
		t.Errorf("%v: %s", err, out.String())
	}
}
