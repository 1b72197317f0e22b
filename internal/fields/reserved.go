package fields

import "strings"

// reservedPrefix is folded: every name that starts with it is reserved, so that
// a later Data-Controller-Something is safe from the start.
const reservedPrefix = "datacontroller"

// longestReserved is the length of the longest name Reserved compares whole,
// "datasubjectcountry".
const longestReserved = 18

// Fold returns name in lower case with every character removed that is no ASCII
// letter or digit. Two names that fold alike may become one for an upstream:
// CGI and its heirs turn Data-Controller, Data_Controller and Data.Controller
// into the same variable (RFC 9110 section 17.10).
func Fold(name string) string {
	var b strings.Builder
	b.Grow(len(name))
	for i := range len(name) {
		if c := foldByte(name[i]); c != 0 {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// Reserved reports whether name, by its folded form, is one of the product's
// fields or starts like Data-Controller. It does not allocate.
func Reserved(name string) bool {
	// One more than the longest, so that a longer name is seen to be longer.
	var folded [longestReserved + 1]byte
	n := 0
	for i := 0; i < len(name) && n < len(folded); i++ {
		c := foldByte(name[i])
		if c == 0 {
			continue
		}
		if n == 0 && c != 'd' && c != 'p' && c != 't' {
			return false // the usual case: no reserved name starts like this
		}
		folded[n] = c
		n++
	}
	if n >= len(reservedPrefix) && string(folded[:len(reservedPrefix)]) == reservedPrefix {
		return true
	}
	switch string(folded[:n]) {
	case "datasubjectcountry", "dataregion", "datatransfer",
		"privacystatement", "transferassertion", "transferstatus":
		return true
	}
	return false
}

// foldByte returns c in lower case, or 0 when folding drops it.
func foldByte(c byte) byte {
	switch {
	case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
		return c
	case 'A' <= c && c <= 'Z':
		return c + 'a' - 'A'
	}
	return 0
}
