package cli

import (
	"fmt"
	"os"
	"strconv"
)

// startedBy is who started this program, before it becomes anybody else, see ActAsOwner.
var startedBy = os.Getuid()

// Orderer is who gives an order by a command on a folder, as the entry of it says: a
// user of the system, by number, since a name may be a person's. Of sudo it is who asked.
func Orderer() string {
	uid := startedBy
	if asked, err := strconv.Atoi(os.Getenv("SUDO_UID")); err == nil && uid == 0 {
		uid = asked
	}
	return fmt.Sprintf("uid %d", uid)
}
