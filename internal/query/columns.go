package query

import (
	"strconv"

	"github.com/sparkoo/transfergate/internal/record"
)

// Segment is a stretch of a ledger's entries by columns, in which queries are answered
// without reading the entries. A row that it has no values of matches nothing: whoever
// has it looks at such an entry itself.
type Segment interface {
	// Len is how many entries it has, and First the number of the first of them.
	Len() int
	First() record.ID

	// Times are when they were written, in microseconds since 1970.
	Times() ([]int64, error)

	// Column is that of a key; nil if there is none, so that only the entries tell.
	Column(k *Key) (*Column, error)
}

// Column are the values of a key in the rows of a [Segment].
type Column struct {
	// Codes say of each row which of Sets are its values.
	Codes []int32
	Sets  [][]string

	// Marks stand instead, where nearly each row has a value of its own, and no row has
	// two: its [Mark], or 0 if it has none.
	Marks []uint32

	// Numbers stand instead, where nearly each row has a number of its own, and no row
	// has two; -1 if it has none.
	Numbers []int64
}

// Values are those of a row; a column of marks does not tell.
func (c *Column) Values(row int) []string {
	switch {
	case c.Codes != nil:
		return c.Sets[c.Codes[row]]
	case c.Numbers != nil && c.Numbers[row] >= 0:
		return []string{strconv.FormatInt(c.Numbers[row], 10)}
	}
	return nil
}

// coded reports whether the column has codes.
func (c *Column) coded() bool { return c != nil && c.Marks == nil && c.Numbers == nil }

// Mark is a hash of a value, which is never 0.
func Mark[T string | []byte](value T) uint32 {
	const odd = 0x9e3779b97f4a7c15 // its bits are as good as random
	h := uint64(len(value)) * odd
	for ; len(value) >= 8; value = value[8:] {
		_ = value[7]
		word := uint64(value[0]) | uint64(value[1])<<8 | uint64(value[2])<<16 | uint64(value[3])<<24 |
			uint64(value[4])<<32 | uint64(value[5])<<40 | uint64(value[6])<<48 | uint64(value[7])<<56
		h = (h ^ word) * odd
		h ^= h >> 32
	}
	for i := range len(value) {
		h = (h ^ uint64(value[i])) * odd
		h ^= h >> 32
	}
	return max(1, uint32(h^h>>32))
}

// Stored are the keys that have columns: all of the record table but what stands in
// the entry only, what holds others, and what an entry has very many values of; and how
// a transfer ended, as an entry after it tells.
func Stored() (all []*Key) {
	for _, k := range keys().all {
		if k.late || k.derive == nil && !k.hidden && !k.inRows && k.Kind != Part {
			all = append(all, k)
		}
	}
	return all
}

// Marked reports whether a column may have marks of the key's values in their place.
func (k *Key) Marked() bool { return k.Kind == Word && !k.fold && !k.late && !k.many }

// Numbered reports whether a column may have numbers in the place of codes.
func (k *Key) Numbered() bool { return k.Kind == Number && !k.many }

// Late reports whether a key follows from how a transfer ended.
func (k *Key) Late() bool { return k.late }

// Derived is the value of a key that is late, empty if there is none.
func (k *Key) Derived(row *Row) string { return k.derive(row) }

// EndKeys are the keys of the members of [Ended], in their order; nil for the number of
// the transfer itself.
func EndKeys() []*Key {
	members := endMembers()
	all := make([]*Key, len(members))
	for i, m := range members {
		if m.Name != recordMember {
			all[i] = KeyNamed("outcome." + m.Name)
		}
	}
	return all
}
