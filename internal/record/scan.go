package record

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Error says what is wrong with an entry and where. It quotes nothing of it.
type Error struct {
	Offset int    // in bytes from the entry's begin
	Member string // with those around it, as in legs.laws; empty outside any
	What   string
}

func (e *Error) Error() string {
	if e.Member == "" {
		return fmt.Sprintf("the entry is malformed at byte %d: %s", e.Offset, e.What)
	}
	return fmt.Sprintf("the entry is malformed at byte %d, in its member %s: %s", e.Offset, e.Member, e.What)
}

// scanner reads JSON in the form of RFC 8785 and takes no other.
type scanner struct {
	text   string
	at     int // byte that is next
	depth  int
	fault  *Error               // the first
	within [maxDepth + 1]string // names of the members that are being read, by depth; empty for lists
}

// maxDepth bounds how deep values may be nested.
const maxDepth = 16

// fail notes what is wrong where the scanner stands, unless something was
// before, and returns false.
func (s *scanner) fail(what string) bool {
	if s.fault == nil {
		names := slices.DeleteFunc(slices.Clone(s.within[:]), func(name string) bool { return name == "" })
		s.fault = &Error{Offset: s.at, Member: strings.Join(names, "."), What: what}
	}
	return false
}

// failAt is fail for what began earlier.
func (s *scanner) failAt(at int, what string) bool {
	s.at = at
	return s.fail(what)
}

func (s *scanner) err() error {
	if s.fault == nil {
		return nil
	}
	return s.fault
}

// next reports whether the next byte is c, and goes past it if so.
func (s *scanner) next(c byte) bool {
	if s.at < len(s.text) && s.text[s.at] == c {
		s.at++
		return true
	}
	return false
}

// want goes past c.
func (s *scanner) want(c byte) bool {
	return s.next(c) || s.fail("'"+string(c)+"' is wanted here")
}

// end makes sure that nothing follows.
func (s *scanner) end() bool {
	return s.at == len(s.text) || s.fail("more follows the end of the object")
}

// string reads a string. What it returns is part of the entry's text where no
// byte is escaped.
func (s *scanner) string() (string, bool) {
	if !s.next('"') {
		return "", s.fail("a text is wanted here")
	}
	begin := s.at
	var plain []byte // what was read before the last escape
	for start := begin; s.at < len(s.text); {
		switch c := s.text[s.at]; {
		case c == '"':
			part := s.text[start:s.at]
			if !utf8.ValidString(part) {
				return "", s.failAt(begin, "the text is not UTF-8")
			}
			s.at++
			if plain != nil {
				return string(append(plain, part...)), true
			}
			return part, true
		case c == '\\':
			part := s.text[start:s.at]
			if !utf8.ValidString(part) {
				return "", s.failAt(begin, "the text is not UTF-8")
			}
			c, ok := s.escape()
			if !ok {
				return "", false
			}
			plain = append(append(plain, part...), c)
			start = s.at
		case c < 0x20:
			return "", s.fail("a control character that is not escaped")
		default:
			s.at++
		}
	}
	return "", s.failAt(begin, "the text does not end")
}

// escape reads an escape, which RFC 8785 has in one form for each byte.
func (s *scanner) escape() (c byte, ok bool) {
	rest := s.text[s.at:]
	if len(rest) >= 2 {
		if i := strings.IndexByte(escapes, rest[1]); i >= 0 {
			s.at += 2
			return escaped[i], true
		}
	}
	if len(rest) >= 6 {
		n, err := strconv.ParseUint(rest[2:6], 16, 8)
		var room [8]byte
		if err == nil && n < 0x20 && string(appendEscaped(room[:0], byte(n))) == rest[:6] {
			s.at += 6
			return byte(n), true
		}
	}
	return 0, s.fail("an escape that the form of RFC 8785 does not have")
}

// number reads an integer from 0 to max.
func (s *scanner) number(max uint64) (uint64, bool) {
	begin := s.at
	for s.at < len(s.text) && '0' <= s.text[s.at] && s.text[s.at] <= '9' {
		s.at++
	}
	digits := s.text[begin:s.at]
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || n > max || len(digits) > 1 && digits[0] == '0' {
		return 0, s.failAt(begin, fmt.Sprintf("a whole number from 0 to %d is wanted here", max))
	}
	return n, true
}

