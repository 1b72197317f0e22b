package format

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

	"github.com/sparkoo/transfergate/internal/record"
)

const (
	// EpochFormat names the layout of an epoch's folder.
	EpochFormat = "transfergate-ledger/2"
	// MaxSegmentEntries is the most entries of a segment: those below one hash tile of
	// level 1.
	MaxSegmentEntries = 1 << 16
)

// Epoch is what the file EPOCH says. A ledger is a row of epochs, each a log of
// its own that begins with entry 0. An epoch's settings never change.
type Epoch struct {
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
	Previous *Previous `json:"previous,omitempty"`
	// Because says why an operator began the epoch.
	Because string `json:"because,omitempty"`
	// Lost is the place, as in 4.40, from which on to this epoch the operator gave
	// entries up for lost; empty if none were.
	Lost string `json:"lost,omitempty"`
}

// LostAt is what Lost says.
func (e Epoch) LostAt() (from record.ID, some bool) {
	from, err := record.ParseID(e.Lost)
	return from, err == nil && from.Epoch < e.Number
}

// Previous is how an epoch knows the one before it.
type Previous struct {
	Number uint32 `json:"epoch"`
	Origin string `json:"origin"`
	Key    string `json:"vkey"`
	// Checkpoint is its last signed checkpoint; empty if it had none.
	Checkpoint string `json:"checkpoint,omitempty"`
}

// Entry is what entries carry of it; nil for nil.
func (p *Previous) Entry() *record.Epoch {
	if p == nil {
		return nil
	}
	return &record.Epoch{Number: p.Number, Origin: p.Origin, Key: p.Key, Checkpoint: p.Checkpoint}
}

// PreviousOf is the inverse of Entry.
func PreviousOf(e *record.Epoch) *Previous {
	if e == nil {
		return nil
	}
	return &Previous{Number: e.Number, Origin: e.Origin, Key: e.Key, Checkpoint: e.Checkpoint}
}

// encode returns the bytes of the file EPOCH.
func (e Epoch) encode() ([]byte, error) {
	data, err := json.Marshal(e)
	return append(data, '\n'), err
}

