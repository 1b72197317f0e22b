package gateway_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/sparkoo/transfergate/caddyplugin/gateway"
)

// The rows about how requests are written: net/http, and quic-go, refuse most of
// it before the gateway. These tests hold them to it.

// TestRows12To14And20Syntax: what a lenient reader could take for one of our
// fields reaches no region as such.
func TestRows12To14And20Syntax(t *testing.T) {
	f := startFront(t, site, "", nil)
	for _, tt := range []struct {
		name, request string // with line ends as sent
		status        int
	}{
		{"12 obs-fold", "GET / HTTP/1.1\r\nHost: gw.test\r\nRegistered-Country: BR\r\nX-Fold: a\r\n Data-Controller: folded\r\n\r\n", 200},
		{"12 obs-fold in our field", "GET / HTTP/1.1\r\nHost: gw.test\r\nRegistered-Country: BR\r\nData-Controller: a\r\n evil\r\n\r\n", 200},
		{"13 space before the colon", "GET / HTTP/1.1\r\nHost: gw.test\r\nRegistered-Country: BR\r\nData-Controller : evil\r\n\r\n", 400},
		{"13 tab before the colon", "GET / HTTP/1.1\r\nHost: gw.test\r\nRegistered-Country: BR\r\nData-Controller\t: evil\r\n\r\n", 400},
		{"13 bare CR", "GET / HTTP/1.1\r\nHost: gw.test\r\nRegistered-Country: BR\r\nX-A: b\rData-Controller: evil\r\n\r\n", 400},
		{"13 NUL in a value", "GET / HTTP/1.1\r\nHost: gw.test\r\nRegistered-Country: BR\r\nX-A: \x00evil\r\n\r\n", 400},
		{"13 NUL in a name", "GET / HTTP/1.1\r\nHost: gw.test\r\nRegistered-Country: BR\r\nData-\x00Controller: evil\r\n\r\n", 400},
		{"13 not ASCII", "GET / HTTP/1.1\r\nHost: gw.test\r\nRegistered-Country: BR\r\nDat\xc3\xa1-Controller: evil\r\n\r\n", 400},
		{"13 no name", "GET / HTTP/1.1\r\nHost: gw.test\r\nRegistered-Country: BR\r\n: evil\r\n\r\n", 400},
		{"13 no colon", "GET / HTTP/1.1\r\nHost: gw.test\r\nRegistered-Country: BR\r\nData-Controller evil\r\n\r\n", 400},
		{"14 bare LF", "GET / HTTP/1.1\nHost: gw.test\nRegistered-Country: BR\nData-Controller: evil\n\n", 200},
		{"two requests' fields", "GET / HTTP/1.1\r\nHost: gw.test\r\nRegistered-Country: BR\r\n\r\nData-Controller: evil\r\n\r\n", 200},
	} {
		f.forget()
		conn := f.dial()
		if _, err := io.WriteString(conn, tt.request); err != nil {
			t.Fatal(err)
		}
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		text, _ := io.ReadAll(res.Body)
		res.Body.Close()
		conn.Close()
		if res.StatusCode != tt.status {
			t.Errorf("%s: status %d, want %d", tt.name, res.StatusCode, tt.status)
			continue
		}
		if tt.status != 200 {
			f.nothing(t)
			continue
		}
		served(t, answer{res, string(text)})
		if said := f.onlyOurs(t); strings.Contains(tt.name, "fold") && strings.Contains(said, "\r\nData-Controller: folded") {
			t.Errorf("%s: the upstream heard a field of its own:\n%s", tt.name, said)
		}
	}
}

// TestRow15TwoLengths: of Content-Length and chunks the chunks count, for the
// gateway and the region alike, and what follows is a second request that is
// decided and recorded as any other.
func TestRow15TwoLengths(t *testing.T) {
	f := startFront(t, site, "", nil)
	conn := f.dial()
	r := bufio.NewReader(conn)
	served(t, f.converse(conn, r, asBrazil("POST / HTTP/1.1", "Content-Length: 100", "Transfer-Encoding: chunked", "", "3", "abc", "0", "")...))
	said := f.onlyOurs(t)
	if strings.Contains(said, "Content-Length:") || !strings.HasSuffix(said, "\r\n3\r\nabc\r\n0\r\n\r\n") {
		t.Errorf("the region heard\n%s", said)
	}
	f.forget()
	conn = f.dial()
	r = bufio.NewReader(conn)
	served(t, f.converse(conn, r, asBrazil("POST / HTTP/1.1", "Content-Length: 5", "Transfer-Encoding: chunked", "", "0", "", "PUT /v1/objects/x HTTP/1.1", "Host: gw.test", "Registered-Country: BR", "Content-Length: 0", "")...))
	f.onlyOurs(t)
	second, err := http.ReadResponse(r, nil)
	must(t, err)
	defer second.Body.Close()
	text, err := io.ReadAll(second.Body)
	must(t, err)
	if stored := strings.Join(f.sg.heard(), ""); string(text) != "sg" || !strings.HasPrefix(stored, "PUT /v1/objects/x ") || !strings.Contains(stored, ";activity=storage;") {
		t.Errorf("the second request was answered by %q; the store heard\n%s", text, stored)
	}
	if n := len(ofType(f.records(), "transfer.accepted")); n != 3 {
		t.Errorf("%d records of 3 requests", n)
	}
}

