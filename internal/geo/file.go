package geo

import (
	"errors"
	"fmt"
	"io"
	"os"
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
	// Before opening, because opening a named pipe would wait for a writer.
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, fmt.Errorf("finding geoip database: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("geoip database %s: not a regular file; name an .mmdb file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("opening geoip database: %w", err)
	}
	defer f.Close() //nolint:errcheck // only read from
	if info, err = f.Stat(); err != nil {
		return nil, nil, fmt.Errorf("opening geoip database: %w", err)
	}
	if info.Size() > maxSize {
		return nil, nil, fmt.Errorf("geoip database %s: has %d bytes, at most %d are read; name a country database", path, info.Size(), maxSize)
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
