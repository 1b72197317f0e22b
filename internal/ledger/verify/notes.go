package verify

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"

	"github.com/sparkoo/transfergate/internal/ledger/format"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/tiles"
)

// notes checks what the epoch's own entries say: of the policies that are kept,
// and of the epochs before and after it.
func (v *verification) notes(e, before *verifiedEpoch) error {
	for _, n := range e.found {
		bad := func(what string) error {
			return &format.CorruptError{File: e.walker.Dir, Index: n.Index, What: what}
		}
		entry, err := record.Parse(n.Data)
		if err != nil {
			return bad(err.Error())
		}
		if _, genesis := entry.(*record.Genesis); genesis != (n.Index == 0) {
			return bad("the epoch does not begin with its genesis entry")
		}
		v.stands.take(record.ID{Epoch: e.epoch.Number, Index: n.Index}, entry)
		switch entry := entry.(type) {
		case *record.Policy:
			if err := v.policy(entry.Policy, entry.SHA256, n.Index); err != nil {
				return err
			}
			v.report.Policies++
		case *record.Closed:
			e.next = &entry.Next
		case *record.Deleted:
			if err := v.deletion(e, entry); err != nil {
				return bad(err.Error())
			}
		case *record.Genesis:
			if found := e.epoch.Digest(); entry.Settings != found {
				return &format.CorruptError{File: filepath.Join(e.walker.Dir, format.EpochFile), What: "the file is not the one the genesis entry names",
					Expected: entry.Settings, Found: found}
			}
			if err := v.follows(e, before); err != nil {
				return bad(err.Error())
			}
		}
	}
	return nil
}

// follows tells what is wrong with how the epoch follows the one before, of which it may
// say that part of it is lost.
func (v *verification) follows(e, before *verifiedEpoch) error {
	if _, some := e.epoch.LostAt(); !some || before == nil {
		return e.follows(before)
	}
	if p := e.epoch.Previous; before.lost || p == nil || p.Origin != before.epoch.Origin {
		return nil // it follows what is lost
	}
	err := e.follows(before)
	if before.lost = err != nil && v.lost(before.epoch.Number, err); before.lost {
		return nil
	}
	return err
}

// follows tells what is wrong with how the epoch follows the one before, which
// is nil if it was not read or is not there.
func (e *verifiedEpoch) follows(before *verifiedEpoch) error {
	p := e.epoch.Previous
	switch {
	case p == nil && e.epoch.Number > 1:
		return errors.New("the genesis entry does not name the epoch before")
	case p == nil || before == nil:
		return nil
	case p.Number != before.epoch.Number || p.Origin != before.epoch.Origin || p.Key != before.epoch.Key:
		return fmt.Errorf("the genesis entry names the epoch %s with the key %s; before it is %s with the key %s",
			p.Origin, p.Key, before.epoch.Origin, before.epoch.Key)
	case before.next == nil && e.epoch.Because == "":
		return fmt.Errorf("%s has no last entry that says that this epoch follows, and the genesis entry gives no reason", before.epoch.Origin)
	case before.next != nil && (before.next.Number != e.epoch.Number || before.next.Origin != e.epoch.Origin || before.next.Key != e.epoch.Key):
		return fmt.Errorf("the last entry of %s names %s with the key %s as the next epoch", before.epoch.Origin, before.next.Origin, before.next.Key)
	case p.Checkpoint == "" && before.next == nil:
		return nil // it had none
	}
	verifier, err := before.epoch.Verifier()
	if err != nil {
		return err
	}
	c, err := tiles.OpenCheckpoint([]byte(p.Checkpoint), verifier)
	if err != nil {
		return fmt.Errorf("the checkpoint of the epoch before: %w", err)
	}
	if before.next != nil && c.N != before.tree.Size() {
		return fmt.Errorf("the epoch before was closed with %d entries, but has %d", c.N, before.tree.Size())
	}
	return before.tree.Covers(c, "the genesis entry of "+e.epoch.Origin)
}

// policy checks that a policy is kept which an entry names.
func (v *verification) policy(digest, sum string, index uint64) error {
	bad := func(what string) error {
		return &format.CorruptError{File: format.PolicyPath(v.dir, digest), Index: index, What: what}
	}
	blob, err := format.ReadPolicy(v.fsys, v.dir, digest)
	if errors.Is(err, fs.ErrNotExist) {
		return bad("the policy that the entry names is missing")
	}
	if err != nil {
		return err
	}
	if found := sha256.Sum256(blob); hex.EncodeToString(found[:]) != sum {
		c := bad("the policy is not the one the entry names").(*format.CorruptError)
		c.Expected, c.Found = sum, hex.EncodeToString(found[:])
		return c
	}
	return nil
}

// verifyState is what is remembered of the archives it has read.
type verifyState struct {
	fsys format.FS
	file string // empty: nothing is remembered

	mu    sync.Mutex                         // guards the rest
	known map[string]map[int]verifiedSubtree // by origin and number of the subtree
}

// readState reads the file of an earlier call, if there is one.
func readState(fsys format.FS, file string) (*verifyState, error) {
	s := &verifyState{fsys: fsys, file: file, known: make(map[string]map[int]verifiedSubtree)}
	if file == "" {
		return s, nil
	}
	data, err := format.ReadFile(fsys, file)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &s.known)
	}
	if err != nil {
		return nil, fmt.Errorf("reading what was verified before from %s: %w; remove the file to begin anew", file, err)
	}
	return s, nil
}

// subtree returns what is known of a subtree.
func (s *verifyState) subtree(origin string, n int) (verifiedSubtree, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	subtree, ok := s.known[origin][n]
	return subtree, ok
}

// add notes a subtree that was found right.
func (s *verifyState) add(origin string, n int, subtree verifiedSubtree) error {
	if s.file == "" {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known[origin] == nil {
		s.known[origin] = make(map[int]verifiedSubtree)
	}
	s.known[origin][n] = subtree
	data, err := json.Marshal(s.known)
	if err == nil {
		err = format.WriteDurable(s.fsys, s.file, data)
	}
	if err != nil {
		return fmt.Errorf("noting what was verified in %s: %w", s.file, err)
	}
	return nil
}
