//go:build unix

package ledger_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/ledger/verify"
	"github.com/sparkoo/transfergate/internal/record"
)

// fill appends records of a usual kind, no two the same, until the ledger has
// so many entries.
func fill(t testing.TB, l *ledger.Log, entries uint64) {
	t.Helper()
	var wg sync.WaitGroup
	var taken atomic.Int64
	taken.Store(int64(l.Stats().Next))
	for range 256 {
		wg.Go(func() {
			for i := taken.Add(1) - 1; i < int64(entries); i = taken.Add(1) - 1 {
				rec := usualRecord()
				rec.ID, rec.Salt = [16]byte{}, [16]byte{}
				rec.Time = rec.Time.Add(time.Duration(i) * time.Millisecond)
				rec.Subject = l.Subject(fmt.Sprint("account ", i%5000), "", rec.Time)
				if _, err := l.Append(rec.Append(nil)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// largeLedger is a ledger of so many sealed segments of 65,536 records and an
// active one that is nearly full, left as a process that was killed leaves it.
func largeLedger(t testing.TB, subtrees int64) (dir string) {
	t.Helper()
	dir = t.TempDir()
	l := open(t, dir, ledger.Options{})
	fill(t, l, 2<<16)
	within(t, time.Minute, "two segments are sealed", func() bool {
		_, err := os.Stat(filepath.Join(dir, "epoch-000001", "sealed", "000001.zst"))
		return err == nil
	})
	shut(t, l)
	if err := grow(dir, subtrees); err != nil {
		t.Fatal(err)
	}
	l = open(t, dir, ledger.Options{})
	fill(t, l, uint64(subtrees)<<16+60_000)
	shut(t, l)
	return dir
}

// BenchmarkOpenLarge opens a ledger of ten million records.
func BenchmarkOpenLarge(b *testing.B) {
	dir := largeLedger(b, 153)
	for b.Loop() {
		l := ledger.New(dir, ledger.Options{})
		if err := l.Open(); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if n := l.Stats().Next; n < 10_000_000 {
			b.Fatalf("only %d entries", n)
		}
		shut(b, l)
		b.StartTimer()
	}
}

// BenchmarkVerifyShare verifies a ledger and, in the same run, hashes the same
// bytes with bare SHA-256, each with as many goroutines as processors.
func BenchmarkVerifyShare(b *testing.B) {
	for _, sealed := range []bool{false, true} {
		b.Run(fmt.Sprintf("sealed=%v", sealed), func(b *testing.B) {
			dir, workers := b.TempDir(), 1
			if sealed {
				dir, workers = largeLedger(b, 8), runtime.GOMAXPROCS(0)
			} else {
				l := open(b, dir, ledger.Options{})
				fill(b, l, 60_000)
				shut(b, l)
			}
			var entries [][]byte
			var size int64
			if err := each(ledger.At(dir), record.ID{}, func(e ledger.Entry) error {
				entries = append(entries, append([]byte(nil), e.Data...))
				size += int64(len(e.Data))
				return nil
			}); err != nil {
				b.Fatal(err)
			}
			b.SetBytes(size)
			var bare, verified time.Duration
			for b.Loop() {
				start := time.Now()
				var wg sync.WaitGroup
				for w := range workers {
					wg.Go(func() {
						for i := w; i < len(entries); i += workers {
							sha256.Sum256(entries[i])
						}
					})
				}
				wg.Wait()
				bare += time.Since(start)
				start = time.Now()
				if _, err := verify.Ledger(dir, verify.Options{}); err != nil {
					b.Fatal(err)
				}
				verified += time.Since(start)
			}
			b.ReportMetric(bare.Seconds()/verified.Seconds(), "of-bare-sha256")
		})
	}
}

// A restart reads the active segment only, however long the ledger is. How long it
// takes, BenchmarkOpenLarge says.
func TestOpenLarge(t *testing.T) {
	dir, o := t.TempDir(), ledger.Options{SegmentEntries: 64}
	l := open(t, dir, o)
	fill(t, l, 1000)
	var sealed []string
	within(t, 3*time.Minute, "segments are sealed", func() bool {
		var err error
		sealed, err = filepath.Glob(filepath.Join(dir, "epoch-000001", "sealed", "*.zst"))
		return err == nil && len(sealed) >= 10
	})
	shut(t, l)
	for _, name := range sealed { // of the same size, but whoever reads them fails
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, make([]byte, info.Size()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := each(ledger.At(dir), record.ID{}, func(ledger.Entry) error { return nil }); err == nil {
		t.Fatal("the sealed segments can be read: this test sees nothing")
	}
	l = open(t, dir, o)
	if n := l.Stats().Next; n != 1000 {
		t.Errorf("%d entries", n)
	}
	shut(t, l)
}
