//go:build unix

package lastgood

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// othersWrite tells that somebody else than who runs the gateway, or root, may have written
// the file.
func othersWrite(info fs.FileInfo) error {
	if info.Mode().Perm()&0o022 != 0 {
		return errors.New("others than its owner may write to it")
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if me := os.Geteuid(); ok && me != 0 && int(owner.Uid) != me && owner.Uid != 0 {
		return errors.New("it belongs to another user")
	}
	return nil
}
