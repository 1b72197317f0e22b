package record

import "slices"

// Other is an entry of a type or a version that this program does not know. Of its
// members only those of the header are read; of a version that is not known
// those of them that stand as they do in the known ones.
type Other struct {
	Header
	data string
}

// Append appends the entry as it was read.
func (o *Other) Append(dst []byte) []byte { return append(dst, o.data...) }

var otherTable = entryTable[Other](nil)

// parse reads what every entry has. In Unknown are all other members.
func (o *Other) parse(data []byte) error {
	o.data = string(data)
	if _, version := kindOf(data); version == "" || slices.Contains(versions, version) {
		s := scanner{text: o.data}
		if otherTable.parse(&s, o) {
			s.end()
		}
		return s.err()
	}
	return o.parseLater()
}

// parseLater reads an entry of a version that is not known.
func (o *Other) parseLater() error {
	o.Header = Header{}
	s := scanner{text: o.data}
	ok := s.object(func(name string) bool {
		value, ok := s.skip()
		if !ok {
			return false
		}
		for _, m := range otherTable.members {
			if m.Name == name {
				in := scanner{text: value}
				if m.field(o).parse(&in) && in.end() {
					return true
				}
				m.field(o).clear()
			}
		}
		o.Unknown = append(o.Unknown, Unknown{name, value})
		return true
	})
	if ok {
		s.end()
	}
	return s.err()
}

// Text returns the text of a member that the table does not name; false if there
// is none, or if it is no text.
func (h *Header) Text(name string) (string, bool) {
	for _, u := range h.Unknown {
		if u.Name == name {
			s := scanner{text: u.Value}
			return s.string()
		}
	}
	return "", false
}
