package ledger

import (
	"context"
	"errors"
	"iter"
	"sync"

	"github.com/sparkoo/transfergate/internal/ledger/format"
)

// progress is up to where a log is durable, for those who follow it. The commit
// leader moves it on, which costs nothing but a lock while nobody waits.
type progress struct {
	mu    sync.Mutex
	next  ID            // every entry before it is durable
	ended bool          // the log was closed
	more  chan struct{} // closed when something changes; nil while nobody waits
}

// reach notes that every entry before next is durable.
func (p *progress) reach(next ID) {
	p.mu.Lock()
	p.next = next
	p.wake()
	p.mu.Unlock()
}

// end notes that no more entries come.
func (p *progress) end() {
	p.mu.Lock()
	p.ended = true
	p.wake()
	p.mu.Unlock()
}

// wake wakes those who wait. Its caller holds mu.
func (p *progress) wake() {
	if p.more != nil {
		close(p.more)
		p.more = nil
	}
}

// wait returns once an entry after seen is durable, with where the durable ones end.
// It returns false when none comes any more, or when ctx ends.
func (p *progress) wait(ctx context.Context, seen ID) (next ID, more bool) {
	for {
		p.mu.Lock()
		if seen.Compare(p.next) < 0 {
			defer p.mu.Unlock()
			return p.next, ctx.Err() == nil
		}
		if p.ended {
			p.mu.Unlock()
			return seen, false
		}
		if p.more == nil {
			p.more = make(chan struct{})
		}
		more := p.more
		p.mu.Unlock()
		select {
		case <-more:
		case <-ctx.Done():
			return seen, false
		}
	}
}

// Follow yields the log's entries from an id on, over all epochs, as they become
// durable, each once and in order, and waits for more. The zero ID is before the
// first entry. It ends when ctx does, and when the log is closed and its last entry
// was yielded. An entry's Data is valid until the next one is asked for.
//
// It reads the files and keeps nobody waiting: who is slow falls behind and reads on.
// Entries of an epoch that is deleted meanwhile are passed over. An error is yielded
// last, with the zero Entry: ErrNotOpen if the log was never opened.
func (l *Log) Follow(ctx context.Context, from ID) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		if l.counters.epoch.Load() == 0 {
			yield(Entry{}, ErrNotOpen)
			return
		}
		f := &follower{fsys: l.o.FS, dir: l.dir, next: from}
		for {
			limit, more := l.progress.wait(ctx, f.next)
			if !more {
				return
			}
			err := f.read(limit, func(e Entry) error {
				if ctx.Err() != nil || !yield(e, nil) {
					return format.ErrEnough
				}
				return nil
			})
			if errors.Is(err, format.ErrEnough) {
				return
			}
			if err != nil {
				yield(Entry{}, err)
				return
			}
		}
	}
}

// follower reads a ledger on from where it was, up to where it is durable.
type follower struct {
	fsys FS
	dir  string
	next ID           // the entry that comes next
	at   format.Place // of the last frame that was read; its path is empty before
}

// read hands on the entries up to the limit.
func (f *follower) read(limit ID, visit func(Entry) error) (err error) {
	again := 0
	for f.next.Compare(limit) < 0 && again < format.Rereads {
		before := f.next
		err = f.readEpoch(limit, visit)
		if err != nil && !format.Transient(err) {
			return err
		}
		if again++; f.next != before {
			again = 0 // it goes on
		}
	}
	return err
}

// readEpoch reads what is left of one epoch.
func (f *follower) readEpoch(limit ID, visit func(Entry) error) error {
	numbers, _, err := format.ListEpochs(f.fsys, f.dir)
	if err != nil {
		return err
	}
	for _, number := range numbers {
		if number < f.next.Epoch || number > limit.Epoch {
			continue
		}
		if number > f.next.Epoch {
			f.next, f.at = ID{Epoch: number}, format.Place{}
		}
		if err := f.readUpTo(limit, visit); err != nil || number == limit.Epoch {
			return err
		}
		f.next, f.at = ID{Epoch: number + 1}, format.Place{} // the epoch is closed, and was read whole
		return nil
	}
	return &CorruptError{File: f.dir, Index: f.next.Index, What: "entries are durable, but no epoch has them"}
}

func (f *follower) readUpTo(limit ID, visit func(Entry) error) error {
	w, err := format.WalkEpoch(f.fsys, f.dir, f.next.Epoch)
	if err != nil {
		return err
	}
	w.From = f.at
	done := errors.New("what is durable was read")
	err = w.Read(f.next.Index, func(fr *format.Frame) error {
		if (ID{Epoch: fr.Epoch, Index: fr.First}).Compare(limit) >= 0 {
			return done // what follows may be written anew elsewhere
		}
		f.at = format.Place{Path: fr.Path, Offset: fr.Offset, First: fr.First}
		return fr.Entries(f.next.Index, func(e Entry) error {
			if e.Compare(limit) >= 0 {
				return done
			}
			f.next.Index = e.Index + 1
			return visit(e)
		})
	})
	if errors.Is(err, done) {
		return nil
	}
	return err
}
