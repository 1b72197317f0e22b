package ledger_test

import (
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
)

// outcomesIn lists the outcomes of all entries, and how many entries have some.
func outcomesIn(t *testing.T, m *memFS) (all []string, batches int) {
	t.Helper()
	for _, entry := range readMem(t, m) {
		if kindOf(t, entry) != "transfer.outcome" {
			continue
		}
		batches++
		var v struct{ Outcomes []json.RawMessage }
		if err := json.Unmarshal([]byte(entry), &v); err != nil {
			t.Fatal(err)
		}
		for _, o := range v.Outcomes {
			all = append(all, string(o))
		}
	}
	return all, batches
}

func TestOutcomes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemFS()
		l := ledger.New("/l", ledger.Options{FS: m, Node: "gw-sg-1"})
		if err := l.Open(); err != nil {
			t.Fatal(err)
		}
		l.Outcome(record.Outcome{Record: record.ID{Epoch: 1, Index: 7}, State: record.Complete, Status: 200, Bytes: 12, ResponseBytes: 3456})
		l.Outcome(record.Outcome{Record: record.ID{Epoch: 1, Index: 8}, State: record.NotSent})
		l.Outcome(record.Outcome{Record: record.ID{Epoch: 1, Index: 9}, State: "nonsense", Status: 502, Bytes: -1})
		time.Sleep(time.Second)
		synctest.Wait()
		want := `["1.7","complete",200,12,3456] ["1.8","not-sent",0,0,0] ["1.9","unknown",502,0,0]`
		got, batches := outcomesIn(t, m)
		if strings.Join(got, " ") != want || batches != 1 {
			t.Errorf("after a second %v in %d entries", got, batches)
		}
		if last := readMem(t, m)[1]; string(sorted(t, []byte(last))) != last || !strings.Contains(last, `"node":"gw-sg-1"`) {
			t.Errorf("entry %s", last)
		}
		l.Outcome(record.Outcome{Record: record.ID{Epoch: 1, Index: 10}, State: record.Partial, Status: 413})
		shut(t, l) // at once
		if got, _ := outcomesIn(t, m); len(got) != 4 || got[3] != `["1.10","partial",413,0,0]` {
			t.Errorf("after Close %v", got)
		}
	})
}

// A full batch does not wait for its time.
func TestManyOutcomes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemFS()
		l := ledger.New("/l", ledger.Options{FS: m})
		if err := l.Open(); err != nil {
			t.Fatal(err)
		}
		for i := range uint64(512) {
			l.Outcome(record.Outcome{Record: record.ID{Epoch: 1, Index: 1<<53 + i}, State: record.NotSent, Status: 599, Bytes: 1<<53 - 1, ResponseBytes: 1<<53 - 1})
		}
		synctest.Wait() // no time passes
		if got, batches := outcomesIn(t, m); len(got) != 512 || batches != 1 {
			t.Errorf("%d outcomes in %d entries", len(got), batches)
		}
		shut(t, l)
	})
}

// Outcomes that cannot be written are kept and tried again; beyond a bound, and
// when the log is not open, they are counted and logged as lost.
func TestOutcomesOfAFullVolume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, f, out := newMemFS(), &failing{ops: make(map[string]error)}, new(lines)
		m.setHook(f.hook)
		l := ledger.New("/l", ledger.Options{FS: m, Logger: slog.New(slog.NewTextHandler(out, nil))})
		if err := l.Open(); err != nil {
			t.Fatal(err)
		}
		f.set("write", syscall.ENOSPC)
		for i := range uint64(65536 + 3) {
			l.Outcome(record.Outcome{Record: record.ID{Epoch: 1, Index: i}})
		}
		time.Sleep(3 * time.Second)
		if got, _ := outcomesIn(t, m); len(got) != 0 {
			t.Fatalf("%d outcomes on a full volume", len(got))
		}
		f.set("write", nil)
		time.Sleep(time.Second)
		synctest.Wait()
		if got, _ := outcomesIn(t, m); len(got) != 65536 {
			t.Errorf("%d outcomes when there was room again", len(got))
		}
		shut(t, l)
		l.Outcome(record.Outcome{Record: record.ID{Epoch: 1, Index: 1}})
		if n := l.Stats().Errors["outcome"]; n != 4 {
			t.Errorf("%d outcomes counted as lost, want 4", n)
		}
		for _, want := range []string{
			`level=ERROR msg="outcomes of transfers are lost and count as unknown" why="the ledger cannot write"`,
			`level=ERROR msg="outcomes of transfers were lost and count as unknown" outcomes=3`,
			`level=ERROR msg="outcomes of transfers are lost and count as unknown" why="the ledger is not open"`,
			`level=ERROR msg="writing outcomes of transfers; they are kept and tried again" error=`,
		} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("not logged: %s", want)
			}
		}
	})
}

func TestCloseWithoutRoomForOutcomes(t *testing.T) {
	l, _, f, _ := failingLog(t)
	f.set("write", syscall.ENOSPC)
	l.Outcome(record.Outcome{Record: record.ID{Epoch: 1, Index: 1}})
	if err := l.Close(); !errors.Is(err, ledger.ErrFull) {
		t.Errorf("close on a full volume: %v", err)
	}
	if n := l.Stats().Errors["outcome"]; n != 1 {
		t.Errorf("%d outcomes counted as lost, want 1", n)
	}
}
