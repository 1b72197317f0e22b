package gateway_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/ledger/verify"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/tiles"
)

// wantEpochs makes sure that the ledger's folder has so many epochs.
func (g *gate) wantEpochs(n int) {
	g.t.Helper()
	if found, err := filepath.Glob(filepath.Join(g.ledger, "epoch-*")); err != nil || len(found) != n {
		g.t.Errorf("the folder has the epochs %v, want %d: %v", found, n, err)
	}
}

// A ledger that is gone is not begun anew without a word: what is beside its folder,
// a copy or a witness knows that there was one, each by itself.
func TestTotalLossIsRefused(t *testing.T) {
	a := newAnchors(t)
	both := anchoredSite(a.witness, a.copy)
	witnessed := strings.Replace(both, "copy "+a.copy, "", 1)
	g := startGate(t, both, a.vars)
	g.write(3)
	stopCaddy(t)
	note := g.ledger + ".begun"
	if err := os.RemoveAll(g.ledger); err != nil {
		t.Fatal(err)
	}
	refused := func(name, config string, want ...string) {
		t.Helper()
		err := g.load(config, a.vars)
		for _, want := range append(want, "the ledger that was here is gone", "ledger epoch new "+g.ledger) {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", name, err, want)
			}
		}
		g.wantEpochs(0)
	}
	refused("an empty copy to ask, and a note", strings.Replace(witnessed, "witness ", "copy "+filepath.Join(t.TempDir(), "copy")+"\n\t\t\t# ", 1), note)
	if err := os.Remove(note); err != nil {
		t.Fatal(err)
	}
	refused("a copy and a witness", both, "copy "+a.copy, "witness witness.example/w", "another history")
	refused("a witness", witnessed, "witness witness.example/w", "another history")
	a.witness.Fail(503, "")
	refused("a copy, while the witness is down", both, "copy "+a.copy)
	a.witness.Fail(0, "")

	// The key was in the folder, too: the copy knows the node.
	if err := os.Remove(a.vars["key"]); err != nil {
		t.Fatal(err)
	}
	refused("a copy, with the key lost", both, "copy "+a.copy, "another ledger of this node")

	// The word is a reason; a copy goes on only with what commits to what it knows.
	if err := ledger.NewEpoch(g.ledger, ledger.Options{Node: "gw-sg-1", Key: a.vars["key"]}, "the volume is lost, case 7", ""); err != nil {
		t.Fatal(err)
	}
	if err := g.load(both, a.vars); err == nil || !strings.Contains(err.Error(), "another history of the ledger is known elsewhere") {
		t.Errorf("with a reason, but without what the copy knows: %v", err)
	}
	known, err := os.ReadFile(a.copy)
	if err != nil {
		t.Fatal(err)
	}
	if err := ledger.NewEpochAfter(g.ledger, ledger.Options{Node: "gw-sg-1", Key: a.vars["key"]}, "the volume is lost, case 7", "", known); err != nil {
		t.Fatal(err)
	}
	if err := g.load(strings.Replace(both, "witness ", "# witness ", 1), a.vars); err != nil {
		t.Fatal(err)
	}
	if id := g.write(1); id.Epoch < 2 {
		t.Errorf("numbers of the lost ledger are given again: %v", id)
	}
	waitFor(t, "the copy follows", func() bool {
		signed, err := os.ReadFile(a.copy)
		c, e := tiles.ReadCheckpoint(signed)
		return err == nil && e == nil && !strings.HasSuffix(c.Origin, "/epoch-000001")
	})
}

// A demo has no evidence to lose: its ledger is begun anew when it is gone, with a
// warning. Not so a part of one, nor what a copy would know.
func TestDemoIsBegunAnew(t *testing.T) {
	a := newAnchors(t)
	g := startGate(t, site, a.vars)
	g.write(2)
	for _, keep := range []string{"", "epoch-000001"} {
		stopCaddy(t)
		if err := ledger.NewEpoch(g.ledger, ledger.Options{Node: "gw-sg-1"}, "another", ""); err != nil {
			t.Fatal(err)
		}
		names, err := os.ReadDir(g.ledger)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if name.Name() == keep {
				continue
			}
			if err := os.RemoveAll(filepath.Join(g.ledger, name.Name())); err != nil {
				t.Fatal(err)
			}
		}
		err = g.load(site, a.vars)
		if gone := keep == ""; (err == nil) != gone {
			t.Fatalf("with '%s' left: %v", keep, err)
		} else if gone {
			g.wantEpochs(1)
			if id := g.write(1); id.Epoch != 1 {
				t.Errorf("goes on with %v", id)
			}
			if r, err := verify.Ledger(g.ledger, verify.Options{}); err != nil || r.Epoch != 1 {
				t.Errorf("verify: %+v, %v", r, err)
			}
		}
	}
}

