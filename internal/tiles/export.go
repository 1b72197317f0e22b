package tiles

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/sparkoo/transfergate/internal/durable"
	"github.com/sparkoo/transfergate/internal/regular"
)

// checkpointName is where tlog-tiles keeps the latest checkpoint.
const checkpointName = "checkpoint"

// Exported says what an export did.
type Exported struct {
	Checkpoint

	// Before is the size the folder had before, 0 if it was empty.
	Before int64

	// Files and Bytes count what was written anew.
	Files int
	Bytes int64
}

// Export writes the log at its latest checkpoint to a folder, as a tree of files
// in the layout of tlog-tiles: any web server that serves the folder is a
// mirror of the log. Every hash and entry is checked against the checkpoint
// first.
//
// An export into the folder of an earlier one adds what is new, after it has
// checked that the log only grew; a folder of another log, or of another
// history of this one, is an error and left as it is. Each file is in place
// whole or not at all, the checkpoint last, so that an export that was
// interrupted is taken up by the next, and the folder can be served meanwhile.
func Export(source Source, log note.Verifier, dir string) (Exported, error) {
	t, err := OpenTree(source, log)
	if err != nil {
		return Exported{}, err
	}
	e := &exporter{Tree: t, dir: dir}
	e.done.Checkpoint = t.Checkpoint
	if err := e.resume(log); err != nil {
		return Exported{}, err
	}
	if err := errors.Join(e.tiles(), e.err); err != nil {
		return Exported{}, err
	}
	if err := e.bundles(); err != nil {
		return Exported{}, err
	}
	if err := e.write(checkpointName, t.Signed); err != nil {
		return Exported{}, err
	}
	return e.done, e.clean()
}

type exporter struct {
	*Tree
	dir   string
	done  Exported
	err   error // of a write amid a read
	wrote []tlog.Tile
}

// resume finds out how much of the log the folder holds.
func (e *exporter) resume(log note.Verifier) error {
	signed, err := regular.ReadFile(filepath.Join(e.dir, checkpointName), regular.KeyLimit)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the checkpoint of the earlier export: %w", err)
	}
	old, err := OpenCheckpoint(signed, log)
	if err != nil {
		return fmt.Errorf("%s holds another log: %w; export to an empty folder", e.dir, err)
	}
	if err := e.Extends(old); err != nil {
		return fmt.Errorf("%s holds another history of %s: %w", e.dir, e.Origin, err)
	}
	e.done.Before = old.N
	return nil
}

// Extends reports whether the tree only added to what an older checkpoint says.
func (t *Tree) Extends(old Checkpoint) error {
	if old.N > t.N {
		return fmt.Errorf("its %d entries are more than the %d of the log's last checkpoint: the log was cut", old.N, t.N)
	}
	if old.N == 0 {
		return nil
	}
	if old.N == t.N {
		if old.Hash != t.Hash {
			return fmt.Errorf("its root hash of %d entries is %v, the log's %v: the log was rewritten", old.N, old.Hash, t.Hash)
		}
		return nil
	}
	proof, err := t.Consistency(old.N)
	if err != nil {
		return err
	}
	if err := tlog.CheckTree(proof, t.N, t.Hash, old.N, old.Hash); err != nil {
		return fmt.Errorf("its %d entries are not the beginning of the log: the log was rewritten", old.N)
	}
	return nil
}

// batch is how many tiles are read, checked and written at a time.
const batch = 64

// tiles writes the hash tiles that are new.
func (e *exporter) tiles() error {
	hashes := e.hashes(func(t tlog.Tile, data []byte) {
		if e.err == nil && t.N >= e.done.Before>>(Height*(t.L+1)) {
			e.err = e.writeTile(t, data)
		}
	})
	for level := 0; e.N>>(Height*level) > 0; level++ {
		var indexes []int64
		for n := e.done.Before >> (Height * (level + 1)); e.width(level, n) > 0; n++ {
			indexes = append(indexes, tlog.StoredHashIndex(Height*level, n*Width))
			if len(indexes) < batch && e.width(level, n+1) > 0 {
				continue
			}
			if _, err := hashes.ReadHashes(indexes); err != nil {
				return fmt.Errorf("reading the tiles of level %d of %s: %w", level, e.Origin, err)
			}
			indexes = indexes[:0]
		}
	}
	return nil
}

// bundles writes the entry bundles that are new.
func (e *exporter) bundles() error {
	hashes := e.hashes(nil)
	for n := e.done.Before / Width; e.width(bundles, n) > 0; n++ {
		entries, err := e.entries(n)
		if err != nil {
			return err
		}
		indexes := make([]int64, len(entries))
		for i := range indexes {
			indexes[i] = tlog.StoredHashIndex(0, n*Width+int64(i))
		}
		want, err := hashes.ReadHashes(indexes)
		if err != nil {
			return fmt.Errorf("reading the hashes of the entry bundle %d of %s: %w", n, e.Origin, err)
		}
		var data []byte
		for i, entry := range entries {
			if got := tlog.RecordHash(entry); got != want[i] {
				return fmt.Errorf("entry %d of %s has the hash %v; its checkpoint promised %v", n*Width+int64(i), e.Origin, got, want[i])
			}
			data = AppendEntry(data, entry)
		}
		if err := e.writeTile(BundleTile(n, len(entries)), data); err != nil {
			return err
		}
	}
	return nil
}

func (e *exporter) writeTile(t tlog.Tile, data []byte) error {
	if t.W == Width {
		e.wrote = append(e.wrote, t)
	}
	return e.write(Path(t), data)
}

// write puts a file in place, whole, unless it is there already.
func (e *exporter) write(path string, data []byte) error {
	path = filepath.Join(e.dir, filepath.FromSlash(path))
	if there, err := regular.ReadFile(path, regular.PolicyLimit); err == nil && bytes.Equal(there, data) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("making a folder for the export: %w", err)
	}
	if err := durable.WriteFile(path, data, 0o644); err != nil {
		return fmt.Errorf("exporting: %w", err)
	}
	e.done.Files++
	e.done.Bytes += int64(len(data))
	return nil
}

// clean removes the partial tiles that a full one replaced. Nobody needs them:
// a client that is told 404 asks for the full one.
func (e *exporter) clean() error {
	for _, t := range e.wrote {
		partial := filepath.Join(e.dir, filepath.FromSlash(Path(t))+".p")
		if err := os.RemoveAll(partial); err != nil {
			return fmt.Errorf("removing what a full tile replaced: %w", err)
		}
	}
	return nil
}
