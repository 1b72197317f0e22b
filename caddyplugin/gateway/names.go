package gateway

import (
	"fmt"
	"regexp"

	"github.com/sparkoo/transfergate/internal/suggest"
)

var tokenPattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,62}$`)

// isToken tells whether s may stand bare in our header fields and records.
func isToken(s string) bool { return tokenPattern.MatchString(s) }

// did ends a message about an unknown word with the nearest known one, if one
// is near.
func did(word string, known []string) string {
	best := suggest.Nearest(word, known)
	if best == "" {
		return ""
	}
	return fmt.Sprintf(": did you mean '%s'?", best)
}
