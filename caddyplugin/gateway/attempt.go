package gateway

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/guard"
	"github.com/sparkoo/transfergate/internal/record"
)

// attempt sends one request to one region. What it learns on the way decides
// whether another region may be tried and what the outcome record says.
type attempt struct {
	handler   *Handler
	exchange  *exchange
	decision  *decision.Decision
	candidate *decision.Candidate
	enforced  bool

	path      string    // as the region's routes got it
	host      string    // likewise
	record    record.ID // of the transfer's record
	withheld  []string  // what was really kept from the recipient
	assertion string    // signed for this attempt; empty where none is made

	// set by the region's transport (transport.go), on the request's goroutine
	tried      bool // a request was handed to it
	dialFailed bool // an upstream could not be reached
	sent       bool // a connection was had: bytes may have left
	answered   bool // an upstream's response began

	unreachable bool // the region had no upstream, or none could be dialled

	body       requestBody
	response   responseWriter
	brokenBody atomic.Bool // the upstream's response broke off
	clientGone atomic.Bool // the client stopped reading
}

var (
	errLedger      = errors.New("the ledger did not take the record")
	errFellThrough = errors.New("no handler of the region answered")
	errAssertion   = errors.New("no assertion could be made")
	errStorage     = errors.New("the region's routes made a storage request of another")
)

// run records the transfer, then lets the region's routes answer. When it
// returns an error nothing has been written to the client yet.
func (t *attempt) run(w http.ResponseWriter, r *http.Request) error {
	region := t.handler.regions[t.candidate.Region.Code]
	out := t.outgoing(r, region)
	if t.candidate.Transfer {
		release, err := t.commit(r)
		if err != nil {
			return err
		}
		defer release()
	}
	t.exchange.candidate = t.candidate
	t.response.ResponseWriter, t.response.attempt = w, t
	if err := t.assert(); err != nil {
		t.conclude()
		return err
	}
	finished := false
	defer func() {
		if !finished { // a handler panicked: the outcome is still owed
			t.conclude()
		}
		if t.response.tunnel != nil {
			open.Delete(t.response.tunnel)
		}
	}()
	err := region.chain.ServeHTTP(&t.response, out)
	finished = true
	if err == nil && !t.response.wrote {
		err = errFellThrough // Caddy would make an empty 200 of it
	}
	t.unreachable = t.dialFailed || statusOf(err) == http.StatusServiceUnavailable
	t.conclude()
	if t.brokenBody.Load() || t.clientGone.Load() || err != nil && t.response.wrote {
		t.response.breakOff()
	}
	return err
}

// outgoing is the request for this region, without what the recipient must not
// get. It is a copy if it differs, and where the region's routes might change it,
// so that the next region gets the request as it came.
func (t *attempt) outgoing(r *http.Request, region *Region) *http.Request {
	t.exchange.attempt = t
	t.path, t.host = r.URL.Path, r.Host
	withhold := t.candidate.Recipient.Withhold
	hasBody := r.Body != nil && r.ContentLength != 0 // a proxy sends none of length 0
	t.body.ReadCloser, t.body.length = r.Body, r.ContentLength
	if region.bare && len(withhold) == 0 && !hasBody {
		return r
	}
	out := new(http.Request)
	*out = *r
	switch {
	case !region.bare:
		out.Header = r.Header.Clone()
		out.URL = new(url.URL)
		*out.URL = *r.URL
	case len(withhold) > 0:
		out.Header = maps.Clone(r.Header)
	}
	if len(withhold) > 0 {
		t.withheld = guard.Withhold(out, withhold, t.handler.app.identity.fields)
		out.Trailer = nil // whatever a trailer says, it would come after what was withheld
	}
	if hasBody {
		out.Body = &t.body
	}
	return out
}

// mayHandOver reports whether the next lawful region may be tried: only when not
// one byte of the request left and none was read from the client.
func (t *attempt) mayHandOver() bool {
	return !t.sent && !t.response.wrote && t.body.read.Load() == 0 && t.unreachable
}

// failure is the reason for a region that was reached, or failed for its own cause.
func (t *attempt) failure(err error) decision.Reason {
	switch {
	case errors.Is(err, errFellThrough):
		return decision.RegionFellThrough
	case errors.Is(err, errStorage):
		return decision.StorageInSingapore
	case !t.sent && t.unreachable:
		return decision.RegionDown
	case statusOf(err) == http.StatusRequestEntityTooLarge: // from request_body
		return decision.BodyTooLarge
	case t.body.broken.Load():
		return decision.BodyBroken
	}
	return decision.RegionFailed
}

// requestBody counts what the region read of the request's body. It may be read
// by the transport's goroutine after the handler has gone on.
type requestBody struct {
	io.ReadCloser
	length int64 // as declared; -1 when unknown
	read   atomic.Int64
	ended  atomic.Bool
	broken atomic.Bool // the client did not send all of it, or sent what is none
}

func (b *requestBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.read.Add(int64(n))
	switch {
	case err == io.EOF:
		b.ended.Store(true)
	case err != nil && !errors.Is(err, http.ErrBodyReadAfterClose): // that is the region's doing, which gave up
		b.broken.Store(true)
	}
	return n, err
}

// whole reports whether all of the body was read. One that went on after the length
// it declared is none, though the region may have answered what came before.
func (b *requestBody) whole() bool {
	return b.ended.Load() || b.length >= 0 && b.read.Load() >= b.length && !b.broken.Load()
}

// statusOf returns the status a handler error carries, 0 if none.
func statusOf(err error) int {
	if failed, ok := errors.AsType[caddyhttp.HandlerError](err); ok {
		return failed.StatusCode
	}
	return 0
}
