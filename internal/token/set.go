package token

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4/json"
)

// set is a key set at one moment. It never changes.
type set struct {
	byID    map[string]*key
	only    *key      // the key when there is but one
	fetched time.Time // wall clock, when the set was last known to be published
	raw     []byte    // as published
	ignored string    // why keys of it are not used, for the log; empty if all are
}

// parseSet reads a key set (RFC 7517 section 5). Keys that are not fit for use
// are left out, as providers publish keys for other uses beside them. Of two
// keys with one id neither is used, as nobody could tell them apart; nor is one
// without an id beside others. A set without a usable key is an error.
func parseSet(raw []byte, allowed []string) (*set, error) {
	var document struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(raw, &document); err != nil {
		return nil, errors.New("it is not a JSON object with the member 'keys'")
	}
	reasons := make(map[string]int)
	var usable []*key
	for _, member := range document.Keys {
		k, err := parseKey(member, allowed)
		if err != nil {
			reasons[err.Error()]++
			continue
		}
		usable = append(usable, k)
	}
	s := &set{byID: make(map[string]*key), raw: raw}
	for _, k := range usable {
		switch {
		case count(usable, k.id) > 1 && k.id != "":
			reasons["duplicate kid"]++
		case k.id == "" && len(usable) > 1:
			reasons["no kid"]++
		default:
			s.byID[k.id] = k
		}
	}
	s.ignored = describe(reasons)
	if len(s.byID) == 0 {
		return nil, fmt.Errorf("it holds no usable key (%d keys; not used: %s)", len(document.Keys), s.ignored)
	}
	if len(s.byID) == 1 {
		for _, k := range s.byID {
			s.only = k
		}
	}
	return s, nil
}

func count(keys []*key, id string) (n int) {
	for _, k := range keys {
		if k.id == id {
			n++
		}
	}
	return n
}

// describe lists reasons with their numbers.
func describe(reasons map[string]int) string {
	var words []string
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		words = append(words, fmt.Sprintf("%d %s", reasons[reason], reason))
	}
	return strings.Join(words, ", ")
}

// find returns the key a token names, nil if there is none. A token that names
// none means the only key.
func (s *set) find(id string) *key {
	if id == "" {
		return s.only
	}
	return s.byID[id]
}

// keep takes over from an older set what is still the same, so that tokens
// verified with those keys need not be verified again.
func (s *set) keep(old *set) {
	if old == nil {
		return
	}
	for id, k := range s.byID {
		if before := old.byID[id]; k.same(before) {
			s.byID[id] = before
			if s.only == k {
				s.only = before
			}
		}
	}
}
