//go:build unix

package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// ActAsOwner makes the rest of this program's run that of the user who owns a folder, if
// it was started by root: what a command leaves there must be the service's to read. Of a
// folder that is not there it is the one above that counts, in which it would be made. It
// does nothing for a folder that is root's own. What only root may read is to be read
// before; else the error names the user.
func ActAsOwner(folder string) error {
	owner := ownerOf(folder)
	if owner == nil {
		return nil
	}
	for _, step := range []error{syscall.Setgroups(nil), syscall.Setgid(int(owner.Gid)), syscall.Setuid(int(owner.Uid))} {
		if step != nil {
			return fmt.Errorf("the folder %s belongs to user %d, who must be able to read what is written there, and this process cannot become that user: %w; run the command as that user", folder, owner.Uid, step)
		}
	}
	return nil
}

// GiveToOwner gives a new file to the user who owns its folder, as ActAsOwner does, for
// commands that go on as root.
func GiveToOwner(f *os.File) error {
	owner := ownerOf(filepath.Dir(f.Name()))
	if owner == nil {
		return nil
	}
	if err := f.Chown(int(owner.Uid), int(owner.Gid)); err != nil {
		return fmt.Errorf("giving the file to user %d, who owns its folder: %w", owner.Uid, err)
	}
	return nil
}

// ownerOf is who owns a folder, or the nearest one above it that is there; nil if that is
// root, or if this program was not started by root.
func ownerOf(folder string) *syscall.Stat_t {
	if os.Geteuid() != 0 {
		return nil
	}
	for folder = filepath.Clean(folder); ; folder = filepath.Dir(folder) {
		info, err := os.Stat(folder)
		if err == nil {
			if owner, ok := info.Sys().(*syscall.Stat_t); ok && owner.Uid != 0 {
				return owner
			}
			return nil
		}
		if !errors.Is(err, fs.ErrNotExist) || folder == filepath.Dir(folder) {
			return nil
		}
	}
}
