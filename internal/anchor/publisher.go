package anchor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/sparkoo/transfergate/internal/fetch"
	"github.com/sparkoo/transfergate/internal/tiles"
)

// Log is what a Publisher must know of a log.
type Log struct {
	Source tiles.Source
	Key    note.Verifier

	// Witnessed is the file for the checkpoint with the witnesses' signatures.
	Witnessed string

	// Earlier are the logs that this one follows. Where several commit to the same
	// one, as where an operator gave a checkpoint that was kept elsewhere, the one
	// that commits to the most of it counts.
	Earlier []Earlier
}

// Earlier is a log that another one follows.
type Earlier struct {
	Origin string

	// Checkpoint is the signed one that the first entry of the log after it commits
	// to; nil if it commits to none.
	Checkpoint []byte

	// Source has its entries, and Key verifies it. Both are nil if it is not there.
	Source tiles.Source
	Key    note.Verifier
}

// Options are the settings of a Publisher.
type Options struct {
	// Log returns the log of an origin.
	Log func(origin string) (Log, error)

	Witnesses []*Witness
	Copies    []*Copy

	// Logger is told of places that fail and that work again. Default: discard
	Logger *slog.Logger

	// OnPush is called after each try with the place's name, the size of the
	// checkpoint, and the error or nil. It must be quick. Default: none
	OnPush func(place string, size int64, err error)

	// OnAhead is called when a place is found to know another history of a log
	// than its folder has. It must be quick. Default: none
	OnAhead func(*AheadError)

	// Now is the clock of a copy's history. Default: time.Now
	Now func() time.Time

	// Pause is how long to wait after so many failures in a row.
	// Default: that of [fetch.Backoff]
	Pause func(failures int) time.Duration
}

// timeout ends a try at a place.
const timeout = 5 * time.Second

// Publisher brings checkpoints to their places, each at its own pace, always the
// latest. Its methods may be called by any number of goroutines.
type Publisher struct {
	o       Options
	places  []*place
	closing chan struct{}
	ended   sync.WaitGroup

	mu     sync.Mutex
	closed bool
	logs   map[string]Log
	signed collection
}

// place is a place and the checkpoint that waits for it.
type place struct {
	name string
	push func(context.Context, Log, *tiles.Tree) error
	slot chan []byte // holds one, the latest
}

