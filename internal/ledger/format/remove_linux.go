package format

import (
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// releaseStep is how much of a file is given back to the volume at a time.
const releaseStep = 1 << 20

// Remove removes a file. Where nobody else has it open, its space is given back
// in steps: a volume that tells its disk what is free keeps everybody's syncs
// waiting meanwhile, 10 ms and more for a segment as a whole.
func (OS) Remove(name string) error {
	f, err := os.OpenFile(name, os.O_RDWR|unix.O_NOFOLLOW, 0)
	if err != nil {
		return os.Remove(name)
	}
	defer f.Close() // gives back what is left
	if err := os.Remove(name); err != nil {
		return err
	}
	// Who has no name can be opened no more, and a lease for writing is given
	// only to who has a file alone: no reader sees it shrink.
	if _, err := unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_WRLCK); err != nil {
		return nil
	}
	if size, err := (osFile{f}).Size(); err == nil {
		_ = shrink(f, size, 0) // Close does the rest
	}
	return nil
}

// Truncate cuts or grows the file; what is cut off is given back in steps.
func (f osFile) Truncate(size int64) error {
	old, err := f.Size()
	if err != nil {
		return err
	}
	return shrink(f.File, old, size)
}

// shrink cuts a file from one size to another in steps.
func shrink(f *os.File, from, to int64) error {
	for from > to+releaseStep {
		from -= releaseStep
		runtime.Gosched() // whoever waits for a record comes first
		if err := f.Truncate(from); err != nil {
			return err
		}
	}
	return f.Truncate(to)
}
