package controllers

import (
	"errors"
	"fmt"
	"hash/maphash"
	"math/bits"
	"slices"
	"strings"

	"github.com/sparkoo/transfergate/internal/decision"
)

// records are the account records of one snapshot, stored for a million of them:
// without a pointer per account, which the garbage collector would follow, and
// without repeating what most have in common. They never change; a change makes
// new records, which share the shards it did not touch.
//
// An account is found by a hash of its id, and is only taken for it if the whole
// id is the same: two people whose ids hash alike are never mixed up. The hash is
// keyed by a random seed, so that nobody can choose ids that hash alike.
type records struct {
	seed   maphash.Seed
	shards [shardCount]*shard // by the high bits of the hash; nil when empty
	kinds  []kind             // what plain rows say
}

// shardCount is a compromise: a change copies this many pointers and the
// shards it touches.
const (
	shardBits  = 12
	shardCount = 1 << shardBits
)

// kind is what a plain row says beside its id and birth. There are few: countries by
// controllers.
type kind struct{ country, controller string }

// shard is an open-addressing hash table.
type shard struct {
	slots []uint32 // row number + 1, by the low bits of the hash; 0 is empty
	rows  []row
	texts string     // id and salt of all rows, one after the other
	full  []*Account // rows with a party, choices, references or an invalid country; there are few
}

// row is one account in a shard.
type row struct {
	start uint32 // of the id, in texts; the salt follows it
	size  uint16 // of the id; see maxID
	salt  uint8  // size of the salt; see maxSalt
	kind  int32  // in kinds; or -1-n for full[n]
	born  decision.Birth
}

// shardOf is the shard a hash belongs to.
func shardOf(hash uint64) int { return int(hash >> (64 - shardBits)) }

// id returns the id of a row.
func (s *shard) id(r row) string { return s.texts[r.start:][:r.size] }

// salt returns the person's salt of a row.
func (s *shard) salt(r row) string { return s.texts[r.start:][r.size:][:r.salt] }

// find returns the row of an id.
func (s *shard) find(hash uint64, id string) (row, bool) {
	mask := uint64(len(s.slots) - 1)
	for i := hash & mask; s.slots[i] != 0; i = (i + 1) & mask {
		if r := s.rows[s.slots[i]-1]; s.id(r) == id {
			return r, true
		}
	}
	return row{}, false
}

// get returns the account with that id, nil if there is none.
func (d *records) get(id string) *Account {
	if d == nil {
		return nil
	}
	hash := maphash.String(d.seed, id)
	s := d.shards[shardOf(hash)]
	if s == nil {
		return nil
	}
	r, ok := s.find(hash, id)
	if !ok {
		return nil
	}
	return d.account(s, r)
}

// account returns what a row says.
func (d *records) account(s *shard, r row) *Account {
	if r.kind < 0 {
		return s.full[-1-r.kind]
	}
	k := d.kinds[r.kind]
	return &Account{ID: s.id(r), Country: k.country, Controller: k.controller, Born: r.born, Salt: s.salt(r)}
}

// all yields every account.
func (d *records) all(yield func(*Account) bool) {
	if d == nil {
		return
	}
	for _, s := range d.shards {
		if s == nil {
			continue
		}
		for _, r := range s.rows {
			if !yield(d.account(s, r)) {
				return
			}
		}
	}
}

// controllers returns the ids of the controllers that records name.
func (d *records) controllers() map[string]bool {
	named := make(map[string]bool)
	if d == nil {
		return named
	}
	plain := make([]bool, len(d.kinds))
	for _, s := range d.shards {
		if s == nil {
			continue
		}
		for _, r := range s.rows {
			if r.kind >= 0 {
				plain[r.kind] = true
			}
		}
		for _, a := range s.full {
			named[a.Controller] = true
		}
	}
	for i, used := range plain {
		if used {
			named[d.kinds[i].controller] = true
		}
	}
	delete(named, "")
	return named
}

// twiceError is returned for an account that is put twice; place is the second one's.
type twiceError struct{ place int }

func (twiceError) Error() string { return "the same account twice" }

// errBoth is returned for an account that is both put and removed.
var errBoth = errors.New("an account is both changed and removed; say one of the two")

// with returns records in which put stand and remove don't. d may be nil, for
// none. The accounts of put have been checked.
func (d *records) with(put []Account, remove []string) (*records, error) {
	next := &records{}
	if d == nil {
		next.seed = maphash.MakeSeed()
	} else {
		*next = *d
		next.kinds = slices.Clone(d.kinds)
	}
	w := writer{records: next, put: put, remove: remove, kindOf: make(map[kind]int32)}
	for i, k := range next.kinds {
		w.kindOf[k] = int32(i)
	}
	puts := group(len(put), func(i int) uint64 { return maphash.String(next.seed, put[i].ID) })
	removes := group(len(remove), func(i int) uint64 { return maphash.String(next.seed, remove[i]) })
	for i := range shardCount {
		if err := w.rebuild(i, puts.of(i), removes.of(i)); err != nil {
			return nil, err
		}
	}
	return next, nil
}

