package review_test

import (
	"context"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/review"
	"github.com/sparkoo/transfergate/internal/testsupport"
)

var update = flag.Bool("update", false, "write what there is into testdata")

// old is a copy of the ledger that an earlier version wrote.
func old(t *testing.T) ledger.Dir {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.Command("tar", "-xzf", "../ledger/testdata/ledger-xfer1/ledger.tar.gz", "-C", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return ledger.At(filepath.Join(dir, "ledger"))
}

// An entry is shown with all that belongs to it: an access by the person, a denial, an
// entry of the log itself.
func TestShow(t *testing.T) {
	dir := old(t)
	var got strings.Builder
	for _, which := range []string{"gw-sg-1#1.11", "1.14", "gw-sg-1#1.0"} {
		all, err := review.Show(context.Background(), dir, which)
		if err != nil || len(all) != 1 {
			t.Fatalf("%s: %d, %v", which, len(all), err)
		}
		if err := all[0].Print(&got); err != nil {
			t.Fatal(err)
		}
		got.WriteString("----\n")
	}
	testsupport.Golden(t, filepath.Join("testdata", "shown.golden"), got.String(), *update)
}

// An entry is found by its number with its node or without, and by its id.
func TestShowFinds(t *testing.T) {
	dir := old(t)
	for which, number := range map[string]string{
		"01a22a1d-a191-71ba-84c1-83a3ecf2f233": "gw-sg-1#1.2", "gw-sg-1#2": "gw-sg-1#1.2", "1.2": "gw-sg-1#1.2", "gw-sg-1#1.2": "gw-sg-1#1.2",
	} {
		all, err := review.Show(context.Background(), dir, which)
		if err != nil || len(all) != 1 || all[0].Number != number || !all[0].Proof.Proven {
			t.Errorf("%s: %+v, %v", which, all, err)
		}
	}
	for which, want := range map[string]string{
		"gw-2#1.2": review.ErrNone.Error(), "1.1000": "has no entry 1.1000", "9.1": "9", "country:BR": "names no record",
		"4bf92f3577b34da6a3ce929d0e0e4736": review.ErrNone.Error(), "acct-17": "names no record",
	} {
		if all, err := review.Show(context.Background(), dir, which); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "acct") {
			t.Errorf("%s: %v, %v", which, all, err)
		}
	}
}

// What is altered is shown as not proven: the bytes of an entry, with a checksum that
// fits, and the root of the checkpoint.
func TestShowAltered(t *testing.T) {
	dir := old(t)
	file := filepath.Join(dir.Path, "epoch-000001", "checkpoint")
	signed, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(signed), "146\n", "145\n", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	all, err := review.Show(context.Background(), dir, "1.5")
	if err != nil || all[0].Proof.Proven || all[0].Proof.Problem == "" {
		t.Errorf("%+v, %v", all, err)
	}
	if _, err := review.Show(context.Background(), ledger.At(t.TempDir()), "1.5"); err == nil || errors.Is(err, review.ErrNone) {
		t.Errorf("a folder without a ledger: %v", err)
	}
}
