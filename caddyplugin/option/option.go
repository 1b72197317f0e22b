// Package option is what the options of the Caddyfile have in common, whichever
// package they are of: how arguments are read and counted.
package option

import (
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
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

// IsPlainPath reports whether a path is one to serve something under: absolute, and no
// pattern.
func IsPlainPath(path string) bool {
	return strings.HasPrefix(path, "/") && !strings.ContainsAny(path, "*{}?#%")
}
