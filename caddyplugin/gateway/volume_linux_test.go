package gateway_test

import (
	"syscall"
	"testing"
)

// smallVolume mounts a volume of that size in memory. The test is skipped where
// that is not allowed.
func smallVolume(t *testing.T, size string) string {
	t.Helper()
	return mount(t, 0, "size="+size)
}

// readOnlyVolume mounts a volume in memory that nobody can write to.
func readOnlyVolume(t *testing.T) string {
	t.Helper()
	return mount(t, syscall.MS_RDONLY, "size=1m")
}

func mount(t *testing.T, flags uintptr, options string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", flags, options); err != nil {
		t.Skipf("mounting a volume: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmounting %s: %v", dir, err)
		}
	})
	return dir
}
