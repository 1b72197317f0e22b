package config

import (
	"fmt"
	"strings"

	"github.com/sparkoo/transfergate/internal/suggest"
)

// hint tells a person which of the known words they may have meant: the nearest
// one if one is near, all of them otherwise.
func hint(word string, known []string) string {
	if best := suggest.Nearest(word, known); best != "" {
		return fmt.Sprintf("did you mean %q?", best)
	}
	return "use one of " + strings.Join(known, ", ")
}
