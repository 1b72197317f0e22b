package assertion

import (
	"sync"
	"time"
)

// DefaultRemember is how many assertions a [Signer] keeps for reuse unless
// configured.
const DefaultRemember = 10_000

// cache keeps assertions for reuse, in two generations. New ones enter the
// young generation; when that is full or has lived as long as an assertion is
// reused, it becomes the old one, and the old one is dropped. So no more than
// the limit are kept, and those of people who are gone leave with the next
// generations.
type cache struct {
	half  int           // of the limit: how many fit into a generation
	reuse time.Duration // how long an assertion is reused

	mu    sync.RWMutex
	young map[Facts]kept // guarded by mu
	old   map[Facts]kept // guarded by mu
	since time.Time      // guarded by mu; when the young generation began
}

// kept is an assertion in the cache.
type kept struct {
	token string
	made  time.Time
}

func newCache(limit int, reuse time.Duration) *cache {
	return &cache{half: max(1, limit/2), reuse: reuse, young: make(map[Facts]kept)}
}

// get returns an assertion of these facts that may be reused, or "". One from
// the future, made before the clock was set back, may not.
func (c *cache) get(f Facts, now time.Time) string {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, generation := range [...]map[Facts]kept{c.young, c.old} {
		if k, ok := generation[f]; ok && !now.Before(k.made) && now.Sub(k.made) < c.reuse {
			return k.token
		}
	}
	return ""
}

// put keeps an assertion.
func (c *cache) put(f Facts, token string, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, again := c.young[f]; !again && len(c.young) >= c.half || now.Sub(c.since) >= c.reuse || now.Before(c.since) {
		c.old, c.young, c.since = c.young, make(map[Facts]kept), now
	}
	c.young[f] = kept{token, now}
}

// len returns how many assertions are kept.
func (c *cache) len() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.young) + len(c.old)
}
