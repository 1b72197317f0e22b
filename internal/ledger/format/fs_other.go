//go:build !linux && !darwin && !windows

package format

import (
	"errors"
	"io"
	"os"
)

// Without a lock that keeps out other processes the log must not open.
func (OS) Lock(string) (io.Closer, error) { return nil, errors.ErrUnsupported }

func (OS) Free(string) (uint64, error) { return 0, errors.ErrUnsupported }

func (OS) SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (f osFile) Sync() error                        { return f.File.Sync() }
func (osFile) Preallocate(int64) error              { return nil }
func (osFile) NextData(offset int64) (int64, error) { return offset, nil }
func IsFull(error) bool                             { return false }
