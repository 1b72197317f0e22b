package record

import (
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"time"
	"unicode/utf8"
)

// maxNumber is the greatest integer that JSON carries everywhere (RFC 8785).
const maxNumber = 1<<53 - 1

func appendNumber[N int64 | uint64 | uint32](dst []byte, n N) []byte {
	return strconv.AppendUint(dst, min(uint64(n), maxNumber), 10)
}

// timeLayout is how instants are written.
const timeLayout = "2006-01-02T15:04:05.000000Z"

func appendTime(dst []byte, t time.Time) []byte {
	return append(t.UTC().AppendFormat(append(dst, '"'), timeLayout), '"')
}

// appendUUID appends a UUID as RFC 9562 writes it.
func appendUUID(dst []byte, id [16]byte) []byte {
	dst = append(dst, '"')
	for i, c := range id {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			dst = append(dst, '-')
		}
		dst = hex.AppendEncode(dst, []byte{c})
	}
	return append(dst, '"')
}

func appendBase64(dst, value []byte, form *base64.Encoding) []byte {
	return append(form.AppendEncode(append(dst, '"'), value), '"')
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

// escapes are the letters after a backslash, and what they mean.
const escapes, escaped = `"\btnfr`, "\"\\\b\t\n\f\r"

func appendEscaped(dst []byte, c byte) []byte {
	const digits = "0123456789abcdef"
	for i := range len(escaped) {
		if escaped[i] == c {
			return append(dst, '\\', escapes[i])
		}
	}
	return append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
}
