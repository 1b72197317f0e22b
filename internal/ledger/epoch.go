package ledger

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"
)

// epochFormat names the layout of an epoch's folder.
const epochFormat = "transfergate-ledger/1"

// epoch is what the file EPOCH says. A ledger is a row of epochs, each a log of
// its own that begins with entry 0. An epoch's settings never change.
type epoch struct {
	Created time.Time `json:"created"`
	Number  uint32    `json:"epoch"`
	Format  string    `json:"format"`
	// SegmentEntries is the length of a segment in entries.
	SegmentEntries uint64 `json:"segment_entries"`
}

// full tells whether a segment ends before the entry next.
func (e epoch) full(next uint64) bool { return next > 0 && next%e.SegmentEntries == 0 }

func epochName(number uint32) string { return fmt.Sprintf("epoch-%06d", number) }

// epochDir is the folder of an epoch.
func epochDir(dir string, number uint32) string { return filepath.Join(dir, epochName(number)) }

// findEpoch returns the newest epoch of a ledger folder, and the names in it
// that are none of ours. ok is false if there is no epoch yet.
func findEpoch(fsys FS, dir string) (e epoch, foreign []string, ok bool, err error) {
	names, err := fsys.Names(dir)
	if err != nil {
		return e, nil, false, fmt.Errorf("listing the ledger: %w", err)
	}
	var newest uint32
	for _, name := range names {
		var number uint32
		if _, err := fmt.Sscanf(name, "epoch-%d", &number); err == nil && name == epochName(number) {
			newest = max(newest, number)
		} else if name != lockName && name != keysName && !strings.HasPrefix(name, masterName) {
			foreign = append(foreign, name)
		}
	}
	if newest == 0 {
		return e, foreign, false, nil
	}
	e, err = readEpoch(fsys, dir, newest)
	if errors.Is(err, fs.ErrNotExist) {
		return e, foreign, false, unfinished(fsys, dir, newest)
	}
	return e, foreign, err == nil, err
}

// unfinished tells whether an epoch without its EPOCH file was being made when
// the process ended: only then it may be made again.
func unfinished(fsys FS, dir string, number uint32) error {
	path := epochDir(dir, number)
	names, err := fsys.Names(filepath.Join(path, "seg"))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return fmt.Errorf("listing the ledger's segments: %w", err)
	}
	if len(names) > 0 || number != 1 {
		return &CorruptError{File: filepath.Join(path, "EPOCH"), What: "the file is missing"}
	}
	return nil
}

// readEpoch reads an epoch's EPOCH file.
func readEpoch(fsys FS, dir string, number uint32) (e epoch, err error) {
	path := filepath.Join(epochDir(dir, number), "EPOCH")
	data, err := readFile(fsys, path)
	if err != nil {
		return e, fmt.Errorf("reading the epoch's settings: %w", err)
	}
	what := ""
	if err := json.Unmarshal(data, &e); err != nil {
		what = "not the JSON of an epoch: " + err.Error()
	} else if e.Format != epochFormat {
		return e, fmt.Errorf("%s: format %q; this program reads %q", path, e.Format, epochFormat)
	} else if e.Number != number || e.SegmentEntries == 0 {
		what = fmt.Sprintf("it says epoch %d with segments of %d entries", e.Number, e.SegmentEntries)
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
	data, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if err := writeDurable(fsys, filepath.Join(path, "EPOCH"), append(data, '\n')); err != nil {
		return fmt.Errorf("writing the epoch's settings: %w", err)
	}
	return nil
}
