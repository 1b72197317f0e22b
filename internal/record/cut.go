package record

import (
	"bytes"
	"slices"
)

// Cutter cuts entries of a type into their members without reading these, many times
// faster than Parse, for whoever reads very many. It is made from the table, takes what
// stands as programs write it, and leaves the rest to Parse: that a member begins and
// ends where it says is certain only once [Cutter.Reads] says so of each. It is for one
// goroutine.
type Cutter struct {
	// Members are those of the type, in their order.
	Members []Member

	kind   *typed
	keys   [][]byte // as they are written
	follow [][]byte // what came after a list or an object the last time
	day    [len("2006-01-02T")]byte
	began  int64 // when that day did, in microseconds
}

// NewCutter returns what cuts entries of a type; nil if there is no such type.
func NewCutter(kind string) *Cutter {
	i := slices.IndexFunc(kinds, func(k typed) bool { return k.name == kind })
	if i < 0 {
		return nil
	}
	c := &Cutter{Members: kinds[i].table.list(), kind: &kinds[i]}
	for _, m := range c.Members {
		c.keys = append(c.keys, []byte(`"`+m.Name+`":`))
	}
	c.follow = make([][]byte, len(c.Members))
	return c
}

// Is reports whether an entry that says it is of that type and version is read as the
// cutter's type.
func (c *Cutter) Is(kind, version string) bool { return kind == c.kind.name && c.kind.in(version) }

// Cut sets texts to the JSON of each of the Members, nil where there is none. It returns
// false if the entry is to be parsed.
func (c *Cutter) Cut(data []byte, texts [][]byte) bool {
	if len(data) < 2 || data[0] != '{' || data[len(data)-1] != '}' {
		return false
	}
	at, ended := 1, false
	for i, key := range c.keys {
		texts[i] = nil
		if ended || !bytes.HasPrefix(data[at:], key) {
			if c.Members[i].Always {
				return false
			}
			continue
		}
		begin := at + len(key)
		end := c.end(i, data, begin)
		if end <= begin || end >= len(data) {
			return false
		}
		texts[i] = data[begin:end]
		switch {
		case data[end] == ',':
			at = end + 1
		case end == len(data)-1: // the brace
			ended = true
		default:
			return false
		}
	}
	return ended
}

// end is where the value of a member seems to end; 0 if it does not.
func (c *Cutter) end(i int, data []byte, begin int) int {
	switch data[begin] {
	case '"':
		n := bytes.IndexByte(data[begin+1:], '"')
		if n < 0 || data[begin+n] == '\\' {
			return 0
		}
		return begin + n + 2
	case '[', '{':
		if c.Members[i].Kind == Texts {
			return begin + bytes.IndexByte(data[begin:], ']') + 1
		}
		return c.inner(i, data, begin)
	default:
		end := begin
		for end < len(data) && data[end] != ',' && data[end] != '}' {
			end++
		}
		return end
	}
}

// inner is end for lists and objects that hold others. What came after it the last time
// is mostly found again; it cannot stand in a text, where quotation marks are escaped.
func (c *Cutter) inner(i int, data []byte, begin int) int {
	if c.follow[i] != nil {
		if n := bytes.Index(data[begin:], c.follow[i]); n >= 0 {
			return begin + n + 1
		}
	}
	depth, within := 0, false
	for at := begin; at < len(data); at++ {
		switch b := data[at]; {
		case within && b == '\\':
			at++
		case b == '"':
			within = !within
		case within:
		case b == '[' || b == '{':
			depth++
		case b == ']' || b == '}':
			if depth--; depth > 0 {
				continue
			}
			if colon := bytes.IndexByte(data[at:], ':'); colon > 0 {
				c.follow[i] = bytes.Clone(data[at : at+colon+1])
			}
			return at + 1
		}
	}
	return 0
}

// Reads reports whether a text is JSON that Parse takes for the value of a member.
func (c *Cutter) Reads(member int, text []byte) bool {
	m := &c.Members[member]
	switch m.Kind {
	case Text:
		if n := len(text) - 2; n >= 0 && (n > 0 || m.Always) && text[0] == '"' && text[n+1] == '"' && plain(text[1:n+1]) {
			return true
		}
	case Number:
		if few(text) {
			return true
		}
	case UUID:
		if usualUUID(text) {
			return true
		}
	case Random:
		if usualRandom(text) {
			return true
		}
	default:
	}
	return c.kind.table.reads(member, string(text))
}

// plain reports whether a text has letters of ASCII only, none of them escaped.
func plain(text []byte) bool {
	for _, b := range text {
		if b < 0x20 || b >= 0x80 || b == '"' || b == '\\' {
			return false
		}
	}
	return true
}

// few reports whether a text is a number from 1 to 999,999,999, which any member takes.
func few(text []byte) bool {
	if len(text) == 0 || len(text) > 9 || text[0] == '0' {
		return false
	}
	for _, b := range text {
		if b < '0' || b > '9' {
			return false
		}
	}
	return true
}

// usualUUID reports whether a text is a UUID in quotation marks, of version 7.
func usualUUID(text []byte) bool {
	if len(text) != 38 || text[0] != '"' || text[37] != '"' || text[15] != '7' { // so it is not zero
		return false
	}
	for i, b := range text[1:37] {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if b != '-' {
				return false
			}
		} else if digits[b]&hexDigit == 0 {
			return false
		}
	}
	return true
}

// usualRandom reports whether a text is 16 bytes, not all zero, in base64url and in
// quotation marks: 21 digits, and one whose last four bits are zero.
func usualRandom(text []byte) bool {
	if len(text) != 24 || text[0] != '"' || text[23] != '"' {
		return false
	}
	zero := true
	for _, b := range text[1:23] {
		if digits[b]&base64Digit == 0 {
			return false
		}
		zero = zero && b == 'A'
	}
	last := text[22]
	return !zero && (last == 'A' || last == 'Q' || last == 'g' || last == 'w')
}

const (
	hexDigit = 1 << iota
	base64Digit
)

// digits are the letters that are a digit of what.
var digits = func() (all [256]byte) {
	for _, b := range []byte("0123456789abcdef") {
		all[b] |= hexDigit
	}
	for _, b := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") {
		all[b] |= base64Digit
	}
	return all
}()
