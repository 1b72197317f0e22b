package ledger

import (
	"cmp"
	"context"
	"iter"
	"sync"
	"sync/atomic"

	"github.com/sparkoo/transfergate/internal/ledger/format"
	"github.com/sparkoo/transfergate/internal/record"
)

// progress is up to where a log is durable, for those who follow it. The commit
// leader moves it on, which takes no lock while nobody waits.
type progress struct {
	index   atomic.Uint64 // every entry of the epoch before it is durable
	waiting atomic.Bool   // somebody does: more is to be closed

	mu    sync.Mutex // guards what follows; index goes back only under it
	epoch uint32
	ended bool          // the log was closed
	more  chan struct{} // closed when something changes; nil while nobody waits
}

// begin notes that an epoch is the log's, and every one before it durable.
func (p *progress) begin(epoch uint32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.epoch = epoch
	p.index.Store(0)
	p.wake()
}

// reach notes that every entry of the epoch before index is durable. A waiter says
// that it waits and then looks at the index again, so that one of both is seen.
func (p *progress) reach(index uint64) {
	p.index.Store(index)
	if p.waiting.Load() {
		p.mu.Lock()
		p.wake()
		p.mu.Unlock()
	}
}

// end notes that no more entries come.
func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	p.wake()
}

// wake wakes those who wait. Its caller holds mu.
func (p *progress) wake() {
	p.waiting.Store(false)
	if p.more != nil {
		close(p.more)
		p.more = nil
	}
}

// look returns the entry that is not durable yet, and whether none comes any more or
// what is closed when something changes.
func (p *progress) look() (next record.ID, ended bool, more <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.more == nil {
		p.more = make(chan struct{})
	}
	p.waiting.Store(true)
	return record.ID{Epoch: p.epoch, Index: p.index.Load()}, p.ended, p.more
}

// reached is the entry that is not durable yet.
func (p *progress) reached() record.ID {
	p.mu.Lock()
	defer p.mu.Unlock()
	return record.ID{Epoch: p.epoch, Index: p.index.Load()}
}

// wait returns once an entry after seen is durable, with where the durable ones end.
// It returns false when none comes any more, or when ctx ends.
func (p *progress) wait(ctx context.Context, seen record.ID) (next record.ID, more bool) {
	for {
		next, ended, changed := p.look()
		if seen.Compare(next) < 0 {
			return next, ctx.Err() == nil
		}
		if ended {
			return seen, false
		}
		select {
		case <-changed:
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
func (l *Log) Follow(ctx context.Context, from record.ID) iter.Seq2[Entry, error] {
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
			for e, err := range f.entries(limit) {
				if err != nil {
					yield(Entry{}, err)
					return
				}
				if ctx.Err() != nil || !yield(e, nil) {
					return
				}
			}
		}
	}
}

// End is the place of the entry that is not durable yet. The epoch is 0 if the log was
// never opened.
func (l *Log) End() record.ID { return l.progress.reached() }

// Reader reads a log on, a piece at a time. Only one goroutine may use it at a time.
type Reader struct {
	log *Log
	f   follower
}

// Reader returns a reader of the log.
func (l *Log) Reader() *Reader { return &Reader{log: l, f: follower{fsys: l.o.FS, dir: l.dir}} }

// Entries yields what [Log.Follow] would, up to where the log is durable by now: it does
// not wait. It is quick where from is about where the last call ended. The log may have
// been closed meanwhile.
func (r *Reader) Entries(from record.ID) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		limit := r.log.End()
		if limit.Epoch == 0 {
			yield(Entry{}, ErrNotOpen)
			return
		}
		if from.Epoch != r.f.next.Epoch || from.Index < r.f.at.First {
			r.f.at = format.Place{}
		}
		r.f.next = from
		for e, err := range r.f.entries(limit) {
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// follower reads a ledger on from where it was, up to where it is durable.
type follower struct {
	fsys format.FS
	dir  string
	next record.ID    // the entry that comes next
	at   format.Place // of the last frame that was read; its path is empty before
}

// entries yields the entries up to the limit. An error is yielded last.
func (f *follower) entries(limit record.ID) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for again := 0; f.next.Compare(limit) < 0; {
			before := f.next
			failed := f.begin(limit)
			if failed == nil {
				for e, err := range f.epoch(limit) {
					if failed = err; err != nil {
						break
					}
					f.next.Index = e.Index + 1
					if !yield(e, nil) {
						return
					}
				}
			}
			if failed == nil && f.next.Epoch < limit.Epoch {
				f.next, f.at = record.ID{Epoch: f.next.Epoch + 1}, format.Place{} // the epoch is closed, and was read whole
			}
			if f.next != before {
				again = 0 // it goes on
				if failed == nil {
					continue
				}
			}
			if again++; again == format.Rereads || failed != nil && !format.Transient(failed) {
				yield(Entry{}, cmp.Or(failed, f.missing()))
				return
			}
		}
	}
}

// begin takes the epoch that comes next, which is there.
func (f *follower) begin(limit record.ID) error {
	numbers, _, err := format.ListEpochs(f.fsys, f.dir)
	if err != nil {
		return err
	}
	for _, number := range numbers {
		if number < f.next.Epoch || number > limit.Epoch {
			continue
		}
		if number > f.next.Epoch {
			f.next, f.at = record.ID{Epoch: number}, format.Place{}
		}
		return nil
	}
	return f.missing()
}

func (f *follower) missing() error {
	return &CorruptError{File: f.dir, Index: f.next.Index, What: "entries are durable, but no epoch has them"}
}

// epoch yields what is left of one epoch.
func (f *follower) epoch(limit record.ID) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		w, err := format.WalkEpoch(f.fsys, f.dir, f.next.Epoch)
		if err != nil {
			yield(Entry{}, err)
			return
		}
		w.From = f.at
		for fr, err := range w.Frames(f.next.Index) {
			if err != nil {
				yield(Entry{}, err)
				return
			}
			if (record.ID{Epoch: fr.Epoch, Index: fr.First}).Compare(limit) >= 0 {
				return // what follows may be written anew elsewhere
			}
			f.at = format.Place{Path: fr.Path, Offset: fr.Offset, First: fr.First}
			for e := range fr.Entries(f.next.Index) {
				if e.Compare(limit) >= 0 || !yield(e, nil) {
					return
				}
			}
		}
	}
}
