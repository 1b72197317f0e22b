package format

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Sync uses fdatasync: the size is synced with the data, times are not.
func (f osFile) Sync() error {
	for {
		err := unix.Fdatasync(int(f.Fd()))
		switch err {
		case nil:
			return f.stillThere()
		case unix.EINTR: // interrupted before it did anything, not a failure
		default:
			return os.NewSyscallError("fdatasync", err)
		}
	}
}

// errRemoved is a sync that reached the disk for nothing: nobody will find the
// file again.
var errRemoved = errors.New("the file was removed while the ledger wrote to it")

// stillThere makes sure that the file still has a name.
func (f osFile) stillThere() error {
	var stat unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &stat); err != nil {
		return os.NewSyscallError("fstat", err)
	}
	if stat.Nlink == 0 {
		return errRemoved
	}
	return nil
}

// Preallocate grows the file. Keeping its size would only reserve space: each
// sync would still have to write the new size to the journal.
func (f osFile) Preallocate(size int64) error {
	err := unix.Fallocate(int(f.Fd()), 0, 0, size)
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
		return nil
	}
	return os.NewSyscallError("fallocate", err)
}

func (f osFile) NextData(offset int64) (int64, error) {
	n, err := unix.Seek(int(f.Fd()), offset, unix.SEEK_DATA)
	switch {
	case err == nil:
		return n, nil
	case errors.Is(err, unix.ENXIO): // nothing but a hole up to the end
		return f.Size()
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.EOPNOTSUPP):
		return offset, nil
	}
	return 0, os.NewSyscallError("lseek", err)
}
