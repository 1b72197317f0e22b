package sitecheck

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	caddymap "github.com/caddyserver/caddy/v2/modules/caddyhttp/map"
)

// This file looks at what a configuration adds to log lines by its own words, which
// RedactLogs cannot tell from what somebody wants to know.

// impersonal are the placeholders, by prefix, that say nothing of who sent a request
// and what for.
var impersonal = []string{
	"http.request.host}", "http.request.hostport}", "http.request.port}", "http.request.method}", "http.request.scheme}",
	"http.request.proto}", "http.request.uuid}", "http.request.local", "http.request.duration", "http.request.tls.version}",
	"http.request.tls.cipher_suite}", "http.request.tls.proto", "http.request.tls.resumed}",
	"http.response.duration", "http.response.size}", "http.response.status", "http.reverse_proxy.upstream.", "http.reverse_proxy.status",
	"http.reverse_proxy.retries}", "http.reverse_proxy.duration", "http.error.status", "http.error.id}", "http.error.trace}", PlaceholderPrefix,
	"env.", "system.", "time.",
}

// checkSaid refuses what log_append and error would write of a person's request into
// the logs from which the person is left out. The handlers are all that see requests of
// a site.
func checkSaid(handlers []Handler) (problems []error) {
	if !slices.ContainsFunc(handlers, leavesOut) {
		return nil
	}
	all := slices.Clone(handlers)
	for _, h := range handlers {
		if isTransfer(h) {
			all = below(map[string]any(h)["regions"], all)
		}
	}
	names := variables(all)
	for _, h := range all {
		var text string
		switch h.Name() {
		case "log_append":
			text, _ = h["value"].(string)
			if names[text] == tells || slices.Contains(reservedVars, text) { // a variable by its bare name
				text = "{http.vars." + text + "}"
			}
		case "error":
			text, _ = h["error"].(string)
		}
		if found := names.telling(text); found != "" {
			problems = append(problems, fmt.Errorf("'%s' would write '%s' into logs that leave out who sent a request and what for; "+
				"take it out, or say in transfer why the logs keep that: 'log_personal_data \"why\"'", h.Name(), found))
		}
	}
	return problems
}

// leavesOut reports whether a handler is a transfer handler whose site's logs leave out
// the person.
func leavesOut(h Handler) bool { return isTransfer(h) && h["log_personal_data"] == nil }

// below appends the handlers below v, to any depth.
func below(v any, handlers []Handler) []Handler {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			handlers = below(item, handlers)
		}
	case map[string]any:
		if h := Handler(v); h.Name() != "" {
			handlers = append(handlers, h)
		}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			handlers = below(v[key], handlers)
		}
	}
	return handlers
}

// fixed and tells are what is known of a variable that the configuration sets: it has
// only values that stand there, or may say something of a person.
const (
	fixed = 1 + iota
	tells
)

// variableNames are those that vars and map set: "x" and "http.vars.x", or a
// destination.
type variableNames map[string]int

func variables(handlers []Handler) variableNames {
	names := make(variableNames)
	add := func(name string, value any) {
		raw, err := json.Marshal(value)
		if err != nil || variableNames(nil).telling(string(raw)) != "" {
			names[name] = tells
		} else if names[name] != tells {
			names[name] = fixed
		}
	}
	for _, h := range handlers {
		switch h.Name() {
		case "vars":
			for name, value := range h {
				add(name, value)
				add("http.vars."+name, value)
			}
		case "map":
			mapping := new(caddymap.Handler)
			if h.Into(mapping) != nil {
				continue // Caddy will report what does not fit
			}
			for i, name := range mapping.Destinations {
				name = strings.Trim(name, "{}")
				if i < len(mapping.Defaults) {
					add(name, mapping.Defaults[i])
				}
				for _, m := range mapping.Mappings {
					switch {
					case i >= len(m.Outputs):
					case m.InputRegexp != "": // outputs may repeat what matched
						names[name] = tells
					default:
						add(name, m.Outputs[i])
					}
				}
			}
		}
	}
	return names
}

// telling returns the first placeholder of a text that may say something of a person;
// empty if none does.
func (n variableNames) telling(text string) string {
	for _, found := range placeholder.FindAllString(text, -1) {
		name := found[1:]
		if n[strings.TrimSuffix(name, "}")] != fixed && !slices.ContainsFunc(impersonal, func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
			return found
		}
	}
	return ""
}
