package directory

import (
	"errors"
	"slices"
	"sync"
	"time"
)

// breaker stops asking a service that keeps failing. Failures about breakAfter different
// accounts in a row put the service in doubt: they may be the accounts' own. It is asked
// for [Nobody] then, and for an account that it had, and only if both fail, too, the
// breaker opens, for a pause that doubles with each one; after it a single request is let
// through to see whether the service is back.
type breaker struct {
	mu      sync.Mutex
	failed  []string      // guarded by mu: accounts, at most breakAfter, that failed since the last success
	doubted bool          // guarded by mu: somebody is asking whether it answers at all
	pause   time.Duration // guarded by mu: 0 while it is closed
	until   time.Time     // guarded by mu: when a probe may go out
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
	if b.pause == 0 {
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
	return b.pause > 0 && (b.probing || now.Before(b.until))
}

// conclude notes how a request about an account, which was allowed, has ended. Whoever is
// told that the service is in doubt asks whether it answers at all and calls settle.
func (b *breaker) conclude(now time.Time, account string, probe, ok bool) (doubt bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if probe {
		b.probing = false
	}
	if ok {
		b.failed, b.pause = nil, 0
		return false
	}
	if b.pause > 0 {
		if !now.Before(b.until) { // not for each of those that were under way
			b.lengthen(now)
		}
		return false
	}
	if len(b.failed) < breakAfter && !slices.Contains(b.failed, account) {
		b.failed = append(b.failed, account)
	}
	if len(b.failed) < breakAfter || b.doubted {
		return false
	}
	b.doubted = true
	return true
}

// settle ends the doubt: the service answered, or not.
func (b *breaker) settle(now time.Time, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.doubted = false
	switch {
	case ok:
		b.failed = nil
	case len(b.failed) >= breakAfter: // nobody was answered meanwhile
		b.lengthen(now)
	}
}

// lengthen opens the breaker, for longer than before. Whoever calls it holds mu.
func (b *breaker) lengthen(now time.Time) {
	b.pause = min(max(2*b.pause, pauseFirst), pauseMost)
	b.until = now.Add(b.pause)
}
