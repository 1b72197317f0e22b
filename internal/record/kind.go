package record

import (
	"bytes"
	"slices"
)

// TypeOf returns the type of an entry without reading all of it: in the order of
// names it stands near the end. It is empty if data does not end as an entry does;
// what stands before is not looked at.
func TypeOf(data []byte) string {
	kind, _ := kindOf(data)
	return kind
}

var typeKey = []byte(`"type":"`)

// kindOf returns the type and the version of an entry. A quotation mark within a
// text is escaped, so that no text looks like a member; the member of an inner
// object is told from the entry's by what follows: the rest of the entry.
func kindOf(data []byte) (kind, version string) {
	for end := len(data); ; {
		at := bytes.LastIndex(data[:end], typeKey)
		if at <= 0 {
			return "", ""
		}
		if kind, version, ok := readTail(data[at:]); ok && (data[at-1] == ',' || data[at-1] == '{') {
			return kind, version
		}
		end = at
	}
}

// readTail reads the members from type on to the end of the entry.
func readTail(tail []byte) (kind, version string, ok bool) {
	s := scanner{text: "{" + string(tail)}
	ok = s.object(func(name string) (ok bool) {
		switch name {
		case "type":
			kind, ok = s.string()
		case "v":
			version, ok = s.string()
		default:
			_, ok = s.skip()
		}
		return ok
	})
	return kind, version, ok && s.end()
}

// IsOf reports whether an entry is of one of the types, as TypeOf tells it. For an
// entry without members after its type that hold objects, which are all there are
// yet, it reads no more than its end and allocates nothing.
func IsOf(data []byte, types ...string) bool {
	at := bytes.LastIndex(data, typeKey)
	if at < 0 {
		return false
	}
	kind, rest, _ := bytes.Cut(data[at+len(typeKey):], []byte{'"'})
	if bytes.IndexByte(rest, '}') != len(rest)-1 { // perhaps the type of an inner object
		kind = []byte(TypeOf(data))
	}
	return slices.Contains(types, string(kind))
}
