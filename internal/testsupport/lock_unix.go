//go:build unix

package testsupport

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// lock waits until no other process holds the file's lock, and takes it. The
// system gives it back if the process dies.
func lock(name string) (unlock func(), err error) {
	file, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	for {
		err = unix.Flock(int(file.Fd()), unix.LOCK_EX)
		if err != unix.EINTR {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return func() { _ = file.Close() }, nil // nothing was written
}
