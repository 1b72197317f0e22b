package directory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/sparkoo/transfergate/controllers"
	"github.com/sparkoo/transfergate/internal/fetch"
	"github.com/sparkoo/transfergate/internal/repeats"
)

// The defaults of a feed.
const (
	DefaultMaxAge   = time.Hour
	DefaultInterval = 5 * time.Second
	DefaultIdle     = 30 * time.Second
)

// FeedConfig says how a directory's feed is read, and for how long its word is
// believed. Zero values stand for the defaults.
type FeedConfig struct {
	// URL of the snapshot. Required; https, or http on loopback.
	URL string

	// Changes is the URL of the changes. Default: the snapshot's with /changes
	Changes string

	// Client says how the directory is reached.
	Client ClientConfig

	// MaxAge is how long ago the records may have been complete.
	MaxAge time.Duration

	// Interval is the pause between two requests.
	Interval time.Duration

	// Wait is how long the directory may hold a request for changes until there are
	// some; the next one then follows at once. Default: it is not asked to
	Wait time.Duration

	// Timeout is how long the directory may be silent.
	Timeout time.Duration

	// Strict refuses an answer for a record with an invalid country. Otherwise the
	// record is taken without it.
	Strict bool

	// Logger hears of changes and failures. Default: none
	Logger *slog.Logger

	// Now is the clock. Default: time.Now
	Now func() time.Time
}

// Feed keeps the accounts of a table equal to a directory's: a snapshot first, then
// what changes. Any number of goroutines may use it.
//
// A snapshot is a GET for the URL, answered as [controllers.ReadChanges] describes
// it. Changes are a GET for the other URL with the cursor of the last answer as
// query parameter cursor; 410 says that the cursor is forgotten, and the snapshot is
// read anew. A feed whose snapshot has no cursor is read as snapshots only, with
// If-None-Match.
//
// An answer is taken whole or not at all, and never one that is complete up to an
// earlier moment than what is in force: a replica that lags would bring back records
// that were deleted. While the directory fails the records stay in force until they
// are too old.
type Feed struct {
	config FeedConfig
	client *client
	memory *FeedMemory
	table  *controllers.Table
	asOf   atomic.Int64 // of the table's accounts, nanoseconds since 1970; 0 for none
	health health

	trouble *slog.Logger // the logger, for what is tried again and again
}

// NewFeed returns a feed that remembers in memory. It asks nobody.
func NewFeed(config FeedConfig, memory *FeedMemory) (*Feed, error) {
	if err := config.complete(); err != nil {
		return nil, err
	}
	client, err := newClient(config.Client)
	if err != nil {
		return nil, err
	}
	f := &Feed{config: config, client: client, memory: memory}
	f.health.logger, f.trouble = config.Logger, repeats.Logger(config.Logger, time.Now)
	return f, nil
}

// complete fills in the defaults and refuses what contradicts itself.
func (c *FeedConfig) complete() error {
	if err := CheckURL(c.URL); err != nil {
		return err
	}
	if c.Changes == "" {
		u, err := url.Parse(c.URL)
		if err != nil {
			return errors.New("the URL of the directory cannot be read")
		}
		c.Changes = u.JoinPath("changes").String()
	}
	if err := CheckURL(c.Changes); err != nil {
		return err
	}
	c.MaxAge = cmp.Or(c.MaxAge, DefaultMaxAge)
	c.Interval = cmp.Or(c.Interval, DefaultInterval)
	c.Timeout = cmp.Or(c.Timeout, DefaultIdle)
	c.Client.Connections = 2
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	switch {
	case c.MaxAge < 0 || c.Interval < 0 || c.Wait < 0 || c.Timeout < 0:
		return errors.New("a duration below zero")
	case c.Wait >= c.MaxAge:
		return fmt.Errorf("wait of %s: records would be older than max_age, %s, before the directory answers", c.Wait, c.MaxAge)
	case c.Interval >= c.MaxAge:
		return fmt.Errorf("interval of %s: records would be older than max_age, %s, before the directory is asked", c.Interval, c.MaxAge)
	}
	return nil
}

