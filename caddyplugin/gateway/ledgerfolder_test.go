package gateway_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

// TestLedgerReadOnly: where nothing can be written the gateway does not start, and
// says where; a reload that names such a folder leaves the one that runs as it was.
func TestLedgerReadOnly(t *testing.T) {
	br, sg := newUpstream(t, "br", nil), newUpstream(t, "sg", nil)
	vars := map[string]string{"br": "reverse_proxy " + br.addr, "sg": sg.addr, "storage": ""}
	nowhere := &gate{t: t, addr: freeAddr(t), ledger: filepath.Join(readOnlyVolume(t), "ledger")}
	wantRefused := func(err error) {
		t.Helper()
		if want := "mkdir " + nowhere.ledger + ": read-only file system"; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("loading: %v, want %q", err, want)
		}
	}
	wantRefused(nowhere.load(twoRegions, vars))
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	g := startGate(t, twoRegions, vars)
	g.checkServes(t)
	nowhere.addr = g.addr
	wantRefused(nowhere.load(twoRegions, vars))
	g.checkServes(t)
	for _, s := range g.settled() {
		if s.State != "complete" {
			t.Errorf("a request ended as %v", s)
		}
	}
	g.checkRecorded(t, br, sg)
}

// TestForeignFilesInTheLedger: files of others, put there while the gateway runs
// and before it starts again, change nothing and are not changed.
func TestForeignFilesInTheLedger(t *testing.T) {
	br, sg := newUpstream(t, "br", nil), newUpstream(t, "sg", nil)
	vars := map[string]string{"br": "reverse_proxy " + br.addr, "sg": sg.addr, "storage": ""}
	g := startGate(t, twoRegions, vars)
	g.checkServes(t)
	foreign := []string{"notes.txt", "epoch-1", "epoch-000001/notes.txt", "epoch-000001/seg/000000.log.bak"}
	for _, name := range foreign {
		if err := os.WriteFile(filepath.Join(g.ledger, name), []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	g.checkServes(t)
	stopCaddy(t)
	if err := g.load(twoRegions, vars); err != nil {
		t.Fatal(err)
	}
	g.checkServes(t)
	for _, s := range g.settled() {
		if s.State != "complete" {
			t.Errorf("a request ended as %v", s)
		}
	}
	g.checkRecorded(t, br, sg)
	for _, name := range foreign {
		if text, err := os.ReadFile(filepath.Join(g.ledger, name)); err != nil || string(text) != "mine" {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
}
