package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
)

// followed takes what Follow yields from an id on until stop says so, or it ends.
func followed(ctx context.Context, l *ledger.Log, from record.ID, stop func(record.ID) bool) (ids []record.ID, all []string, err error) {
	for e, err := range l.Follow(ctx, from) {
		if err != nil {
			return ids, all, err
		}
		ids, all = append(ids, e.ID), append(all, string(e.Data))
		if stop != nil && stop(e.ID) {
			break
		}
	}
	return ids, all, nil
}

// Beside a writer, over the ends of segments, which are sealed meanwhile, and of
// epochs, Follow yields every entry once and in order, and ends with the log.
func TestFollow(t *testing.T) {
	m := newMemFS()
	l := ledger.New("/l", ledger.Options{FS: m, SegmentEntries: 8, EpochEntries: 50})
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var followers sync.WaitGroup
	got := make([][]string, 3)
	for i := range got {
		followers.Go(func() {
			var err error
			if _, got[i], err = followed(ctx, l, record.ID{}, nil); err != nil {
				t.Errorf("following: %v", err)
			}
		})
	}
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for i := range 50 {
				if _, err := l.Append([]byte(fmt.Sprint("entry ", w, " ", i))); err != nil {
					t.Errorf("appending: %v", err)
				}
			}
		})
	}
	writers.Wait()
	shut(t, l)
	followers.Wait()
	if ctx.Err() != nil {
		t.Fatal("following did not end with the log")
	}
	want := slices.Concat(inEpochs(t, m)...)
	for i, all := range got {
		if !slices.Equal(all, want) {
			t.Errorf("follower %d got %d entries of %d", i, len(all), len(want))
		}
	}
}