// truth reads true or false.
func (s *scanner) truth() (value, ok bool) {
	switch rest := s.text[s.at:]; {
	case strings.HasPrefix(rest, "true"):
		s.at += len("true")
		return true, true
	case strings.HasPrefix(rest, "false"):
		s.at += len("false")
		return false, true
	}
	return false, s.fail("true or false is wanted here")
}

// list reads a list; element reads each. The form has no empty one.
func (s *scanner) list(element func() bool) bool {
	if !s.enter('[') {
		return false
	}
	if s.next(']') {
		return s.failAt(s.at-2, "an empty list, which is left out")
	}
	for element() {
		if s.next(']') {
			s.depth--
			return true
		}
		if !s.want(',') {
			return false
		}
	}
	return false
}

// enter begins a list or object.
func (s *scanner) enter(c byte) bool {
	if s.depth++; s.depth > maxDepth {
		return s.fail("nested too deeply")
	}
	return s.want(c)
}

// object reads an object; value reads the value of each member, whose names come
// in order.
func (s *scanner) object(value func(name string) bool) bool {
	if !s.enter('{') {
		return false
	}
	if s.next('}') {
		s.depth--
		return true
	}
	for last, first := "", true; ; first = false {
		begin := s.at
		name, ok := s.string()
		if !ok {
			return false
		}
		if !first && compareNames(last, name) >= 0 {
			return s.failAt(begin, "the members are not in the order of their names, or one stands twice")
		}
		last = name
		if !s.want(':') {
			return false
		}
		s.within[s.depth] = name
		if !value(name) {
			return false
		}
		s.within[s.depth] = ""
		if s.next('}') {
			s.depth--
			return true
		}
		if !s.want(',') {
			return false
		}
	}
}

// skip reads a value of any kind and returns its text. A number may be any that
// JSON has.
func (s *scanner) skip() (text string, ok bool) {
	begin := s.at
	switch {
	case s.at == len(s.text):
		return "", s.fail("a value is wanted here")
	case s.text[s.at] == '"':
		_, ok = s.string()
	case s.text[s.at] == '{':
		ok = s.object(func(string) bool { _, ok := s.skip(); return ok })
	case s.text[s.at] == '[' && strings.HasPrefix(s.text[s.at:], "[]"): // an inner one, of which nothing is known
		s.at, ok = s.at+2, true
	case s.text[s.at] == '[':
		ok = s.list(func() bool { _, ok := s.skip(); return ok })
	case strings.HasPrefix(s.text[s.at:], "null"):
		s.at, ok = s.at+len("null"), true
	case s.text[s.at] == 't' || s.text[s.at] == 'f':
		_, ok = s.truth()
	default:
		ok = s.anyNumber()
	}
	return s.text[begin:s.at], ok
}

// anyNumber reads a number of JSON (RFC 8259 §6).
func (s *scanner) anyNumber() bool {
	begin := s.at
	s.next('-')
	whole := s.digits()
	if whole == 0 || whole > 1 && s.text[s.at-whole] == '0' {
		return s.failAt(begin, "a value is wanted here")
	}
	if s.next('.') && s.digits() == 0 {
		return s.failAt(begin, "a number without digits after its point")
	}
	if s.next('e') || s.next('E') {
		if !s.next('+') {
			s.next('-')
		}
		if s.digits() == 0 {
			return s.failAt(begin, "a number without digits in its exponent")
		}
	}
	return true
}

// digits goes past digits and returns how many there were.
func (s *scanner) digits() (n int) {
	for s.at < len(s.text) && '0' <= s.text[s.at] && s.text[s.at] <= '9' {
		s.at++
		n++
	}
	return n
}

// compareNames orders the names of members as RFC 8785 §3.2.3 does, by UTF-16
// code units. That is the order of the bytes but for what lies beyond the BMP.
func compareNames(a, b string) int {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	if i == len(a) || i == len(b) {
		return cmp.Compare(len(a), len(b))
	}
	beyond := func(c byte) bool { return c >= 0xf0 }            // begins a rune that takes two units, D800 and up
	high := func(c byte) bool { return c == 0xee || c == 0xef } // begins one of E000 and up
	switch {
	case beyond(a[i]) && high(b[i]):
		return -1
	case high(a[i]) && beyond(b[i]):
		return 1
	}
	return cmp.Compare(a[i], b[i])
}
