package tiles

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Checkpoint is the text of a tlog-checkpoint, which is signed as a note: the
// state of a log at one moment.
type Checkpoint struct {
	// Origin names the log; no two logs have the same.
	Origin string

	tlog.Tree
}

// String returns the text to sign.
func (c Checkpoint) String() string {
	return fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.N, base64.StdEncoding.EncodeToString(c.Hash[:]))
}

var errCheckpoint = errors.New("not a tlog-checkpoint of three lines: origin, size, root hash")

// ParseCheckpoint reads a checkpoint's text. Extension lines, which our logs do
// not write, are refused.
func ParseCheckpoint(text string) (Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[0] == "" {
		return Checkpoint{}, errCheckpoint
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 {
		return Checkpoint{}, errCheckpoint
	}
	hash, err := tlog.ParseHash(lines[2])
	if err != nil {
		return Checkpoint{}, errCheckpoint
	}
	c := Checkpoint{Origin: lines[0], Tree: tlog.Tree{N: size, Hash: hash}}
	if c.String() != text {
		return Checkpoint{}, errCheckpoint
	}
	return c, nil
}

// OpenCheckpoint verifies a signed checkpoint with the log's key, whose name
// must be the checkpoint's origin, as tlog-checkpoint demands. Signatures of
// others are left unverified, but all are written in the one form base64 has:
// what verifies has no bit that could be another, save in those.
func OpenCheckpoint(signed []byte, log note.Verifier) (Checkpoint, error) {
	n, err := note.Open(signed, note.VerifierList(log))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("checking the checkpoint's signature with the key %s+%08x: %w", log.Name(), log.KeyHash(), err)
	}
	for _, sig := range append(n.Sigs, n.UnverifiedSigs...) {
		if _, err := base64.StdEncoding.Strict().DecodeString(sig.Base64); err != nil {
			return Checkpoint{}, fmt.Errorf("the signature of %s+%08x is not written as base64 is", sig.Name, sig.Hash)
		}
	}
	c, err := ParseCheckpoint(n.Text)
	if err != nil {
		return Checkpoint{}, err
	}
	if c.Origin != log.Name() {
		return Checkpoint{}, fmt.Errorf("the checkpoint is of the log %q; the key is of %q", c.Origin, log.Name())
	}
	return c, nil
}

// ReadCheckpoint reads a signed checkpoint without verifying anything.
func ReadCheckpoint(signed []byte) (Checkpoint, error) {
	// A note's text ends before the last blank line; signatures have none.
	end := strings.LastIndex(string(signed), "\n\n")
	if end < 0 {
		return Checkpoint{}, errCheckpoint
	}
	return ParseCheckpoint(string(signed[:end+1]))
}
