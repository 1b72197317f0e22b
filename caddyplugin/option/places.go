package option

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// Places is where options were written, as file:line, by their paths: "ledger",
// "ledger.key", "identity.0". A configuration that never was a Caddyfile has none.
type Places map[string]string

// Position is where the dispenser stands, as file:line.
func Position(d *caddyfile.Dispenser) string { return fmt.Sprintf("%s:%d", d.File(), d.Line()) }

// Note notes where an option stands, and those in its block.
func (p Places) Note(path string, segment caddyfile.Segment) {
	depth := 0
	for i, t := range segment {
		begins := i == 0 || t.Line != segment[i-1].Line || t.File != segment[i-1].File
		switch {
		case t.Text == "{":
			depth++
			continue
		case t.Text == "}":
			depth--
			continue
		case !begins || depth > 1:
			continue
		}
		at := path
		if i > 0 {
			at += "." + t.Text
		}
		if p[at] == "" {
			p[at] = fmt.Sprintf("%s:%d", t.File, t.Line)
		}
	}
}

// placed is how an error ends that says where.
var placed = regexp.MustCompile(`, at [^ ]+:\d+$`)

// At returns the error with the place of the option, or of what it is part of, unless it
// says a place already. Each of several errors gets its own.
func (p Places) At(path string, err error) error {
	if several, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // what errors.Join joined
		if all := several.Unwrap(); errors.Join(all...).Error() == err.Error() {
			placed := make([]error, len(all))
			for i, e := range all {
				placed[i] = p.At(path, e)
			}
			return errors.Join(placed...)
		}
	}
	if err == nil || placed.MatchString(err.Error()) {
		return err
	}
	if at := p.Find(path); at != "" {
		return fmt.Errorf("%w, at %s", err, at)
	}
	return err
}

// Find returns where the option, or what it is part of, stands; empty if nobody knows.
func (p Places) Find(path string) string {
	for {
		if at := p[path]; at != "" {
			return at
		}
		i := strings.LastIndexByte(path, '.')
		if i < 0 {
			return p[""]
		}
		path = path[:i]
	}
}
