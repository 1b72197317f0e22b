package ledger_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/ledger/verify"
	"github.com/sparkoo/transfergate/internal/record"
)

// A class's ledger is signed by the key of the ledger it lies in, and is none of
// its foreign files.
func TestClassFolder(t *testing.T) {
	dir := t.TempDir()
	vkey, err := ledger.GenerateKey(filepath.Join(dir, "checkpoint.key"), "transfergate/gw-sg-1")
	if err != nil {
		t.Fatal(err)
	}
	shut(t, open(t, dir, ledger.Options{Node: "gw-sg-1"}))
	help := ledger.At(dir).Of("help").Path
	l := open(t, help, ledger.Options{Node: "gw-sg-1"})
	add(t, l, "entry")
	shut(t, l)
	if _, err := os.Stat(filepath.Join(help, "checkpoint.key")); err == nil {
		t.Error("the class has a signing key of its own")
	}
	for _, folder := range []string{dir, help} {
		if _, err := verify.Ledger(folder, verify.Options{Keys: []string{vkey}}); err != nil {
			t.Errorf("%s: %v", folder, err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "class-Not_One"), 0o700); err != nil {
		t.Fatal(err)
	}
	classes, err := ledger.At(dir).Classes()
	if err != nil || len(classes) != 2 || classes[0].Class != record.DefaultClass || classes[1].Class != "help" {
		t.Errorf("classes %v, %v", classes, err)
	}
	if ledger.At(dir).Of(record.DefaultClass).Path != dir {
		t.Error("the default class lies elsewhere")
	}
	// A ledger that only looks like a class has a key of its own.
	alone := filepath.Join(t.TempDir(), "class-alone")
	shut(t, open(t, alone, ledger.Options{}))
	if _, err := os.Stat(filepath.Join(alone, "checkpoint.key")); err != nil {
		t.Error(err)
	}
}