// TestRow16Lengths: what says its length in two ways, or wrongly, is refused.
func TestRow16Lengths(t *testing.T) {
	f := startFront(t, overEvery(t, site), "", nil)
	for _, lines := range [][]string{
		{"Content-Length: 3", "Content-Length: 4", "", "abcd"},
		{"Content-Length: 3, 4", "", "abcd"},
		{"Content-Length: +3", "", "abc"},
		{"Content-Length: 0x3", "", "abc"},
		{"Content-Length: -1", "", "abc"},
		{"Transfer-Encoding: gzip", "", "3", "abc", "0", ""},
		{"Transfer-Encoding: chunked, identity", "", "3", "abc", "0", ""},
		{"Transfer-Encoding: xchunked", "", "3", "abc", "0", ""},
		{"Transfer-Encoding: chunked", "Transfer-Encoding: chunked", "", "3", "abc", "0", ""},
		{"Transfer-Encoding:\x0bchunked", "", "3", "abc", "0", ""},
	} {
		if a := f.h1(asBrazil("POST / HTTP/1.1", lines...)...); a.StatusCode != 400 && a.StatusCode != 501 {
			t.Errorf("%q: status %d", lines, a.StatusCode)
		}
		f.nothing(t)
	}
	for _, stream := range f.streams() {
		for _, length := range []string{"2", "10", "+5", "x"} {
			a := stream.send(h2Request("POST", "/", append([]string{"content-length", length}, asBrazilH2...)...), "hello", nil)
			if a.StatusCode == 200 {
				t.Errorf("%s: Content-Length %s for 5 bytes was taken", stream.how, length)
			}
		}
	}
	if whole := f.whole(t); whole != 0 {
		t.Errorf("%d requests arrived whole by their records, want none", whole)
	}
}

// TestRow16TwoLengths: of two lengths in frames net/http keeps the first, if it is
// right, and says only it; quic-go refuses them.
func TestRow16TwoLengths(t *testing.T) {
	f := startFront(t, overEvery(t, site), "", nil)
	taken := 0
	for _, stream := range f.streams() {
		f.forget()
		a := stream.send(h2Request("POST", "/", append([]string{"content-length", "5", "content-length", "6"}, asBrazilH2...)...), "hello", nil)
		if a.StatusCode != 200 {
			continue
		}
		taken++
		if said := f.onlyOurs(t); strings.Count(said, "Content-Length:") != 1 || !strings.Contains(said, "\r\nContent-Length: 5\r\n") {
			t.Errorf("%s: the region heard\n%s", stream.how, said)
		}
	}
	if whole := f.whole(t); whole != taken {
		t.Errorf("%d requests arrived whole by their records, want %d", whole, taken)
	}
}

// whole waits until every transfer has its outcome, and counts those of which the
// records say that they arrived whole.
func (f *front) whole(t *testing.T) (whole int) {
	t.Helper()
	waitFor(t, "every transfer has its outcome", func() bool {
		records := f.records()
		ended := 0
		whole = 0
		for _, r := range ofType(records, "transfer.outcome") {
			for _, o := range r["outcomes"].([]any) { // [index, state, status, ...]
				ended++
				if o.([]any)[1] == "complete" {
					whole++
				}
			}
		}
		return ended == len(ofType(records, "transfer.accepted"))
	})
	return whole
}

