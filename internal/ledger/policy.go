package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"reflect"
	"sync"

	"github.com/sparkoo/transfergate/internal/ledger/format"
	"github.com/sparkoo/transfergate/internal/record"
)

// snapshots are the policies this log was given, by digest.
type snapshots struct {
	calls sync.Mutex // one call of Snapshot at a time

	mu   sync.Mutex // guards kept, which whoever commits reads
	kept map[string]snapshot
}

// snapshot is a policy that is kept: the length and SHA-256 of its blob, and who signed it.
type snapshot struct {
	bytes  int
	sum    string
	signed record.Signed
}

// note says that a policy is kept, or takes that back.
func (s *snapshots) note(digest string, kept snapshot, really bool) (known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known = reflect.DeepEqual(s.kept[digest], kept)
	if really {
		s.kept[digest] = kept
	} else {
		delete(s.kept, digest)
	}
	return known
}

// Snapshot keeps a policy for those who explain old records: blob, whatever its
// form, under the digest by which records name the policy. It returns when the
// file and an entry with the digest are durable, so that a record may name the
// digest. It does so once for each digest and epoch while the log is open.
func (l *Log) Snapshot(digest string, blob []byte) error {
	return l.SnapshotSigned(digest, blob, record.Signed{})
}

// SnapshotSigned is [Log.Snapshot] of a policy that people have signed: once more where
// others have.
func (l *Log) SnapshotSigned(digest string, blob []byte, by record.Signed) (err error) {
	if digest == "" || !format.IsPlain(digest) || len(blob) > format.MaxPolicy {
		return fmt.Errorf("a policy of %d bytes with the digest '%s' cannot be kept", len(blob), digest)
	}
	sum := sha256.Sum256(blob)
	kept := snapshot{len(blob), hex.EncodeToString(sum[:]), by}
	s := &l.snapshots
	s.calls.Lock()
	defer s.calls.Unlock()
	l.mu.Lock()
	refusal := l.refusal
	l.mu.Unlock()
	if refusal != nil {
		return refusal // the folder is not ours to write in
	}
	defer l.counters.failed(opPolicy, &err)
	if err := keepPolicy(l.o.FS, l.dir, digest, blob); err != nil {
		return err
	}
	if s.note(digest, kept, true) { // before the entry: a new epoch may begin with it
		return nil
	}
	if _, err := l.Append(l.snapshotEntry(digest, kept)); err != nil {
		s.note(digest, kept, false)
		return fmt.Errorf("writing the entry of a policy: %w", err)
	}
	return nil
}

// keepPolicy writes a policy's file, unless it is there.
func keepPolicy(fsys format.FS, dir, digest string, blob []byte) error {
	kept, err := format.ReadPolicy(fsys, dir, digest)
	switch {
	case err == nil && bytes.Equal(kept, blob):
		return nil
	case err == nil:
		return &format.CorruptError{File: format.PolicyPath(dir, digest), What: "another policy is kept under this digest"}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := format.MkdirDurable(fsys, filepath.Join(dir, format.PolicyName)); err != nil {
		return fmt.Errorf("making the folder of policies: %w", err)
	}
	if err := format.WriteDurable(fsys, format.PolicyPath(dir, digest), blob); err != nil {
		return fmt.Errorf("keeping a policy: %w", err)
	}
	return nil
}
