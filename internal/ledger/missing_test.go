package ledger_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/ledger/verify"
)

// A ledger whose newest epoch was taken away looks like one that a crash kept from
// beginning it. Verify says so, and it does not open if somebody knows that epoch.
func TestNewestEpochIsMissing(t *testing.T) {
	dir := t.TempDir()
	o := ledger.Options{Node: "gw-sg-1", EpochEntries: 10}
	l := ledger.New(dir, o)
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	for i := range 15 {
		add(t, l, fmt.Sprint("entry ", i))
	}
	shut(t, l)
	newest := filepath.Join(dir, "epoch-000002")
	known, err := os.ReadFile(filepath.Join(newest, "checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(newest); err != nil {
		t.Fatal(err)
	}
	r, err := verify.Ledger(dir, verify.Options{})
	if err != nil || !r.Torn || !strings.Contains(r.Tail, "epoch-000002") {
		t.Errorf("verify: %+v, %v", r, err)
	}
	// What is beside the folder says that there was another one; without that those
	// who know checkpoints are asked.
	if err := ledger.New(dir, o).Open(); !errors.Is(err, ledger.ErrLost) || !strings.Contains(err.Error(), "epoch-000002 was begun there") {
		t.Fatalf("opened with %v", err)
	}
	if err := os.Remove(dir + ".begun"); err != nil {
		t.Fatal(err)
	}
	asked := make(map[string]bool)
	o.KnownElsewhere = func(_ context.Context, origin string) ([]byte, error) {
		asked[filepath.Base(origin)] = true
		if strings.HasSuffix(origin, "/epoch-000002") {
			return known, nil
		}
		return nil, nil
	}
	for range 2 { // it stays closed
		l = ledger.New(dir, o)
		bad := new(ledger.CorruptError)
		if err := l.Open(); !errors.As(err, &bad) || bad.File != "a checkpoint kept elsewhere" || !strings.Contains(bad.What, "entries are lost") {
			t.Fatalf("opened with %v", err)
		}
	}
	if !asked["epoch-000001"] || !asked["epoch-000002"] {
		t.Errorf("asked for %v", asked)
	}
	// Who knows nothing does not keep it from being begun.
	if err := errors.Join(os.RemoveAll(newest), os.Remove(dir+".begun")); err != nil {
		t.Fatal(err)
	}
	o.KnownElsewhere = func(context.Context, string) ([]byte, error) { return nil, nil }
	l = ledger.New(dir, o)
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	add(t, l, "after")
	shut(t, l)
	if r, err := verify.Ledger(dir, verify.Options{}); err != nil || r.Epoch != 2 || r.Torn {
		t.Errorf("verify: %+v, %v", r, err)
	}
}

// Entries that no checkpoint covers, when the ledger opens, are of a crash or of
// somebody who wrote to the disk: they are told of, and signed.
func TestUnsignedEntriesAreToldOf(t *testing.T) {
	m := memLedger(t, 5, 64, true)
	opened := func() string {
		out := new(bytes.Buffer)
		l := ledger.New("/l", ledger.Options{FS: m, Logger: slog.New(slog.NewTextHandler(out, nil))})
		if err := l.Open(); err != nil {
			t.Fatal(err)
		}
		shut(t, l)
		return out.String()
	}
	const told = "no checkpoint covers its last entries"
	if log := opened(); strings.Contains(log, told) {
		t.Errorf("of a closed ledger: %s", log)
	}
	if err := m.Remove("/l/epoch-000001/checkpoint"); err != nil {
		t.Fatal(err)
	}
	if log := opened(); !strings.Contains(log, told) || !strings.Contains(log, "entries=6") {
		t.Errorf("without a checkpoint: %s", log)
	}
	if r := verified(t, m); r.Signed != 6 || r.Entries != 6 {
		t.Errorf("verify: %+v", r)
	}
}
