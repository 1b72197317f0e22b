package guard

import (
	"net/http"
	"slices"
	"strings"

	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/fields"
)

// EnforceResponse makes h, the header of a final response (not of a 1xx one),
// carry the product's response fields and nobody else's. Call it last before
// the header is written.
//
//   - An upstream's own copies of reserved fields are deleted, by folded name,
//     in trailers too. Trailers that arrive after the body are up to
//     [CleanUpstreamTrailers].
//   - A response that says nothing about caching and depends on the controller
//     becomes private, because shared caches may keep such responses (RFC 9111
//     section 4.2.2).
//   - A response a shared cache may keep gets none of our fields and no link:
//     they would be served to somebody with another controller. All others get
//     ours, and link, a Link value, unless it is empty or already there.
//
// A response that says nothing and does not depend on the controller stays as
// the upstream made it, and as a cache may guess that it can be kept, it counts
// as one that may be. A second call changes nothing. A host that sets the
// fields early, for answers that never reach this function, sets the fields
// alone: this function takes them back where they must not be.
func EnforceResponse(h http.Header, ours []decision.Field, link string, dependsOnController bool) {
	cleanList(h, "Trailer")
	c := sweep(h)
	// One allocation for what is usually added; nobody may share these values.
	values := make([]string, 0, len(ours)+2)
	add := func(name, value string) {
		if len(h[name]) > 0 {
			h[name] = append(slices.Clip(h[name]), value)
			return
		}
		values = append(values, value)
		h[name] = values[len(values)-1 : len(values) : len(values)]
	}
	if c == silent && dependsOnController {
		add("Cache-Control", "private")
		c = unshared
	}
	if c != unshared {
		removeLink(h, link)
		return
	}
	for _, f := range ours {
		add(http.CanonicalHeaderKey(f.Name), f.Value) // sweep has removed all others
	}
	if link != "" && !slices.ContainsFunc(h["Link"], func(v string) bool { return strings.Contains(v, link) }) {
		add("Link", link)
	}
}

// sweep deletes the reserved fields, and those held as trailers, and reads what
// h says to shared caches (RFC 9111 section 3), in one walk.
func sweep(h http.Header) caching {
	c := cacheControl(h["Cache-Control"])
	if c == silent && len(h["Expires"]) > 0 {
		c = shared
	}
	for name, values := range h {
		trailer, isTrailer := strings.CutPrefix(name, http.TrailerPrefix)
		switch {
		case fields.Reserved(name), isTrailer && fields.Reserved(trailer):
			delete(h, name)
		case targetsCaches(name):
			c = counted(c, cacheControl(values))
		}
	}
	return c
}

// removeLink deletes the lines of Link that are link and nothing else.
func removeLink(h http.Header, link string) {
	if link == "" || !slices.Contains(h["Link"], link) {
		return
	}
	kept := slices.DeleteFunc(slices.Clone(h["Link"]), func(v string) bool { return v == link })
	if len(kept) == 0 {
		delete(h, "Link")
	} else {
		h["Link"] = kept
	}
}

// caching is what a response says to shared caches.
type caching uint8

const (
	// silent responses say nothing; a cache may guess.
	silent caching = iota
	// shared responses may be kept and served to others.
	shared
	// unshared responses are not served to others without asking.
	unshared
)

// targetsCaches reports whether the field speaks to one kind of cache, as
// CDN-Cache-Control (RFC 9213) and Surrogate-Control do.
func targetsCaches(name string) bool {
	return name == "Surrogate-Control" || hasSuffixFold(name, "cdn-cache-control")
}

// counted is what holds when c is said to all caches, and target to one kind of
// them. The latter counts beside the former, which such a cache ignores.
func counted(c, target caching) caching {
	switch {
	case target != unshared:
		return shared
	case c == silent:
		return unshared
	}
	return c
}

// cacheControl reads the lines of one field with cache directives. Where they
// contradict each other the strictest holds. Directives that only concern some
// fields (private="Set-Cookie") leave the response itself to shared caches.
func cacheControl(lines []string) caching {
	c := silent
	for _, line := range lines {
		for directive := range splitQuoted(line) {
			name, _, hasArgument := strings.Cut(directive, "=")
			switch strings.ToLower(strings.Trim(name, " \t")) {
			case "no-store":
				return unshared
			case "private", "no-cache":
				if !hasArgument {
					return unshared
				}
				c = shared
			case "public", "s-maxage", "max-age":
				c = shared
			}
		}
	}
	return c
}

// splitQuoted yields the parts of a comma-separated list; commas in quoted
// strings (RFC 9110 section 5.6.4) do not count.
func splitQuoted(line string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		start, quoted := 0, false
		for i := 0; i < len(line); i++ {
			switch {
			case quoted && line[i] == '\\':
				i++
			case line[i] == '"':
				quoted = !quoted
			case line[i] == ',' && !quoted:
				if !yield(line[start:i]) {
					return
				}
				start = i + 1
			}
		}
		yield(line[start:])
	}
}

// hasSuffixFold reports whether s ends in suffix, without regard to case.
func hasSuffixFold(s, suffix string) bool {
	return len(s) >= len(suffix) && strings.EqualFold(s[len(s)-len(suffix):], suffix)
}
