package format

import (
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"

	"github.com/sparkoo/transfergate/internal/durable"
	"github.com/sparkoo/transfergate/internal/regular"
)

// FS is what a log needs of a file system. The default is the operating
// system's; tests put one in its place that loses or refuses writes.
// Paths are as the operating system writes them.
type FS interface {
	// Mkdir makes one folder that only its owner may enter.
	Mkdir(dir string) error
	// Create makes a file for reading and writing, which must not exist.
	Create(name string) (File, error)
	// Open opens an existing file for reading, and for writing if write is set.
	Open(name string, write bool) (File, error)
	// Names lists the folder's files and folders by name.
	Names(dir string) ([]string, error)
	Rename(from, to string) error
	Remove(name string) error
	// SyncDir returns when the folder's list of names is durable.
	SyncDir(dir string) error
	// Lock takes the file as an exclusive lock, creating it if need be, and
	// fails at once with ErrLocked if somebody holds it. It must exclude other
	// openers in the same process too.
	Lock(name string) (io.Closer, error)
	// Free is the number of bytes that can still be written to the folder's volume.
	Free(dir string) (uint64, error)
}

// File is one file of an FS.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Sync returns when the file's bytes and size are durable. After an error
	// the state of what was written is unknown; it must not be called again.
	Sync() error
	Truncate(size int64) error
	Size() (int64, error)
	// Preallocate reserves space and grows the file to size with zeros. A file
	// system that cannot do so leaves the file as it is and returns nil.
	Preallocate(size int64) error
	// NextData returns the first offset at or after offset that may hold
	// something else than zero, at most the file's size.
	NextData(offset int64) (int64, error)
}

// OS is the operating system's file system.
type OS struct{}

func (OS) Mkdir(dir string) error       { return regular.Denied(os.Mkdir(dir, 0o700)) }
func (OS) Rename(from, to string) error { return regular.Denied(os.Rename(from, to)) }

func (OS) Create(name string) (File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, regular.Denied(err)
	}
	return osFile{f}, nil
}

func (OS) Open(name string, write bool) (File, error) {
	open := regular.Update
	if !write {
		open = func(name string) (*os.File, error) { return regular.Open(name, math.MaxInt64) }
	}
	f, err := open(name)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (OS) Names(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, regular.Denied(err)
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, nil
}

// Same reports whether a lock that Lock has taken is on the file that is by that name now.
// An error says that it cannot be looked at.
func (OS) Same(lock io.Closer, name string) (bool, error) {
	f, ok := lock.(*os.File)
	if !ok {
		return true, nil
	}
	held, err := f.Stat()
	if err != nil {
		return false, err
	}
	found, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(held, found), err
}

// osFile is an open file; Sync, Preallocate and NextData differ by system.
type osFile struct{ *os.File }

func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// MkdirDurable makes the folder and its missing parents and returns when a
// crash cannot take them away.
func MkdirDurable(fsys FS, dir string) error {
	parent := filepath.Dir(dir)
	if _, err := fsys.Names(dir); err == nil { // it may have been made when syncing failed
		if err = fsys.SyncDir(parent); errors.Is(err, fs.ErrPermission) {
			err = nil // somebody else's folder
		}
		return err
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if parent != dir {
		if err := MkdirDurable(fsys, parent); err != nil {
			return err
		}
	}
	if err := fsys.Mkdir(dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return fsys.SyncDir(parent)
}

// SyncStep is how much is written before a sync where nobody waits for it: the
// disk does one thing after the other, and somebody may wait for an entry.
const SyncStep = 256 << 10

// WriteDurable replaces a whole file, see [durable.Replace].
func WriteDurable(fsys FS, name string, data []byte) error {
	return durable.Replace(fsys, name, func(f File) error { return writeSynced(f, data) })
}

// writeSynced writes in steps, so that whoever waits for a record comes first.
func writeSynced(f File, data []byte) error {
	for done := 0; done < len(data); {
		runtime.Gosched()
		n, err := f.WriteAt(data[done:min(done+SyncStep, len(data))], int64(done))
		if err != nil {
			return err
		}
		if done += n; done == len(data) {
			break // the file is synced when it is whole
		}
		if err := f.Sync(); err != nil {
			return err
		}
	}
	return nil
}

// ReadFile reads a whole small file.
func ReadFile(fsys FS, name string) ([]byte, error) {
	f, err := fsys.Open(name, false)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<20))
	return data, errors.Join(err, f.Close())
}
