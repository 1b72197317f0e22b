package ledger_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sparkoo/transfergate/internal/ledger"
)

// Whoever has the folder and the master secret finds the same pseudonyms as the writer,
// beside it, in its order, and none of a period whose key was destroyed.
func TestSubjectsAtRest(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "ledger")
	l := ledger.New(folder, ledger.Options{Node: "gw-1"})
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	gone := l.Keys()[0].Period
	for range 2 {
		if _, err := l.RotateKey(); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.DestroyKey(gone); err != nil {
		t.Fatal(err)
	}
	const account, salt = "acct-17", "a salt of the person's own"
	got, err := l.Dir().Subjects(nil, account, salt)
	slices.Sort(got) // keys of one instant have no order
	want := l.Subjects(account, salt)
	slices.Sort(want)
	if err != nil || len(want) != 2 || !slices.Equal(got, want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
	secret, err := os.ReadFile(filepath.Join(folder, "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	if named, err := l.Dir().Subjects(secret, account, salt); err != nil || len(named) != 2 {
		t.Errorf("with the secret named: %v, %v", named, err)
	}
	if _, err := l.Dir().Subjects([]byte(strings.Repeat("x", 32)), account, salt); err == nil || !strings.Contains(err.Error(), "another master secret") {
		t.Errorf("another secret: %v", err)
	}
	if err := os.Remove(filepath.Join(folder, "master.key")); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Dir().Subjects(nil, account, salt); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without the secret: %v", err)
	}
}
