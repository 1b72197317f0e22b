package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/sparkoo/transfergate/config"
)

// TestReread: registers that did not change are not made again; any byte of them,
// a file too many and another folder are noticed.
func TestReread(t *testing.T) {
	folder := func() string {
		dir := filepath.Join(t.TempDir(), "policy")
		if err := os.CopyFS(dir, os.DirFS("policy")); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	dir := folder()
	read := func(dir string, old *config.Registers) *config.Folder {
		t.Helper()
		f, err := config.Reread(dir, old)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	write := func(name, text string) {
		t.Helper()
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}

	first := read(dir, nil)
	if again := read(dir, first.Registers); again.Registers != first.Registers {
		t.Error("unchanged registers were made again")
	}
	write(config.ApprovalsFile, "approved\n")
	if again := read(dir, first.Registers); again.Registers != first.Registers || string(again.Approvals) != "approved\n" {
		t.Errorf("with approvals beside them: %q", again.Approvals)
	}
	if other := read(folder(), first.Registers); other.Registers == first.Registers {
		t.Error("the same text in another folder has the positions of the first")
	}
	write("laws.yaml", "# another line\n")
	changed := read(dir, first.Registers)
	if changed.Registers == first.Registers || changed.Registers.Policy.Digest == first.Registers.Policy.Digest {
		t.Error("a changed register was not read")
	}
	write("more.yaml", "")
	var problems config.Problems
	if _, err := config.Reread(dir, changed.Registers); !errors.As(err, &problems) {
		t.Errorf("a file too many: %v", err)
	}

	embedded := read("", nil)
	if again := read("", embedded.Registers); again.Registers != embedded.Registers {
		t.Error("the embedded registers were made again")
	}
	if other := read("", first.Registers); other.Registers == first.Registers {
		t.Error("a folder's registers were taken for the embedded ones")
	}
}
