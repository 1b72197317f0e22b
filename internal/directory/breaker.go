package directory

import (
	"errors"
	"slices"
	"sync"
	"time"
)

// breaker stops asking a service that keeps failing. After failures about breakAfter
// different accounts in a row it is open for a pause, which doubles with each one; then
// a single request is let through to see whether the service is back. One account, however
// often it fails, opens it for nobody.
type breaker struct {
	mu      sync.Mutex
	failed  []string      // guarded by mu: accounts, at most breakAfter, that failed since the last success
	until   time.Time     // guarded by mu: when a probe may go out
	pause   time.Duration // guarded by mu
	probing bool          // guarded by mu: a probe is under way
}

// The paces of a breaker.
const (
	breakAfter = 5
	pauseFirst = time.Second
	pauseMost  = 30 * time.Second
)

var errOpen = errors.New("the directory has failed several times in a row and is left alone for a while")

// allow reports whether a request may go out, and whether it is the probe. Each one
// allowed must be concluded.
func (b *breaker) allow(now time.Time) (probe bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.failed) < breakAfter {
		return false, nil
	}
	if b.probing || now.Before(b.until) {
		return false, errOpen
	}
	b.probing = true
	return true, nil
}

// open reports whether a request would be refused now.
func (b *breaker) open(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.failed) >= breakAfter && (b.probing || now.Before(b.until))
}

// conclude notes how a request about an account, which was allowed, has ended.
func (b *breaker) conclude(now time.Time, account string, probe, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if probe {
		b.probing = false
	}
	if ok {
		b.failed, b.pause = nil, 0
		return
	}
	if len(b.failed) < breakAfter && !slices.Contains(b.failed, account) {
		b.failed = append(b.failed, account)
	}
	if len(b.failed) >= breakAfter && !now.Before(b.until) { // not for each of those that were under way
		b.pause = min(max(2*b.pause, pauseFirst), pauseMost)
		b.until = now.Add(b.pause)
	}
}
