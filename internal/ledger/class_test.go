package ledger_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/ledger/verify"
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
	help := ledger.ClassFolder(dir, "help")
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
	if classes, err := ledger.Classes(dir); err != nil || !slices.Equal(classes, []string{"default", "help"}) {
		t.Errorf("classes %v, %v", classes, err)
	}
	if ledger.ClassFolder(dir, ledger.DefaultClass) != dir {
		t.Error("the default class lies elsewhere")
	}
	// A ledger that only looks like a class has a key of its own.
	alone := filepath.Join(t.TempDir(), "class-alone")
	shut(t, open(t, alone, ledger.Options{}))
	if _, err := os.Stat(filepath.Join(alone, "checkpoint.key")); err != nil {
		t.Error(err)
	}
}

func TestCheckClass(t *testing.T) {
	for name, good := range map[string]bool{
		"help": true, "a": true, "a-1": true, strings.Repeat("a", 32): true,
		"": false, "default": false, "Help": false, "1a": false, "a/b": false, "..": false, "a.b": false, strings.Repeat("a", 33): false, "a\n": false,
	} {
		if err := ledger.CheckClass(name); (err == nil) != good {
			t.Errorf("%q: %v", name, err)
		}
	}
}
