package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/sparkoo/transfergate/internal/tiles"
)

// checkpointPath is where an epoch's latest checkpoint lies, a signed note.
func checkpointPath(dir string) string { return filepath.Join(dir, "checkpoint") }

// WitnessedName is the file in an epoch's folder for the latest checkpoint that
// witnesses signed. The log itself never writes or reads it.
const WitnessedName = "checkpoint.witnessed"

// verifier is the key that signs the epoch's checkpoints.
func (e epoch) verifier() (note.Verifier, error) {
	v, err := note.NewVerifier(e.Key)
	if err == nil && v.Name() != e.Origin {
		err = fmt.Errorf("the key is named %s", v.Name())
	}
	if err != nil {
		return nil, fmt.Errorf("the verifier key of %s: %w", e.Origin, err)
	}
	return v, nil
}

// readCheckpoint reads an epoch's latest checkpoint and verifies its signature.
// signed is nil if there is none yet.
func readCheckpoint(fsys FS, dir string, e epoch) (signed []byte, c tiles.Checkpoint, err error) {
	path := checkpointPath(dir)
	signed, err = readFile(fsys, path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, c, nil
	}
	if err != nil {
		return nil, c, fmt.Errorf("reading the checkpoint: %w", err)
	}
	v, err := e.verifier()
	if err != nil {
		return nil, c, &CorruptError{File: filepath.Join(dir, epochFile), What: err.Error()}
	}
	c, err = tiles.OpenCheckpoint(signed, v)
	if err != nil {
		return nil, c, &CorruptError{File: path, What: err.Error()}
	}
	return signed, c, nil
}

// covers makes sure that a tree holds what a checkpoint, found in a place, says.
func (t *tree) covers(c tiles.Checkpoint, place string) error {
	if c.N > t.size() {
		return &CorruptError{File: place, Index: uint64(t.size()), What: fmt.Sprintf(
			"the ledger has %d entries, but this checkpoint was signed over %d: entries are lost", t.size(), c.N)}
	}
	root, err := t.root(c.N)
	if err != nil {
		return err
	}
	if root != c.Hash {
		return &CorruptError{File: place, What: fmt.Sprintf(
			"the first %d entries have the root hash %v, but this checkpoint was signed over %v: entries were changed", c.N, root, c.Hash)}
	}
	return nil
}

// sign makes a signed checkpoint of the tree as it is.
func (t *tree) sign(origin string, s note.Signer) ([]byte, tlog.Hash, error) {
	root, err := t.root(t.size())
	if err != nil {
		return nil, root, fmt.Errorf("computing the root hash: %w", err)
	}
	text := tiles.Checkpoint{Origin: origin, Tree: tlog.Tree{N: t.size(), Hash: root}}.String()
	signed, err := note.Sign(&note.Note{Text: text}, s)
	if err != nil {
		return nil, root, fmt.Errorf("signing a checkpoint: %w", err)
	}
	return signed, root, nil
}
