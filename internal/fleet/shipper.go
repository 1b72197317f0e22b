package fleet

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger/format"
	"github.com/sparkoo/transfergate/internal/record"
)

// Log is what a [Shipper] reads of a ledger.
type Log interface {
	// Read yields the entries from an id on that are durable by now, over all epochs, in
	// order and each once. Those of an epoch that is deleted are passed over. An entry's
	// data is valid until the next one is asked for. An error is yielded last.
	Read(from record.ID) iter.Seq2[format.Entry, error]

	// End is the entry that is not durable yet.
	End() record.ID

	// Behind is how many durable entries there are from an id on.
	Behind(from record.ID) (uint64, error)

	// Checkpoint returns the latest signed checkpoint of an epoch; nil if there is none, or
	// no such epoch any more.
	Checkpoint(epoch uint32) ([]byte, error)

	// Segment returns the files of a finished segment; nil if there is none of that number,
	// or its epoch is not there any more. The error is [ErrUnfinished] while an epoch that
	// is not written any more has it, and it is not finished.
	Segment(epoch uint32, number uint64) (*Segment, error)

	// Settings returns the file EPOCH.
	Settings(epoch uint32) ([]byte, error)
}

// ErrUnfinished: a segment is full, and is being finished.
var ErrUnfinished = errors.New("the segment is not finished yet")

// Segment is a finished segment: its files, byte for byte.
type Segment struct {
	End             uint64 // the entry after its last
	Archive, Hashes []byte
}

// ShipOptions are the settings of a Shipper. Those without a default are required.
type ShipOptions struct {
	Origin Origin
	Log    Log
	Store  Putter

	// Load returns what Save kept; nil if there is nothing. What Save has kept is durable.
	Load func() ([]byte, error)
	Save func([]byte) error

	// RetainUntil is until when what is written at a time is kept.
	RetainUntil func(time.Time) time.Time

	// Now is the clock. Default: time.Now
	Now func() time.Time

	// Every is how often entries are put while there are fewer than an object has.
	// Default: 1 s
	Every time.Duration

	// Logger is told of a store that fails and that works again, and of forks.
	// Default: discard
	Logger *slog.Logger
}

// Bounds of what is under way.
const (
	maxObjects  = 16 // of live entries, put side by side
	shipTimeout = time.Minute
)

// Shipper brings one ledger to a store. It reads no more ahead than 16 objects of some
// 1 MiB: what else there is stays on the disk until they are put.
type Shipper struct {
	o ShipOptions

	// What follows belongs to whoever calls Turn.
	begun   bool
	noted   note
	saved   bool      // as noted is
	next    record.ID // to be read
	pending []*bundle
	more    bool   // entries are durable that are not among them
	signed  []byte // a checkpoint that waits for its entries

	look atomic.Bool // for finished segments

	mu     sync.Mutex // guards what follows
	status Status
}

// Status is how far a shipper is.
type Status struct {
	// Shipped is the first entry that is not in the store.
	Shipped record.ID
	// Oldest is the time of that entry while it waits; zero if nothing does.
	Oldest time.Time
	// Forks is how often something lay under a name that only this ledger gives.
	Forks uint64
	// Failing is what the last turn failed with; nil if it did not.
	Failing error
}

