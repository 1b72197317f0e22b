package token

import (
	"crypto/sha256"
	"sync"
	"sync/atomic"
	"time"
)

// digest identifies a token.
type digest = [sha256.Size]byte

// memo remembers verified tokens by their hash. Only verified tokens enter, so
// junk cannot push them out; among them, one that was not asked for since the
// last round goes first.
type memo struct {
	limit int

	mu      sync.RWMutex
	entries map[digest]*remembered // guarded by mu
	ring    []*remembered          // guarded by mu; the same entries
	hand    int                    // guarded by mu; where the search for room goes on
}

// remembered is a token in the memo.
type remembered struct {
	id    digest
	token *Token
	used  atomic.Bool // since the hand last passed
}

// newMemo returns a memo for at most limit tokens.
func newMemo(limit int) *memo {
	return &memo{limit: max(1, limit), entries: make(map[digest]*remembered)}
}

// get returns the token, nil if it is not remembered.
func (m *memo) get(id digest) *Token {
	m.mu.RLock()
	defer m.mu.RUnlock()
	e := m.entries[id]
	if e == nil {
		return nil
	}
	if !e.used.Load() {
		e.used.Store(true)
	}
	return e.token
}

// put remembers a token.
func (m *memo) put(id digest, t *Token, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if old := m.entries[id]; old != nil { // verified by two requests at once, or by a new key
		old.token = t
		return
	}
	e := &remembered{id: id, token: t}
	m.entries[id] = e
	if len(m.ring) < m.limit {
		m.ring = append(m.ring, e)
		return
	}
	for {
		at := m.hand
		m.hand = (m.hand + 1) % len(m.ring)
		old := m.ring[at]
		if !now.Before(old.token.usable.until) || !old.used.Swap(false) {
			delete(m.entries, old.id)
			m.ring[at] = e
			return
		}
	}
}

// len returns how many tokens are remembered.
func (m *memo) len() int {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return len(m.entries)
}
