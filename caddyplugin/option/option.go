// Package option is what the options of the Caddyfile have in common, whichever
// package they are of: how arguments are read and counted, and what is said about a
// misspelt word.
package option

import (
	"fmt"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/sparkoo/transfergate/internal/suggest"
)

// Args reads exactly the arguments a word takes. The syntax is what the error shows.
func Args(d *caddyfile.Dispenser, syntax string, targets ...*string) error {
	args := d.RemainingArgs()
	if len(args) != len(targets) {
		return d.Errf("%d arguments where '%s' is meant", len(args), syntax)
	}
	for i, target := range targets {
		*target = args[i]
	}
	return nil
}

// DidYouMean ends an error about an unknown word with the known word that is most
// like it; it is empty if none is.
func DidYouMean(word string, known []string) string {
	best := suggest.Nearest(word, known)
	if best == "" {
		return ""
	}
	return fmt.Sprintf(": did you mean '%s'?", best)
}
