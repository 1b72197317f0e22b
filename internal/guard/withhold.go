package guard

import (
	"net/http"
	"slices"
	"strings"

	"github.com/sparkoo/transfergate/internal/fields"
)

// The words of a recipient's withhold list (decision.Recipient.Withhold).
const (
	WithholdCookies        = "cookies"
	WithholdAuthorization  = "authorization"
	WithholdClientAddress  = "client-address"
	WithholdReferer        = "referer"
	WithholdUserAgent      = "user-agent"
	WithholdIdentityFields = "identity-fields"
	// WithholdField comes before the name of any one field, and WithholdQuery
	// before that of a query parameter.
	WithholdField = "field:"
	WithholdQuery = "query:"
)

// addressFields are the fields, by folded name, in which proxies tell each
// other a client's address.
var addressFields = foldedSet(
	"Forwarded", "X-Forwarded-For", "X-Original-Forwarded-For", "X-Real-IP",
	"X-Client-IP", "Client-IP", "X-Cluster-Client-IP", "True-Client-IP",
	"CF-Connecting-IP", "CF-Connecting-IPv6", "CF-Pseudo-IPv4", "DO-Connecting-IP",
	"Fastly-Client-IP", "Fly-Client-IP", "X-Azure-ClientIP", "X-Azure-SocketIP",
	"X-AppEngine-User-IP", "X-Envoy-External-Address", "X-ProxyUser-IP",
	"X-Remote-IP", "X-Remote-Addr", "Remote-Addr", "X-Originating-IP",
)

// foldedSet returns the folded names as a set.
func foldedSet(names ...string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, n := range names {
		set[fields.Fold(n)] = true
	}
	return set
}

// Withhold removes from r, a request on its way to a recipient, what the
// recipient's withhold list names (§4(c): only to the extent required). r.Header is
// changed and must be r's own; r.URL is replaced, not changed. Fields are found by
// folded name. identity are the fields in which the gateway was told who the data
// subject is. It returns the words, sorted and each once, for which something was
// removed; this is what a record may say.
//
// The word client-address is always among them: a proxy would add the address
// itself, and Header["X-Forwarded-For"] = nil stops it, which is Caddy's convention.
// A word that is none of the vocabulary is taken for the name of a field, so
// that a misspelling withholds too much rather than nothing.
//
//clause:enforces §3 §4(c).3 §5(d); record withheld
func Withhold(r *http.Request, names []string, identity []string) (removed []string) {
	for _, word := range names {
		if withhold(r, word, identity) && !slices.Contains(removed, word) {
			removed = append(removed, word)
		}
	}
	slices.Sort(removed)
	return removed
}

// withhold removes what one word names and reports whether that was anything.
func withhold(r *http.Request, word string, identity []string) bool {
	h := r.Header
	switch word {
	case WithholdCookies:
		return deleteFolded(h, "cookie", "cookie2")
	case WithholdAuthorization:
		return deleteFolded(h, "authorization", "proxyauthorization")
	case WithholdReferer:
		return deleteFolded(h, "referer")
	case WithholdClientAddress:
		deleteFunc(h, func(folded string) bool { return addressFields[folded] })
		h["X-Forwarded-For"] = nil
		return true
	case WithholdUserAgent:
		had := deleteFunc(h, func(folded string) bool {
			return folded == "useragent" || strings.HasPrefix(folded, "secchua") // client hints say the same
		})
		h["User-Agent"] = []string{""} // or net/http sends its own
		return had
	case WithholdIdentityFields:
		folded := make([]string, len(identity))
		for i, name := range identity {
			folded[i] = fields.Fold(name)
		}
		return deleteFolded(h, folded...)
	}
	if name, ok := strings.CutPrefix(word, WithholdQuery); ok {
		return deleteParameter(r, name)
	}
	return deleteFolded(h, fields.Fold(strings.TrimPrefix(word, WithholdField)))
}

// deleteFolded deletes the fields with one of these folded names.
func deleteFolded(h http.Header, names ...string) bool {
	return deleteFunc(h, func(folded string) bool { return slices.Contains(names, folded) })
}

// deleteFunc deletes the fields whose folded name match accepts and tells
// whether any of them had a value.
func deleteFunc(h http.Header, match func(folded string) bool) (deleted bool) {
	for name, values := range h {
		if match(fields.Fold(name)) {
			delete(h, name)
			deleted = deleted || slices.ContainsFunc(values, func(v string) bool { return v != "" })
		}
	}
	return deleted
}
