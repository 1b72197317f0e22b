package config

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// hint tells a person which of the known words they may have meant: the nearest
// one if one is near, all of them otherwise.
func hint(word string, known []string) string {
	// Of two or three letters too little is left to guess from.
	letters := utf8.RuneCountInString(word)
	allowed := letters / 3
	if letters > 3 {
		allowed++
	}
	best, least := "", allowed+1
	for _, k := range known {
		if d := editDistance(strings.ToLower(word), strings.ToLower(k)); d < least {
			best, least = k, d
		}
	}
	if best != "" {
		return fmt.Sprintf("did you mean %q?", best)
	}
	return "use one of " + strings.Join(known, ", ")
}

// editDistance counts the single-letter changes that turn a into b (Levenshtein).
func editDistance(a, b string) int {
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
