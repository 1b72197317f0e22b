package verify_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/ledger/verify"
)

// A ledger's folder that was set back, as a whole, is sound. Only who kept a later
// checkpoint elsewhere misses what is gone.
func TestVerifyAgainstKnown(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ledger")
	o := ledger.Options{Node: "gw-sg-1", EpochEntries: 10}
	var states []string // copies of the folder, one after the other
	var signed [][]byte // the newest epoch's checkpoint in each
	for i := range 3 {
		add(t, open(t, dir, o), numbered(7)...)
		state := filepath.Join(t.TempDir(), fmt.Sprint("state ", i))
		if err := os.CopyFS(state, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		note, err := os.ReadFile(filepath.Join(state, fmt.Sprintf("epoch-%06d", i+1), "checkpoint"))
		if err != nil {
			t.Fatal(err)
		}
		states, signed = append(states, state), append(signed, note)
	}
	of := func(i int, known ...[]byte) error {
		_, err := verify.Ledger(states[i], verify.Options{Known: known})
		return err
	}
	for i := range states {
		if err := of(i, signed[:i+1]...); err != nil {
			t.Errorf("state %d and its own past: %v", i, err)
		}
	}
	bad := new(ledger.CorruptError)
	for _, test := range []struct {
		err  error
		want string
	}{
		{of(0, signed[1]), "epoch-000002, which was not found in the ledger"},
		{of(1, signed[0], signed[2]), "epoch-000003, which was not found in the ledger"},
		{of(1, later(t, states[2], 2)), "entries are lost"},
		{of(2, []byte(strings.Replace(string(signed[2]), "\n", "\n1", 1))), "signature"},
	} {
		if !errors.As(test.err, &bad) || bad.File != "a checkpoint kept elsewhere" || !strings.Contains(bad.What, test.want) {
			t.Errorf("got %v, want %q", test.err, test.want)
		}
	}
	if err := of(2, []byte("no checkpoint")); err == nil || errors.As(err, &bad) {
		t.Errorf("what is no checkpoint: %v", err)
	}
}

// later is an epoch's last checkpoint in a state.
func later(t *testing.T, state string, epoch int) []byte {
	t.Helper()
	note, err := os.ReadFile(filepath.Join(state, fmt.Sprintf("epoch-%06d", epoch), "checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	return note
}
