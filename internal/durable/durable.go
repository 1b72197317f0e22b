// Package durable replaces whole files. It has one guarantee: whatever crashes and
// whenever, the file holds the old content or the new, whole; and once a function has
// returned nil, it holds the new one even after a loss of power. After an error it holds
// either of the two.
//
// The content is written to a temporary file in the same folder and synced; a rename
// puts it in its place, and a sync of the folder makes the rename last. That the folder
// itself outlives a loss of power is for whoever made it. A crash may leave the temporary
// file behind.
package durable

import (
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// WriteFile replaces the file by one with this content. A new file gets the mode, less
// the process's umask. Several may write one file at a time: one of them is the last.
func WriteFile(name string, data []byte, mode fs.FileMode) error {
	return Write(name, mode, func(f *os.File) error {
		_, err := f.Write(data)
		return err
	})
}

// Write is [WriteFile] for content that fill writes. The file is open for writing only, and
// closed when fill has returned.
func Write(name string, mode fs.FileMode, fill func(*os.File) error) error {
	temporary := name + ".tmp-" + strings.ToLower(rand.Text()[:8])
	return replace(system{mode}, temporary, name, fill)
}

// FS is what replacing a file needs of a file system, for those who have one of their
// own. Paths are as the operating system writes them.
type FS[F File] interface {
	// Create makes a file for writing, which must not exist.
	Create(name string) (F, error)
	Rename(from, to string) error
	Remove(name string) error
	// SyncDir returns when the folder's list of names is durable.
	SyncDir(dir string) error
}

// File is one file of an [FS].
type File interface {
	io.Closer
	// Sync returns when the file's bytes and size are durable.
	Sync() error
}

// Replace is [Write] on a file system of the caller's, who sees to it that nobody else
// writes the file at the same time: the temporary file is always NAME.tmp, and one that
// a crash left is removed.
func Replace[F File](fsys FS[F], name string, fill func(F) error) error {
	temporary := name + ".tmp"
	if err := fsys.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return replace(fsys, temporary, name, fill)
}

func replace[F File](fsys FS[F], temporary, name string, fill func(F) error) error {
	f, err := fsys.Create(temporary)
	if err != nil {
		return err
	}
	if err = fill(f); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = fsys.Rename(temporary, name)
	}
	if err != nil {
		return errors.Join(err, fsys.Remove(temporary))
	}
	return fsys.SyncDir(filepath.Dir(name))
}

// system is the operating system's file system.
type system struct{ mode fs.FileMode }

func (s system) Create(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, s.mode)
}

func (system) Rename(from, to string) error { return os.Rename(from, to) }
func (system) Remove(name string) error     { return os.Remove(name) }

// SyncDir has nothing to do on Windows: NTFS journals its folders, and a folder cannot
// be flushed.
func (system) SyncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
