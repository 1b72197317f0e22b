package format

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"golang.org/x/mod/sumdb/note"

	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/tiles"
)

// Elsewhere is the place that damage names if a checkpoint from outside shows it.
const Elsewhere = "a checkpoint kept elsewhere"

// Verifier is the key that signs the epoch's checkpoints.
func (e Epoch) Verifier() (note.Verifier, error) {
	v, err := note.NewVerifier(e.Key)
	if err == nil && v.Name() != e.Origin {
		err = fmt.Errorf("the key is named %s", v.Name())
	}
	if err != nil {
		return nil, fmt.Errorf("the verifier key of %s: %w", e.Origin, err)
	}
	return v, nil
}

// ReadCheckpoint reads an epoch's latest checkpoint and verifies its signature.
// signed is nil if there is none yet.
func ReadCheckpoint(fsys FS, dir string, e Epoch) (signed []byte, c tiles.Checkpoint, err error) {
	path := CheckpointPath(dir)
	signed, err = ReadFile(fsys, path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, c, nil
	}
	if err != nil {
		return nil, c, fmt.Errorf("reading the checkpoint: %w", err)
	}
	v, err := e.Verifier()
	if err != nil {
		return nil, c, &CorruptError{File: filepath.Join(dir, EpochFile), What: err.Error()}
	}
	c, err = tiles.OpenCheckpoint(signed, v)
	if err != nil {
		return nil, c, &CorruptError{File: path, What: err.Error()}
	}
	return signed, c, nil
}

// Begins reports whether an entry may lie in an epoch that has no checkpoint yet: what
// the log itself writes when it begins one or opens it. The first checkpoint is durable
// before anybody else's entry is written.
func Begins(e Entry) bool {
	return e.Index == 0 || record.IsOf(e.Data, record.TypePolicy, record.TypeKeyCreated, record.TypeKeyDestroyed, record.TypeKeysRewrapped,
		record.TypeRecovered, record.TypeHoldSet, record.TypeStanding)
}

// MissingCheckpoint is the damage of an epoch, in the folder, that has entries and no
// checkpoint although one was signed before they were written, as something proves.
func MissingCheckpoint(dir, proof string) error {
	return &CorruptError{File: CheckpointPath(dir), What: "the checkpoint is missing: it is signed with the first entries of an epoch, before any record. " + proof}
}

// Covers makes sure that a tree holds what a checkpoint, found in a place, says.
func (t *Tree) Covers(c tiles.Checkpoint, place string) error {
	if c.N > t.Size() {
		return &CorruptError{File: place, Index: uint64(t.Size()), What: fmt.Sprintf(
			"the ledger has %d entries, but this checkpoint was signed over %d: entries are lost", t.Size(), c.N)}
	}
	root, err := t.Root(c.N)
	if err != nil {
		return err
	}
	if root != c.Hash {
		return &CorruptError{File: place, What: fmt.Sprintf(
			"the first %d entries have the root hash %v, but this checkpoint was signed over %v: entries were changed", c.N, root, c.Hash)}
	}
	return nil
}
