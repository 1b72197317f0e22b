package guard_test

import (
	"bufio"
	"bytes"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/fields"
	"github.com/sparkoo/transfergate/internal/guard"
)

// seen is a request as the upstream got it, with its body read to the end.
type seen struct {
	method, target, host string
	header, trailer      http.Header
	body                 string
}

// reserved returns all values under reserved names, in header and trailer.
func (s seen) reserved() (values []string) {
	for _, h := range []http.Header{s.header, s.trailer} {
		for name, v := range h {
			if fields.Reserved(name) {
				values = append(values, v...)
			}
		}
	}
	return values
}

// gateway is a proxy of the size of a test, on real sockets: Clean and Check,
// then our field is set, then the request goes upstream as Caddy sends it, with
// fields named by Connection dropped and trailers copied at the body's end.
type gateway struct {
	t       *testing.T
	address string
	mu      sync.Mutex
	got     []seen
}

// newGateway starts a gateway and its upstream. The gateway speaks HTTP/1 and
// HTTP/2 without TLS.
func newGateway(t *testing.T, o guard.Options) *gateway {
	t.Helper()
	g := &gateway{t: t}
	upstream := httptest.NewServer(http.HandlerFunc(g.upstream))
	t.Cleanup(upstream.Close)
	target, err := url.Parse(upstream.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
		p.SetURL(target)
		p.Out.URL.Path, p.Out.URL.RawPath, p.Out.URL.RawQuery = p.In.URL.Path, p.In.URL.RawPath, p.In.URL.RawQuery
		p.Out.Host = p.In.Host
		if p.Out.Body != nil && p.Out.Body != http.NoBody {
			p.Out.Trailer = http.Header{}
			p.Out.Body = &trailerCopy{ReadCloser: p.Out.Body, from: p.In, to: p.Out.Trailer}
			p.Out.ContentLength = -1
		}
	}}
	front := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		guard.Clean(r, nil)
		if reason, ok := guard.Check(r, o); !ok {
			http.Error(w, string(reason), statusOf(reason))
			return
		}
		r.Header.Set("Data-Controller", "ours")
		proxy.ServeHTTP(w, r)
	}))
	front.Config.Protocols = new(http.Protocols)
	front.Config.Protocols.SetHTTP1(true)
	front.Config.Protocols.SetUnencryptedHTTP2(true)
	front.Start()
	t.Cleanup(front.Close)
	g.address = front.Listener.Addr().String()
	return g
}

// statusOf is the status attacks.md asks for.
func statusOf(reason decision.Reason) int {
	if reason == decision.MethodNotAllowed {
		return http.StatusMethodNotAllowed
	}
	return http.StatusBadRequest
}

// upstream notes what it got. A WebSocket handshake it accepts, and echoes.
func (g *gateway) upstream(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		g.t.Errorf("the upstream reading the body: %v", err)
	}
	g.mu.Lock()
	g.got = append(g.got, seen{r.Method, r.RequestURI, r.Host, r.Header.Clone(), r.Trailer.Clone(), string(body)})
	g.mu.Unlock()
	if r.Header.Get("Upgrade") == "" {
		return
	}
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		g.t.Errorf("the upstream taking over the connection: %v", err)
		return
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+r.Header.Get("Upgrade")+"\r\n\r\n")
	_, _ = io.Copy(conn, rw) // until the client closes
}

// requests returns what reached the upstream so far.
func (g *gateway) requests() []seen {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.got
}

// dial opens a connection that gives up after some seconds.
func (g *gateway) dial() net.Conn {
	g.t.Helper()
	conn, err := net.Dial("tcp", g.address)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		g.t.Fatal(err)
	}
	return conn
}

// raw sends lines, joined by CRLF, over HTTP/1 and returns the answer's status
// and body. An empty last line ends a header.
func (g *gateway) raw(lines ...string) (status int, body string) {
	g.t.Helper()
	conn := g.dial()
	return g.exchange(conn, bufio.NewReader(conn), lines...)
}

