package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/sparkoo/transfergate/internal/ledger/format"
)

// segment is the file that is appended to. Frames never span segments,
// and a segment ends where the index is a multiple of the epoch's segment
// length, so that segments without an accident are whole subtrees.
type segment struct {
	file   format.File
	path   string
	number int
	first  uint64 // index of its first entry
	size   int64  // end of the last durable frame; the file may be longer, all zeros
	marked bool   // the last frame is a mark: every entry is vouched for

	reserved int64 // end of the space reserved when it was made
	zeroed   int64 // up to here zeros were written to that space
}

// createSegment makes an empty segment that a crash cannot take away. Space is
// reserved if reserve is not zero; a volume without room for it gives a segment
// that grows as it is written.
func createSegment(fsys format.FS, path string, number int, reserve int64) (*segment, error) {
	file, err := fsys.Create(path)
	if err != nil {
		return nil, fmt.Errorf("creating a segment: %w", err)
	}
	if reserve > 0 && file.Preallocate(reserve) != nil {
		if err := file.Truncate(0); err != nil { // what was reserved before it failed
			return nil, errors.Join(fmt.Errorf("emptying the new segment %s: %w", path, err), discard(fsys, file, path))
		}
	}
	if err := file.Sync(); err != nil {
		return nil, errors.Join(fmt.Errorf("syncing the new segment %s: %w", path, err), discard(fsys, file, path))
	}
	if err := fsys.SyncDir(filepath.Dir(path)); err != nil {
		return nil, errors.Join(fmt.Errorf("syncing the folder of segments: %w", err), discard(fsys, file, path))
	}
	s := &segment{file: file, path: path, number: number}
	if s.reserved, err = file.Size(); err != nil {
		return nil, errors.Join(fmt.Errorf("asking for the size of the new segment %s: %w", path, err), discard(fsys, file, path))
	}
	return s, nil
}

// zeroes is how many zeros are written ahead of the frames at a time.
var zeroes = make([]byte, 256<<10)

// manyZeroes is how long a frame is, in bytes, that costs less without zeros ahead.
const manyZeroes = 64 << 10

// zeroAhead writes zeros to the reserved space when a frame that ends there is
// due. File systems keep reserved space as a note that it reads as zeros; each
// first write changes the note, which the sync then has to write too.
func (s *segment) zeroAhead(end int64) error {
	if end <= s.zeroed || end >= s.reserved || end-s.size > manyZeroes {
		return nil
	}
	n := min(int64(len(zeroes)), s.reserved-end)
	if _, err := s.file.WriteAt(zeroes[:n], end); err != nil {
		s.reserved = 0 // it only saves time
		return fmt.Errorf("writing zeros ahead in %s: %w", s.path, err)
	}
	s.zeroed = end + n
	return nil
}

// discard takes back a segment nothing was written to.
func discard(fsys format.FS, file format.File, path string) error {
	err := file.Close()
	if e := fsys.Remove(path); e != nil && !errors.Is(e, fs.ErrNotExist) {
		err = errors.Join(err, e)
	}
	return err
}

// trim gives back the reserved space after the last frame.
func (s *segment) trim() error {
	size, err := s.file.Size()
	if err != nil || size == s.size {
		return err
	}
	return s.file.Truncate(s.size)
}
