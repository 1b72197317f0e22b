package token

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sparkoo/transfergate/internal/fetch"
	"github.com/sparkoo/transfergate/internal/lastgood"
	"github.com/sparkoo/transfergate/internal/regular"
)

// DefaultStaleLimit is how old a key set may grow while its service fails.
const DefaultStaleLimit = 24 * time.Hour

// The paces of fetching.
const (
	refreshEvery = 5 * time.Minute // in the background
	askInterval  = time.Second     // between fetches that unknown keys cause
	askWait      = 3 * time.Second // how long a request waits for a fetch
	fetchTimeout = 10 * time.Second
)

// KeysConfig says where a key set comes from.
type KeysConfig struct {
	// URL of the key set. Required; https, or http on loopback.
	URL string

	// Algorithms that are allowed. Default: all of [Algorithms]
	Algorithms []string

	// StaleLimit is how old the set may grow while its service fails; from then
	// on no token is accepted. Default: 24 h
	StaleLimit time.Duration

	// Roots vouch for the service's certificate. Default: the system's
	Roots *x509.CertPool

	// Refresh is how often the set is fetched in the background. Default: 5 min
	Refresh time.Duration

	// Logger hears of a set on disk that cannot be used. Default: none
	Logger *slog.Logger

	// Now is the clock. Default: time.Now
	Now func() time.Time
}

// Keys is a key set that is kept up to date by [Keys.Run]. Any number of
// goroutines may use it.
type Keys struct {
	config     KeysConfig
	algorithms []string
	pinned     bool
	client     *fetch.Client

	current atomic.Pointer[set]
	runner  chan struct{} // holds one token while somebody runs
	wake    chan struct{} // tells the runner that a fetch is asked for

	mu       sync.Mutex
	asked    chan struct{}  // guarded by mu: closed when the fetch that is due or under way ends; nil if none is
	nextAsk  time.Time      // guarded by mu: when an unknown key may cause a fetch again
	due      time.Time      // guarded by mu: of the next fetch in the background
	lastErr  error          // guarded by mu: of the last fetch
	failures uint64         // guarded by mu: since the start
	backoff  fetch.Backoff  // guarded by mu
	slot     *lastgood.Slot // guarded by mu: where the last good set is kept
}

var errNotFetched = errors.New("the key set has not been fetched yet")

// NewKeys returns the keys of a key service. It asks nobody: [Keys.Run] does. See
// [Keys.KeepIn] for the last good set over a restart.
func NewKeys(config KeysConfig) (*Keys, error) {
	if err := fetch.CheckURL("key set", config.URL); err != nil {
		return nil, err
	}
	algorithms, err := allowList(config.Algorithms)
	if err != nil {
		return nil, err
	}
	if config.StaleLimit < 0 {
		return nil, fmt.Errorf("stale limit of %s: it cannot be negative", config.StaleLimit)
	}
	config.StaleLimit = cmp.Or(config.StaleLimit, DefaultStaleLimit)
	config.Refresh = cmp.Or(config.Refresh, refreshEvery)
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	k := &Keys{
		config: config, algorithms: algorithms, lastErr: errNotFetched,
		runner: make(chan struct{}, 1), wake: make(chan struct{}, 1),
	}
	k.client = fetch.New(fetch.Config{TLS: &tls.Config{RootCAs: config.Roots, MinVersion: tls.VersionTLS12}, Timeout: fetchTimeout})
	return k, nil
}

// PinnedKeys returns the keys in a file, for networks without a key service. The
// file holds a key set (RFC 7517) and is read once.
func PinnedKeys(path string, algorithms []string) (*Keys, error) {
	allowed, err := allowList(algorithms)
	if err != nil {
		return nil, err
	}
	file, err := regular.Open(path, maxSet)
	if err != nil {
		return nil, fmt.Errorf("reading pinned keys: %w", err)
	}
	defer file.Close()
	raw, err := fetch.ReadAll(file, maxSet)
	if err != nil {
		return nil, fmt.Errorf("reading pinned keys: %s: %w", path, err)
	}
	s, err := parseSet(raw, allowed)
	if err != nil {
		return nil, fmt.Errorf("reading pinned keys: %s is no key set: %w", path, err)
	}
	if s.ignored != "" {
		return nil, fmt.Errorf("reading pinned keys: %s holds keys that are not used: %s; remove them", path, s.ignored)
	}
	s.fetched = time.Now()
	k := &Keys{config: KeysConfig{Now: time.Now}, algorithms: allowed, pinned: true}
	k.current.Store(s)
	return k, nil
}

// Status returns when the set was last known to be published, zero if there is
// none, and how many fetches have failed since the start.
func (k *Keys) Status() (fetched time.Time, failures uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if s := k.current.Load(); s != nil {
		fetched = s.fetched
	}
	return fetched, k.failures
}

// LastGood is when the set was fetched that is in force while its service fails; zero if it
// does not, or there is no set.
func (k *Keys) LastGood() time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.current.Load()
	if s == nil || k.lastErr == nil || errors.Is(k.lastErr, errNotFetched) {
		return time.Time{}
	}
	return s.fetched
}

