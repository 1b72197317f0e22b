package guard

import "net/http"

// CleanUpstream removes an upstream's own copies of the product's fields from
// its response: from the header and from the trailers it declares. Trailers
// arrive only when the body has ended; then call [CleanUpstreamTrailers].
func CleanUpstream(res *http.Response) {
	deleteReserved(res.Header)
	cleanList(res.Header, "Trailer")
	CleanUpstreamTrailers(res)
}

// CleanUpstreamTrailers removes the product's fields from the trailers of a
// response.
func CleanUpstreamTrailers(res *http.Response) { deleteReserved(res.Trailer) }

// CleanInterim removes the product's fields from the header of a 1xx response.
func CleanInterim(h http.Header) { deleteReserved(h) }
