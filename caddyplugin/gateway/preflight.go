package gateway

import "net/http"

// isPreflight reports whether the request is a CORS preflight (Fetch standard, "CORS-
// preflight request"): a browser asks whether a page of another origin may send a
// request. It has no body, and no credential, so that nobody can say whose it is.
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.ContentLength == 0 && // -1 of one whose length nobody said
		one(r.Header["Origin"]) && one(r.Header["Access-Control-Request-Method"])
}

// one reports whether a field is there once, and says something.
func one(lines []string) bool { return len(lines) == 1 && lines[0] != "" }

// preflight is the verdict on a preflight.
func preflight(x *exchange) verdict { return verdict{exchange: x, preflight: true} }

// answerPreflight answers with the fields that the site's header directives have set,
// and nothing else. It is not passed on: its path and query would reach an upstream
// without anybody knowing whose they are, and so without a record of it.
func (x *exchange) answerPreflight(w http.ResponseWriter) {
	x.outcome = outcomePreflight
	w.WriteHeader(http.StatusNoContent)
}