// usable returns the set, nil if there is none or it is too old to be believed.
func (k *Keys) usable() *set {
	s := k.current.Load()
	if s == nil || !k.pinned && k.config.Now().Sub(s.fetched) > k.config.StaleLimit {
		return nil
	}
	return s
}

// has reports whether a key is in the set and the set can be believed.
func (k *Keys) has(signer *key) bool {
	s := k.usable()
	return s != nil && s.byID[signer.id] == signer
}

// find returns the key a token names. If it is not there the set may have
// changed: then it is fetched, within bounds.
func (k *Keys) find(ctx context.Context, id string) (*key, error) {
	if s := k.usable(); s != nil {
		if found := s.find(id); found != nil {
			return found, nil
		}
		if id == "" {
			return nil, invalid(NoKeyID)
		}
	}
	err := k.ask(ctx)
	s := k.usable()
	if s == nil {
		return nil, ErrUnavailable
	}
	switch found := s.find(id); {
	case found != nil:
		return found, nil
	case id == "":
		return nil, invalid(NoKeyID)
	case err != nil:
		return nil, ErrUnavailable // the service may have it
	}
	return nil, invalid(UnknownKey)
}

// ask has the set fetched, unless that was done within the last second, and
// waits for the end of the fetch. All who ask meanwhile wait for the same one.
// It returns how the last fetch ended.
func (k *Keys) ask(ctx context.Context) error {
	if k.pinned {
		return nil
	}
	k.mu.Lock()
	if k.asked == nil {
		now := k.config.Now()
		if now.Before(k.nextAsk) {
			defer k.mu.Unlock()
			return k.lastErr
		}
		k.nextAsk = now.Add(askInterval)
		k.asked = make(chan struct{})
		select {
		case k.wake <- struct{}{}:
		default: // it is told already
		}
	}
	asked := k.asked
	k.mu.Unlock()

	patience := time.NewTimer(askWait)
	defer patience.Stop()
	select {
	case <-asked:
	case <-ctx.Done():
		return ctx.Err()
	case <-patience.C:
		return errors.New("the key service is slow")
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.lastErr
}

// Run keeps the set up to date until ctx is done. All fetching happens here, on
// the caller's goroutine, one fetch at a time; a second Run waits until the
// first has ended. The logger, which may be nil, hears of failures and of changed
// sets. Pinned keys need no Run.
func (k *Keys) Run(ctx context.Context, logger *slog.Logger) {
	if k.pinned {
		return
	}
	select {
	case k.runner <- struct{}{}:
		defer func() { <-k.runner }()
	case <-ctx.Done():
		return
	}
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	for ctx.Err() == nil {
		timer := time.NewTimer(k.pause())
		select {
		case <-timer.C:
			k.refresh(ctx, logger)
		case <-k.wake:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// pause returns how long it is until the next fetch: no time if one is asked for.
func (k *Keys) pause() time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.asked != nil {
		return 0
	}
	return max(0, time.Until(k.due))
}

// refresh fetches the set once. If ctx ends meanwhile, the fetch stays due for
// the next runner.
func (k *Keys) refresh(ctx context.Context, logger *slog.Logger) {
	k.mu.Lock()
	if k.asked == nil {
		k.asked = make(chan struct{})
	}
	k.mu.Unlock()
	next, err := k.fetch(ctx)
	if ctx.Err() != nil {
		return
	}
	if err == nil {
		next.keep(k.current.Load())
	}
	k.report(next, err, logger)
	k.conclude(next, err)
	if err == nil {
		if err := k.save(next); err != nil {
			logger.Error("the key set could not be kept on disk; a restart will need the key service", "error", err)
		}
	}
}

// conclude takes over what a fetch brought, plans the next one and lets go those
// who wait.
func (k *Keys) conclude(next *set, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.lastErr = err
	wait := fetch.Spread(k.config.Refresh)
	if err != nil {
		wait = min(wait, k.backoff.Failed())
		k.failures++
	} else {
		k.backoff.Succeeded()
		k.current.Store(next)
	}
	k.due = time.Now().Add(wait)
	close(k.asked)
	k.asked = nil
}

// report logs what has changed.
func (k *Keys) report(next *set, err error, logger *slog.Logger) {
	k.mu.Lock()
	last := k.lastErr
	k.mu.Unlock()
	old := k.current.Load()
	switch {
	case err != nil && old == nil && (last == nil || last.Error() != err.Error()):
		logger.Error("the key set was not fetched, and there is no earlier one: tokens cannot be judged", "error", err)
	case err != nil && (last == nil || last.Error() != err.Error()):
		logger.Error("the key set was not fetched; the last good one stays in force until its stale limit", "error", err)
	case err == nil && (old == nil || string(old.raw) != string(next.raw)):
		logger.Info("key set replaced", "keys", len(next.byID), "not_used", next.ignored)
	case err == nil && last != nil:
		logger.Info("the key set can be fetched again")
	}
}

// maxSet is the largest key set that is read, in bytes.
const maxSet = 1 << 20
