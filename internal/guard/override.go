package guard

import (
	"net/http"
	"strings"

	"github.com/sparkoo/transfergate/internal/fields"
)

// targetFields are the fields, by folded name, in which some servers look for the
// target of a request before they look at its request line. Only a proxy sets
// them, so nobody misses them.
var targetFields = []string{"xoriginalurl", "xrewriteurl", "xoriginaluri"}

// methodFields are those in which some servers look for its method. Clients that
// may only send GET and POST use them.
var methodFields = []string{"xhttpmethodoverride", "xhttpmethod", "xmethodoverride"}

// methodParameter is the query parameter that does the same.
const methodParameter = "_method"

// overridesMethod reports whether the request names another method than that of
// its request line. What a body says (_method in a form) is not seen.
func overridesMethod(r *http.Request) bool {
	for name := range r.Header {
		if foldsToAny(name, methodFields) {
			return true
		}
	}
	if r.URL.RawQuery == "" {
		return false
	}
	for part := range strings.SplitSeq(r.URL.RawQuery, "&") {
		if isParameter(part, methodParameter) {
			return true
		}
	}
	return false
}

// Names are fields that a host reads from requests, in a form that is fast to
// compare. The zero value is none.
type Names []fieldName

type fieldName struct{ canonical, folded string }

// NamesOf returns the fields as Names.
func NamesOf(names ...string) Names {
	list := make(Names, len(names))
	for i, name := range names {
		list[i] = fieldName{http.CanonicalHeaderKey(name), fields.Fold(name)}
	}
	return list
}

// resembles reports whether name is spelled otherwise than a field of the list
// and may become it for an upstream.
func (l Names) resembles(name string) bool {
	for _, field := range l {
		if name != field.canonical && foldsTo(name, field.folded) {
			return true
		}
	}
	return false
}

// has reports whether name is a field of the list, whatever its spelling.
func (l Names) has(name string) bool {
	for _, field := range l {
		if foldsTo(name, field.folded) {
			return true
		}
	}
	return false
}

// foldsToAny reports whether the folded form of name is one of the list.
func foldsToAny(name string, list []string) bool {
	for _, folded := range list {
		if foldsTo(name, folded) {
			return true
		}
	}
	return false
}

// foldsTo reports whether fields.Fold(name) is folded, without allocating.
func foldsTo(name, folded string) bool {
	n := 0
	for i := range len(name) {
		c := name[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if !isAlphanumeric(c) {
			continue
		}
		if n == len(folded) || folded[n] != c {
			return false
		}
		n++
	}
	return n == len(folded)
}