// NewShipper returns a Shipper, which has read nothing yet.
func NewShipper(o ShipOptions) *Shipper {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Every == 0 {
		o.Every = time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Shipper{o: o}
	s.look.Store(true)
	return s
}

// Sealed tells the shipper that a segment is finished. It does not wait.
func (s *Shipper) Sealed() { s.look.Store(true) }

// Status is how far it is. Any number of goroutines may ask.
func (s *Shipper) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

// ErrSetBack: the ledger ends before what was shipped of it. It is an older copy of
// itself: what it writes now is another history than the one in the store.
var ErrSetBack = errors.New("the ledger has less than was shipped of it")

// Turn puts what waits, or what is durable by now, and returns when it is in the store,
// whether more waits already. After an error the same is to be tried again, later. One
// goroutine may call it at a time.
func (s *Shipper) Turn(ctx context.Context) (more bool, err error) {
	defer func() {
		s.mu.Lock()
		s.status.Failing = err
		s.mu.Unlock()
	}()
	if err := s.begin(); err != nil {
		return false, err
	}
	if len(s.pending) == 0 {
		if s.more, err = s.gather(); err != nil {
			return false, err
		}
	}
	if err := s.putEntries(ctx); err != nil {
		return false, err
	}
	if err := s.putCheckpoint(ctx); err != nil {
		return false, err
	}
	return s.more, s.putSegments(ctx)
}

// begin reads the note of the process before.
func (s *Shipper) begin() error {
	if s.begun {
		return nil
	}
	data, err := s.o.Load()
	if err != nil {
		return fmt.Errorf("reading what is shipped: %w", err)
	}
	end, known := s.o.Log.End(), false
	if s.noted, known = readNote(data, s.o.Origin); !known {
		s.noted = note{Origin: s.o.Origin.String(), Doubt: place{end}}
	}
	if end.Compare(s.noted.Shipped.ID) < 0 {
		return fmt.Errorf("%w: it ends with %s, and %s was next", ErrSetBack, end, s.noted.Shipped)
	}
	s.begun, s.next = true, s.noted.Shipped.ID
	s.shipped()
	return nil
}

// shipped tells others how far it is.
func (s *Shipper) shipped() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status.Shipped, s.status.Oldest = s.noted.Shipped.ID, time.Time{}
	if len(s.pending) > 0 {
		s.status.Oldest = s.pending[0].time
	}
}

func (s *Shipper) save() error {
	data, err := s.noted.encode()
	if err == nil {
		err = s.o.Save(data)
	}
	if err != nil {
		return fmt.Errorf("noting what is shipped: %w", err)
	}
	s.saved = true
	return nil
}

// putEntries puts the bundles that wait, side by side.
func (s *Shipper) putEntries(ctx context.Context) error {
	if len(s.pending) == 0 {
		return nil
	}
	failures := make([]error, len(s.pending))
	var putting sync.WaitGroup
	for i, b := range s.pending {
		if b.done {
			continue
		}
		putting.Go(func() {
			if b.packed == nil {
				b.packed, b.entries = packed(b.entries), nil
			}
			n := Name{Kind: Live, Origin: s.o.Origin, Epoch: b.first.Epoch, First: b.first.Index, Count: b.count}
			failures[i] = s.put(ctx, n, b.packed, &b.tried)
			b.done = failures[i] == nil
		})
	}
	putting.Wait()
	if err := errors.Join(failures...); err != nil {
		return err
	}
	s.noted.Shipped, s.noted.Planned, s.pending, s.saved = place{s.next}, nil, nil, false
	s.shipped()
	return nil
}

// put puts an object. What lies under its name already is another's, unless somebody of
// this ledger may have put it: then it is ours, or is found out by who collects. In any
// case ours is put, too, so that nothing is missing.
func (s *Shipper) put(ctx context.Context, n Name, data []byte, tried *bool) error {
	ctx, cancel := context.WithTimeout(ctx, shipTimeout)
	defer cancel()
	o := Object{Name: n.String(), Data: data, RetainUntil: s.o.RetainUntil(s.o.Now())}
	err := s.o.Store.Put(ctx, o)
	if errors.Is(err, ErrTaken) {
		if !*tried {
			s.forked(o.Name)
		}
		o.Beside = true
		err = s.o.Store.Put(ctx, o)
	}
	*tried = true
	return err
}

// forked tells that somebody else writes what only this ledger does.
func (s *Shipper) forked(name string) {
	s.mu.Lock()
	s.status.Forks++
	s.mu.Unlock()
	s.o.Logger.Error("an object lies in the store under a name that only this ledger gives, and this ledger has not put it: "+
		"the ledger has been copied and both write, or somebody forges its records; both are kept in the store", "object", name)
}
