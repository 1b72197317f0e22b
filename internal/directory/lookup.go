package directory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/sparkoo/transfergate/controllers"
	"github.com/sparkoo/transfergate/internal/fetch"
)

// The defaults of a look-up.
const (
	DefaultRefresh     = time.Minute
	DefaultExpiry      = 5 * time.Minute
	DefaultStaleLimit  = time.Hour
	DefaultNegative    = 10 * time.Second
	DefaultTimeout     = 2 * time.Second
	DefaultConcurrency = 32
	DefaultEntries     = 100_000
)

// suspectShare is which part of the look-ups under way may be about accounts that failed
// when they were last asked for, so that whoever knows slow ones holds up nobody else.
const suspectShare = 4

// LookupConfig says how a directory is asked for single accounts, and for how long
// its word is believed. Zero values stand for the defaults.
type LookupConfig struct {
	// URL that is asked. Required; https, or http on loopback.
	URL string

	// Client says how the directory is reached.
	Client ClientConfig

	// Refresh is how old a record may be before it is asked for again in the
	// background, while it is still believed.
	Refresh time.Duration

	// Expiry is how old a record may be before a request waits for a new one.
	Expiry time.Duration

	// StaleLimit is how old a record may be when the directory fails. It is at least
	// Expiry, which is at least Refresh.
	StaleLimit time.Duration

	// Negative is how long it is believed that an account has no record, never
	// longer, even if the directory fails; and for how long one whose answer cannot be
	// used is not asked for again.
	Negative time.Duration

	// Timeout is how long a look-up may wait for its turn, how long the directory may
	// take for the answer, and how long a request waits for both.
	Timeout time.Duration

	// Concurrency is how many look-ups may be under way at a time.
	Concurrency int

	// Entries is how many records are remembered, and of how many accounts that they
	// have none.
	Entries int

	// Strict refuses a record with an invalid country. Otherwise it is taken without it.
	Strict bool

	// Logger hears of failures, once for each kind. Default: none
	Logger *slog.Logger

	// Now is the clock. Default: time.Now
	Now func() time.Time
}

// Lookup asks a directory for the record of an account when a request needs it,
// and remembers the answer. Any number of goroutines may use it.
//
// The directory is sent a POST with {"account":"a-1"} and answers 200 with the
// record, as [controllers.ReadAccounts] describes a line, or 404 if the account has
// none. Either answer names the account in its member account: a 404 that does not
// is somebody else's, a proxy's perhaps, and says nothing about the account.
type Lookup struct {
	config  LookupConfig
	client  *client
	cache   *Cache
	breaker breaker
	faults  *faults
	flights singleflight.Group
	slots   chan struct{} // one for each look-up under way
	suspect chan struct{} // likewise, about an account that failed when it was last asked for
	health  health
	heard   atomic.Bool            // the directory has answered about an account
	served  atomic.Pointer[string] // the account of the last record that came; nil: none yet
}

// NewLookup returns a look-up that remembers in cache. It asks nobody.
func NewLookup(config LookupConfig, cache *Cache) (*Lookup, error) {
	if err := config.complete(); err != nil {
		return nil, err
	}
	client, err := newClient(config.Client)
	if err != nil {
		return nil, err
	}
	l := &Lookup{config: config, client: client, cache: cache, slots: make(chan struct{}, config.Concurrency)}
	l.suspect = make(chan struct{}, max(1, config.Concurrency/suspectShare))
	l.faults = newFaults(l.config.Negative)
	l.health.logger = config.Logger
	return l, nil
}

// complete fills in the defaults and refuses what contradicts itself.
func (c *LookupConfig) complete() error {
	if err := CheckURL(c.URL); err != nil {
		return err
	}
	c.Refresh = cmp.Or(c.Refresh, DefaultRefresh)
	c.Expiry = cmp.Or(c.Expiry, max(DefaultExpiry, c.Refresh))
	c.StaleLimit = cmp.Or(c.StaleLimit, max(DefaultStaleLimit, c.Expiry))
	c.Negative = cmp.Or(c.Negative, DefaultNegative)
	c.Timeout = cmp.Or(c.Timeout, DefaultTimeout)
	c.Concurrency = cmp.Or(c.Concurrency, DefaultConcurrency)
	c.Entries = cmp.Or(c.Entries, DefaultEntries)
	c.Client.Connections = c.Concurrency
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	switch {
	case c.Refresh < 0 || c.Negative < 0 || c.Timeout < 0 || c.Concurrency < 0 || c.Entries < 0:
		return errors.New("a duration or number below zero")
	case c.Expiry < c.Refresh:
		return fmt.Errorf("expiry of %s before refresh of %s: a record is refreshed while it is still believed", c.Expiry, c.Refresh)
	case c.StaleLimit < c.Expiry:
		return fmt.Errorf("stale limit of %s before expiry of %s", c.StaleLimit, c.Expiry)
	}
	return nil
}

