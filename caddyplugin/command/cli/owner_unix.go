//go:build unix

package cli

import (
	"fmt"
	"os"
	"syscall"
)

// ActAsOwner makes the rest of this program's run that of the user who owns a folder, if
// it was started by root: what a command leaves there must be the service's to read. It
// does nothing for a folder that is root's own or is not there, which the command will
// say itself. What only root may read is to be read before; else the error names the user.
func ActAsOwner(folder string) error {
	info, err := os.Stat(folder)
	if err != nil || os.Geteuid() != 0 {
		return nil
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || owner.Uid == 0 {
		return nil
	}
	for _, step := range []error{syscall.Setgroups(nil), syscall.Setgid(int(owner.Gid)), syscall.Setuid(int(owner.Uid))} {
		if step != nil {
			return fmt.Errorf("the folder %s belongs to user %d, who must be able to read what is written there, and this process cannot become that user: %w; run the command as that user", folder, owner.Uid, step)
		}
	}
	return nil
}
