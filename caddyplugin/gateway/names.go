package gateway

import (
	"fmt"
	"regexp"
)

var tokenPattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,62}$`)

// isToken tells whether s may stand bare in our header fields and records.
func isToken(s string) bool { return tokenPattern.MatchString(s) }

// did ends a message about an unknown word with the nearest known one, if one
// is near.
func did(word string, known []string) string {
	best, distance := "", len(word)/2+2
	for _, k := range known {
		if d := editDistance(word, k); d < distance {
			best, distance = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(": did you mean '%s'?", best)
}

// editDistance is Levenshtein's.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		previous := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := previous
			if a[i] != b[j] {
				cost++
			}
			previous = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