// Load fills the table with what is remembered, in memory or on disk. With nothing
// it stays empty, and [Feed.Find] says so, until [Feed.Run] has read the snapshot.
// What is on disk and can't be used is ignored and reported; what is in memory is in
// force, so that registers it does not fit are an error.
func (f *Feed) Load(table *controllers.Table) error {
	f.table = table
	p, err := f.memory.position(table, f.config.Logger)
	if err != nil {
		return err
	}
	f.publish(p)
	return nil
}

// Find returns the record of an account, nil if it has none, and [ErrUnavailable] if
// the records are too old to say so, or of the future, as after a clock was turned
// back.
//
// It reads the table only after it has seen how old the records are: a snapshot that
// a request took before may be of older ones.
func (f *Feed) Find(account string) (*controllers.Account, error) {
	asOf := f.asOf.Load()
	age := time.Duration(f.config.Now().UnixNano() - asOf)
	if asOf == 0 || age > f.config.MaxAge || age < -2*clockSkew {
		return nil, ErrUnavailable
	}
	record, _ := f.table.Snapshot().Account(account)
	return record, nil
}

// Status returns up to which moment the records are complete, zero without any,
// and how many tries to read on have failed.
func (f *Feed) Status() (asOf time.Time, failures uint64) {
	_, failures = f.health.status()
	if at := f.asOf.Load(); at != 0 {
		asOf = time.Unix(0, at)
	}
	return asOf, failures
}

// publish says of the table how old it is.
func (f *Feed) publish(p position) {
	if asOf := p.asOf(); !asOf.IsZero() {
		f.asOf.Store(asOf.UnixNano())
	}
}

// drainPause is how long to wait after changes: a directory that always has some is
// not asked all the time.
const drainPause = 100 * time.Millisecond

// retryMost bounds the wait after failures.
const retryMost = 30 * time.Second

// Run reads the feed until ctx is done. A second Run of the same memory, or that
// would write to the same file, waits until the first has ended and goes on from
// there.
func (f *Feed) Run(ctx context.Context) {
	defer f.client.http.Close()
	end, err := f.memory.begin(ctx)
	if err != nil {
		return // done before it began
	}
	defer end()
	if err := f.resume(); err != nil {
		f.fail(err)
	}
	backoff := fetch.Backoff{Most: retryMost}
	for ctx.Err() == nil {
		began := time.Now()
		changed, err := f.step(ctx)
		pause := f.config.Interval
		switch {
		case ctx.Err() != nil:
		case err != nil:
			f.fail(err)
			f.logKept(f.memory.keep(f.memory.last(), false)) // what was deleted leaves the disk all the same
			pause = backoff.Failed()
		default:
			backoff.Succeeded()
			if held := f.config.Wait > 0 && time.Since(began) >= f.config.Wait/2; held {
				pause = 0
			} else if changed { // there may be more
				pause = min(pause, drainPause)
			}
		}
		fetch.Sleep(ctx, pause)
	}
	if err := f.memory.keep(f.memory.last(), true); err != nil {
		f.config.Logger.Error("account records could not be kept on disk", "error", err)
	}
}

func (f *Feed) fail(err error) {
	f.health.failed(fmt.Errorf("feed of %s: %w", fetch.Host(f.config.URL), err))
}

// resume takes over what the last Run of the memory, that of an older
// configuration, has read since Load.
func (f *Feed) resume() error {
	p := f.memory.last()
	if p.snapshot == nil {
		return nil
	}
	if err := f.table.ShareAccounts(p.snapshot); err != nil {
		// Changes have nothing to follow: begin with a snapshot, no older one.
		f.memory.set(position{end: controllers.End{AsOf: p.end.AsOf}})
		return err
	}
	f.publish(p)
	return nil
}