// Find returns the record of an account, nil if it has none, and [ErrUnavailable],
// [ErrRecord] or the context's error if that can't be said. The registers are the snapshot's: a
// record whose controller they lack is as good as none that was read. The record is
// the caller's.
//
// It waits only if nothing usable is remembered, not even that the directory has just
// failed about this account. A caller whose context ends does not end the look-up for
// others.
func (l *Lookup) Find(ctx context.Context, s *controllers.Snapshot, account string) (*controllers.Account, error) {
	now := l.config.Now()
	a := l.cache.get(account)
	var record *controllers.Account
	usable := noUse
	if a != nil {
		if record = a.about(account); fits(record, s) {
			usable = l.judge(a, now)
		}
	}
	if usable == fresh {
		return record, nil
	}
	err := l.faults.of(account, now)
	if usable == ageing {
		if err == nil {
			l.refreshAhead(account, a, s.Known())
		}
		return record, nil
	}
	if usable == stale && l.breaker.open(now) {
		return record, nil
	}
	var found *controllers.Account
	if err == nil {
		found, err = l.wait(ctx, now, account, s)
	}
	switch {
	case err == nil:
		return found, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case usable == stale:
		return record, nil
	case aboutAccount(err):
		return nil, ErrRecord
	}
	return nil, ErrUnavailable
}

// fits reports whether registers have the controller a record names. They may have
// been replaced since it was read. An objection to a recipient they don't have keeps
// its word, for the case that it comes back.
func fits(record *controllers.Account, s *controllers.Snapshot) bool {
	if record == nil || record.Controller == "" {
		return true
	}
	_, ok := s.Controller(record.Controller)
	return ok
}

// use is what an answer is good for.
type use int

const (
	noUse  use = iota
	stale      // only if the directory fails
	ageing     // good, and to be asked for again
	fresh
)

// judge tells what an answer is good for. One from the future is good for nothing.
func (l *Lookup) judge(a *answer, now time.Time) use {
	age := time.Duration(now.UnixNano()) - a.asked
	switch {
	case age < 0:
		return noUse
	case a.record == nil && age < l.config.Negative:
		return fresh
	case a.record == nil:
		return noUse
	case age < l.config.Refresh:
		return fresh
	case age < l.config.Expiry:
		return ageing
	case age < l.config.StaleLimit:
		return stale
	}
	return noUse
}

// flight has an account looked up. All who ask meanwhile share it.
func (l *Lookup) flight(account string, known controllers.Known) <-chan singleflight.Result {
	return l.flights.DoChan(account, func() (any, error) {
		return l.lookUp(account, known)
	})
}

var errSlow = errors.New("the answer takes too long")

