package main_test

import (
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/testsupport"
	"github.com/sparkoo/transfergate/internal/tiles"
)

// The kinds of files of an exported log, by the beginning of their paths.
var exportedKinds = []string{"checkpoint", "tile/0/", "tile/1/", "tile/entries/"}

// What the program exports of the ledger that it is writing, over a restart,
// torchwood and Tessera read whole. After a change at any of 200 random positions of
// each kind of file, and of 1,000 in CI, neither of them does.
//
//clause:tests §5(j).4
func TestStrangersReadTheExport(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the program")
	}
	positions := 200
	switch {
	case testsupport.Race:
		positions = 50
	case testsupport.Full():
		positions = 1000
	}
	p := newProcess(t)
	gateway := p.start()
	p.serve(100, func() {})
	p.end(gateway)
	gateway = p.start()
	out := filepath.Join(p.dir, "out")
	for done := false; !done; done = whole(filepath.Join(out, "epoch-000001")) {
		p.serve(200, func() {})
		p.settled()
		if err := os.RemoveAll(out); err != nil { // nobody would read what is left of a smaller log
			t.Fatal(err)
		}
		if text, err := p.command("transfer", "ledger", "export-tiles", p.ledger, out).CombinedOutput(); err != nil {
			t.Fatalf("exporting: %v: %s", err, text)
		}
	}
	p.end(gateway)
	p.check()

	view, err := ledger.At(p.ledger).View(1)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range exportedKinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			e := export{t: t, dir: t.TempDir(), key: view.VerifierKey()}
			if err := os.CopyFS(e.dir, os.DirFS(filepath.Join(out, "epoch-000001"))); err != nil {
				t.Fatal(err)
			}
			e.accepted()
			files := filesOf(t, e.dir, kind)
			for n := range positions {
				e.change(files[n%len(files)])
			}
			e.accepted()
		})
	}
}

// settled waits until a checkpoint covers more entries than requests were received.
func (p *process) settled() {
	p.t.Helper()
	for deadline := time.Now().Add(5 * time.Minute); ; time.Sleep(10 * time.Millisecond) {
		view, err := ledger.At(p.ledger).View(1)
		if err != nil {
			p.t.Fatal(err)
		}
		if signed, err := view.Checkpoint(); err == nil {
			if c, err := tiles.ReadCheckpoint(signed); err == nil && c.N > int64(p.count()) {
				return
			}
		}
		if time.Now().After(deadline) {
			p.t.Fatal("no checkpoint covers what was received")
		}
	}
}

// whole reports whether an export has whole and partial tiles of the entries and
// of their hashes.
func whole(dir string) bool {
	for _, pattern := range []string{"tile/0/000", "tile/0/*.p/*", "tile/1/000.p/*", "tile/entries/000", "tile/entries/*.p/*"} {
		if found, err := filepath.Glob(filepath.Join(dir, pattern)); err != nil || len(found) == 0 {
			return false
		}
	}
	return true
}

// filesOf lists the files of a kind.
func filesOf(t *testing.T, dir, kind string) (files []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasPrefix(path, kind) {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("files of the kind %s: %v, %v", kind, files, err)
	}
	return files
}

// export is a copy of what was exported, to be changed.
type export struct {
	t        *testing.T
	dir, key string
}

// accepted has both strangers read it.
func (e export) accepted() {
	e.t.Helper()
	if _, err := testsupport.TorchwoodFolder(os.DirFS(e.dir), e.key); err != nil {
		e.t.Fatalf("torchwood: %v", err)
	}
	if err := testsupport.TesseraFolder(e.dir, e.key); err != nil {
		e.t.Fatalf("tessera: %v", err)
	}
}

// change changes a bit at a random position of a file while both read it.
func (e export) change(path string) {
	e.t.Helper()
	file := filepath.Join(e.dir, path)
	data, err := os.ReadFile(file)
	if err != nil {
		e.t.Fatal(err)
	}
	at := rand.IntN(len(data))
	for path == "checkpoint" && at == len(data)-len("x=\n") { // base64 leaves bits of x unused, and nobody looks at them
		at = rand.IntN(len(data))
	}
	bit := byte(1) << rand.IntN(8)
	data[at] ^= bit
	if err := os.WriteFile(file, data, 0o600); err != nil {
		e.t.Fatal(err)
	}
	if _, err := testsupport.TorchwoodFolder(os.DirFS(e.dir), e.key); err == nil {
		e.t.Errorf("torchwood takes %s with byte %d changed by %02x", path, at, bit)
	}
	if err := testsupport.TesseraFolder(e.dir, e.key); err == nil {
		e.t.Errorf("tessera takes %s with byte %d changed by %02x", path, at, bit)
	}
	data[at] ^= bit
	if err := os.WriteFile(file, data, 0o600); err != nil {
		e.t.Fatal(err)
	}
}
