package assertion

import (
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"
)

const (
	// MaxAge is how long a verifier may keep a published key set.
	MaxAge = 5 * time.Minute

	// Overlap is how long a key that is no longer configured stays published:
	// until the last assertion it signed has expired, and more than twice as long
	// as a verifier keeps the set.
	Overlap = 15 * time.Minute
)

// Ring holds the keys of one issuer in one process, across configurations that
// follow each other: those it made itself, and those that are published. The
// zero Ring is ready for use. Any number of goroutines may use it.
type Ring struct {
	mu        sync.Mutex
	generated map[string]Key // guarded by mu; by algorithm
	published []published    // guarded by mu
}

// published is a key of the published set.
type published struct {
	key   Key
	until time.Time // when it is forgotten; zero while it is configured
}

// Generated returns the ring's own key for an algorithm. It makes one when first
// asked, which fresh tells. The key is gone when the process ends.
func (r *Ring) Generated(algorithm string) (k Key, fresh bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if k, ok := r.generated[algorithm]; ok {
		return k, false, nil
	}
	if k, err = Generate(algorithm); err != nil {
		return Key{}, false, err
	}
	if r.generated == nil {
		r.generated = make(map[string]Key)
	}
	r.generated[algorithm] = k
	return k, true, nil
}

// Publish makes keys those that are configured from now on. Keys that were and
// are no more stay published for [Overlap].
func (r *Ring) Publish(keys []Key, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	next := make([]published, 0, len(keys)+len(r.published))
	for _, k := range keys {
		next = append(next, published{key: k})
	}
	for _, p := range r.published {
		if p.until.IsZero() {
			p.until = now.Add(Overlap)
		}
		if now.Before(p.until) && !holds(next, p.key.id) {
			next = append(next, p)
		}
	}
	r.published = next
}

// KeySet returns the key set to publish (RFC 7517 section 5): keys, then what is
// published besides. Only public halves are in it.
func (r *Ring) KeySet(keys []Key, now time.Time) ([]byte, error) {
	var set jose.JSONWebKeySet
	for _, k := range keys {
		set.Keys = append(set.Keys, k.jwk())
	}
	r.mu.Lock()
	for _, p := range r.published {
		known := slices.ContainsFunc(keys, func(k Key) bool { return k.id == p.key.id })
		if !known && (p.until.IsZero() || now.Before(p.until)) {
			set.Keys = append(set.Keys, p.key.jwk())
		}
	}
	r.mu.Unlock()
	return json.Marshal(set)
}

func holds(list []published, id string) bool {
	return slices.ContainsFunc(list, func(p published) bool { return p.key.id == id })
}