// exchange sends one request on an open connection.
func (g *gateway) exchange(conn net.Conn, r *bufio.Reader, lines ...string) (status int, body string) {
	g.t.Helper()
	if _, err := io.WriteString(conn, strings.Join(lines, "\r\n")+"\r\n"); err != nil {
		g.t.Fatal(err)
	}
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		g.t.Fatal(err)
	}
	if res.StatusCode == http.StatusSwitchingProtocols {
		return res.StatusCode, ""
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	return res.StatusCode, strings.TrimSpace(string(b))
}

// h2 sends one request over HTTP/2 with exactly these header, data and trailer
// frames and returns the answer's status and body, or "" for a stream that was
// reset.
func (g *gateway) h2(header []hpack.HeaderField, data string, trailer []hpack.HeaderField) (status, body string) {
	g.t.Helper()
	conn := g.dial()
	var out bytes.Buffer
	out.WriteString(http2.ClientPreface)
	f := http2.NewFramer(&out, conn)
	f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	var block bytes.Buffer
	enc := hpack.NewEncoder(&block)
	encode := func(hfs []hpack.HeaderField) []byte {
		block.Reset()
		for _, hf := range hfs {
			g.must(enc.WriteField(hf))
		}
		return bytes.Clone(block.Bytes())
	}
	g.must(f.WriteSettings())
	hasBody := data != "" || trailer != nil
	g.must(f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: encode(header), EndHeaders: true, EndStream: !hasBody}))
	if hasBody {
		g.must(f.WriteData(1, trailer == nil, []byte(data)))
	}
	if trailer != nil {
		g.must(f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: encode(trailer), EndHeaders: true, EndStream: true}))
	}
	_, err := conn.Write(out.Bytes())
	g.must(err)
	for {
		frame, err := f.ReadFrame()
		g.must(err)
		switch frame := frame.(type) {
		case *http2.MetaHeadersFrame:
			status = frame.PseudoValue("status")
		case *http2.DataFrame:
			body += string(frame.Data())
		case *http2.RSTStreamFrame, *http2.GoAwayFrame:
			return status, strings.TrimSpace(body)
		}
		if frame.Header().StreamID == 1 && frame.Header().Flags.Has(http2.FlagDataEndStream) {
			return status, strings.TrimSpace(body)
		}
	}
}

func (g *gateway) must(err error) {
	g.t.Helper()
	if err != nil {
		g.t.Fatal(err)
	}
}

// h2Header is a request header for HTTP/2, pseudo fields first.
func h2Header(method, target string, more ...string) []hpack.HeaderField {
	return append(pairs(":method", method, ":scheme", "http", ":path", target, ":authority", "gw.test"), pairs(more...)...)
}

// pairs makes header fields of names and values.
func pairs(nv ...string) (hfs []hpack.HeaderField) {
	for i := 0; i < len(nv); i += 2 {
		hfs = append(hfs, hpack.HeaderField{Name: nv[i], Value: nv[i+1]})
	}
	return hfs
}

// onlyOurs fails the test unless exactly one request reached the upstream and
// carried exactly one reserved value, ours.
func (g *gateway) onlyOurs() seen {
	g.t.Helper()
	got := g.requests()
	if len(got) != 1 {
		g.t.Fatalf("the upstream saw %d requests, want 1", len(got))
	}
	if v := got[0].reserved(); len(v) != 1 || v[0] != "ours" || got[0].header.Get("Data-Controller") != "ours" {
		g.t.Errorf("the upstream saw reserved values %q in header %v, trailer %v", v, got[0].header, got[0].trailer)
	}
	return got[0]
}

// nothing fails the test if anything reached the upstream.
func (g *gateway) nothing() {
	g.t.Helper()
	if got := g.requests(); len(got) != 0 {
		g.t.Errorf("the upstream saw %s %s", got[0].method, got[0].target)
	}
}

// trailerCopy copies trailers at the body's end, when net/http knows them.
type trailerCopy struct {
	io.ReadCloser
	from *http.Request
	to   http.Header
}

func (c *trailerCopy) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	if err == io.EOF {
		maps.Copy(c.to, c.from.Trailer)
	}
	return n, err
}