// TestRow16MoreThanDeclared: over HTTP/3 the first bytes of a body that is longer
// than it says reach the region, which may answer them. That is no whole request.
func TestRow16MoreThanDeclared(t *testing.T) {
	tooMuch := errors.New("peer sent too much data")
	for _, tt := range []struct {
		name   string
		body   io.Reader
		length int64
		want   bool
	}{
		{"as declared", strings.NewReader("he"), 2, true},
		{"undeclared", strings.NewReader("he"), -1, true},
		{"more, told with the last byte", iotest.DataErrReader(io.MultiReader(strings.NewReader("he"), iotest.ErrReader(tooMuch))), 2, false},
		{"more, told afterwards", io.MultiReader(strings.NewReader("he"), iotest.ErrReader(tooMuch)), 2, false},
		{"less", iotest.DataErrReader(io.MultiReader(strings.NewReader("h"), iotest.ErrReader(io.ErrUnexpectedEOF))), 2, false},
	} {
		if got := gateway.ArrivedWhole(tt.body, tt.length); got != tt.want {
			t.Errorf("%s: whole is %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestRow17Chunks: a request whose chunks are broken is the client's fault, and no
// record says that it arrived.
func TestRow17Chunks(t *testing.T) {
	f := startFront(t, site, "", nil)
	for _, body := range []string{
		"3\nabc\n0\n\n", "3;x=\n\r\nabc\r\n0\r\n\r\n", "3;\nabc\r\n0\r\n\r\n", "3\r\nabcX0\r\n\r\n", "-3\r\nabc\r\n0\r\n\r\n", "0x3\r\nabc\r\n0\r\n\r\n",
		"ffffffffffffffff1\r\nabc\r\n0\r\n\r\n", "3\r\nabc\r\n0\r\nData-\x00Controller: evil\r\n\r\n",
	} {
		f.forget()
		conn := f.dial()
		request := strings.Join(asBrazil("POST / HTTP/1.1", "Transfer-Encoding: chunked", ""), "\r\n") + "\r\n" + body
		if _, err := io.WriteString(conn, request); err != nil {
			t.Fatal(err)
		}
		must(t, conn.(*net.TCPConn).CloseWrite())
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		must(t, err)
		text, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode != http.StatusBadRequest || !strings.Contains(string(text), `"reason":"body_broken"`) {
			t.Errorf("%q: status %d, %q", body, res.StatusCode, text)
		}
		conn.Close()
		if said := strings.Join(f.br.heard(), ""); strings.Contains(said, "evil") || strings.HasSuffix(said, "0\r\n\r\n") {
			t.Errorf("%q: the region heard a whole request:\n%s", body, said)
		}
	}
	if whole := f.whole(t); whole != 0 {
		t.Errorf("%d broken requests arrived whole by their records", whole)
	}
}

// TestRow21Frames: header fields that HTTP/2 and HTTP/3 forbid.
func TestRow21Frames(t *testing.T) {
	f := startFront(t, overEvery(t, site), "", nil)
	for _, tt := range []struct {
		name   string
		fields []string
	}{
		{"upper case", []string{":method", "GET", ":scheme", "http", ":path", "/", ":authority", "gw.test", "Registered-Country", "BR"}},
		{"CRLF in a value", append([]string{":method", "GET", ":scheme", "http", ":path", "/", ":authority", "gw.test", "x-a", "b\r\ndata-controller: evil"}, asBrazilH2...)},
		{"LF in a value", append([]string{":method", "GET", ":scheme", "http", ":path", "/", ":authority", "gw.test", "x-a", "b\ndata-controller: evil"}, asBrazilH2...)},
		{"NUL in a value", append([]string{":method", "GET", ":scheme", "http", ":path", "/", ":authority", "gw.test", "x-a", "\x00evil"}, asBrazilH2...)},
		{"CRLF in a name", append([]string{":method", "GET", ":scheme", "http", ":path", "/", ":authority", "gw.test", "x-a: b\r\ndata-controller", "evil"}, asBrazilH2...)},
		{"space in a name", append([]string{":method", "GET", ":scheme", "http", ":path", "/", ":authority", "gw.test", "data-controller ", "evil"}, asBrazilH2...)},
		{"colon in a name", append([]string{":method", "GET", ":scheme", "http", ":path", "/", ":authority", "gw.test", "data-controller:evil", "evil"}, asBrazilH2...)},
		{"two paths", append([]string{":method", "GET", ":scheme", "http", ":path", "/", ":path", "/v1/objects/x", ":authority", "gw.test"}, asBrazilH2...)},
		{"two methods", append([]string{":method", "GET", ":method", "PUT", ":scheme", "http", ":path", "/", ":authority", "gw.test"}, asBrazilH2...)},
		{"pseudo field after others", append(append([]string{":method", "GET", ":scheme", "http", ":authority", "gw.test"}, asBrazilH2...), ":path", "/")},
		{"unknown pseudo field", append([]string{":method", "GET", ":scheme", "http", ":path", "/", ":authority", "gw.test", ":data-controller", "evil"}, asBrazilH2...)},
		{"no path", append([]string{":method", "GET", ":scheme", "http", ":authority", "gw.test"}, asBrazilH2...)},
		{"empty path", append([]string{":method", "GET", ":scheme", "http", ":path", "", ":authority", "gw.test"}, asBrazilH2...)},
		{"no scheme", append([]string{":method", "GET", ":path", "/", ":authority", "gw.test"}, asBrazilH2...)},
		{"no method", append([]string{":scheme", "http", ":path", "/", ":authority", "gw.test"}, asBrazilH2...)},
		{"status", append([]string{":method", "GET", ":scheme", "http", ":path", "/", ":authority", "gw.test", ":status", "200"}, asBrazilH2...)},
		{"method with a space", append([]string{":method", "GET /v1/objects/x", ":scheme", "http", ":path", "/", ":authority", "gw.test"}, asBrazilH2...)},
		{"path with CRLF", append([]string{":method", "GET", ":scheme", "http", ":path", "/ HTTP/1.1\r\ndata-controller: evil\r\nx: ", ":authority", "gw.test"}, asBrazilH2...)},
		{"authority with a path", append([]string{":method", "GET", ":scheme", "http", ":path", "/", ":authority", "gw.test/v1/objects"}, asBrazilH2...)},
		{"authority with a person", append([]string{":method", "GET", ":scheme", "http", ":path", "/", ":authority", "evil@gw.test"}, asBrazilH2...)},
		{"host of another", append([]string{":method", "GET", ":scheme", "http", ":path", "/", ":authority", "gw.test", "host", "evil.test"}, asBrazilH2...)},
	} {
		header := h2Fields(tt.fields...)
		for i := range header { // which makes names lower case
			header[i].Name = tt.fields[2*i]
		}
		for _, stream := range f.streams() {
			f.forget()
			a := stream.send(header, "", nil)
			if tt.name == "no scheme" && stream.how == "HTTP/3" { // which quic-go lets pass; nothing is decided by it
				served(t, a)
				f.onlyOurs(t)
				continue
			}
			if a.StatusCode != 0 && a.StatusCode/100 != 4 {
				t.Errorf("%s, %s: status %d", stream.how, tt.name, a.StatusCode)
			}
			f.nothing(t)
		}
	}
}

// TestRow26Unsigned: a client that lets hop-by-hop rules take the signed fields
// out of its own request is refused by the store, and the record says so.
func TestRow26Unsigned(t *testing.T) {
	f := startFront(t, site, "", func(conn net.Conn, _ *bufio.Reader, req *http.Request) {
		status := "200 OK"
		if req.Header.Get("X-Amz-Date") == "" || req.Header.Get("X-Amz-Content-Sha256") == "" {
			status = "403 Forbidden"
		}
		_, _ = fmt.Fprintf(conn, "HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", status)
	})
	signed := []string{"X-Amz-Date: 20261125T000000Z", "X-Amz-Content-Sha256: UNSIGNED-PAYLOAD", "Content-Length: 0"}
	for connection, want := range map[string]int{"X-Amz-Date": 403, "X-Amz-Content-Sha256": 403, "X-Other": 200} {
		a := f.h1(asBrazil("PUT /v1/objects/x HTTP/1.1", append(signed, "Connection: "+connection, "")...)...)
		if a.StatusCode != want {
			t.Errorf("Connection: %s: status %d, want %d", connection, a.StatusCode, want)
		}
	}
	waitFor(t, "the outcomes are recorded", func() bool {
		refused := 0
		for _, r := range ofType(f.records(), "transfer.outcome") {
			for _, o := range r["outcomes"].([]any) { // [index, state, status, ...]
				if o.([]any)[2] == float64(403) {
					refused++
				}
			}
		}
		return refused == 2
	})
}

// TestLongFields: a request with more fields than anybody needs is refused, and
// one with a long field passes whole.
func TestLongFields(t *testing.T) {
	f := startFront(t, overEvery(t, site), "", nil)
	long := strings.Repeat("x", 5<<10) // Caddy takes 16 KiB altogether
	served(t, f.h1(asBrazil("GET / HTTP/1.1", "X-Long: "+long, "Data-Controller: evil"+long, "")...))
	if said := f.onlyOurs(t); !strings.Contains(said, "\r\nX-Long: "+long+"\r\n") {
		t.Error("the long field is cut")
	}
	for _, stream := range f.streams() {
		f.forget()
		a := stream.send(h2Request("GET", "/", append([]string{"data-controller", "evil" + strings.Repeat("x", 8<<10), "x-long", strings.Repeat("y", 4<<10)}, asBrazilH2...)...), "", nil)
		served(t, a)
		f.onlyOurs(t)
	}
	f.forget()
	huge := strings.Repeat("x", 30<<10)
	if all := f.bytes(asBrazil("GET / HTTP/1.1", "Connection: close", "X-Long: "+huge, "")...); !strings.HasPrefix(all, "HTTP/1.1 431 ") {
		t.Errorf("a huge field: %.60q", all)
	}
	a := f.h3(withScheme(h2Request("GET", "/", append([]string{"x-long", huge}, asBrazilH2...)...)), "", nil)
	if a.StatusCode != 0 && a.StatusCode != 431 {
		t.Errorf("a huge field over HTTP/3: status %d", a.StatusCode)
	}
	f.nothing(t)
}
