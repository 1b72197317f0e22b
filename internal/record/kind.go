package record

import "bytes"

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

// IsOf reports whether an entry is of one of the types, as TypeOf tells it. It
// allocates nothing for one that is not.
func IsOf(data []byte, types ...string) bool {
	for end := len(data); ; {
		at := bytes.LastIndex(data[:end], typeKey)
		if at < 0 {
			return false
		}
		for _, kind := range types {
			if rest := data[at+len(typeKey):]; len(rest) > len(kind) && rest[len(kind)] == '"' && string(rest[:len(kind)]) == kind {
				return TypeOf(data) == kind
			}
		}
		end = at
	}
}
