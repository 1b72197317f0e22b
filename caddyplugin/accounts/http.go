package accounts

import (
	"context"
	"errors"
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
	caddy.RegisterModule(HTTP{})
}

// HTTP asks a directory for the record of an account when a request needs it, and
// remembers the answer. An account that can't be asked about, and is not remembered, is
// refused with 503: the record prevails over all a request claims. One whose record
// breaks the rules is refused with 403, and nobody else.
type HTTP struct {
	Remote

	// How old a record may be before it is asked for again in the background, while
	// it is still believed. Default: 1m
	Refresh caddy.Duration `json:"refresh,omitempty"`

	// How old a record may be before a request waits for a new one. A change in the
	// directory holds after this time at the latest, if the directory answers.
	// Default: 5m
	Expiry caddy.Duration `json:"expiry,omitempty"`

	// How old a record may grow while the directory fails; from then on the account is
	// refused. Default: 1h
	StaleLimit caddy.Duration `json:"stale_limit,omitempty"`

	// How long it is believed that an account has no record, never longer. Default: 10s
	Negative caddy.Duration `json:"negative,omitempty"`

	// How many look-ups may be under way at a time. Default: 32
	Concurrency int `json:"concurrency,omitempty"`

	// How many accounts are remembered; about 200 bytes each. Default: 100000
	Entries int `json:"entries,omitempty"`

	logger *slog.Logger
	cache  *acquired[*directory.Cache]
	lookup *directory.Lookup
}

// caches holds what the process remembers of directories, so that a reload while one
// is down does not lose it.
var caches = caddy.NewUsagePool()

// CaddyModule returns the Caddy module information.
func (HTTP) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "transfer.accounts.http", New: func() caddy.Module { return new(HTTP) }}
}

// httpWords are the options, in the order they are documented.
var httpWords = append(slices.Clone(remoteWords), "refresh", "expiry", "stale_limit", "negative", "concurrency", "entries")

// UnmarshalCaddyfile implements caddyfile.Unmarshaler. Syntax:
//
//	accounts http <url> {
//	    token       <token>
//	    token_file  <file>
//	    certificate <file> <key file>
//	    ca          <file>
//	    revoked     <file>
//	    state       <file>
//	    timeout     <duration>
//	    strict
//	    refresh     <duration>
//	    expiry      <duration>
//	    stale_limit <duration>
//	    negative    <duration>
//	    concurrency <number>
//	    entries     <number>
//	}
func (h *HTTP) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	durations := map[string]*caddy.Duration{
		"refresh": &h.Refresh, "expiry": &h.Expiry, "stale_limit": &h.StaleLimit, "negative": &h.Negative,
	}
	numbers := map[string]*int{"concurrency": &h.Concurrency, "entries": &h.Entries}
	return unmarshalRemote(d, &h.Remote, httpWords, func(d *caddyfile.Dispenser, word string) error {
		if number := numbers[word]; number != nil {
			return unmarshalNumber(d, number)
		}
		return unmarshalDuration(d, durations[word])
	})
}

// Provision checks the configuration and reads what is remembered. It asks no
// network and writes nothing.
func (h *HTTP) Provision(ctx caddy.Context) error {
	h.logger = ctx.Slogger()
	client, err := h.provision()
	if err != nil {
		return fmt.Errorf("accounts http: %w", err)
	}
	if h.cache, err = acquire(caches, memoryID{h.URL, h.State}, h.remember); err != nil {
		return fmt.Errorf("accounts http: %w", err)
	}
	h.lookup, err = directory.NewLookup(directory.LookupConfig{
		URL: h.URL, Client: client, Timeout: time.Duration(h.Timeout),
		Refresh: time.Duration(h.Refresh), Expiry: time.Duration(h.Expiry), StaleLimit: time.Duration(h.StaleLimit), Negative: time.Duration(h.Negative),
		Concurrency: h.Concurrency, Entries: h.Entries, Strict: h.Strict, Logger: h.logger,
	}, h.cache.memory)
	if err != nil {
		return fmt.Errorf("accounts http: %w", err)
	}
	return nil
}

// remember makes the memory of the directory.
func (h *HTTP) remember() *directory.Cache {
	cache, err := directory.NewCache(h.URL, h.State)
	if err != nil {
		h.logger.Error("no account record is remembered", "error", err)
	}
	return cache
}

// Cleanup gives back what is remembered.
func (h *HTTP) Cleanup() error {
	err := h.cache.release()
	h.cache = nil
	return err
}

// Load implements gateway.AccountSource. The table stays empty: records are found
// one by one.
func (*HTTP) Load(*controllers.Table) error { return nil }

// Find implements gateway.AccountFinder.
func (h *HTTP) Find(ctx context.Context, snapshot *controllers.Snapshot, account string) (*controllers.Account, error) {
	record, err := h.lookup.Find(ctx, snapshot, account)
	if errors.Is(err, directory.ErrRecord) {
		return nil, gateway.ErrAccountRecord
	}
	return record, err
}

// Loaded implements gateway.AccountLoader. While no account is remembered the directory
// is asked for one that nobody has, so that it counts before the first request.
func (h *HTTP) Loaded() bool { return h.lookup.Loaded() }

// Watch implements gateway.AccountSource: it keeps what is remembered on disk.
func (h *HTTP) Watch(ctx caddy.Context) { h.lookup.Run(ctx) }

// Status implements gateway.AccountSource.
func (h *HTTP) Status() (answered time.Time, failures uint64) { return h.lookup.Status() }

// Interface guards
var (
	_ caddy.Provisioner     = (*HTTP)(nil)
	_ caddy.CleanerUpper    = (*HTTP)(nil)
	_ caddyfile.Unmarshaler = (*HTTP)(nil)
	_ gateway.AccountSource = (*HTTP)(nil)
	_ gateway.AccountFinder = (*HTTP)(nil)
	_ gateway.AccountLoader = (*HTTP)(nil)
)
