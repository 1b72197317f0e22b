//go:build !linux

package gateway_test

import "testing"

func smallVolume(t *testing.T, _ string) string {
	t.Skip("a small volume is mounted on Linux only")
	return ""
}

func readOnlyVolume(t *testing.T) string {
	t.Skip("a volume is mounted read-only on Linux only")
	return ""
}
