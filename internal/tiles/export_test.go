package tiles_test

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sparkoo/transfergate/internal/testsupport"
	"github.com/sparkoo/transfergate/internal/tiles"
	"github.com/sparkoo/transfergate/internal/tiles/tilestest"
)

func export(t *testing.T, log *tilestest.Log, dir string) tiles.Exported {
	t.Helper()
	e, err := tiles.Export(log, log.Key(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// accepted has both oracles read a folder.
func accepted(t *testing.T, dir string, log *tilestest.Log, size int64) {
	t.Helper()
	if n, err := testsupport.TorchwoodFolder(os.DirFS(dir), log.Public); n != size || err != nil {
		t.Errorf("torchwood read %d of %d entries: %v", n, size, err)
	}
	if err := testsupport.TesseraFolder(dir, log.Public); err != nil {
		t.Errorf("tessera's fsck at %d entries: %v", size, err)
	}
}

// A folder that every export added to holds what a single export writes, and
// torchwood and Tessera take it at each size.
func TestExportsAddUp(t *testing.T) {
	t.Parallel()
	log, dir := tilestest.New(t, "log.example/export"), t.TempDir()
	sizes := []int{0, 1, 2, 255, 256, 257, 300, 512, 1000, 17000}
	if !testsupport.Race {
		sizes = append(sizes, 1<<16-1, 1<<16+5)
	}
	for i, size := range sizes {
		log.Fill(size)
		e := export(t, log, dir)
		if want := int64(sizes[max(0, i-1)]); e.N != int64(size) || e.Before != want || e.Files == 0 {
			t.Errorf("export at %d entries: %+v, want %d before", size, e, want)
		}
		if again := export(t, log, dir); again.Files != 0 || again.Before != e.N {
			t.Errorf("a second export at %d entries wrote %d files", size, again.Files)
		}
		if size > 0 { // torchwood's reader has no empty trees
			accepted(t, dir, log, int64(size))
		}
		once := t.TempDir()
		export(t, log, once)
		got := files(t, dir)
		for path, want := range files(t, once) {
			if !bytes.Equal(got[path], want) {
				t.Errorf("at %d entries %s is not what a single export writes", size, path)
			}
		}
		for path := range got {
			if full, _, partial := strings.Cut(path, ".p/"); partial && got[full] != nil {
				t.Errorf("at %d entries there is %s beside the full tile", size, path)
			}
		}
	}
}

func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			all[path], err = os.ReadFile(filepath.Join(dir, path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// An export that was interrupted after any file is finished by the next.
func TestInterruptedExport(t *testing.T) {
	t.Parallel()
	log, whole := tilestest.New(t, "log.example/interrupted"), t.TempDir()
	log.Fill(600)
	export(t, log, whole)
	want := files(t, whole)
	for missing := range want {
		dir := t.TempDir()
		for path, data := range want {
			if path == missing || path == "checkpoint" { // which is written last
				continue
			}
			if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, path)), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, path), data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		export(t, log, dir)
		if got := files(t, dir); !maps.EqualFunc(got, want, bytes.Equal) {
			t.Errorf("without %s: %d files, want %d", missing, len(got), len(want))
		}
	}
}

func TestExportRefusesAnotherHistory(t *testing.T) {
	t.Parallel()
	log := tilestest.New(t, "log.example/history")
	log.Fill(300)
	dir := t.TempDir()
	export(t, log, dir)
	before := files(t, dir)

	fork := func(size int) *tilestest.Log {
		other := tilestest.New(t, log.Origin)
		other.Secret, other.Public = log.Secret, log.Public
		other.Add([]byte("rewritten"))
		other.Fill(size)
		return other
	}
	shorter := tilestest.New(t, log.Origin)
	shorter.Secret, shorter.Public = log.Secret, log.Public
	shorter.Fill(299)
	for want, other := range map[string]*tilestest.Log{
		"holds another log":                   tilestest.New(t, log.Origin),
		"300 entries are more than the 299":   shorter,
		"are not the beginning of the log":    fork(301),
		"the log was rewritten":               fork(300),
		"another history of log.example/hist": fork(1000),
	} {
		if other.Public != log.Public {
			other.Fill(300)
		}
		if _, err := tiles.Export(other, other.Key(), dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("export of another log: %v, want an error with %q", err, want)
		}
		if !maps.EqualFunc(files(t, dir), before, bytes.Equal) {
			t.Fatalf("the folder was changed by an export that failed (%s)", want)
		}
	}
}

// After a change of any kind of file torchwood and Tessera refuse the exported
// log. The program's own export is tried at more positions, in cmd/transfergate.
func TestOraclesFindEveryChange(t *testing.T) {
	t.Parallel()
	log, dir := tilestest.New(t, "log.example/changes"), t.TempDir()
	log.Fill(300)
	export(t, log, dir)
	positions := 100
	if testsupport.Race {
		positions = 20
	}
	random := rand.New(rand.NewPCG(4, 300))
	for _, kind := range [][]string{
		{"checkpoint"}, {"tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1"}, {"tile/entries/000", "tile/entries/001.p/44"},
	} {
		for range positions {
			path := kind[random.IntN(len(kind))]
			file := filepath.Join(dir, path)
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			at, bit := random.IntN(len(data)), byte(1)<<random.IntN(8)
			if path == "checkpoint" && at == len(data)-len("x=\n") {
				continue // x has bits that base64 does not use, and they do not look at
			}
			overwrite(t, file, at, data[at]^bit)
			if _, err := testsupport.TorchwoodFolder(os.DirFS(dir), log.Public); err == nil {
				t.Errorf("torchwood takes %s with byte %d changed by %02x", path, at, bit)
			}
			if err := testsupport.TesseraFolder(dir, log.Public); err == nil {
				t.Errorf("tessera takes %s with byte %d changed by %02x", path, at, bit)
			}
			overwrite(t, file, at, data[at])
		}
	}
	accepted(t, dir, log, 300)
}

func overwrite(t *testing.T, file string, at int, b byte) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt([]byte{b}, int64(at))
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}