// Digest is the SHA-256 of the file EPOCH in hex, which the genesis entry carries.
func (e Epoch) Digest() string {
	data, _ := e.encode() // nothing in it can fail to be encoded
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// Full reports whether a segment ends before the entry next.
func (e Epoch) Full(next uint64) bool { return next > 0 && next%e.SegmentEntries == 0 }

// ListEpochs returns the numbers of a ledger's epochs, oldest first, and the
// names in its folder that are none of ours.
func ListEpochs(fsys FS, dir string) (numbers []uint32, foreign []string, err error) {
	names, err := fsys.Names(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("listing the ledger: %w", err)
	}
	numbers = EpochNumbers(names)
	for _, name := range names {
		if !Own(name) {
			foreign = append(foreign, name)
		}
	}
	for len(numbers) > 0 {
		last := numbers[len(numbers)-1]
		if _, err := ReadFile(fsys, filepath.Join(EpochDir(dir, last), EpochFile)); !errors.Is(err, fs.ErrNotExist) {
			break // it is there, or reading it will say what is wrong
		}
		if err := unfinished(fsys, dir, last); err != nil {
			return nil, nil, err
		}
		numbers = numbers[:len(numbers)-1]
	}
	return numbers, foreign, nil
}

// EpochNumbers returns the numbers of the epochs among names, sorted.
func EpochNumbers(names []string) (numbers []uint32) {
	for _, name := range names {
		var number uint32
		if _, err := fmt.Sscanf(name, "epoch-%d", &number); err == nil && name == epochName(number) && number > 0 {
			numbers = append(numbers, number)
		}
	}
	slices.Sort(numbers)
	return numbers
}

// unfinished reports whether an epoch without its EPOCH file was being made when
// the process ended: only then it may be made again.
func unfinished(fsys FS, dir string, number uint32) error {
	path := EpochDir(dir, number)
	names, err := fsys.Names(path)
	if err != nil {
		return fmt.Errorf("listing an epoch: %w", err)
	}
	segments, err := fsys.Names(filepath.Join(path, "seg"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("listing the ledger's segments: %w", err)
	}
	more := slices.ContainsFunc(names, func(name string) bool {
		return !slices.Contains([]string{"seg", "quarantine", EpochFile + ".tmp"}, name)
	})
	if more || len(segments) > 0 {
		return &CorruptError{File: filepath.Join(path, EpochFile), What: "the file is missing"}
	}
	return nil
}

// NewestEpoch returns the newest epoch of a ledger folder, and the names in it
// that are none of ours. ok is false if there is no epoch yet.
func NewestEpoch(fsys FS, dir string) (e Epoch, foreign []string, ok bool, err error) {
	numbers, foreign, err := ListEpochs(fsys, dir)
	if err != nil || len(numbers) == 0 {
		return e, foreign, false, err
	}
	e, err = ReadEpoch(fsys, dir, numbers[len(numbers)-1])
	return e, foreign, err == nil, err
}

// ReadEpoch reads an epoch's EPOCH file.
func ReadEpoch(fsys FS, dir string, number uint32) (e Epoch, err error) {
	path := filepath.Join(EpochDir(dir, number), EpochFile)
	data, err := ReadFile(fsys, path)
	if err != nil {
		return e, fmt.Errorf("reading the epoch's settings: %w", err)
	}
	what := ""
	if err := json.Unmarshal(data, &e); err != nil {
		what = "not the JSON of an epoch: " + err.Error()
	} else if e.Format != EpochFormat {
		return e, fmt.Errorf("%s: format %q; this program reads %q", path, e.Format, EpochFormat)
	} else if e.Number != number || e.SegmentEntries == 0 || e.SegmentEntries > MaxSegmentEntries || e.SegmentEntries&(e.SegmentEntries-1) != 0 {
		what = fmt.Sprintf("it says epoch %d with segments of %d entries", e.Number, e.SegmentEntries)
	} else if _, err := e.Verifier(); err != nil {
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

// CreateEpoch makes the epoch's folders and its EPOCH file.
func CreateEpoch(fsys FS, dir string, e Epoch) error {
	path := EpochDir(dir, e.Number)
	for _, sub := range []string{"seg", "quarantine"} {
		if err := MkdirDurable(fsys, filepath.Join(path, sub)); err != nil {
			return fmt.Errorf("making the epoch's folders: %w", err)
		}
	}
	data, err := e.encode()
	if err != nil {
		return err
	}
	if err := WriteDurable(fsys, filepath.Join(path, EpochFile), data); err != nil {
		return fmt.Errorf("writing the epoch's settings: %w", err)
	}
	return nil
}

// OriginOf is the origin line of an epoch. Every ledger has a random id, so
// that two ledgers of one node are never taken for each other.
func OriginOf(node, ledger string, number uint32) string {
	return "transfergate/" + node + "/" + ledger + "/" + epochName(number)
}

// NumberOf is the number of the epoch that an origin names; 0 if it names none.
func NumberOf(origin string) uint32 {
	at := strings.LastIndexByte(origin, '/')
	if numbers := EpochNumbers([]string{origin[at+1:]}); at > 0 && len(numbers) == 1 {
		return numbers[0]
	}
	return 0
}

// LedgerOf is the part of an origin that all epochs of its ledger have in common;
// empty if it is no origin of ours.
func LedgerOf(origin string) string {
	if at := strings.LastIndexByte(origin, '/'); NumberOf(origin) > 0 {
		return origin[:at]
	}
	return ""
}

// NodeOf is the node that an origin names; empty if it is no origin of ours.
func NodeOf(origin string) string {
	if parts := strings.Split(origin, "/"); len(parts) == 4 && parts[0] == "transfergate" && NumberOf(origin) > 0 {
		return parts[1]
	}
	return ""
}

// Next returns the origin of an epoch after this one, of the same ledger.
func (e Epoch) Next(node string) string {
	parts := strings.Split(e.Origin, "/")
	return OriginOf(node, parts[max(len(parts)-2, 0)], e.Number+1)
}

func NewLedgerID() string {
	b := make([]byte, 8)
	rand.Read(b) // never fails: crypto/rand ends the process instead
	return hex.EncodeToString(b)
}
