//go:build !race

// The race detector makes variables escape, so this is not tested under it.

package record_test

import "testing"

func TestAppendAllocatesNothing(t *testing.T) {
	rec := usualRecord()
	buf := make([]byte, 0, 4096)
	n := testing.AllocsPerRun(100, func() {
		rec.ID, rec.Salt = [16]byte{}, [16]byte{}
		buf = rec.Append(buf[:0])
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}
