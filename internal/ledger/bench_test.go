//go:build unix

package ledger_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger"
)

// BenchmarkAppend appends records of a usual size with many waiters at once.
// Beside the rate it reports the median and the 99.9th percentile of the wait,
// the entries that shared a sync, the syncs a second, and the process's CPU
// time for each record. Compare syncs/s with BenchmarkBareSync in the same run.
func BenchmarkAppend(b *testing.B) {
	for _, waiters := range []int{1, 8, 64, 256} {
		b.Run(fmt.Sprintf("waiters=%d", waiters), func(b *testing.B) { benchmarkAppend(b, waiters) })
	}
}

func benchmarkAppend(b *testing.B, waiters int) {
	l := open(b, b.TempDir(), ledger.Options{})
	entries := usualEntries(4096)
	waits := make([]time.Duration, b.N)
	var taken atomic.Int64
	var wg sync.WaitGroup
	before, cpu := l.Stats(), cpuTime(b)
	b.ReportAllocs()
	b.ResetTimer()
	for range waiters {
		wg.Go(func() {
			for i := taken.Add(1) - 1; i < int64(b.N); i = taken.Add(1) - 1 {
				start := time.Now()
				if _, err := l.Append(entries[i%4096]); err != nil {
					b.Error(err)
					return
				}
				waits[i] = time.Since(start)
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	after, n := l.Stats(), float64(b.N)
	slices.Sort(waits)
	b.ReportMetric(n/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric(float64(waits[b.N/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(waits[b.N*999/1000].Microseconds()), "p99.9-µs")
	b.ReportMetric(n/float64(after.Syncs-before.Syncs), "records/sync")
	b.ReportMetric(float64(after.Syncs-before.Syncs)/b.Elapsed().Seconds(), "syncs/s")
	b.ReportMetric(float64((cpuTime(b)-cpu).Microseconds())/n, "cpu-µs/record")
}

// usualEntries are records of a usual size that differ as much as real ones.
func usualEntries(n int) [][]byte {
	entries := make([][]byte, n)
	for i := range entries {
		rec := usualRecord()
		rec.ID, rec.Salt = [16]byte{}, [16]byte{} // made up anew
		entries[i] = rec.AppendJSON(nil)
	}
	return entries
}

// BenchmarkBareSync is what the disk itself can do: a loop of write and
// fdatasync of one record, in a file that grows and in one that was reserved.
func BenchmarkBareSync(b *testing.B) {
	for _, reserved := range []bool{false, true} {
		b.Run(fmt.Sprintf("reserved=%v", reserved), func(b *testing.B) {
			f, err := ledger.OS.Create(filepath.Join(b.TempDir(), "bare"))
			if err != nil {
				b.Fatal(err)
			}
			defer f.Close()
			if reserved {
				if err := f.Preallocate(64 << 20); err != nil {
					b.Fatal(err)
				}
				if err := f.Sync(); err != nil {
					b.Fatal(err)
				}
			}
			data := make([]byte, 1024)
			waits := make([]time.Duration, b.N)
			cpu := cpuTime(b)
			for i := range b.N {
				start := time.Now()
				if _, err := f.WriteAt(data, int64(i)*int64(len(data))); err != nil {
					b.Fatal(err)
				}
				if err := f.Sync(); err != nil {
					b.Fatal(err)
				}
				waits[i] = time.Since(start)
			}
			b.StopTimer()
			b.ReportMetric(float64((cpuTime(b)-cpu).Microseconds())/float64(b.N), "cpu-µs/sync")
			slices.Sort(waits)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "syncs/s")
			b.ReportMetric(float64(waits[b.N/2].Microseconds()), "p50-µs")
			b.ReportMetric(float64(waits[b.N*99/100].Microseconds()), "p99-µs")
		})
	}
}

// BenchmarkOpen opens a ledger of many entries that was left without Close.
func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	l := open(b, dir, ledger.Options{})
	rec := usualRecord()
	entry := rec.AppendJSON(nil)
	var wg sync.WaitGroup
	for range 256 {
		wg.Go(func() {
			for range 1 << 10 {
				if _, err := l.Append(entry); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	shut(b, l)
	b.ResetTimer()
	for b.Loop() {
		l := ledger.New(dir, ledger.Options{})
		if err := l.Open(); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		shut(b, l)
		b.StartTimer()
	}
}

// BenchmarkVerify reads a ledger whole.
func BenchmarkVerify(b *testing.B) {
	dir := b.TempDir()
	l := open(b, dir, ledger.Options{})
	rec := usualRecord()
	entry := rec.AppendJSON(nil)
	var wg sync.WaitGroup
	for range 256 {
		wg.Go(func() {
			for range 256 {
				if _, err := l.Append(entry); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	shut(b, l)
	b.SetBytes(int64(len(entry)) << 16)
	for b.Loop() {
		if _, err := ledger.Verify(dir, ledger.VerifyOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRecord(b *testing.B) {
	rec := usualRecord()
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		rec.ID, rec.Salt = [16]byte{}, [16]byte{}
		buf = rec.AppendJSON(buf[:0])
	}
	b.ReportMetric(float64(len(buf)), "bytes")
}

func BenchmarkSubject(b *testing.B) {
	l := open(b, b.TempDir(), ledger.Options{})
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		l.Subject("0123456789abcdef0123456789abcdef", "", now)
	}
}

// cpuTime is the CPU time this process has used.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
