package ledger_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/sparkoo/transfergate/internal/ledger"
)

// What is written to a removed folder is found by nobody: it must not be
// acknowledged.
func TestRemovedWhileOpen(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ledger")
	log := ledger.New(dir, ledger.Options{})
	if err := log.Open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() }) // fails as the appends do
	if _, err := log.Append([]byte("before")); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if index, err := log.Append([]byte("after")); err == nil {
			t.Errorf("entry %d was acknowledged in a folder that is gone", index)
		}
	}
	if log.Ready() == nil {
		t.Error("the log says that it is ready")
	}
}