// Follow yields an entry only when it is durable, waits for more, and ends with its
// context.
func TestFollowWaits(t *testing.T) {
	m := newMemFS()
	l := ledger.New("/l", ledger.Options{FS: m})
	if _, _, err := followed(t.Context(), l, record.ID{}, nil); !errors.Is(err, ledger.ErrNotOpen) {
		t.Errorf("before Open: %v", err)
	}
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	first := add(t, l, "first")
	gate, held := make(chan struct{}), make(chan struct{}, 1)
	m.setHook(func(op, name string) error {
		if op == "sync" && name == "/l/epoch-000001/seg/000000.log" {
			held <- struct{}{}
			<-gate
		}
		return nil
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	seen, ended := make(chan record.ID, 10), make(chan error, 1)
	go func() {
		_, _, err := followed(ctx, l, record.ID{Epoch: 1, Index: first}, func(id record.ID) bool {
			seen <- id
			return false
		})
		ended <- err
	}()
	if id := <-seen; id.Index != first {
		t.Errorf("first is %v", id)
	}
	appended := make(chan error, 1)
	go func() {
		_, err := l.Append([]byte("second"))
		appended <- err
	}()
	<-held                                                                // the entry is written, and not durable
	short, stop := context.WithTimeout(t.Context(), 100*time.Millisecond) // however little it sees: never the second
	defer stop()
	if ids, _, err := followed(short, l, record.ID{}, nil); err != nil || len(ids) > int(first)+1 {
		t.Errorf("%v, %v", ids, err)
	}
	select {
	case id := <-seen:
		t.Errorf("%v was seen before it was durable", id)
	default:
	}
	m.setHook(nil)
	close(gate)
	if err := <-appended; err != nil {
		t.Fatal(err)
	}
	if id := <-seen; id.Index != first+1 {
		t.Errorf("second is %v", id)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("ended with %v", err)
	}
	shut(t, l)
}

// What Follow has yielded is there after the machine lost power, and who follows on
// from the last one misses nothing and gets nothing twice.
func TestFollowAfterCrash(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	m := newMemFS()
	var ids []record.ID
	var seen []string
	for life := range 8 {
		l := ledger.New("/l", ledger.Options{FS: m, SegmentEntries: 8, EpochEntries: 30})
		if err := l.Open(); err != nil {
			t.Fatal(err)
		}
		for i := range 13 {
			add(t, l, fmt.Sprint("life ", life, " entry ", i))
		}
		from, s := record.ID{}, l.Stats()
		if n := len(ids); n > 0 {
			from = record.ID{Epoch: ids[n-1].Epoch, Index: ids[n-1].Index + 1}
		}
		stop := record.ID{Epoch: s.Epoch, Index: s.Next - 1}
		more, texts, err := followed(t.Context(), l, from, func(id record.ID) bool { return id == stop })
		if err != nil {
			t.Fatal(err)
		}
		ids, seen = append(ids, more...), append(seen, texts...)
		crashed := m.crash(rng, rng.Float64())
		shut(t, l)
		m = crashed
	}
	all := slices.Concat(reopenEpochs(t, m)...)
	if len(all) < len(seen) || !slices.Equal(all[:len(seen)], seen) {
		t.Errorf("%d entries were followed, %d are there", len(seen), len(all))
	}
}

// Who follows a log goes on over epochs that are deleted, those that were not reached
// yet and the one that is being read: what is left comes once and in order.
func TestFollowAcrossDeletion(t *testing.T) {
	for _, at := range []record.ID{{Epoch: 1}, {Epoch: 1, Index: 1}, {Epoch: 2}, {Epoch: 3, Index: 1}, {Epoch: 3, Index: 17}} {
		t.Run(at.String(), func(t *testing.T) {
			l := newMonthly(t, 3)
			for range 30 { // epoch 3 has segments that are sealed
				l.record()
			}
			l.set(january.AddDate(0, 3, 0))
			l.record()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			before, last := record.ID{}, record.ID{Epoch: 9}
			var left []string // of the epochs that stay
			for e, err := range l.log.Follow(ctx, record.ID{}) {
				if err != nil {
					t.Fatalf("after %v: %v", before, err)
				}
				if e.ID != (record.ID{Epoch: 1}) && e.Compare(before) <= 0 || e.Epoch > at.Epoch && e.Epoch < 4 {
					t.Errorf("%v comes after %v", e.ID, before)
				}
				before = e.ID
				if e.ID == at {
					l.expire(day(2026, 9, 1), 4, 5)
					s := l.log.Stats()
					last = record.ID{Epoch: s.Epoch, Index: s.Next - 1}
				}
				if e.Epoch >= 4 {
					left = append(left, string(e.Data))
				}
				if e.ID == last {
					break
				}
			}
			want := append(inEpoch(t, l.m, 4), inEpoch(t, l.m, 5)...)
			if len(left) == 0 || before != last {
				t.Fatalf("it ended at %v of %v", before, last)
			}
			equalLists(t, "what is left", left, want[:min(len(left), len(want))])
			if in5 := len(left) - len(inEpoch(t, l.m, 4)); uint64(in5) != last.Index+1 {
				t.Errorf("%d entries of epoch 5, want %d", in5, last.Index+1)
			}
		})
	}
}

// A reader yields piece by piece what Follow would, over the ends of segments, which are
// sealed meanwhile, and of epochs; what it read before it reads again; and it reads a
// closed log to its end.
func TestReader(t *testing.T) {
	m := newMemFS()
	l := ledger.New("/l", ledger.Options{FS: m, SegmentEntries: 8, EpochEntries: 50})
	r := l.Reader()
	for _, err := range r.Entries(record.ID{}) {
		if !errors.Is(err, ledger.ErrNotOpen) {
			t.Fatal(err)
		}
	}
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	var next record.ID
	var got []string
	read := func(at most) {
		t.Helper()
		for e, err := range r.Entries(next) {
			if err != nil {
				t.Fatal(err)
			}
			if at--; at < 0 {
				return // this one is asked for again
			}
			got, next = append(got, string(e.Data)), record.ID{Epoch: e.Epoch, Index: e.Index + 1}
		}
		if next != l.End() {
			t.Fatalf("it ended before %s, and the log with %s", next, l.End())
		}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 200 {
		if _, err := l.Append(fmt.Append(nil, "entry ", i)); err != nil {
			t.Fatal(err)
		}
		if rng.IntN(4) == 0 {
			read(most(rng.IntN(20)))
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	read(1000)
	var want []string
	for e, err := range l.Dir().Entries(record.ID{}) {
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, string(e.Data))
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d entries were read, and there are %d, or they differ", len(got), len(want))
	}
}

// most is how many entries are taken.
type most int
