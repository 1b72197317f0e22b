package identity

import (
	"fmt"
	"net/http"
	"strings"

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

// filled are the lines of a field that are not empty: an empty one says nothing.
func filled(lines []string) (rest []string) {
	for _, line := range lines {
		if line != "" {
			rest = append(rest, line)
		}
	}
	return rest
}
