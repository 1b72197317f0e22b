package accounts

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/sparkoo/transfergate/caddyplugin/gateway"
	"github.com/sparkoo/transfergate/controllers"
	"github.com/sparkoo/transfergate/internal/directory"
)

func init() {
	caddy.RegisterModule(Feed{})
}

// Feed reads all account records from a directory, and then what changes. While the
// directory fails the last records stay in force until they are too old; from then
// on, and before the first snapshot has been read, everybody identified is refused
// with 503.
type Feed struct {
	Remote

	// URL of the changes. Default: the snapshot's with /changes
	Changes string `json:"changes,omitempty"`

	// How long ago the records may have been complete. Default: 1h
	MaxAge caddy.Duration `json:"max_age,omitempty"`

	// The pause between two requests. Default: 5s
	Interval caddy.Duration `json:"interval,omitempty"`

	// How long the directory may hold a request until there are changes (Prefer:
	// wait); the next request then follows at once. Default: it is not asked to
	Wait caddy.Duration `json:"wait,omitempty"`

	logger *slog.Logger
	memory *acquired[*directory.FeedMemory]
	feed   *directory.Feed
}

// feeds holds what the process remembers of feeds, so that a reload does not read
// the snapshot anew and two writers never share a file.
var feeds = caddy.NewUsagePool()

// CaddyModule returns the Caddy module information.
func (Feed) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "transfer.accounts.feed", New: func() caddy.Module { return new(Feed) }}
}

// feedWords are the options, in the order they are documented.
var feedWords = append(slices.Clone(remoteWords), "changes", "max_age", "interval", "wait")

// UnmarshalCaddyfile implements caddyfile.Unmarshaler. Syntax:
//
//	accounts feed <url> {
//	    token       <token>
//	    token_file  <file>
//	    certificate <file> <key file>
//	    ca          <file>
//	    revoked     <file>
//	    state       <file>
//	    timeout     <duration>
//	    strict
//	    changes     <url>
//	    max_age     <duration>
//	    interval    <duration>
//	    wait        <duration>
//	}
func (f *Feed) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	durations := map[string]*caddy.Duration{"max_age": &f.MaxAge, "interval": &f.Interval, "wait": &f.Wait}
	return unmarshalRemote(d, &f.Remote, feedWords, func(d *caddyfile.Dispenser, word string) error {
		if word != "changes" {
			return unmarshalDuration(d, durations[word])
		}
		if !d.AllArgs(&f.Changes) {
			return d.ArgErr()
		}
		return nil
	})
}

// Provision checks the configuration. It asks no network and writes nothing.
func (f *Feed) Provision(ctx caddy.Context) error {
	f.logger = ctx.Slogger()
	client, err := f.provision()
	if err != nil {
		return fmt.Errorf("accounts feed: %w", err)
	}
	f.memory, err = acquire(feeds, memoryID{f.URL, f.State}, func() *directory.FeedMemory {
		return directory.NewFeedMemory(f.URL, f.State)
	})
	if err != nil {
		return fmt.Errorf("accounts feed: %w", err)
	}
	f.feed, err = directory.NewFeed(directory.FeedConfig{
		URL: f.URL, Changes: f.Changes, Client: client, Timeout: time.Duration(f.Timeout),
		MaxAge: time.Duration(f.MaxAge), Interval: time.Duration(f.Interval), Wait: time.Duration(f.Wait), Strict: f.Strict, Logger: f.logger,
	}, f.memory.memory)
	if err != nil {
		return fmt.Errorf("accounts feed: %w", err)
	}
	return nil
}

// Cleanup gives back what is remembered.
func (f *Feed) Cleanup() error {
	err := f.memory.release()
	f.memory = nil
	return err
}

// Load implements gateway.AccountSource: it fills the table with what is remembered.
func (f *Feed) Load(table *controllers.Table) error {
	if err := f.feed.Load(table); err != nil {
		return fmt.Errorf("accounts feed: %w", err)
	}
	return nil
}

// Find implements gateway.AccountFinder.
func (f *Feed) Find(_ context.Context, _ *controllers.Snapshot, account string) (*controllers.Account, error) {
	return f.feed.Find(account)
}

// Watch implements gateway.AccountSource.
func (f *Feed) Watch(ctx caddy.Context) { f.feed.Run(ctx) }

// Loaded implements gateway.AccountLoader.
func (f *Feed) Loaded() bool {
	asOf, _ := f.feed.Status()
	return !asOf.IsZero()
}

// Status implements gateway.AccountSource.
func (f *Feed) Status() (asOf time.Time, failures uint64) { return f.feed.Status() }

// Interface guards
var (
	_ caddy.Provisioner     = (*Feed)(nil)
	_ caddy.CleanerUpper    = (*Feed)(nil)
	_ caddyfile.Unmarshaler = (*Feed)(nil)
	_ gateway.AccountSource = (*Feed)(nil)
	_ gateway.AccountFinder = (*Feed)(nil)
	_ gateway.AccountLoader = (*Feed)(nil)
)
