package format

import (
	"errors"
	"io/fs"
	"syscall"
)

// Unwritable reports whether the system lets nobody, or not us, read or write for now: the
// volume has no room, was mounted anew for reading only, its disk fails, or a permission
// was taken away. It says nothing about what is there.
func Unwritable(err error) bool {
	return IsFull(err) || errors.Is(err, syscall.EROFS) || errors.Is(err, syscall.EIO) || errors.Is(err, fs.ErrPermission)
}
