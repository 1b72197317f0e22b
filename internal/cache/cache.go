// Package cache remembers a bounded number of values by their keys, in memory. Reading
// takes no lock and allocates nothing. When room is needed, a value that was not read
// since the last round goes (the clock algorithm), so that what is used stays.
package cache

import (
	"hash/maphash"
	"iter"
	"maps"
	"math/bits"
	"slices"
	"sync"
	"sync/atomic"
)

// Cache is a cache. Any number of goroutines may use it.
type Cache[K comparable, V any] struct {
	seed   maphash.Seed
	shards []atomic.Pointer[shard[K, V]] // the maps never change
	shift  int

	mu   sync.Mutex     // one writer at a time; readers do not take it
	ring []*entry[K, V] // guarded by mu: all of them, for the clock that makes room
	hand int            // guarded by mu: where the clock stands
}

// shard is a part of the entries. It is copied for each change, so that it is small.
type shard[K comparable, V any] map[K]*entry[K, V]

type entry[K comparable, V any] struct {
	key   K
	value V
	at    int32       // guarded by the cache's mu: its place in the ring
	used  atomic.Bool // since the clock's hand passed
}

// perShard is about how many entries are copied for a new one.
const perShard = 16

// maxShards bounds what a cache takes that is empty, to 32 kB.
const maxShards = 1 << 12

// New returns an empty cache that does well with about so many values.
func New[K comparable, V any](expected int) *Cache[K, V] {
	n := bits.Len(uint(max(1, min(expected/perShard, maxShards)-1)))
	c := &Cache[K, V]{seed: maphash.MakeSeed(), shards: make([]atomic.Pointer[shard[K, V]], 1<<n), shift: 64 - n}
	for i := range c.shards {
		c.shards[i].Store(new(shard[K, V]))
	}
	return c
}

// shard is where a key stands.
func (c *Cache[K, V]) shard(key K) *atomic.Pointer[shard[K, V]] {
	return &c.shards[maphash.Comparable(c.seed, key)>>c.shift]
}

// Get returns the value of a key, and whether there is one.
func (c *Cache[K, V]) Get(key K) (value V, ok bool) {
	e := (*c.shard(key).Load())[key]
	if e == nil {
		return value, false
	}
	if !e.used.Load() {
		e.used.Store(true)
	}
	return e.value, true
}

// Put remembers a value, in the place of what the key had. If that makes more than limit,
// at least one, others make room: whoever puts brings the limit, so that a new
// configuration may bring another.
func (c *Cache[K, V]) Put(key K, value V, limit int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := &entry[K, V]{key: key, value: value}
	place := c.shard(key)
	if old := (*place.Load())[key]; old != nil {
		e.at = old.at
		e.used.Store(old.used.Load())
		c.ring[e.at] = e
	} else {
		for len(c.ring) >= max(1, limit) {
			c.makeRoom()
		}
		e.at = int32(len(c.ring))
		c.ring = append(c.ring, e)
	}
	next := maps.Clone(*place.Load())
	if next == nil {
		next = make(shard[K, V], 1)
	}
	next[key] = e
	place.Store(&next)
}

// Fill is [Cache.Put] of a new key for a cache that nobody else uses yet: nothing is
// copied, and nothing makes room.
func (c *Cache[K, V]) Fill(key K, value V) {
	e := &entry[K, V]{key: key, value: value, at: int32(len(c.ring))}
	c.ring = append(c.ring, e)
	place := c.shard(key)
	if entries := *place.Load(); entries != nil {
		entries[key] = e
		return
	}
	place.Store(&shard[K, V]{key: e})
}

// makeRoom removes a value that was not read lately. The caller holds mu.
func (c *Cache[K, V]) makeRoom() {
	for {
		c.hand %= len(c.ring)
		e := c.ring[c.hand]
		if !e.used.Swap(false) {
			c.remove(e)
			return
		}
		c.hand++
	}
}

// remove removes an entry. The caller holds mu.
func (c *Cache[K, V]) remove(e *entry[K, V]) {
	last := len(c.ring) - 1
	c.ring[last].at = e.at
	c.ring[e.at], c.ring[last] = c.ring[last], nil
	c.ring = c.ring[:last]
	place := c.shard(e.key)
	next := maps.Clone(*place.Load())
	delete(next, e.key)
	place.Store(&next)
}

// Delete forgets a key.
func (c *Cache[K, V]) Delete(key K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := (*c.shard(key).Load())[key]; e != nil {
		c.remove(e)
	}
}

// DeleteFunc forgets what del says, and reports whether there was any. Del is called
// while nobody can put.
func (c *Cache[K, V]) DeleteFunc(del func(K, V) bool) (deleted bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range slices.Backward(c.ring) { // removing moves none that is still to come
		if del(e.key, e.value) {
			c.remove(e)
			deleted = true
		}
	}
	return deleted
}

// All yields what is remembered, in no order; what changes meanwhile may be missing. It does not count as reading.
func (c *Cache[K, V]) All() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for i := range c.shards {
			for key, e := range *c.shards[i].Load() {
				if !yield(key, e.value) {
					return
				}
			}
		}
	}
}

// Len returns how many values are remembered.
func (c *Cache[K, V]) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.ring)
}
