//go:build !linux

package ledger

import "os"

func (osFS) Remove(name string) error { return os.Remove(name) }
