package regular

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"
)

// Denied names the user to whom the operating system denies something, because the user
// who runs a service, or who a command becomes, is not who looks at the message. Other
// errors, and nil, are returned as they are.
func Denied(err error) error {
	uid := os.Geteuid()
	if uid < 0 || !errors.Is(err, fs.ErrPermission) {
		return err
	}
	who := fmt.Sprintf("user %d", uid)
	if u, lookup := user.LookupId(strconv.Itoa(uid)); lookup == nil {
		who = fmt.Sprintf("user %s (%d)", u.Username, uid)
	}
	return fmt.Errorf("%w: this runs as %s: give that user the file or the folder, or run it as who owns them", err, who)
}
