package ledger

import (
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"time"
	"unicode/utf8"
)

// object appends a JSON object in the form of RFC 8785: no spaces, members in
// the order of their names (the caller's duty), integers below 2^53, strings
// with the fewest escapes. An empty value makes no member.
type object []byte

// name begins a member.
func (o *object) name(name string) {
	b := *o
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	b = append(b, '"')
	b = append(b, name...)
	*o = append(b, '"', ':')
}

func (o *object) text(name, value string) {
	if value != "" {
		o.name(name)
		*o = appendString(*o, value)
	}
}

func (o *object) texts(name string, values []string) {
	if len(values) == 0 {
		return
	}
	o.name(name)
	b := append(*o, '[')
	for i, v := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, v)
	}
	*o = append(b, ']')
}

// raw appends a value that is JSON already.
func (o *object) raw(name string, value []byte) {
	if len(value) > 0 {
		o.name(name)
		*o = append(*o, value...)
	}
}

// number appends an integer; a negative one means that it is not known.
func (o *object) number(name string, value int64) {
	if value >= 0 {
		o.name(name)
		*o = appendNumber(*o, value)
	}
}

func (o *object) truth(name string, value bool) {
	o.name(name)
	*o = strconv.AppendBool(*o, value)
}

// time appends an instant as RFC 3339 in UTC with six digits.
func (o *object) time(name string, value time.Time) {
	o.name(name)
	b := append(*o, '"')
	b = value.UTC().AppendFormat(b, "2006-01-02T15:04:05.000000Z")
	*o = append(b, '"')
}

// id appends a UUID.
func (o *object) id(name string, id [16]byte) {
	o.name(name)
	b := append(*o, '"')
	for i, c := range id {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			b = append(b, '-')
		}
		b = hex.AppendEncode(b, []byte{c})
	}
	*o = append(b, '"')
}

// base64 appends bytes in base64url without padding.
func (o *object) base64(name string, value []byte) {
	o.name(name)
	b := append(*o, '"')
	b = base64.RawURLEncoding.AppendEncode(b, value)
	*o = append(b, '"')
}

// maxNumber is the greatest integer that JSON carries everywhere (RFC 8785).
const maxNumber = 1<<53 - 1

func appendNumber(dst []byte, n int64) []byte {
	return strconv.AppendInt(dst, min(n, maxNumber), 10)
}

// appendString appends a JSON string as RFC 8785 wants it. What is no UTF-8 is
// replaced by U+FFFD.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c < utf8.RuneSelf {
			dst = append(dst, s[start:i]...)
			dst = appendEscaped(dst, c)
			i++
			start = i
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			dst = append(dst, s[start:i]...)
			dst = append(dst, "\uFFFD"...)
			start = i + 1
		}
		i += size
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

func appendEscaped(dst []byte, c byte) []byte {
	const digits = "0123456789abcdef"
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, '\\', 'b')
	case '\t':
		return append(dst, '\\', 't')
	case '\n':
		return append(dst, '\\', 'n')
	case '\f':
		return append(dst, '\\', 'f')
	case '\r':
		return append(dst, '\\', 'r')
	}
	return append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
}
