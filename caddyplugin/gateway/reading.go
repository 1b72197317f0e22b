package gateway

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/guard"
)

// reading is by what of a request activities are told apart, and so what of it
// must have one reading only. A matcher is loose if an upstream may read what it
// reads in another way than Caddy does.
type reading struct {
	paths   guard.Paths
	methods bool
	letters bool     // the case of letters in a path makes a difference
	queries []string // parameters
	loose   []string // names of loose matchers
}

// options are what the guard has to hold requests to.
func (r *reading) options() guard.Options {
	return guard.Options{Paths: r.paths, Methods: r.methods, Queries: r.queries, AllowWebSocket: true}
}

// add joins what another activity of the site is told apart by.
func (r *reading) add(other reading) {
	r.paths = max(r.paths, other.paths)
	r.methods = r.methods || other.methods
	r.letters = r.letters || other.letters
	r.queries = append(r.queries, other.queries...)
	r.loose = append(r.loose, other.loose...)
}

// exact are the matchers that read nothing an upstream reads from the request, or
// what it cannot read in another way.
var exact = []string{"host", "protocol", "client_ip", "remote_ip", "tls", "transfer_controller", "transfer_country"}

// readingOf reads what the matchers look at.
func readingOf(sets caddyhttp.RawMatcherSets) (r reading, err error) {
	for _, set := range sets {
		for _, name := range slices.Sorted(maps.Keys(set)) {
			one, err := readMatcher(name, set[name])
			if err != nil {
				return r, fmt.Errorf("matcher '%s': %w", name, err)
			}
			r.add(one)
		}
	}
	return r, nil
}

// readMatcher reads what one matcher looks at.
func readMatcher(name string, raw json.RawMessage) (r reading, err error) {
	switch {
	case (name == "host" || name == "path") && ofRequest(raw):
		return reading{paths: guard.PlainPaths, loose: []string{name + " with a placeholder"}}, nil // whoever asks writes the pattern
	case slices.Contains(exact, name):
		return r, nil
	case name == "method":
		return reading{methods: true}, nil
	case name == "header":
		return reading{loose: []string{name}}, nil // it is blind to paths
	case name == "not":
		var sets []caddy.ModuleMap
		if err := json.Unmarshal(raw, &sets); err != nil {
			return r, err
		}
		return readingOf(caddyhttp.RawMatcherSets(sets))
	case name == "path":
		var patterns []string
		if err := json.Unmarshal(raw, &patterns); err != nil {
			return r, err
		}
		if slices.ContainsFunc(patterns, func(p string) bool { return strings.Contains(p, "%") }) {
			return reading{paths: guard.PlainPaths, loose: []string{"path with %"}}, nil // it reads the path as it was sent
		}
		return reading{paths: guard.ListedPath}, nil
	case name == "path_regexp":
		return reading{paths: guard.ListedPath, letters: true, loose: []string{name}}, nil
	case name == "query":
		var keys map[string]json.RawMessage
		if err := json.Unmarshal(raw, &keys); err != nil {
			return r, err
		}
		return reading{queries: slices.Sorted(maps.Keys(keys)), loose: []string{name}}, nil
	}
	// What it looks at is not known: it may be the path.
	return reading{paths: guard.PlainPaths, loose: []string{name}}, nil
}

// steady are what placeholders begin with that mean the same for every request.
var steady = []string{"env.", "file.", "system."}

// ofRequest reports whether a list of patterns has a placeholder that a request fills.
func ofRequest(raw json.RawMessage) bool {
	var patterns []string
	if json.Unmarshal(raw, &patterns) != nil {
		return false // said where they are read
	}
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		_, rest, found := strings.Cut(pattern, "{")
		for ; found; _, rest, found = strings.Cut(rest, "{") {
			if !slices.ContainsFunc(steady, func(prefix string) bool { return strings.HasPrefix(rest, prefix) }) {
				return true
			}
		}
		return false
	})
}

// checkLoose refuses a site in which a request gets around an activity because a
// loose matcher and an upstream read it differently, and then is an activity
// under which more may happen to it.
func (h *Handler) checkLoose(p *decision.Policy) error {
	for i, a := range h.Activities {
		if len(a.reading.loose) == 0 {
			continue
		}
		dodged := activityOf(p, a.Name)
		for _, b := range h.Activities[i+1:] {
			taken := activityOf(p, b.Name)
			if dodged == nil || taken == nil {
				continue // said elsewhere
			}
			if why := loosens(dodged, taken); why != "" {
				return fmt.Errorf("activity '%s' is told apart by '%s', which an upstream may read differently: "+
					"such a request would be '%s', %s; tell it apart by host, path or method%s",
					a.Name, strings.Join(a.reading.loose, "', '"), b.Name, why, at(a.At))
			}
		}
	}
	return nil
}

// loosens says what more may happen to a request as the activity taken than as
// the one that was meant; empty if nothing.
func loosens(meant, taken *decision.Activity) string {
	const consent = "2-basis(d)"
	switch {
	case taken.StorageOnly:
		return ""
	case meant.StorageOnly:
		return "which may leave Singapore (§9)"
	case meant.LegalBasis == consent && taken.LegalBasis != consent:
		return "which goes on when consent is withdrawn (§7)"
	}
	for _, category := range meant.Categories {
		if !slices.Contains(taken.Categories, category) {
			return fmt.Sprintf("whose safeguards need not cover category %s", category)
		}
	}
	return ""
}
