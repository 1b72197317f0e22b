package guard

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// PlainPath reports whether every server reads u's path alike. A matcher sees the
// path decoded and cleaned, the upstream gets it as it was sent; where the two
// may differ, a request could be decided as one activity and served as another.
//
// A plain path starts with a slash, and neither as sent nor decoded has it: an
// empty, "." or ".." segment (the last segment may be empty), a segment that
// ends in a dot or space (Windows drops these), a backslash, a semicolon
// (Java takes what follows for parameters), a control character, or bytes that
// are no UTF-8. It encodes no slash, no percent sign (a second decoding would
// find more) and no character that needs none: letters, digits, - . _ ~.
func PlainPath(u *url.URL) bool {
	if u.Opaque != "" {
		return false
	}
	raw := u.EscapedPath()
	return strings.HasPrefix(raw, "/") && plainEncoding(raw) && plainSegments(u.Path)
}

// plainEncoding judges raw byte by byte.
func plainEncoding(raw string) bool {
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if c != '%' {
			if isControl(c) || c == '\\' || c == ';' {
				return false
			}
			continue
		}
		if i+2 >= len(raw) {
			return false
		}
		hi, ok1 := unhex(raw[i+1])
		lo, ok2 := unhex(raw[i+2])
		if !ok1 || !ok2 || !plainEncoded(hi<<4|lo) {
			return false
		}
		i += 2
	}
	return true
}

// plainEncoded reports whether c may stand percent-encoded in a plain path.
func plainEncoded(c byte) bool {
	switch c {
	case '/', '\\', '%', ';', '-', '.', '_', '~':
		return false
	}
	return !isControl(c) && !isAlphanumeric(c)
}

// plainSegments judges the segments of the decoded path, which starts with a slash.
func plainSegments(path string) bool {
	if !strings.HasPrefix(path, "/") || !utf8.ValidString(path) {
		return false
	}
	rest := path[1:]
	for {
		segment, after, more := strings.Cut(rest, "/")
		if segment == "" {
			return !more // only the last may be empty
		}
		// This covers "." and "..", too.
		if last := segment[len(segment)-1]; last == '.' || last == ' ' {
			return false
		}
		if !more {
			return true
		}
		rest = after
	}
}

// Paths says which paths are allowed. The zero value allows most.
type Paths uint8

const (
	// AnyPath refuses dot segments and NUL only, so that clients of object stores,
	// which sign the path and use keys of any form, still work. It is for sites
	// whose activities are told apart by host.
	AnyPath Paths = iota
	// ListedPath refuses besides what has readings that nobody can list: control
	// characters and bytes that are no UTF-8. The caller compares [Readings].
	ListedPath
	// PlainPaths asks for paths that every server reads alike, see [PlainPath].
	PlainPaths
)

// allows reports whether the rule lets the path of u pass.
func (p Paths) allows(u *url.URL) bool {
	if p == PlainPaths {
		return PlainPath(u)
	}
	if u.Opaque != "" || !strings.HasPrefix(u.Path, "/") {
		return false
	}
	// An upstream may decode once more than we do, twice where two stand in line.
	path := u.Path
	for range 3 {
		if strings.IndexByte(path, 0) >= 0 || hasDotSegment(path) {
			return false
		}
		if p == ListedPath && (strings.ContainsFunc(path, unicode.IsControl) || !utf8.ValidString(path)) {
			return false
		}
		decoded := decode(path)
		if decoded == path {
			return true
		}
		path = decoded
	}
	return true
}

// hasDotSegment reports whether path has a segment "." or "..", with slashes or
// backslashes between segments and without what follows a semicolon.
func hasDotSegment(path string) bool {
	for path != "" {
		segment := path
		if i := strings.IndexAny(path, `/\`); i >= 0 {
			segment, path = path[:i], path[i+1:]
		} else {
			path = ""
		}
		segment, _, _ = strings.Cut(segment, ";")
		if segment == "." || segment == ".." {
			return true
		}
	}
	return false
}

// decode replaces every well-formed percent-encoding by its byte, and the %uXXXX
// that some servers know by its character, and keeps the rest: the reading of a
// lenient server.
func decode(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			hi, ok1 := unhex(s[i+1])
			lo, ok2 := unhex(s[i+2])
			if ok1 && ok2 {
				b = append(b, hi<<4|lo)
				i += 2
				continue
			}
			if c, ok := wideEncoded(s[i:]); ok {
				b = utf8.AppendRune(b, c)
				i += len("%u0000") - 1
				continue
			}
		}
		b = append(b, s[i])
	}
	return string(b)
}

// wideEncoded returns the character of a %uXXXX at the start of s.
func wideEncoded(s string) (c rune, ok bool) {
	if len(s) < len("%u0000") || s[1] != 'u' && s[1] != 'U' {
		return 0, false
	}
	for i := 2; i < len("%u0000"); i++ {
		digit, isHex := unhex(s[i])
		if !isHex {
			return 0, false
		}
		c = c<<4 | rune(digit)
	}
	return c, true
}

// isControl reports whether c is a control character of ASCII.
func isControl(c byte) bool { return c < 0x20 || c == 0x7f }

// unhex returns the value of a hexadecimal digit.
func unhex(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}