// A class's folder is a ledger, and is missed like one.
func TestLossOfAClassIsRefused(t *testing.T) {
	a := newAnchors(t)
	text := strings.Replace(anchoredSite(a.witness, a.copy), "key {key}", "key {key}\n\t\t\tclass help {\n\t\t\t\tactivities support\n\t\t\t\tretain 18 months\n\t\t\t}", 1)
	g := startGate(t, text, a.vars)
	if a := g.get("/v1/support/ticket", "Account-Id", "br"); a.StatusCode != 200 {
		t.Fatalf("status %d: %s", a.StatusCode, a.Text)
	}
	stopCaddy(t)
	class := filepath.Join(g.ledger, "class-help")
	if err := os.RemoveAll(class); err != nil {
		t.Fatal(err)
	}
	if err := g.load(text, a.vars); err == nil || !strings.Contains(err.Error(), class+" holds no epoch, but "+class+".begun") {
		t.Errorf("a class's folder is gone: %v", err)
	}
	if err := os.Remove(class + ".begun"); err != nil {
		t.Fatal(err)
	}
	if err := g.load(text, a.vars); err == nil || !strings.Contains(err.Error(), "copy "+a.copy+"-help") || !strings.Contains(err.Error(), "witness witness.example/w") {
		t.Errorf("a class's folder is gone, with what is beside it: %v", err)
	}
}

// An older folder that was put back and goes on in a new epoch is missed by the copy
// and by the witness, which know more of the epoch before; neither is overwritten.
func TestRollbackBehindANewEpochIsRefused(t *testing.T) {
	a := newAnchors(t)
	both := anchoredSite(a.witness, a.copy)
	g := startGate(t, both, a.vars)
	g.write(2)
	before := filepath.Join(t.TempDir(), "before")
	waitFor(t, "the folder is copied", func() bool { // a file may be replaced meanwhile
		return os.RemoveAll(before) == nil && os.CopyFS(before, os.DirFS(g.ledger)) == nil
	})
	g.write(7)
	stopCaddy(t)
	known, err := os.ReadFile(a.copy)
	if err != nil {
		t.Fatal(err)
	}
	g.ledger = before
	o := ledger.Options{Node: "gw-sg-1", Key: a.vars["key"]}
	for range 2 { // and behind several
		if err := ledger.NewEpoch(g.ledger, o, "hardware maintenance", ""); err != nil {
			t.Fatal(err)
		}
	}
	refused := func(name, config string, want ...string) {
		t.Helper()
		err := g.load(config, a.vars)
		for _, want := range append(want, "another history of the ledger is known elsewhere") {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", name, err, want)
			}
		}
		if after, err := os.ReadFile(a.copy); err != nil || !bytes.Equal(after, known) {
			t.Errorf("%s: the copy was overwritten: %v\n%s", name, err, after)
		}
	}
	refused("both", both, "copy "+a.copy, "witness witness.example/w")
	refused("a witness", strings.Replace(both, "copy "+a.copy, "", 1), "witness witness.example/w")
	a.witness.Fail(503, "")
	refused("a copy", both, "copy "+a.copy)

	// What is lost can be acknowledged, and stays known to be lost.
	if err := ledger.NewEpochAfter(g.ledger, o, "the volume of 2026-11-29 is lost, case 7", "", known); err != nil {
		t.Fatal(err)
	}
	a.witness.Fail(0, "")
	if err := g.load(both, a.vars); err != nil {
		t.Fatal(err)
	}
	g.write(1)
	genesis, err := ledger.At(g.ledger).Entry(record.ID{Epoch: 4})
	if err != nil {
		t.Fatal(err)
	}
	c, err := tiles.ReadCheckpoint(known)
	if err != nil {
		t.Fatal(err)
	}
	if said := string(genesis.Data); !strings.Contains(said, "case 7") || !strings.Contains(said, c.Origin) {
		t.Errorf("the new epoch's first entry is %s", genesis.Data)
	}
	stopCaddy(t)
	r, err := verify.Ledger(g.ledger, verify.Options{Keys: []string{a.node}, Known: [][]byte{known}})
	if err != nil || len(r.Losses) != 1 || r.Losses[0].Because != "the volume of 2026-11-29 is lost, case 7" {
		t.Errorf("verify says of the loss: %+v, %v", r.Losses, err)
	}
}
