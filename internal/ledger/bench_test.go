//go:build unix

package ledger_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/ledger/format"
	"github.com/sparkoo/transfergate/internal/ledger/verify"
)

// BenchmarkAppend appends records of a usual size with many waiters at once, and
// in turns with that runs a bare loop of append and fdatasync on the same disk:
// as many syncs as the ledger made, once with a record at a time, and once with
// as many bytes as the ledger wrote in the mean. Beside rates it reports
//
//	records/sync     how many entries shared a sync
//	syncs/s          of the ledger, and bare-syncs/s of the loop with a record
//	of-bare          their ratio, and of-same-size the one to the other loop
//	p99.9-µs         what one of 1,000 records waits for longer
//	bare-p99-µs      what one of 100 syncs of the same size takes longer
//	of-bare-p99      their ratio
//	cpu-µs/record    the process's CPU time, hashing and sealing included; bare-cpu-µs/sync
//	                 is what a sync of the bare loop takes
//
// A run of 500,000 records goes through some changes of segments:
//
//	go test -run '^$' -bench BenchmarkAppend -benchtime 500000x -count 5 ./internal/ledger
func BenchmarkAppend(b *testing.B) {
	for _, waiters := range []int{1, 8, 64, 256} {
		b.Run(fmt.Sprintf("waiters=%d", waiters), func(b *testing.B) { benchmarkAppend(b, waiters) })
	}
}

// syncing is what was measured of a ledger, or of a bare loop.
type syncing struct {
	waits     []time.Duration
	syncs     int
	bytes     int
	took, cpu time.Duration
}

func (s *syncing) rate() float64 { return float64(s.syncs) / s.took.Seconds() }

// percentile returns what so many of 1,000 waits stay below, in µs.
func (s *syncing) percentile(n int) float64 {
	slices.Sort(s.waits)
	return float64(s.waits[min(len(s.waits)*n/1000, len(s.waits)-1)].Nanoseconds()) / 1000
}

// recordsATurn is how many records are appended between bare loops.
const recordsATurn = 250_000

func benchmarkAppend(b *testing.B, waiters int) {
	dir := b.TempDir()
	entries := usualEntries(4096)
	var appends, bare, sameSize syncing
	b.ReportAllocs()
	b.ResetTimer()
	for left := b.N; left > 0; left -= recordsATurn {
		before := appends
		appends.append(b, filepath.Join(dir, fmt.Sprint("ledger-", left)), entries, waiters, min(left, recordsATurn))
		b.StopTimer()
		syncs := appends.syncs - before.syncs
		bare.loop(b, dir, syncs, len(entries[0]))
		sameSize.loop(b, dir, syncs, (appends.bytes-before.bytes)/syncs)
		b.StartTimer()
	}
	b.StopTimer()
	n := float64(b.N)
	b.ReportMetric(n/appends.took.Seconds(), "records/s")
	b.ReportMetric(appends.percentile(500), "p50-µs")
	b.ReportMetric(appends.percentile(999), "p99.9-µs")
	b.ReportMetric(sameSize.percentile(990), "bare-p99-µs")
	b.ReportMetric(appends.percentile(999)/sameSize.percentile(990), "of-bare-p99")
	b.ReportMetric(n/float64(appends.syncs), "records/sync")
	b.ReportMetric(appends.rate(), "syncs/s")
	b.ReportMetric(bare.rate(), "bare-syncs/s")
	b.ReportMetric(appends.rate()/bare.rate(), "of-bare")
	b.ReportMetric(appends.rate()/sameSize.rate(), "of-same-size")
	b.ReportMetric(float64(appends.cpu.Microseconds())/n, "cpu-µs/record")
	b.ReportMetric(float64(bare.cpu.Microseconds())/float64(bare.syncs), "bare-cpu-µs/sync")
}

// append appends so many records to a new ledger.
func (s *syncing) append(b *testing.B, dir string, entries [][]byte, waiters, records int) {
	b.StopTimer() // what opening costs is no part of a record, however few there are
	l := open(b, dir, ledger.Options{})
	waits := make([]time.Duration, records)
	b.StartTimer()
	var taken atomic.Int64
	var wg sync.WaitGroup
	before, cpu, began := l.Stats(), cpuTime(b), time.Now()
	for range waiters {
		wg.Go(func() {
			for i := int(taken.Add(1)) - 1; i < records; i = int(taken.Add(1)) - 1 {
				start := time.Now()
				if _, err := l.Append(entries[i%len(entries)]); err != nil {
					b.Error(err)
					return
				}
				waits[i] = time.Since(start)
			}
		})
	}
	wg.Wait()
	after := l.Stats()
	s.took, s.cpu = s.took+time.Since(began), s.cpu+cpuTime(b)-cpu
	s.syncs += int(after.Syncs - before.Syncs)
	s.bytes += int(after.Bytes - before.Bytes)
	s.waits = append(s.waits, waits...)
	shut(b, l)
}

// loop appends so many times to a new file and syncs it each time.
func (s *syncing) loop(b *testing.B, dir string, syncs, size int) {
	name := filepath.Join(dir, "bare")
	f, err := format.OS{}.Create(name)
	if err != nil {
		b.Fatal(err)
	}
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(i)
	}
	cpu, began := cpuTime(b), time.Now()
	for i := range syncs {
		start := time.Now()
		if _, err := f.WriteAt(data, int64(i)*int64(size)); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
		s.waits = append(s.waits, time.Since(start))
	}
	s.took, s.cpu = s.took+time.Since(began), s.cpu+cpuTime(b)-cpu
	s.syncs += syncs
	s.bytes += syncs * size
	if err := errors.Join(f.Close(), format.OS{}.Remove(name)); err != nil {
		b.Fatal(err)
	}
}

// usualEntries are records of a usual size that differ as much as real ones.
func usualEntries(n int) [][]byte {
	entries := make([][]byte, n)
	for i := range entries {
		rec := usualRecord()
		rec.ID, rec.Salt = [16]byte{}, [16]byte{} // made up anew
		entries[i] = rec.Append(nil)
	}
	return entries
}

// BenchmarkOpen opens a ledger of many entries that was left without Close.
func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	l := open(b, dir, ledger.Options{})
	rec := usualRecord()
	entry := rec.Append(nil)
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
	entry := rec.Append(nil)
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
		if _, err := verify.Ledger(dir, verify.Options{}); err != nil {
			b.Fatal(err)
		}
	}
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
