package token

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
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
// are left out, as providers publish keys for other uses beside them. A key that is
// listed several times under one id is one key, for each algorithm that it was listed
// with. Of two keys with one id neither is used, as nobody could tell them apart; nor
// is one without an id beside others. A set without a usable key is an error.
func parseSet(raw []byte, allowed []string) (*set, error) {
	var document struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(raw, &document); err != nil {
		return nil, errors.New("it is not a JSON object with the member 'keys'")
	}
	var left []string // out, and why
	var usable []*key
	for i, member := range document.Keys {
		k, id, err := readKey(member, allowed)
		if err != nil {
			left = append(left, fmt.Sprintf("key %d %s: %s", i+1, shown(id), err))
			continue
		}
		if !slices.ContainsFunc(usable, func(other *key) bool { return other.join(k) }) {
			usable = append(usable, k)
		}
	}
	s := &set{byID: make(map[string]*key), raw: raw}
	for _, k := range usable {
		switch {
		case count(usable, k.id) > 1 && k.id != "":
			left = append(left, shown(k.id)+": another key has this kid (member kid)")
		case k.id == "" && len(usable) > 1:
			left = append(left, "a key without kid beside others (member kid)")
		default:
			s.byID[k.id] = k
		}
	}
	s.ignored = describe(left)
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

// shown is a kid as a log may have it.
func shown(id string) string {
	const longest = 64
	if len(id) > longest {
		return strconv.Quote(id[:longest]) + "..."
	}
	return strconv.Quote(id)
}

// describe lists why keys are left out, as far as a line goes.
func describe(left []string) string {
	const most = 10
	if len(left) > most {
		left = append(left[:most:most], fmt.Sprintf("and %d more", len(left)-most))
	}
	return strings.Join(left, "; ")
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
