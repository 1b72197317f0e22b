package format

import (
	"cmp"
	"fmt"
	"strconv"
)

// ID is the place of an entry in a ledger: the epoch, from 1, and the index
// within it, from 0, which is also the entry's leaf in the epoch's tree. No two
// entries of a ledger have the same.
type ID struct {
	Epoch uint32
	Index uint64
}

// Compare orders ids as their entries were written.
func (id ID) Compare(other ID) int {
	return cmp.Or(cmp.Compare(id.Epoch, other.Epoch), cmp.Compare(id.Index, other.Index))
}

// String writes the id as records name each other: "7.18402".
func (id ID) String() string { return string(id.Append(nil)) }

// Append appends what String returns.
func (id ID) Append(dst []byte) []byte {
	dst = strconv.AppendUint(dst, uint64(id.Epoch), 10)
	return strconv.AppendUint(append(dst, '.'), id.Index, 10)
}

// ParseID is the inverse of String.
func ParseID(s string) (id ID, err error) {
	if _, err := fmt.Sscanf(s, "%d.%d", &id.Epoch, &id.Index); err != nil || id.String() != s {
		return ID{}, fmt.Errorf("'%s' is not the number of a record: epoch and index, as in 1.18402", s)
	}
	return id, nil
}
