//go:build !linux

package format

import "os"

func (OS) Remove(name string) error { return os.Remove(name) }
