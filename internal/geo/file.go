package geo

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/sparkoo/transfergate/internal/regular"
)

// maxSize is the largest file read, in bytes. Country databases have about 10
// MB, City databases up to 150 MB.
const maxSize = 512 << 20

// read reads the file at path into memory and describes what it read; an error
// comes without description.
//
// The file is not mapped into memory: when somebody truncates a mapped file in
// place, the next look-up dies of SIGBUS, which takes down the whole process
// and which Go cannot recover from. The price is the file's size in memory.
func read(path string) ([]byte, os.FileInfo, error) {
	f, err := regular.Open(path, maxSize)
	if err != nil {
		return nil, nil, fmt.Errorf("finding geoip database: %w", err)
	}
	defer f.Close() //nolint:errcheck // only read from
	info, err := f.Stat()
	if err != nil {
		return nil, nil, fmt.Errorf("opening geoip database: %w", err)
	}
	data := make([]byte, info.Size())
	// A file cut short meanwhile is reported below.
	if _, err := io.ReadFull(f, data); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, nil, fmt.Errorf("reading geoip database %s: %w", path, err)
	}
	after, err := f.Stat()
	if err != nil {
		return nil, nil, fmt.Errorf("reading geoip database %s: %w", path, err)
	}
	if !same(info, after) {
		return nil, nil, fmt.Errorf("geoip database %s: changed while it was read; write the new file beside it and rename it", path)
	}
	return data, info, nil
}

// same reports whether a and b describe the same content as far as can be told
// without reading it: one file, size and time of change.
func same(a, b os.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}
