package guard

import (
	"net/http"
	"net/url"
	"strings"
)

// deleteParameter removes a query parameter from r and reports whether there was one.
// What is left of the query keeps its order and every byte of its encoding.
//
// A parameter is taken for the named one in each way a server might: whatever the
// case of its letters, percent-encoded or not, more than once, behind a semicolon,
// and as an array (name[]=, name[key]=). Its value goes with it.
func deleteParameter(r *http.Request, name string) bool {
	rest, removed := withoutParameter(r.URL.RawQuery, name)
	if !removed {
		return false
	}
	u := *r.URL
	u.RawQuery, u.ForceQuery = rest, false
	r.URL, r.RequestURI = &u, u.RequestURI()
	return true
}

// withoutParameter is query without the parameters of a name.
func withoutParameter(query, name string) (rest string, removed bool) {
	var kept strings.Builder
	first := true
	for start := 0; start <= len(query); {
		end := len(query)
		if i := strings.IndexAny(query[start:], "&;"); i >= 0 {
			end = start + i
		}
		switch {
		case isParameter(query[start:end], name):
			removed = true
		case first:
			first = false
			kept.WriteString(query[start:end])
		default:
			kept.WriteString(query[start-1 : end]) // with what separates it
		}
		start = end + 1
	}
	return kept.String(), removed
}

// isParameter reports whether a part of a query may be read as the named parameter.
func isParameter(part, name string) bool {
	key, _, _ := strings.Cut(part, "=")
	for range 3 { // an upstream may decode more than once
		key = strings.ReplaceAll(key, "+", " ")
		plain := strings.TrimSpace(key)
		array, _, _ := strings.Cut(plain, "[")
		if strings.EqualFold(plain, name) || strings.EqualFold(array, name) {
			return true
		}
		decoded := decode(key)
		if decoded == key {
			return false
		}
		key, _, _ = strings.Cut(decoded, "=") // an encoded = ends the name where it is decoded twice
	}
	return false
}

// plainQuery reports whether every server finds the same values of these
// parameters in the query: it separates by & alone, encodes without a mistake,
// and names each at most once, and then by its plain name.
func plainQuery(query string, names []string) bool {
	if strings.IndexByte(query, ';') >= 0 {
		return false
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return false
	}
	for _, name := range names {
		seen := 0
		for part := range strings.SplitSeq(query, "&") {
			if isParameter(part, name) {
				seen++
			}
		}
		if seen != len(values[name]) || seen > 1 {
			return false
		}
	}
	return true
}