// groups are the places of a slice, ordered by shard.
type groups struct {
	places []uint32
	ends   [shardCount]uint32
}

// group orders the places 0 to n-1 by the shard of their hash. Within a shard
// they keep their order.
func group(n int, hash func(int) uint64) *groups {
	g := &groups{places: make([]uint32, n)}
	shards := make([]uint16, n)
	var next [shardCount + 1]uint32
	for i := range shards {
		shards[i] = uint16(shardOf(hash(i)))
		next[shards[i]+1]++
	}
	for i := range shardCount {
		next[i+1] += next[i]
		g.ends[i] = next[i+1]
	}
	for i, s := range shards {
		g.places[next[s]] = uint32(i)
		next[s]++
	}
	return g
}

// of returns the places of a shard.
func (g *groups) of(shard int) []uint32 {
	start := uint32(0)
	if shard > 0 {
		start = g.ends[shard-1]
	}
	return g.places[start:g.ends[shard]]
}

// writer makes new records.
type writer struct {
	records *records
	put     []Account
	remove  []string
	kindOf  map[kind]int32
}

// rebuild makes shard number n anew, unless nothing in it changes.
func (w *writer) rebuild(n int, puts, removes []uint32) error {
	if len(puts)+len(removes) == 0 {
		return nil
	}
	gone := make(map[string]bool, len(removes)) // and so are, of the old rows, those put
	for _, i := range removes {
		gone[w.remove[i]] = true
	}
	for _, i := range puts {
		if gone[w.put[i].ID] {
			return errBoth
		}
	}
	old := w.records.shards[n]
	if old == nil {
		old = new(shard)
	}
	s, size := new(shard), len(old.texts)
	for _, i := range puts {
		size += len(w.put[i].ID) + len(w.put[i].Salt)
	}
	s.slots = make([]uint32, slotCount(len(old.rows)+len(puts)))
	s.rows = make([]row, 0, len(old.rows)+len(puts))
	var texts strings.Builder
	texts.Grow(size)
	for _, i := range puts {
		a := &w.put[i]
		if !s.add(w.records.seed, &texts, a.ID, a.Salt, row{kind: w.kind(s, a), born: a.Born}) {
			return twiceError{int(i)}
		}
	}
	for _, r := range old.rows {
		id, k := old.id(r), r.kind
		if gone[id] {
			continue
		}
		if k < 0 {
			k = -1 - int32(len(s.full))
		}
		if s.add(w.records.seed, &texts, id, old.salt(r), row{kind: k, born: r.born}) && k < 0 { // else it was put
			s.full = append(s.full, old.full[-1-r.kind])
		}
	}
	if w.records.shards[n] = s; len(s.rows) == 0 {
		w.records.shards[n] = nil
	}
	return nil
}

// kind returns what a row about a says, and keeps a full row if need be.
func (w *writer) kind(s *shard, a *Account) int32 {
	if a.Party != nil || a.Choices != nil || a.References != nil || a.Invalid {
		s.full = append(s.full, a.clone())
		return -int32(len(s.full))
	}
	k := kind{a.Country, a.Controller}
	i, known := w.kindOf[k]
	if !known {
		i = int32(len(w.records.kinds))
		k.country, k.controller = strings.Clone(k.country), strings.Clone(k.controller)
		w.records.kinds = append(w.records.kinds, k)
		w.kindOf[k] = i
	}
	return i
}

// add appends a row with these texts unless its id is there. It reports whether it did.
func (s *shard) add(seed maphash.Seed, texts *strings.Builder, id, salt string, r row) bool {
	mask := uint64(len(s.slots) - 1)
	i := maphash.String(seed, id) & mask
	s.texts = texts.String() // shares the builder's memory
	for ; s.slots[i] != 0; i = (i + 1) & mask {
		if s.id(s.rows[s.slots[i]-1]) == id {
			return false
		}
	}
	r.start, r.size, r.salt = uint32(texts.Len()), uint16(len(id)), uint8(len(salt))
	s.rows = append(s.rows, r)
	texts.WriteString(id)
	texts.WriteString(salt)
	s.texts = texts.String()
	s.slots[i] = uint32(len(s.rows))
	return true
}

// slotCount is the power of two that leaves a third of the slots empty, or
// more, for n rows: a search ends at an empty slot.
func slotCount(n int) int { return 1 << bits.Len(uint(n+n/2)) }

// sayTwice words the error for an account that stands twice in accounts.
func sayTwice(err error, accounts []Account) error {
	var twice twiceError
	if !errors.As(err, &twice) {
		return err
	}
	second := accounts[twice.place].ID
	first := slices.IndexFunc(accounts, func(a Account) bool { return a.ID == second })
	return fmt.Errorf("accounts %d and %d of %d are the same account; keep one", first+1, twice.place+1, len(accounts))
}
