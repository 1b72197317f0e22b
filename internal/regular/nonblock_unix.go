//go:build unix

package regular

import "syscall"

// nonblock keeps the opening of a named pipe from waiting, and a terminal from becoming
// the process's own.
const nonblock = syscall.O_NONBLOCK | syscall.O_NOCTTY
