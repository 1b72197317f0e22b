package gateway_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// rawTimeout ends a conversation on a raw socket that has come to a halt.
const rawTimeout = time.Minute

// dial opens a connection to the gateway that gives up after some seconds.
func (g *gate) dial() net.Conn {
	g.t.Helper()
	return g.dialTo(g.addr)
}

// dialTo is dial for another of the gateway's addresses.
func (g *gate) dialTo(addr string) net.Conn {
	g.t.Helper()
	dialer := new(net.Dialer)
	if g.from != nil {
		dialer.LocalAddr = &net.TCPAddr{IP: g.from}
	}
	conn, err := dialer.Dial("tcp", addr)
	if err != nil {
		g.t.Fatal(err)
	}
	return prepared(g.t, conn)
}

// prepared gives a connection its deadline and closes it with the test.
func prepared(t testing.TB, conn net.Conn) net.Conn {
	t.Helper()
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(rawTimeout)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// h1 sends lines, joined by CRLF, on a connection of its own and reads the
// answer. An empty last line ends a header.
func (g *gate) h1(lines ...string) answer {
	g.t.Helper()
	conn := g.dial()
	defer conn.Close()
	return g.converse(conn, bufio.NewReader(conn), lines...)
}

// converse sends one request on an open connection and reads the answer.
func (g *gate) converse(conn io.Writer, r *bufio.Reader, lines ...string) answer {
	g.t.Helper()
	if _, err := io.WriteString(conn, strings.Join(lines, "\r\n")+"\r\n"); err != nil {
		g.t.Fatal(err)
	}
	method, _, _ := strings.Cut(lines[0], " ")
	res, err := http.ReadResponse(r, &http.Request{Method: method})
	if err != nil {
		g.t.Fatalf("%s: reading the answer: %v", lines[0], err)
	}
	if res.StatusCode == http.StatusSwitchingProtocols {
		return answer{res, ""}
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		g.t.Fatalf("%s: reading the answer: %v", lines[0], err)
	}
	return answer{res, string(text)}
}

// bytes sends lines and returns everything that comes back until the gateway
// closes: interim answers and trailers, too. The request should say so with
// "Connection: close".
func (g *gate) bytes(lines ...string) string {
	g.t.Helper()
	conn := g.dial()
	defer conn.Close()
	if _, err := io.WriteString(conn, strings.Join(lines, "\r\n")+"\r\n"); err != nil {
		g.t.Fatal(err)
	}
	all, err := io.ReadAll(conn)
	if err != nil {
		g.t.Fatalf("%s: reading the answer: %v", lines[0], err)
	}
	return string(all)
}

// h2 sends one request over HTTP/2 without TLS, with exactly these header, data
// and trailer frames. The answer's header holds every block that came, interim
// ones and trailers among them. A stream that was reset has status 0.
func (g *gate) h2(header []hpack.HeaderField, data string, trailer []hpack.HeaderField) answer {
	g.t.Helper()
	return h2On(g.t, g.dial(), header, data, trailer)
}

// h2On is h2 on a connection of its own, which it closes.
func h2On(t testing.TB, conn net.Conn, header []hpack.HeaderField, data string, trailer []hpack.HeaderField) answer {
	t.Helper()
	defer conn.Close()
	if _, err := conn.Write(h2Bytes(t, header, data, trailer, false)); err != nil {
		t.Fatal(err)
	}
	framer := http2.NewFramer(nil, conn)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	return readStream(t, framer)
}

// h2Bytes are the bytes of a request on stream 1, with those before it. An
// unfinished request announces more.
func h2Bytes(t testing.TB, header []hpack.HeaderField, data string, trailer []hpack.HeaderField, unfinished bool) []byte {
	t.Helper()
	out := bytes.NewBufferString(http2.ClientPreface)
	framer := http2.NewFramer(out, nil)
	must(t, framer.WriteSettings())
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	write := func(list []hpack.HeaderField, end bool) {
		block.Reset()
		for _, field := range list {
			must(t, encoder.WriteField(field))
		}
		must(t, framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: end && !unfinished}))
	}
	write(header, data == "" && trailer == nil)
	if data != "" || trailer != nil {
		must(t, framer.WriteData(1, trailer == nil && !unfinished, []byte(data)))
	}
	if trailer != nil {
		write(trailer, true)
	}
	return out.Bytes()
}

