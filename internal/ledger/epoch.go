package ledger

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	// epochFormat names the layout of an epoch's folder.
	epochFormat = "transfergate-ledger/2"
	epochFile   = "EPOCH"
)

// epoch is what the file EPOCH says. A ledger is a row of epochs, each a log of
// its own that begins with entry 0. An epoch's settings never change.
type epoch struct {
	Created time.Time `json:"created"`
	Number  uint32    `json:"epoch"`
	Format  string    `json:"format"`
	// SegmentEntries is the length of a segment in entries, a power of two.
	SegmentEntries uint64 `json:"segment_entries"`
	// Origin names the epoch's log in its checkpoints, and Key verifies them:
	// transfergate/<node>/<random id of the ledger>/epoch-000001.
	Origin string `json:"origin"`
	Key    string `json:"vkey"`
	// Previous is where the epoch before ended; nil in the first.
	Previous *previous `json:"previous,omitempty"`
	// Because says why an operator began the epoch.
	Because string `json:"because,omitempty"`
}

// previous is how an epoch knows the one before it.
type previous struct {
	Number uint32 `json:"epoch"`
	Origin string `json:"origin"`
	Key    string `json:"vkey"`
	// Checkpoint is its last signed checkpoint; empty if it had none.
	Checkpoint string `json:"checkpoint,omitempty"`
}

// encode returns the bytes of the file EPOCH.
func (e epoch) encode() ([]byte, error) {
	data, err := json.Marshal(e)
	return append(data, '\n'), err
}

// digest is the SHA-256 of the file EPOCH in hex, which the genesis entry carries.
func (e epoch) digest() string {
	data, _ := e.encode() // nothing in it can fail to be encoded
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// full tells whether a segment ends before the entry next.
func (e epoch) full(next uint64) bool { return next > 0 && next%e.SegmentEntries == 0 }

func epochName(number uint32) string { return fmt.Sprintf("epoch-%06d", number) }

// epochDir is the folder of an epoch.
func epochDir(dir string, number uint32) string { return filepath.Join(dir, epochName(number)) }

// listEpochs returns the numbers of a ledger's epochs, oldest first, and the
// names in its folder that are none of ours.
func listEpochs(fsys FS, dir string) (numbers []uint32, foreign []string, err error) {
	names, err := fsys.Names(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("listing the ledger: %w", err)
	}
	numbers = epochNumbers(names)
	for _, name := range names {
		if len(epochNumbers([]string{name})) == 0 && !ours(name) {
			foreign = append(foreign, name)
		}
	}
	for len(numbers) > 0 {
		last := numbers[len(numbers)-1]
		if _, err := readFile(fsys, filepath.Join(epochDir(dir, last), epochFile)); !errors.Is(err, fs.ErrNotExist) {
			break // it is there, or reading it will say what is wrong
		}
		if err := unfinished(fsys, dir, last); err != nil {
			return nil, nil, err
		}
		numbers = numbers[:len(numbers)-1]
	}
	return numbers, foreign, nil
}

// epochNumbers returns the numbers of the epochs among names, sorted.
func epochNumbers(names []string) (numbers []uint32) {
	for _, name := range names {
		var number uint32
		if _, err := fmt.Sscanf(name, "epoch-%d", &number); err == nil && name == epochName(number) && number > 0 {
			numbers = append(numbers, number)
		}
	}
	slices.Sort(numbers)
	return numbers
}

// ours tells whether a name in the ledger's folder is known.
func ours(name string) bool {
	name = strings.TrimSuffix(name, ".tmp")
	return slices.Contains([]string{lockName, keysName, holdsName, overdueName, checkpointKeyName, policyName}, name) ||
		strings.HasPrefix(name, masterName) || strings.HasPrefix(name, classPrefix) || isDeleted(name)
}

// unfinished tells whether an epoch without its EPOCH file was being made when
// the process ended: only then it may be made again.
func unfinished(fsys FS, dir string, number uint32) error {
	path := epochDir(dir, number)
	names, err := fsys.Names(path)
	if err != nil {
		return fmt.Errorf("listing an epoch: %w", err)
	}
	segments, err := fsys.Names(filepath.Join(path, "seg"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("listing the ledger's segments: %w", err)
	}
	more := slices.ContainsFunc(names, func(name string) bool {
		return !slices.Contains([]string{"seg", "quarantine", epochFile + ".tmp"}, name)
	})
	if more || len(segments) > 0 {
		return &CorruptError{File: filepath.Join(path, epochFile), What: "the file is missing"}
	}
	return nil
}

// findEpoch returns the newest epoch of a ledger folder, and the names in it
// that are none of ours. ok is false if there is no epoch yet.
func findEpoch(fsys FS, dir string) (e epoch, foreign []string, ok bool, err error) {
	numbers, foreign, err := listEpochs(fsys, dir)
	if err != nil || len(numbers) == 0 {
		return e, foreign, false, err
	}
	e, err = readEpoch(fsys, dir, numbers[len(numbers)-1])
	return e, foreign, err == nil, err
}

// readEpoch reads an epoch's EPOCH file.
func readEpoch(fsys FS, dir string, number uint32) (e epoch, err error) {
	path := filepath.Join(epochDir(dir, number), epochFile)
	data, err := readFile(fsys, path)
	if err != nil {
		return e, fmt.Errorf("reading the epoch's settings: %w", err)
	}
	what := ""
	if err := json.Unmarshal(data, &e); err != nil {
		what = "not the JSON of an epoch: " + err.Error()
	} else if e.Format != epochFormat {
		return e, fmt.Errorf("%s: format %q; this program reads %q", path, e.Format, epochFormat)
	} else if e.Number != number || e.SegmentEntries == 0 || e.SegmentEntries > maxSegmentEntries || e.SegmentEntries&(e.SegmentEntries-1) != 0 {
		what = fmt.Sprintf("it says epoch %d with segments of %d entries", e.Number, e.SegmentEntries)
	} else if _, err := e.verifier(); err != nil {
		what = err.Error()
	}
	if again, _ := e.encode(); what == "" && string(again) != string(data) {
		what = "the file was not written by this program"
	}
	if what != "" {
		return e, &CorruptError{File: path, What: what}
	}
	return e, nil
}

// createEpoch makes the epoch's folders and its EPOCH file.
func createEpoch(fsys FS, dir string, e epoch) error {
	path := epochDir(dir, e.Number)
	for _, sub := range []string{"seg", "quarantine"} {
		if err := mkdirDurable(fsys, filepath.Join(path, sub)); err != nil {
			return fmt.Errorf("making the epoch's folders: %w", err)
		}
	}
	data, err := e.encode()
	if err != nil {
		return err
	}
	if err := writeDurable(fsys, filepath.Join(path, epochFile), data); err != nil {
		return fmt.Errorf("writing the epoch's settings: %w", err)
	}
	return nil
}

// originOf is the origin line of an epoch. Every ledger has a random id, so
// that two ledgers of one node are never taken for each other.
func originOf(node, ledger string, number uint32) string {
	return "transfergate/" + node + "/" + ledger + "/" + epochName(number)
}

// next returns the origin of an epoch after this one, of the same ledger.
func (e epoch) next(node string) string {
	parts := strings.Split(e.Origin, "/")
	return originOf(node, parts[max(len(parts)-2, 0)], e.Number+1)
}

func newLedgerID() string {
	b := make([]byte, 8)
	rand.Read(b) // never fails: crypto/rand ends the process instead
	return hex.EncodeToString(b)
}
