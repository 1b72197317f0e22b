package guard

import (
	"io"
	"net/http"
	"strings"

	"github.com/sparkoo/transfergate/internal/fields"
)

// Clean removes from r everything that names one of the product's fields, by
// its folded name (see [fields.Reserved]): header fields, tokens of Connection
// (a proxy would drop the field we set ourselves, RFC 9110 section 7.6.1),
// names in Trailer, and trailer fields. As trailer fields arrive only with the
// end of the body, declared or not, it wraps r.Body to remove them there.
//
// It removes besides the fields in which some servers look for another target of
// the request (X-Original-URL), and what resembles a field of identity, in which
// the host reads who the person is: the same name in another spelling, which an
// upstream may read, and the name itself as a trailer field.
//
// It returns the number of field lines, tokens and names removed at once;
// trailer fields removed later are not in it. A second call finds nothing and
// changes nothing. A request with nothing to remove and no body costs no
// allocation.
//
// A proxy must read trailers from r, or from a copy that shares r.Trailer, and
// after the body's end.
func Clean(r *http.Request, identity Names) (stripped int) {
	stripped = deleteNames(r.Header, func(name string) bool {
		return fields.Reserved(name) || foldsToAny(name, targetFields) || identity.resembles(name)
	})
	stripped += cleanList(r.Header, "Connection")
	stripped += cleanList(r.Header, "Trailer")
	stripped += cleanTrailer(r.Trailer, identity)
	if r.Body == nil || r.Body == http.NoBody {
		return stripped
	}
	if b, ok := r.Body.(*body); ok && b.request == r {
		return stripped
	}
	r.Body = &body{ReadCloser: r.Body, request: r, identity: identity}
	return stripped
}

// cleanTrailer deletes what no trailer of a request may say.
func cleanTrailer(trailer http.Header, identity Names) (deleted int) {
	return deleteNames(trailer, func(name string) bool {
		return fields.Reserved(name) || foldsToAny(name, targetFields) || identity.has(name)
	})
}

// deleteReserved deletes the fields with a reserved name and returns how many
// lines they had.
func deleteReserved(h http.Header) (deleted int) { return deleteNames(h, fields.Reserved) }

// deleteNames deletes the fields whose name is meant and returns how many lines
// they had.
func deleteNames(h http.Header, meant func(name string) bool) (deleted int) {
	for name, values := range h {
		if meant(name) {
			delete(h, name)
			deleted += max(1, len(values))
		}
	}
	return deleted
}

// cleanList removes the reserved names from a field whose value is a list of
// field names. Lines without one keep their exact spelling; a line that becomes
// empty is dropped, and the field with its last line.
func cleanList(h http.Header, field string) (removed int) {
	lines, ok := h[field]
	if !ok || !listsReserved(lines) {
		return 0
	}
	kept := make([]string, 0, len(lines)) // never in place: the slice may be shared
	for _, line := range lines {
		rest, n := withoutReserved(line)
		removed += n
		if n == 0 || rest != "" {
			kept = append(kept, rest)
		}
	}
	if len(kept) == 0 {
		delete(h, field)
	} else {
		h[field] = kept
	}
	return removed
}

// listsReserved reports whether any line names a reserved field.
func listsReserved(lines []string) bool {
	for _, line := range lines {
		for token := range strings.SplitSeq(line, ",") {
			if fields.Reserved(token) {
				return true
			}
		}
	}
	return false
}

// withoutReserved returns line without the tokens that are reserved, and how
// many there were. Without one it returns line itself.
func withoutReserved(line string) (rest string, removed int) {
	var kept []string
	for token := range strings.SplitSeq(line, ",") {
		if fields.Reserved(token) {
			removed++
		} else if token = strings.Trim(token, " \t"); token != "" {
			kept = append(kept, token)
		}
	}
	if removed == 0 {
		return line, 0
	}
	return strings.Join(kept, ", "), removed
}

// body removes reserved trailer fields as soon as they can be there: net/http
// fills in Request.Trailer, undeclared fields too, in the Read that meets the
// end of the body, or in a Close that reads up to it.
type body struct {
	io.ReadCloser
	request  *http.Request
	identity Names
}

// Read reads from the request's body.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		cleanTrailer(b.request.Trailer, b.identity)
	}
	return n, err
}

// Close closes the request's body.
func (b *body) Close() error {
	err := b.ReadCloser.Close()
	cleanTrailer(b.request.Trailer, b.identity)
	return err
}