// New starts a Publisher. Close ends it.
func New(o Options) *Publisher {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.OnPush == nil {
		o.OnPush = func(string, int64, error) {}
	}
	if o.OnAhead == nil {
		o.OnAhead = func(*AheadError) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Pause == nil {
		o.Pause = fetch.Backoff{}.After
	}
	pub := &Publisher{o: o, closing: make(chan struct{}), logs: map[string]Log{}}
	for _, c := range o.Copies {
		pub.add(c.Name(), func(ctx context.Context, log Log, t *tiles.Tree) error { return pub.put(ctx, c, t, log) })
	}
	for _, w := range o.Witnesses {
		pub.add(w.Name(), func(ctx context.Context, log Log, t *tiles.Tree) error {
			line, err := w.Cosign(ctx, t)
			if err != nil {
				return err
			}
			return pub.collect(log, t, w.Name(), line)
		})
	}
	return pub
}

// put brings a checkpoint to a copy. Its history is beside the point of a try: the
// next day is there soon.
func (pub *Publisher) put(ctx context.Context, c *Copy, t *tiles.Tree, log Log) error {
	err := c.Put(ctx, t, log)
	if err != nil {
		return err
	}
	if err := c.KeepHistory(ctx, ownSignature(t), pub.o.Now()); err != nil {
		pub.o.Logger.Warn("a day's checkpoint could not be kept; it is tried again in an hour", "place", c.Name(), "error", err)
	}
	return nil
}

func (pub *Publisher) add(name string, push func(context.Context, Log, *tiles.Tree) error) {
	p := &place{name: name, push: push, slot: make(chan []byte, 1)}
	pub.places = append(pub.places, p)
	pub.ended.Go(func() { pub.run(p) })
}

// Offer brings a signed checkpoint to all places. It does not wait. One that
// could not be brought yet is forgotten for a newer one.
func (pub *Publisher) Offer(signed []byte) {
	pub.mu.Lock()
	defer pub.mu.Unlock()
	if pub.closed {
		return
	}
	for _, p := range pub.places {
		select {
		case <-p.slot:
		default:
		}
		p.slot <- signed
	}
}

// Close brings the latest checkpoint to each place that does not fail, and ends.
// It takes as long as one try.
func (pub *Publisher) Close() {
	pub.mu.Lock()
	if !pub.closed {
		pub.closed = true
		close(pub.closing)
	}
	pub.mu.Unlock()
	pub.ended.Wait()
}

// run serves one place until Close.
func (pub *Publisher) run(p *place) {
	failures := 0
	for signed := pub.await(p); signed != nil; {
		if failures > 0 {
			select {
			case <-time.After(pub.o.Pause(failures)):
			case <-pub.closing:
			}
		}
		last := pub.isClosing()
		select {
		case signed = <-p.slot: // newer
		default:
		}
		if pub.try(p, signed, failures) {
			failures, signed = 0, pub.await(p)
			continue
		}
		failures++
		if last {
			return
		}
	}
}

// await returns the next checkpoint for a place, nil when there will be none.
func (pub *Publisher) await(p *place) []byte {
	select {
	case signed := <-p.slot:
		return signed
	case <-pub.closing:
	}
	select {
	case signed := <-p.slot:
		return signed
	default:
		return nil
	}
}

func (pub *Publisher) isClosing() bool {
	select {
	case <-pub.closing:
		return true
	default:
		return false
	}
}

// try brings a checkpoint to a place and says how it went.
func (pub *Publisher) try(p *place, signed []byte, failures int) bool {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	log, t, err := pub.open(signed)
	var size int64
	if err == nil {
		size, err = p.pushLatest(ctx, log, t)
	}
	pub.o.OnPush(p.name, size, err)
	var ahead *AheadError
	switch {
	case errors.As(err, &ahead):
		pub.o.Logger.Error("a place outside knows another history of the ledger: entries are lost or were changed",
			"place", p.name, "error", err)
		pub.o.OnAhead(ahead)
	case err != nil && failures == 0:
		pub.o.Logger.Warn("a checkpoint could not be brought to a place outside; it is tried again", "place", p.name, "error", err)
	case err == nil && failures > 0:
		pub.o.Logger.Info("a place outside takes checkpoints again", "place", p.name, "entries", size)
	}
	return err == nil
}

// pushLatest pushes a tree, and returns the size of what was pushed. A place that
// is ahead of it may have a later checkpoint of this very log from another Publisher;
// but none is brought outside before it is durable here. So it is ahead only if
// it is ahead of what lies here after it has answered.
func (p *place) pushLatest(ctx context.Context, log Log, t *tiles.Tree) (size int64, err error) {
	for {
		err = p.push(ctx, log, t)
		if _, ahead := errors.AsType[*AheadError](err); !ahead {
			return t.N, err
		}
		latest, e := tiles.OpenTree(log.Source, log.Key)
		if e != nil {
			return t.N, fmt.Errorf("%v; whether it is cannot be known: %w", err, e) // not an *AheadError
		}
		if latest.N <= t.N {
			return t.N, err
		}
		t = latest
	}
}

// log finds a log, with each of the earlier ones once.
func (pub *Publisher) log(origin string) (Log, error) {
	log, err := pub.o.Log(origin)
	if err != nil {
		return log, err
	}
	most := make(map[string]int)
	var each []Earlier
	for _, e := range log.Earlier {
		i, known := most[e.Origin]
		switch {
		case !known:
			most[e.Origin], each = len(each), append(each, e)
		case e.size() > each[i].size():
			each[i] = e
		}
	}
	log.Earlier = each
	return log, nil
}

// size is how many entries the log after it commits to.
func (e Earlier) size() int64 {
	c, err := tiles.ReadCheckpoint(e.Checkpoint)
	if err != nil {
		return 0
	}
	return c.N
}

// open makes a tree of a checkpoint of one of our logs.
func (pub *Publisher) open(signed []byte) (log Log, t *tiles.Tree, err error) {
	c, err := tiles.ReadCheckpoint(signed)
	if err != nil {
		return log, nil, err
	}
	pub.mu.Lock()
	defer pub.mu.Unlock()
	log, ok := pub.logs[c.Origin]
	if !ok {
		if log, err = pub.log(c.Origin); err != nil {
			return log, nil, err
		}
		clear(pub.logs) // an epoch does not come back
		pub.logs[c.Origin] = log
	}
	t, err = tiles.OpenTreeAt(log.Source, signed, log.Key)
	return log, t, err
}
