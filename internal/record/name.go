package record

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"
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
func ParseID(s string) (ID, error) {
	epoch, index, found := strings.Cut(s, ".")
	e, err := strconv.ParseUint(epoch, 10, 32)
	i, err2 := strconv.ParseUint(index, 10, 64)
	id := ID{uint32(e), i}
	if !found || err != nil || err2 != nil || !id.writes(s) { // not 01.2 or +1.2
		return ID{}, fmt.Errorf("'%s' is not the number of a record: epoch and index, as in 1.18402", s)
	}
	return id, nil
}

// writes reports whether s is how the id is written.
func (id ID) writes(s string) bool {
	var room [32]byte
	return string(id.Append(room[:0])) == s
}

// Name is the number by which people know a record, as headers, problems and
// logs show it: the node whose ledger it stands in, the class of records if that
// is kept apart, and the place in the ledger: "gw-sg-1#7.18402" and
// "gw-sg-1/support#7.18402".
type Name struct {
	Node  string // empty where the ledger says which
	Class string // empty for what belongs to no class
	ID
}

// String writes the name. Without a node and a class it is the ID's.
func (n Name) String() string {
	var room [128]byte
	return string(n.Append(room[:0]))
}

// Append appends what String returns.
func (n Name) Append(dst []byte) []byte {
	if n.Node == "" && n.Class == "" {
		return n.ID.Append(dst)
	}
	dst = append(dst, n.Node...)
	if n.Class != "" {
		dst = append(append(dst, '/'), n.Class...)
	}
	return n.ID.Append(append(dst, '#'))
}

// ParseName is the inverse of String.
func ParseName(s string) (Name, error) {
	owner, number, found := strings.Cut(s, "#")
	if !found {
		id, err := ParseID(s)
		return Name{ID: id}, err
	}
	n := Name{}
	var apart bool
	n.Node, n.Class, apart = strings.Cut(owner, "/")
	var err error
	if n.ID, err = ParseID(number); err != nil || n.Node == "" {
		return Name{}, fmt.Errorf("'%s' is not the number of a record: node, epoch and index, as in gw-1#1.18402, or gw-1/support#1.18402 for a class of records that is kept apart", s)
	}
	if apart {
		if err := CheckClass(n.Class); err != nil {
			return Name{}, fmt.Errorf("'%s' is not the number of a record: %w", s, err)
		}
	}
	return n, nil
}

// DefaultClass names the records that belong to no class. It stands in no name
// of a record.
const DefaultClass = "default"

var className = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)

// CheckClass returns what is wrong with the name of a class of records, if
// anything is.
func CheckClass(name string) error {
	if !className.MatchString(name) {
		return fmt.Errorf("'%s' cannot name a class: a letter and at most 31 small letters, digits and hyphens", name)
	}
	if name == DefaultClass {
		return fmt.Errorf("'%s' is the class of what belongs to no other", name)
	}
	return nil
}