// wait looks an account up and waits for the answer, on behalf of a request that
// began now.
func (l *Lookup) wait(ctx context.Context, now time.Time, account string, s *controllers.Snapshot) (*controllers.Account, error) {
	patience := time.NewTimer(l.config.Timeout)
	defer patience.Stop()
	for {
		select {
		case result := <-l.flight(account, s.Known()):
			if result.Err != nil {
				return nil, result.Err
			}
			found := result.Val.(found)
			if now.Sub(found.asked) > l.believed(found.record) {
				continue // it was under way for long already
			}
			if !fits(found.record, s) { // it was looked up for other registers
				return nil, ErrUnavailable
			}
			return found.mine(), nil
		case <-patience.C:
			return nil, errSlow
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// found is what a look-up has found, and when it asked.
type found struct {
	record *controllers.Account
	asked  time.Time
}

// mine is a copy of the record: others have it too.
func (f found) mine() *controllers.Account {
	if f.record == nil {
		return nil
	}
	record := *f.record
	return &record
}

// believed is how old an answer may be for a request that waits for it.
func (l *Lookup) believed(record *controllers.Account) time.Duration {
	if record == nil {
		return l.config.Negative
	}
	return l.config.Expiry
}

// refreshAhead looks an account up in the background, unless that is done already
// or all slots are taken.
func (l *Lookup) refreshAhead(account string, a *answer, known controllers.Known) {
	if a.refreshing.Load() || len(l.slots) == cap(l.slots) || l.breaker.open(l.config.Now()) || !a.refreshing.CompareAndSwap(false, true) {
		return
	}
	done := l.flight(account, known)
	go func() {
		<-done
		a.refreshing.Store(false)
	}()
}

var (
	errBusy     = errors.New("all look-ups allowed at a time are under way")
	errSuspects = errors.New("all look-ups allowed at a time of accounts that failed before are under way")
)

// lookUp asks the directory once, within the bounds, and remembers the answer, which
// it returns as found.
func (l *Lookup) lookUp(account string, known controllers.Known) (any, error) {
	done, err := l.turn(account)
	switch {
	case errors.Is(err, errSuspects):
		l.health.refused(err)
		return nil, err
	case err != nil:
		l.health.failed(err)
		return nil, err
	}
	defer done()
	// The directory has its time for itself: it is not to blame, by the breaker, for
	// what was spent on waiting.
	ctx, cancel := context.WithTimeout(context.Background(), l.config.Timeout)
	defer cancel()
	began := fetch.Wall(l.config.Now())
	if f, ok := l.remembered(account, known, began); ok { // another look-up has just ended
		return f, nil
	}
	if err := l.faults.of(account, began); err != nil {
		return nil, err
	}
	probe, err := l.breaker.allow(began)
	if err != nil {
		return nil, err
	}
	if probe && account != Nobody { // what is wrong with this account closes it to nobody else
		if l.well(ctx) {
			l.breaker.conclude(l.config.Now(), Nobody, probe, true)
			probe = false
		}
	}
	record, err := l.ask(ctx, account, known)
	if l.breaker.conclude(l.config.Now(), account, probe, !unwell(err)) {
		l.breaker.settle(l.config.Now(), account != Nobody && l.answers())
	}
	if account != Nobody {
		l.faults.note(account, began, err)
	}
	switch {
	case aboutAccount(err):
		l.heard.Store(true)
		l.health.refused(fmt.Errorf("asking %s: %w", fetch.Host(l.config.URL), err))
		return nil, err
	case err != nil:
		l.health.failed(fmt.Errorf("asking %s: %w", fetch.Host(l.config.URL), err))
		return nil, err
	}
	l.heard.Store(true)
	l.health.succeeded(began)
	if record != nil {
		l.served.Store(&account)
	}
	l.cache.put(account, began, record, l.config.Entries)
	return found{record, began}, nil
}

// turn waits until an account may be looked up, at most for the timeout. Whoever has the
// turn calls done.
func (l *Lookup) turn(account string) (done func(), err error) {
	patience := time.NewTimer(l.config.Timeout)
	defer patience.Stop()
	suspect := l.faults.any(account)
	if suspect {
		select {
		case l.suspect <- struct{}{}:
		case <-patience.C:
			return nil, errSuspects
		}
	}
	select {
	case l.slots <- struct{}{}:
	case <-patience.C:
		if suspect {
			<-l.suspect
		}
		return nil, errBusy
	}
	return func() {
		<-l.slots
		if suspect {
			<-l.suspect
		}
	}, nil
}

// answers is well, and takes the time it needs.
func (l *Lookup) answers() bool {
	ctx, cancel := context.WithTimeout(context.Background(), 2*l.config.Timeout)
	defer cancel()
	return l.well(ctx)
}

// well reports whether the directory answers at all: about nobody or, since there are
// directories that fail about accounts they do not have, about the one whose record came
// last.
func (l *Lookup) well(ctx context.Context) bool {
	_, err := l.ask(ctx, Nobody, controllers.Known{})
	if last := l.served.Load(); unwell(err) && last != nil {
		_, err = l.ask(ctx, *last, controllers.Known{})
	}
	return !unwell(err)
}

// remembered is what is known of an account, if it need not be asked for.
func (l *Lookup) remembered(account string, known controllers.Known, now time.Time) (f found, ok bool) {
	a := l.cache.get(account)
	if a == nil {
		return f, false
	}
	f = found{a.about(account), time.Unix(0, int64(a.asked))}
	return f, l.judge(a, now) == fresh && (f.record == nil || f.record.CheckNames(known) == nil)
}

// Run forgets what is beyond the stale limit and keeps the rest on disk, until ctx is
// done, and then once more. A
// second Run that would write to the same file waits until the first has ended.
func (l *Lookup) Run(ctx context.Context) {
	defer l.client.http.Close()
	var asking sync.WaitGroup
	defer asking.Wait()
	asking.Go(func() { l.listen(ctx) })
	l.cache.keep(ctx, l.config.StaleLimit, l.config.Now, func(err error) {
		if err != nil {
			l.config.Logger.Error("looked-up account records could not be kept on disk", "error", err)
		}
	})
}

// Nobody is an account id that no directory has. It is asked for at a start, until the
// directory answers: that it has no such account, or that this is none; and, before an
// account that it had, to see whether a directory that failed is back.
const Nobody = "transfergate:nobody"

// The paces of asking for Nobody.
const (
	listenFirst = 100 * time.Millisecond // doubled each time
	listenMost  = 10 * time.Second
)

// listen asks the directory until it has answered about some account.
func (l *Lookup) listen(ctx context.Context) {
	for pause := listenFirst; !l.Loaded(); pause = min(2*pause, listenMost) {
		select {
		case <-l.flight(Nobody, controllers.Known{}):
		case <-ctx.Done():
			return
		}
		if l.Loaded() {
			return
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// Loaded reports whether records can be found: the directory has answered about an
// account at least once, or some records are remembered from before.
func (l *Lookup) Loaded() bool { return l.heard.Load() || l.cache.Len() > 0 }

// Status returns when the directory last answered, and how many look-ups have
// failed.
func (l *Lookup) Status() (answered time.Time, failures uint64) { return l.health.status() }
