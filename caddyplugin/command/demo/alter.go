package demo

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// alter copies a ledger as an auditor gets it, without its keys, and changes one byte of
// the copy, in the middle of its largest segment: what somebody does who wants a record
// to say something else.
func alter(from, to string) error {
	largest, size := "", int64(0)
	err := filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		switch copied := filepath.Join(to, name); {
		case slices.Contains(private, name) && entry.IsDir():
			return fs.SkipDir
		case slices.Contains(private, name) || !entry.IsDir() && !entry.Type().IsRegular():
			return nil
		case entry.IsDir():
			return os.Mkdir(copied, 0o700)
		default:
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if filepath.Base(filepath.Dir(path)) == "seg" && int64(len(data)) > size {
				largest, size = copied, int64(len(data))
			}
			return os.WriteFile(copied, data, 0o600)
		}
	})
	if err == nil && largest == "" {
		err = errors.New("it has no segment")
	}
	if err != nil {
		return fmt.Errorf("copying the ledger to alter it: %w", err)
	}
	return alterByte(largest, size/2)
}

// private is what a ledger's folder has that is not for others.
var private = []string{"master.key", "checkpoint.key", "keys", "last-good", "LOCK"}

// alterByte changes a byte of a file.
func alterByte(path string, at int64) (err error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	var b [1]byte
	if _, err := f.ReadAt(b[:], at); err != nil {
		return err
	}
	b[0] ^= 1
	_, err = f.WriteAt(b[:], at)
	return err
}
