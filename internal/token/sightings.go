package token

import (
	"slices"
	"sync"
)

// DefaultEnough is the default of [Config.Enough].
const DefaultEnough = 300

// sightings tells which claims no token ever had.
type sightings struct {
	mu     sync.Mutex
	tokens uint64   // that were verified anew
	unseen []string // claims that none of them had
}

// note takes account of a token. The caller did not have it in the memo.
func (s *sightings) note(t *Token, enough uint64, tell func([]string)) {
	s.mu.Lock()
	s.tokens++
	s.unseen = slices.DeleteFunc(s.unseen, func(name string) bool { return !slices.Contains(t.lacks, name) })
	due := s.tokens == enough && len(s.unseen) > 0
	names := slices.Clone(s.unseen)
	s.mu.Unlock()
	if due && tell != nil {
		tell(names)
	}
}

// Unseen are the claims that no token had, once [Config.Enough] of them came.
func (v *Verifier) Unseen() []string {
	s := &v.sightings
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tokens < v.config.Enough {
		return nil
	}
	return slices.Clone(s.unseen)
}
