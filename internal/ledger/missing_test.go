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
	"time"

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
	if r, err := verify.Ledger(dir, verify.Options{}); err == nil || !strings.Contains(err.Error(), "epoch-000002") || !strings.Contains(err.Error(), "the newest epoch is missing") {
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
	m := newMemFS()
	l := ledger.New("/l", ledger.Options{FS: m, CheckpointInterval: time.Hour})
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		add(t, l, fmt.Sprint("entry ", i))
	}
	crashed := m.clone()
	shut(t, l)
	opened := func(m *memFS) string {
		out := new(bytes.Buffer)
		l := ledger.New("/l", ledger.Options{FS: m, Logger: slog.New(slog.NewTextHandler(out, nil))})
		if err := l.Open(); err != nil {
			t.Fatal(err)
		}
		shut(t, l)
		return out.String()
	}
	const told = "no checkpoint covers its last entries"
	if log := opened(m); strings.Contains(log, told) {
		t.Errorf("of a closed ledger: %s", log)
	}
	if log := opened(crashed); !strings.Contains(log, told) || !strings.Contains(log, "entries=5") {
		t.Errorf("after a crash: %s", log)
	}
	if r := verified(t, crashed); r.Signed != 6 || r.Entries != 6 {
		t.Errorf("verify: %+v", r)
	}
}

// Verify finds what is missing at the end of a ledger wherever something is left
// that knows of it, and says in a sentence what nobody can tell who has the folder
// alone.
func TestVerifyMissesTheEnd(t *testing.T) {
	const newest = "/l/epoch-000002"
	for name, c := range map[string]struct {
		lose  func(t *testing.T, m, before *memFS)
		want  string
		opens bool
	}{
		"the newest epoch": {func(t *testing.T, m, _ *memFS) { m.removeAll(t, newest) }, "the newest epoch is missing: the last entry of", false},
		"its checkpoint":   {func(t *testing.T, m, _ *memFS) { m.removeAll(t, newest+"/checkpoint") }, "the checkpoint is missing", false},
		"the first one's":  {func(t *testing.T, m, _ *memFS) { m.removeAll(t, "/l/epoch-000001/checkpoint") }, "the checkpoint is missing", true},
		"the tail, with its checkpoint": {func(t *testing.T, m, _ *memFS) {
			m.removeAll(t, newest+"/checkpoint")
			m.set(newest+"/seg/000000.log", m.get(newest + "/seg/000000.log")[:1500])
		}, "", false},
		"the tail, but for what witnesses signed": {func(t *testing.T, m, before *memFS) {
			m.set("/l/epoch-000001/checkpoint.witnessed", m.get("/l/epoch-000001/checkpoint"))
			m.removeAll(t, newest)
			m.set("/l/epoch-000001/seg/000000.log", before.get("/l/epoch-000001/seg/000000.log"))
			m.set("/l/epoch-000001/checkpoint", before.get("/l/epoch-000001/checkpoint"))
			m.removeAll(t, "/l.begun")
		}, "entries are lost", true},
		"all of it, but for the note": {func(t *testing.T, m, before *memFS) {
			m.removeAll(t, newest)
			m.set("/l/epoch-000001/seg/000000.log", before.get("/l/epoch-000001/seg/000000.log"))
			m.set("/l/epoch-000001/checkpoint", before.get("/l/epoch-000001/checkpoint"))
		}, "/l.begun says that transfergate/gw-sg-1/", false},
	} {
		t.Run(name, func(t *testing.T) {
			m, before := twoEpochs(t)
			r := verified(t, m)
			if !strings.Contains(r.NotRuledOut, "without --known") {
				t.Errorf("of the whole ledger: %+v", r)
			}
			c.lose(t, m, before)
			bad := new(ledger.CorruptError)
			if _, err := verifyFS(m, "/l"); !errors.As(err, &bad) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("verify: %v, want %q", err, c.want)
			}
			if err := ledger.New("/l", ledger.Options{FS: m, Node: "gw-sg-1"}).Open(); (err == nil) != c.opens {
				t.Errorf("opened with %v", err)
			}
		})
	}
}
