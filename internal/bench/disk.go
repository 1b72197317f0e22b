package bench

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// syncTimes writes records' worth of bytes to a file in the folder and has them synced, one
// after the other: what a durable record costs at least.
func syncTimes(dir string) (p50, p99 time.Duration, err error) {
	file, err := os.Create(filepath.Join(dir, "synced"))
	if err != nil {
		return 0, 0, err
	}
	var times []time.Duration
	block := make([]byte, kib)
	for range 300 {
		begun := time.Now()
		if _, err = file.Write(block); err == nil {
			err = file.Sync()
		}
		if err != nil {
			return 0, 0, errors.Join(err, file.Close())
		}
		times = append(times, time.Since(begun))
	}
	slices.Sort(times)
	return quantile(times, 0.5), quantile(times, 0.99), file.Close()
}
