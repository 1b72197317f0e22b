package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"sync"
)

// policyName is the folder of policy snapshots beside the epochs.
const policyName = "policy"

// maxPolicy bounds a snapshot in bytes.
const maxPolicy = 64 << 20

// snapshots are the policies this log was given, by digest.
type snapshots struct {
	mu   sync.Mutex
	sums map[string]string // SHA-256 of the blob, in hex
}

// Snapshot keeps a policy for those who explain old records: blob, whatever its
// form, under the digest by which records name the policy. It returns when the
// file and an entry with the digest are durable, so that a record may name the
// digest. It does so once for each digest and epoch while the log is open.
func (l *Log) Snapshot(digest string, blob []byte) error {
	if digest == "" || !isPlain(digest) || len(blob) > maxPolicy {
		return fmt.Errorf("a policy of %d bytes with the digest '%s' cannot be kept", len(blob), digest)
	}
	sum := sha256.Sum256(blob)
	text := hex.EncodeToString(sum[:])
	l.snapshots.mu.Lock()
	defer l.snapshots.mu.Unlock()
	if known, ok := l.snapshots.sums[digest]; ok && known == text {
		return nil
	}
	if err := keepPolicy(l.o.FS, l.dir, digest, blob); err != nil {
		return err
	}
	if _, err := l.Append(l.snapshotEntry(digest, text, len(blob))); err != nil {
		return fmt.Errorf("writing the entry of a policy: %w", err)
	}
	l.snapshots.sums[digest] = text
	return nil
}

// isPlain tells whether a digest may name a file.
func isPlain(digest string) bool {
	for _, c := range digest {
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && c != '-' {
			return false
		}
	}
	return true
}

func policyPath(dir, digest string) string {
	return filepath.Join(dir, policyName, digest+".tar")
}

// keepPolicy writes a policy's file, unless it is there.
func keepPolicy(fsys FS, dir, digest string, blob []byte) error {
	kept, err := readPolicy(fsys, dir, digest)
	switch {
	case err == nil && bytes.Equal(kept, blob):
		return nil
	case err == nil:
		return &CorruptError{File: policyPath(dir, digest), What: "another policy is kept under this digest"}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := mkdirDurable(fsys, filepath.Join(dir, policyName)); err != nil {
		return fmt.Errorf("making the folder of policies: %w", err)
	}
	if err := writeDurable(fsys, policyPath(dir, digest), blob); err != nil {
		return fmt.Errorf("keeping a policy: %w", err)
	}
	return nil
}

// ReadPolicy returns the policy that records name by the digest, as it was
// given to Snapshot. It verifies nothing: Verify compares it with the entry.
// The error satisfies errors.Is(err, fs.ErrNotExist) if there is none.
func ReadPolicy(dir, digest string) ([]byte, error) { return readPolicy(osFS{}, dir, digest) }

func readPolicy(fsys FS, dir, digest string) ([]byte, error) {
	if digest == "" || !isPlain(digest) {
		return nil, fmt.Errorf("'%s' is not the digest of a policy: %w", digest, fs.ErrNotExist)
	}
	f, err := fsys.Open(policyPath(dir, digest), false)
	if err != nil {
		return nil, fmt.Errorf("reading a policy: %w", err)
	}
	blob, err := io.ReadAll(io.NewSectionReader(f, 0, maxPolicy))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("reading a policy: %w", err)
	}
	return blob, nil
}
