package gateway

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"slices"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/fields"
	"github.com/sparkoo/transfergate/internal/guard"
)

// responseWriter puts our response fields into the final header, whatever the
// upstream set, and notes what became of the response.
type responseWriter struct {
	caddyhttp.ResponseWriterWrapper
	attempt *attempt
	wrote   bool // the final header is out
	status  int
	bytes   int64
	tunnel  net.Conn // what the connection became; nil for none
}

// WriteHeader implements http.ResponseWriter.
func (w *responseWriter) WriteHeader(status int) {
	if status >= 100 && status < 200 && status != http.StatusSwitchingProtocols {
		guard.CleanInterim(w.Header())
		w.ResponseWriter.WriteHeader(status)
		return
	}
	if !w.wrote {
		w.wrote, w.status = true, status
		x := w.attempt.exchange
		x.outcome = outcomeAllowed
		enforceResponse(w.Header(), x)
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter. A client that left is noted, not
// reported: reverse_proxy would log its address.
func (w *responseWriter) Write(p []byte) (int, error) {
	if !w.wrote {
		w.WriteHeader(http.StatusOK)
	}
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	if err != nil {
		w.attempt.clientGone.Store(true)
	}
	return len(p), nil
}

// ReadFrom implements io.ReaderFrom by way of Write.
func (w *responseWriter) ReadFrom(r io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{w}, r)
}

// Hijack implements http.Hijacker: a proxy makes a tunnel of the connection, and hands
// it back when the tunnel has ended.
func (w *responseWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil {
		w.tunnel = conn
		open.Store(conn, nil)
	}
	return conn, buffered, err
}

// breakOff ends a response of which only a part is there, so that the client
// sees that it is broken. It gets that part, as from reverse_proxy itself.
func (w *responseWriter) breakOff() {
	_ = http.NewResponseController(w).Flush() // the response is lost either way
	panic(http.ErrAbortHandler)
}

// enforceResponse makes the response fields ours: who the controller is, and
// under which statement.
func enforceResponse(header http.Header, x *exchange) {
	d := x.decision
	var ours []decision.Field
	link, depends := "", d != nil && d.Controller != nil
	if depends {
		ours, link = fields.Response(d), fields.Link(d)
	}
	if status := x.status(); status != "" {
		ours = append(slices.Clip(ours), decision.Field{Name: fields.TransferStatus, Value: status})
		depends = true
	}
	guard.EnforceResponse(header, ours, link, depends)
}

// Interface guards
var (
	_ http.ResponseWriter = (*responseWriter)(nil)
	_ io.ReaderFrom       = (*responseWriter)(nil)
)
