package identity

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"golang.org/x/net/http/httpguts"
)

// fieldName writes the name of a request field as net/http does. It refuses one
// that Caddy drops before it reaches the gateway.
func fieldName(name string) (string, error) {
	if !httpguts.ValidHeaderFieldName(name) || strings.ContainsAny(name, "_.") {
		return "", fmt.Errorf("'%s' is no field name that reaches the gateway; use letters, digits and '-'", name)
	}
	return http.CanonicalHeaderKey(name), nil
}

// takeField takes a field that several sources may read out of the request and returns
// its lines. They are remembered, because this source too may be asked again about the
// same request. No name takes nothing.
func takeField(r *http.Request, name string) []string {
	if name == "" {
		return nil
	}
	key := "transfer_taken_" + name
	if lines, found := r.Header[name]; found {
		delete(r.Header, name)
		caddyhttp.SetVar(r.Context(), key, lines)
		return lines
	}
	lines, _ := caddyhttp.GetVar(r.Context(), key).([]string)
	return lines
}

// filled are the lines of a field that are not empty: an empty one says nothing.
func filled(lines []string) (rest []string) {
	for _, line := range lines {
		if line != "" {
			rest = append(rest, line)
		}
	}
	return rest
}
