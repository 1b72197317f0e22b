package directory

import (
	"hash/maphash"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sparkoo/transfergate/controllers"
)

// Cache holds what a directory said about accounts, and when. Reading it takes no
// lock. It outlives reloads: those who use it bring their own settings.
type Cache struct {
	seed   maphash.Seed
	shards [cacheShards]atomic.Pointer[map[string]*entry] // the maps never change

	mu    sync.Mutex // one writer at a time; readers do not take it
	ring  []*entry   // guarded by mu: all of them, for the clock that makes room
	hand  int        // guarded by mu: where the clock stands
	kinds map[kind]*controllers.Account

	changed atomic.Bool // since it was last saved
	state   stateFile   // path empty: none
	source  string      // tells directories apart in a state file
}

// cacheShards keeps the maps small, as one is copied for each new account.
const (
	cacheShardBits = 12
	cacheShards    = 1 << cacheShardBits
)

// entry is an account that was asked for.
type entry struct {
	id         string
	answer     atomic.Pointer[answer]
	used       atomic.Bool // since the clock's hand passed
	refreshing atomic.Bool
}

// answer is what was said about an account. It never changes.
type answer struct {
	asked  time.Duration        // when, since 1970
	record *controllers.Account // without what follows and the id, shared by all that say the same; nil: no record
	salt   string
	born   controllers.Birth
}

// kind is what most records have in common with many others.
type kind struct{ country, controller string }

// NewCache returns a cache for the directory at a URL, with what the state file at
// a path holds of it; no path for none. A file that can't be used is ignored, and
// the reason is returned beside the cache.
func NewCache(url, path string) (*Cache, error) {
	c := &Cache{seed: maphash.MakeSeed(), kinds: make(map[kind]*controllers.Account), state: stateFile{path: path}, source: sourceOf(url)}
	for i := range c.shards {
		c.shards[i].Store(new(map[string]*entry))
	}
	if path == "" {
		return c, nil
	}
	return c, c.load()
}

// shard is where an account stands.
func (c *Cache) shard(id string) *atomic.Pointer[map[string]*entry] {
	return &c.shards[maphash.String(c.seed, id)>>(64-cacheShardBits)]
}

// get returns what is known of an account, nil for nothing.
func (c *Cache) get(id string) *entry {
	e := (*c.shard(id).Load())[id]
	if e != nil && !e.used.Load() {
		e.used.Store(true)
	}
	return e
}

// put notes what the directory said when it was asked at that moment; record is nil
// if it has none. Something said later stays. If there are more than limit accounts
// others make room.
func (c *Cache) put(id string, asked time.Time, record *controllers.Account, limit int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.answer(asked, record)
	c.changed.Store(true)
	shard := c.shard(id)
	if e := (*shard.Load())[id]; e != nil {
		if old := e.answer.Load(); old.asked <= a.asked {
			e.answer.Store(a)
		}
		return
	}
	for len(c.ring) >= max(1, limit) {
		c.makeRoom()
	}
	e := &entry{id: id}
	e.answer.Store(a)
	c.ring = append(c.ring, e)
	next := maps.Clone(*shard.Load())
	if next == nil {
		next = make(map[string]*entry, 1)
	}
	next[id] = e
	shard.Store(&next)
}

// fill is put for a cache nobody reads yet, whose maps may still change.
func (c *Cache) fill(record *controllers.Account, asked time.Time) {
	e := &entry{id: record.ID}
	e.answer.Store(c.answer(asked, record))
	c.ring = append(c.ring, e)
	shard := c.shard(e.id)
	if entries := *shard.Load(); entries != nil {
		entries[e.id] = e
		return
	}
	shard.Store(&map[string]*entry{e.id: e})
}

// answer is what was said at that moment. What most records say is kept once.
func (c *Cache) answer(asked time.Time, record *controllers.Account) *answer {
	a := &answer{asked: time.Duration(asked.UnixNano())}
	if record == nil {
		return a
	}
	shared := *record
	a.salt, a.born = record.Salt, record.Born
	shared.ID, shared.Salt, shared.Born = "", "", controllers.Birth{}
	a.record = &shared
	if shared.Party != nil || shared.Choices != nil || shared.References != nil {
		return a
	}
	k := kind{shared.Country, shared.Controller}
	if known := c.kinds[k]; known != nil {
		a.record = known
		return a
	}
	c.kinds[k] = &shared
	return a
}

// record is what an answer says about the entry's account; nil for no record.
func (e *entry) record(a *answer) *controllers.Account {
	if a.record == nil {
		return nil
	}
	record := *a.record
	record.ID, record.Salt, record.Born = e.id, a.salt, a.born
	return &record
}

// makeRoom removes an account that was not asked for lately. The caller holds mu.
func (c *Cache) makeRoom() {
	for {
		c.hand %= len(c.ring)
		e := c.ring[c.hand]
		if e.used.Swap(false) {
			c.hand++
			continue
		}
		c.remove(c.hand)
		return
	}
}

// remove removes the account at a place of the ring. The caller holds mu.
func (c *Cache) remove(i int) {
	e, last := c.ring[i], len(c.ring)-1
	c.ring[i], c.ring[last] = c.ring[last], nil
	c.ring = c.ring[:last]
	shard := c.shard(e.id)
	next := maps.Clone(*shard.Load())
	delete(next, e.id)
	shard.Store(&next)
}

// forget removes what was said before a moment: nobody believes it any more.
func (c *Cache) forget(before time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range slices.Backward(c.ring) { // removing moves none that is still to come
		if c.ring[i].answer.Load().asked < time.Duration(before.UnixNano()) {
			c.remove(i)
			c.changed.Store(true)
		}
	}
}

// Len returns how many accounts something is known of.
func (c *Cache) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.ring)
}
