// Package option is what the options of the Caddyfile have in common, whichever
// package they are of: how blocks and arguments are read and counted.
package option

import (
	"errors"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// Block reads the options of the block that follows, if one does. Each has a dispenser of
// its own, which stands at the option's word and is to be read to its end. One that is wrong
// hides no other: the errors of all are joined, in the order in which they are written. An
// option stands once, if it is not one that repeats.
func Block(d *caddyfile.Dispenser, repeats []string, read func(d *caddyfile.Dispenser, word string) error) error {
	var problems []error
	seen := make(map[string]bool)
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		one := caddyfile.NewDispenser(d.NextSegment())
		one.Next()
		word := one.Val()
		if seen[word] && !slices.Contains(repeats, word) {
			problems = append(problems, one.Errf("'%s' is written twice", word))
			continue
		}
		seen[word] = true
		err := read(one, word)
		if err == nil && one.Next() {
			err = one.Errf("'%s' follows '%s', which takes none of it", one.Val(), word)
		}
		if err != nil {
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}

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
