//go:build unix

package config_test

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/config"
)

// A named pipe among a policy's files is refused by name; nobody waits for its writer.
func TestOnlyRegularFilesOfAFolder(t *testing.T) {
	for _, name := range []string{"x.yaml", config.ApprovalsFile} {
		dir := t.TempDir()
		if err := config.Export(filepath.Join(dir, "policy")); err != nil {
			t.Fatal(err)
		}
		dir = filepath.Join(dir, "policy")
		pipe := filepath.Join(dir, name)
		if err := syscall.Mkfifo(pipe, 0o600); err != nil {
			t.Fatal(err)
		}
		for what, read := range map[string]func() string{
			"loading":  func() string { _, err := config.LoadFolder(dir); return err.Error() },
			"watching": func() string { return config.Fingerprint(dir) },
		} {
			said := make(chan string, 1)
			go func() { said <- read() }()
			select {
			case got := <-said:
				if want := pipe + ": it is a named pipe, not a regular file"; !strings.Contains(got, want) {
					t.Errorf("%s: %q does not say %q", what, got, want)
				}
			case <-time.After(10 * time.Second):
				t.Fatalf("%s waits for somebody who writes to %s", what, name)
			}
		}
	}
}
