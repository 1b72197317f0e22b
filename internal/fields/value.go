package fields

import (
	"fmt"
	"unicode/utf8"

	"github.com/dunglas/httpsfv"
)

// Token renders s as a token (RFC 9651 section 4.1.7). It fails when s is empty,
// does not start with a letter or an asterisk, or has a character tokens lack.
func Token(s string) (string, error) {
	v, err := httpsfv.Marshal(httpsfv.NewItem(httpsfv.Token(s)))
	if err != nil {
		return "", fmt.Errorf("rendering %q as a token: %w; use letters, digits, - . _ and start with a letter", s, err)
	}
	return v, nil
}

// Text renders s as a string when it is printable ASCII (RFC 9651 section
// 4.1.6), else as a display string (section 4.1.11), in which every other byte
// of its UTF-8 form becomes %xx. It fails only when s is not valid UTF-8.
func Text(s string) (string, error) {
	item, err := text(s)
	if err != nil {
		return "", err
	}
	v, err := httpsfv.Marshal(httpsfv.NewItem(item))
	if err != nil {
		return "", fmt.Errorf("rendering %q as text: %w", s, err)
	}
	return v, nil
}

// text chooses the bare item for s.
func text(s string) (any, error) {
	if isPrintable(s) {
		return s, nil
	}
	if !utf8.ValidString(s) {
		return nil, fmt.Errorf("rendering %q as text: not valid UTF-8; correct the register or account record it comes from", s)
	}
	return httpsfv.DisplayString(s), nil
}

// isPrintable reports whether s has only the characters a string of RFC 9651 may
// have, space to tilde.
func isPrintable(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return true
}
