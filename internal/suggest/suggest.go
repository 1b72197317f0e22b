// Package suggest says what a word that is not known may have been meant to be. All
// messages about such a word end in one of its sentences, after a semicolon: what is
// wrong; what to do.
package suggest

import (
	"strings"
	"unicode/utf8"
)

// For says which of the known words was meant, "did you mean 'node'?", or, if none is
// near, what [OneOf] says of them.
func For(word string, known []string) string {
	if did := DidYouMean(word, known); did != "" {
		return did
	}
	return OneOf(known)
}

// DidYouMean is [For] where the known words are too many, or not for everybody, to be
// listed: it returns "" if none is near.
func DidYouMean(word string, known []string) string {
	near := Nearest(word, known)
	if near == "" {
		return ""
	}
	return "did you mean '" + near + "'?"
}

// OneOf lists the known words where what was written is not the misspelling of one:
// "use one of EdDSA, ES256".
func OneOf(known []string) string {
	switch len(known) {
	case 0:
		return "there is none"
	case 1:
		return "there is only '" + known[0] + "'"
	}
	return "use one of " + strings.Join(known, ", ")
}

// Nearest returns the known word nearest to word, without regard to case. It returns
// "" when none is near: a third of the letters and one more may differ, or just
// a third in a word of two or three. It returns "" too when two words are equally
// near, because a wrong hint could put an account under a wrong controller.
func Nearest(word string, known []string) string {
	letters := utf8.RuneCountInString(word)
	allowed := letters / 3
	if letters > 3 {
		allowed++
	}
	best, least := "", allowed+1
	for _, k := range known {
		switch d := distance(strings.ToLower(word), strings.ToLower(k)); {
		case d < least:
			best, least = k, d
		case d == least:
			best = ""
		}
	}
	return best
}

// distance counts the single-letter changes that turn a into b (Levenshtein).
func distance(a, b string) int {
	s, t := []rune(a), []rune(b)
	row := make([]int, len(t)+1)
	for j := range row {
		row[j] = j
	}
	for i := range s {
		diagonal := row[0]
		row[0] = i + 1
		for j := range t {
			above := row[j+1]
			change := diagonal
			if s[i] != t[j] {
				change++
			}
			row[j+1] = min(above+1, row[j]+1, change)
			diagonal = above
		}
	}
	return row[len(t)]
}
