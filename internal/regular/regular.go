// Package regular reads files that people and services name: regular ones only, of a
// bounded length. Opening a named pipe waits for somebody who writes to it, a device may
// never end, and a folder or socket is a mistake: each would stop whoever reads, perhaps
// under a lock that everybody waits for.
package regular

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
)

// Limits of what is read, in bytes, by what it holds.
const (
	KeyLimit    = 1 << 20  // a key, a token, a checkpoint: a few lines
	CertLimit   = 16 << 20 // certificates and lists of revoked ones
	PolicyLimit = 16 << 20 // a file of a policy
	TableLimit  = 16 << 30 // account records, which are read piece by piece
)

// Open opens a regular file for reading; symbolic links are followed. It never waits for
// another process. A file that is none, or longer than limit bytes, is an [fs.PathError]
// that says what to do. That a file grows while it is read is for the reader to bound,
// as [ReadFile] does.
func Open(path string, limit int64) (*os.File, error) { return open(path, os.O_RDONLY, limit) }

// Update is [Open] for a file that is there already and is read and written.
func Update(path string) (*os.File, error) { return open(path, os.O_RDWR, math.MaxInt64) }

func open(path string, flag int, limit int64) (*os.File, error) {
	// First without opening: to open some devices does something to them.
	if info, err := os.Stat(path); err == nil {
		if err := check(path, info, limit); err != nil {
			return nil, err
		}
	} // else opening says it
	f, err := os.OpenFile(path, flag|nonblock, 0)
	if err != nil {
		return nil, Denied(err)
	}
	info, err := f.Stat()
	if err == nil { // it may be another one by now
		err = check(path, info, limit)
	}
	if err != nil {
		_ = f.Close() // nothing was written
		return nil, err
	}
	return f, nil
}

// ReadFile reads a whole regular file of at most limit bytes.
func ReadFile(path string, limit int64) ([]byte, error) {
	f, err := Open(path, limit)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read from
	data, err := io.ReadAll(io.LimitReader(f, min(limit, math.MaxInt64-1)+1))
	if err == nil && int64(len(data)) > limit {
		err = tooLong(path, limit)
	}
	if err != nil {
		return nil, err
	}
	return data, nil
}

// BOM is the byte order mark that some editors write at the beginning of a text.
var BOM = []byte("\ufeff")

// ReadText is [ReadFile] for a text that a person writes. A byte order mark at its
// beginning is no part of it.
func ReadText(path string, limit int64) ([]byte, error) {
	data, err := ReadFile(path, limit)
	return bytes.TrimPrefix(data, BOM), err
}

// FS is a folder of which only folders and regular files of at most [PolicyLimit] bytes
// can be opened.
type FS string

// Open implements [fs.FS].
func (dir FS) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	path := filepath.Join(string(dir), filepath.FromSlash(name))
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return os.DirFS(string(dir)).Open(name)
	}
	return Open(path, PolicyLimit)
}

func check(path string, info fs.FileInfo, limit int64) error {
	if !info.Mode().IsRegular() {
		return refuse(path, "it is %s, not a regular file; put a file in its place, or remove it", kind(info.Mode()))
	}
	if info.Size() > limit {
		return tooLong(path, limit)
	}
	return nil
}

func tooLong(path string, limit int64) error {
	return refuse(path, "it has more than %d bytes, so it is not what is asked for; name another file", limit)
}

func refuse(path, format string, args ...any) error {
	return &fs.PathError{Op: "open", Path: path, Err: fmt.Errorf(format, args...)}
}

func kind(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "a folder"
	case m&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case m&fs.ModeSocket != 0:
		return "a socket"
	case m&fs.ModeDevice != 0:
		return "a device"
	}
	return "something else"
}
