package format

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
)

// Reserved is how many bytes of an epoch's segments hold nothing yet: what follows
// the last frame. It reads the frames' headers only, and may be used beside a
// writer.
func Reserved(fsys FS, dir string, epoch uint32) (bytes int64, err error) {
	seg := filepath.Join(EpochDir(dir, epoch), "seg")
	names, err := fsys.Names(seg)
	if err != nil {
		return 0, fmt.Errorf("listing the ledger's segments: %w", err)
	}
	for _, name := range names {
		if _, ok := segmentNumber(name); !ok {
			continue
		}
		n, err := afterFrames(fsys, filepath.Join(seg, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // it was sealed meanwhile
			return 0, fmt.Errorf("measuring a segment: %w", err)
		}
		bytes += n
	}
	return bytes, nil
}

// afterFrames is what follows the last frame of a segment's file.
func afterFrames(fsys FS, path string) (bytes int64, err error) {
	f, err := fsys.Open(path, false)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	size, err := f.Size()
	var b [HeaderSize]byte
	end := int64(0)
	for err == nil && end < size {
		if _, err = f.ReadAt(b[:], end); err != nil {
			break
		}
		h, wrong := parseHeader(b[:])
		if wrong != "" {
			break
		}
		end += HeaderSize + int64(h.Length)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	return max(0, size-end), nil
}
