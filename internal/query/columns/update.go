package columns

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger"
)

// Updated is what [Update] did in a ledger.
type Updated struct {
	Segments int   // that are sealed
	Made     int   // of them got a file
	Bytes    int64 // of all files
}

// Update makes the files that are missing or not to be used beside the sealed segments
// of a ledger, the newest segment first: those of one class. It may run beside the
// ledger's writer. rest is how long it rests after each, by how long that took; nil for
// not at all. What a segment's damage or a full volume keeps from being made is part of
// the error, and the others are made nevertheless.
func Update(ctx context.Context, dir ledger.Dir, rest func(time.Duration) time.Duration) (u Updated, err error) {
	epochs, err := dir.Epochs()
	if err != nil {
		return u, err
	}
	maker := NewMaker()
	for _, epoch := range slices.Backward(epochs) {
		sealed, failed := dir.Sealed(epoch)
		if failed != nil && !errors.Is(failed, fs.ErrNotExist) { // deleted meanwhile
			err = errors.Join(err, failed)
		}
		for _, segment := range slices.Backward(sealed) {
			began := time.Now()
			made, bytes, failed := update(ctx, maker, dir, segment)
			if ctx.Err() != nil {
				return u, ctx.Err()
			}
			u.Segments, u.Bytes = u.Segments+1, u.Bytes+bytes
			if failed != nil {
				err = errors.Join(err, fmt.Errorf("columns of the segment from %s: %w", segment.First, failed))
			}
			if !made {
				continue
			}
			u.Made++
			if rest != nil {
				select {
				case <-ctx.Done():
					return u, ctx.Err()
				case <-time.After(rest(time.Since(began))):
				}
			}
		}
	}
	return u, err
}

// update makes the file of a segment, unless there is one to be used.
func update(ctx context.Context, maker *Maker, dir ledger.Dir, s ledger.Sealed) (made bool, bytes int64, err error) {
	if f, err := Open(dir.Class, s); err == nil {
		info, err := f.file.Stat()
		if err == nil {
			bytes = info.Size()
		}
		return false, bytes, errors.Join(err, f.Close())
	}
	if err := removeRests(s); err != nil {
		return false, 0, err
	}
	if err := maker.Build(ctx, dir, s); err != nil {
		if _, gone := os.Stat(s.Archive); errors.Is(gone, fs.ErrNotExist) { // with its epoch
			return false, 0, nil
		}
		return false, 0, err
	}
	info, err := os.Stat(s.Side(kind))
	if err != nil {
		return true, 0, err
	}
	return true, info.Size(), nil
}

// staleAfter is how old the rest of a write is that nobody goes on with.
const staleAfter = time.Hour

// removeRests removes what a crash left of writing the file of a segment.
func removeRests(s ledger.Sealed) error {
	path := s.Side(kind)
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return err
	}
	for _, entry := range entries {
		name := entry.Name()
		if !strings.HasPrefix(name, filepath.Base(path)) || !strings.HasSuffix(name, ".tmp") {
			continue
		}
		info, err := entry.Info()
		if err != nil || time.Since(info.ModTime()) < staleAfter {
			continue
		}
		if err := os.Remove(filepath.Join(filepath.Dir(path), name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
