package gateway_test

import (
	"strings"
	"testing"
)

// TestMishapsFillNoLog: what goes wrong in the gateway itself is logged once, however
// many requests provoke it.
func TestMishapsFillNoLog(t *testing.T) {
	const source = "identity header {\n\t\t\tfrom"
	for name, change := range map[string]func(string) string{
		"handling a request panicked": func(c string) string { return replaced(t, c, source, "identity test_panics {\n\t\t\tfrom") },
		"a matcher failed; the request is denied": func(c string) string {
			return replaced(t, c, "@community path /community/*", "@community test_fails")
		},
	} {
		p := startPrivate(t, change, nil)
		for range 20 {
			p.bytes(asPerson("GET /sekretperson?sekretperson HTTP/1.1", "Connection: close")...)
		}
		if n := strings.Count(readFile(t, p.log), name); n != 1 {
			t.Errorf("%s: logged %d times", name, n)
		}
	}
}