// readStream reads the answer on stream 1.
func readStream(t testing.TB, framer *http2.Framer) answer {
	t.Helper()
	a := answer{Response: &http.Response{Header: make(http.Header)}}
	for {
		frame, err := framer.ReadFrame()
		must(t, err)
		switch frame := frame.(type) {
		case *http2.MetaHeadersFrame:
			for _, field := range frame.Fields {
				if field.Name == ":status" {
					a.StatusCode = 0
					for _, digit := range field.Value {
						a.StatusCode = a.StatusCode*10 + int(digit-'0')
					}
				}
				a.Header.Add(field.Name, field.Value)
			}
		case *http2.DataFrame:
			a.Text += string(frame.Data())
		case *http2.RSTStreamFrame, *http2.GoAwayFrame:
			return a
		}
		if frame.Header().StreamID == 1 && frame.Header().Flags.Has(http2.FlagDataEndStream) {
			return a
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// h2Request is a request header for HTTP/2, pseudo fields first.
func h2Request(method, target string, more ...string) []hpack.HeaderField {
	return h2Fields(append([]string{":method", method, ":scheme", "http", ":path", target, ":authority", "gw.test"}, more...)...)
}

// h2Fields makes header fields of name, value pairs.
func h2Fields(pairs ...string) (list []hpack.HeaderField) {
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, hpack.HeaderField{Name: strings.ToLower(pairs[i]), Value: pairs[i+1]})
	}
	return list
}

// rawUpstream is a region's server that keeps every byte that reaches it.
type rawUpstream struct {
	addr string

	mu    sync.Mutex
	conns []*bytes.Buffer // what each connection said; guarded by mu
}

// newRawUpstream starts a server that reads a request a connection, answers it
// by way of talk, or with 200 and name, and hears the connection out.
func newRawUpstream(t testing.TB, name string, talk func(conn net.Conn, r *bufio.Reader, req *http.Request)) *rawUpstream {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	if talk == nil {
		talk = answering("HTTP/1.1 200 OK", "Content-Length: 2", "Connection: close", "", name)
	}
	u := &rawUpstream{addr: listener.Addr().String()}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go u.serve(conn, talk)
		}
	}()
	return u
}

// answering answers with lines, joined by CRLF.
func answering(lines ...string) func(net.Conn, *bufio.Reader, *http.Request) {
	return func(conn net.Conn, _ *bufio.Reader, _ *http.Request) {
		_, _ = io.WriteString(conn, strings.Join(lines, "\r\n"))
	}
}

func (u *rawUpstream) serve(conn net.Conn, talk func(net.Conn, *bufio.Reader, *http.Request)) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(rawTimeout))
	r := bufio.NewReader(io.TeeReader(conn, &hearing{upstream: u}))
	req, err := http.ReadRequest(r)
	if err != nil {
		return
	}
	if _, err := io.Copy(io.Discard, req.Body); err != nil {
		return
	}
	talk(conn, r, req)
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.CloseWrite()
	}
	_, _ = io.Copy(io.Discard, r) // whatever is said after the request is kept, too
}

// hearing keeps what one connection says, from its first byte on: one that was
// opened for a request that was given up may be used for the next.
type hearing struct {
	upstream *rawUpstream
	heard    *bytes.Buffer
}

func (l *hearing) Write(p []byte) (int, error) {
	l.upstream.mu.Lock()
	defer l.upstream.mu.Unlock()
	if l.heard == nil {
		l.heard = new(bytes.Buffer)
		l.upstream.conns = append(l.upstream.conns, l.heard)
	}
	return l.heard.Write(p)
}

// heard returns what each connection said since the last call of forget.
func (u *rawUpstream) heard() (said []string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, conn := range u.conns {
		said = append(said, conn.String())
	}
	return said
}

// forget begins anew.
func (u *rawUpstream) forget() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.conns = nil
}
