package record

import "slices"

// Kind says how the value of a member stands as JSON.
type Kind string

// The kinds.
const (
	Text    Kind = "text"
	Texts   Kind = "list of texts"
	Number  Kind = "number"  // whole, from 0 to 2^53-1
	Truth   Kind = "truth"   // true or false
	Instant Kind = "instant" // RFC 3339 in UTC with six digits
	Day     Kind = "day"     // 2006-01-02
	UUID    Kind = "UUID"    // RFC 9562
	Random  Kind = "random"  // 16 bytes in base64url without padding
	Bytes   Kind = "bytes"   // base64
	Place   Kind = "place"   // of an entry in this ledger, see ID
	Object  Kind = "object"  // see Member.Members
	Objects Kind = "list of objects"
	Rows    Kind = "list of rows" // each a list of Member.Members in their order
)

// Column says what becomes of a member where entries are kept by columns, to be
// searched and counted.
type Column string

// The columns.
const (
	NoColumn Column = ""       // read from the entry itself
	Label    Column = "label"  // few values, each in many entries: a dictionary
	Labels   Column = "labels" // several of them in an entry
	Key      Column = "key"    // mostly another value in each entry
	Count    Column = "count"  // a number to add up
	Flag     Column = "flag"   // true or false
	Moment   Column = "moment" // microseconds since 1970
)

// Member is what is known of one member of an entry.
type Member struct {
	Name string
	Kind Kind
	// Always says that no entry of the type is without it.
	Always bool
	// Since is the version that brought it, one of Versions.
	Since string
	// Means says what it is, to somebody who keeps records or asks for them.
	Means string
	// Clauses are those of the privacy statement, by their tags, that ask for it.
	// A member that serves the log itself has none.
	Clauses []string
	Column  Column
	// Values are all there are, if they are few and settled.
	Values []string
	// Members are those of an inner object.
	Members []Member
}

// member is a row of the table of objects of type T: what is known of a member,
// and the field of T that holds it.
type member[T any] struct {
	Member
	field func(*T) field
	key   string // as it is written
}

// object is the table of objects of type T.
type object[T any] struct {
	members []member[T]
	unknown func(*T) *[]Unknown // members that the table does not name; nil for rows
}

// field is a pointer to the Go field that holds a member's value.
type field interface {
	kind() Kind
	// always reports whether every value makes a member.
	always() bool
	// append appends key and value, or nothing where the value makes no member.
	append(dst []byte, key string) []byte
	// clear sets the value that makes no member.
	clear()
	// parse reads the value.
	parse(s *scanner) bool
}

// inner is a field that holds objects with a table of their own.
type inner interface{ members() []Member }

// Unknown is a member that the table does not name.
type Unknown struct {
	Name  string
	Value string // its JSON
}

// table is an object's, of whatever type.
type table interface {
	// list is the table as it is told to others.
	list() []Member
	// reads reports whether a text is JSON that the member's field takes.
	reads(member int, text string) bool
}

// newObject completes a table: rows in the order of their names, with what the
// fields tell.
func newObject[T any](unknown func(*T) *[]Unknown, members ...member[T]) *object[T] {
	slices.SortFunc(members, func(a, b member[T]) int { return compareNames(a.Name, b.Name) })
	return newRow(members...).with(unknown)
}

// newRow is newObject for a list of values in the order of the table.
func newRow[T any](members ...member[T]) *object[T] {
	for i := range members {
		m := &members[i]
		f := m.field(new(T))
		m.Kind, m.Always = f.kind(), f.always()
		if in, ok := f.(inner); ok {
			m.Members = in.members()
		}
		m.key = `"` + m.Name + `":`
	}
	return &object[T]{members: members}
}

func (o *object[T]) with(unknown func(*T) *[]Unknown) *object[T] {
	o.unknown = unknown
	return o
}

func (o *object[T]) list() []Member {
	list := make([]Member, len(o.members))
	for i := range o.members {
		list[i] = o.members[i].Member
	}
	return list
}

func (o *object[T]) reads(member int, text string) bool {
	s := scanner{text: text}
	return o.members[member].field(new(T)).parse(&s) && s.end()
}

// append appends t as a JSON object.
func (o *object[T]) append(dst []byte, t *T) []byte {
	dst = append(dst, '{')
	more := *o.unknown(t)
	for i := range o.members {
		m := &o.members[i]
		for len(more) > 0 && compareNames(more[0].Name, m.Name) < 0 {
			dst, more = more[0].append(dst), more[1:]
		}
		dst = m.field(t).append(dst, m.key)
	}
	for _, u := range more {
		dst = u.append(dst)
	}
	return append(dst, '}')
}

func (u Unknown) append(dst []byte) []byte {
	dst = append(appendString(separate(dst), u.Name), ':')
	return append(dst, u.Value...)
}

// separate appends a comma where something stands before.
func separate(dst []byte) []byte {
	if c := dst[len(dst)-1]; c != '{' && c != '[' {
		dst = append(dst, ',')
	}
	return dst
}

// begin appends the key of a member, or nothing of the values of a row.
func begin(dst []byte, key string) []byte { return append(separate(dst), key...) }

// parse reads an object into t, which it sets whole.
func (o *object[T]) parse(s *scanner, t *T) bool {
	unknown := o.unknown(t)
	*unknown = nil
	next := 0 // row that may come next
	ok := s.object(func(name string) bool {
		for next < len(o.members) && compareNames(o.members[next].Name, name) < 0 {
			if !o.absent(s, t, next) {
				return false
			}
			next++
		}
		if next < len(o.members) && o.members[next].Name == name {
			next++
			return o.members[next-1].field(t).parse(s)
		}
		value, ok := s.skip()
		*unknown = append(*unknown, Unknown{name, value})
		return ok
	})
	s.depth++ // a message is still about this object
	for ; ok && next < len(o.members); next++ {
		ok = o.absent(s, t, next)
	}
	s.depth--
	return ok
}

// absent notes that a member is not there.
func (o *object[T]) absent(s *scanner, t *T, i int) bool {
	m := &o.members[i]
	if m.Always {
		s.within[s.depth] = ""
		return s.fail("the member " + m.Name + " is missing")
	}
	m.field(t).clear()
	return true
}

// appendRow appends t as a list of the values of all members.
func (o *object[T]) appendRow(dst []byte, t *T) []byte {
	dst = append(separate(dst), '[')
	for i := range o.members {
		dst = o.members[i].field(t).append(dst, "")
	}
	return append(dst, ']')
}

// parseRow is the inverse of appendRow.
func (o *object[T]) parseRow(s *scanner, t *T) bool {
	ok := s.enter('[')
	for i := 0; ok && i < len(o.members); i++ {
		ok = (i == 0 || s.want(',')) && o.members[i].field(t).parse(s)
	}
	if ok = ok && s.want(']'); ok {
		s.depth--
	}
	return ok
}
