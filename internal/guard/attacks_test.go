package guard_test

import (
	"bufio"
	"io"
	"strings"
	"testing"

	"golang.org/x/net/http2/hpack"

	"github.com/sparkoo/transfergate/internal/guard"
)

// The tests of this file are the rows of the list of hostile requests the
// gateway was designed against, by number.

// TestRow01ConnectionTokens: a client names our field in Connection, so that
// the proxy drops it.
func TestRow01ConnectionTokens(t *testing.T) {
	tests := []struct{ name, request, connection string }{
		{"alone", "GET / HTTP/1.1", "Data-Controller"},
		{"lower case", "GET / HTTP/1.1", "data-controller"},
		{"HTTP/1.0", "GET / HTTP/1.0", "Data-Controller"},
		{"with close", "GET / HTTP/1.1", "close, Data-Controller"},
		{"first of many", "GET / HTTP/1.1", "Data-Controller,X-Foo , , close"},
		{"two lines", "GET / HTTP/1.1", "X-Foo\r\nConnection: Data-Controller"},
		{"look-alike", "GET / HTTP/1.1", "Data_Controller, DATA.CONTROLLER"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := newGateway(t, guard.Options{})
			if status, body := g.raw(tt.request, "Host: gw.test", "Connection: "+tt.connection, "X-Foo: 1", ""); status != 200 {
				t.Fatalf("status %d %s", status, body)
			}
			got := g.onlyOurs()
			if gone := got.header.Get("X-Foo") == ""; gone != strings.Contains(tt.connection, "X-Foo") {
				t.Errorf("X-Foo is %q: other tokens must keep their meaning", got.header.Get("X-Foo"))
			}
		})
	}
}

// TestRow01ConnectionTokensWebSocket: the same in a WebSocket handshake.
func TestRow01ConnectionTokensWebSocket(t *testing.T) {
	g := newGateway(t, guard.Options{AllowWebSocket: true})
	status, body := g.raw("GET / HTTP/1.1", "Host: gw.test", "Connection: Upgrade, Data-Controller", "Upgrade: websocket", "")
	if status != 101 {
		t.Fatalf("status %d %s", status, body)
	}
	g.onlyOurs()
}

// TestRows02To04Trailers: our field as a trailer, declared and not, by other names.
func TestRows02To04Trailers(t *testing.T) {
	tests := []struct {
		name, method, declared string
		trailer                []string
		kept                   string // a harmless trailer that must arrive
	}{
		{"2 declared", "POST", "Data-Controller", []string{"Data-Controller: evil"}, ""},
		{"2 declared with GET", "GET", "Data-Controller", []string{"Data-Controller: evil"}, ""},
		{"2 declared beside another", "POST", "Data-Controller, X-Sum", []string{"Data-Controller: evil", "X-Sum: 1"}, "X-Sum"},
		{"3 undeclared beside a declared one", "POST", "X-Sum", []string{"Data-Controller: evil", "X-Sum: 1"}, "X-Sum"},
		{"3 none declared", "POST", "", []string{"Data-Controller: evil", "X-Sum: 1"}, "X-Sum"},
		{"3 twice", "PUT", "X-Sum", []string{"Data-Controller: evil", "data-controller: evil2", "X-Sum: 1"}, "X-Sum"},
		{"4 underscore", "POST", "", []string{"Data_Controller: evil"}, ""},
		{"4 underscore, declared", "POST", "Data_Controller", []string{"Data_Controller: evil"}, ""},
		{"4 others of ours", "POST", "X-Sum", []string{"Data.Region: evil", "privacy-statement: evil", "Transfer~Status: evil"}, ""},
	}
	for _, tt := range tests {
		t.Run("HTTP1/"+tt.name, func(t *testing.T) {
			g := newGateway(t, guard.Options{})
			lines := []string{tt.method + " / HTTP/1.1", "Host: gw.test", "Transfer-Encoding: chunked"}
			if tt.declared != "" {
				lines = append(lines, "Trailer: "+tt.declared)
			}
			lines = append(lines, "", "5", "hello", "0")
			lines = append(append(lines, tt.trailer...), "")
			if status, body := g.raw(lines...); status != 200 {
				t.Fatalf("status %d %s", status, body)
			}
			checkTrailers(t, g, tt.kept)
		})
		t.Run("HTTP2/"+tt.name, func(t *testing.T) {
			g := newGateway(t, guard.Options{})
			header := h2Header(tt.method, "/")
			kept := tt.kept
			if tt.declared != "" {
				header = append(header, hpack.HeaderField{Name: "trailer", Value: tt.declared})
			} else {
				kept = "" // net/http drops the undeclared trailers of HTTP/2
			}
			trailer := []hpack.HeaderField{}
			for _, line := range tt.trailer {
				name, value, _ := strings.Cut(line, ": ")
				trailer = append(trailer, hpack.HeaderField{Name: strings.ToLower(name), Value: value})
			}
			if status, body := g.h2(header, "hello", trailer); status != "200" {
				t.Fatalf("status %s %s", status, body)
			}
			checkTrailers(t, g, kept)
		})
	}
}

func checkTrailers(t *testing.T, g *gateway, kept string) {
	t.Helper()
	got := g.onlyOurs()
	if got.body != "hello" {
		t.Errorf("body %q", got.body)
	}
	if kept != "" && got.trailer.Get(kept) != "1" {
		t.Errorf("trailer %v lacks %s, which is not ours to drop", got.trailer, kept)
	}
}

// TestRow05Upgrade: an upgrade to anything but WebSocket would open a tunnel.
func TestRow05Upgrade(t *testing.T) {
	tests := []struct {
		name  string
		lines []string
	}{
		{"h2c", []string{"GET / HTTP/1.1", "Host: gw.test", "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AAMAAABkAAQAAP__", "Upgrade: h2c", ""}},
		{"any token", []string{"GET / HTTP/1.1", "Host: gw.test", "Connection: Upgrade", "Upgrade: anything", ""}},
		{"a list", []string{"GET / HTTP/1.1", "Host: gw.test", "Connection: Upgrade", "Upgrade: websocket, h2c", ""}},
		{"two lines", []string{"GET / HTTP/1.1", "Host: gw.test", "Connection: Upgrade", "Upgrade: websocket", "Upgrade: h2c", ""}},
		{"empty", []string{"GET / HTTP/1.1", "Host: gw.test", "Connection: Upgrade", "Upgrade:", ""}},
		{"no connection token", []string{"GET / HTTP/1.1", "Host: gw.test", "Upgrade: websocket", ""}},
		{"websocket by POST", []string{"POST / HTTP/1.1", "Host: gw.test", "Connection: Upgrade", "Upgrade: websocket", "Content-Length: 0", ""}},
		{"websocket with a body", []string{"GET / HTTP/1.1", "Host: gw.test", "Connection: Upgrade", "Upgrade: websocket", "Content-Length: 2", "", "x"}},
		{"websocket with a chunked body", []string{"GET / HTTP/1.1", "Host: gw.test", "Connection: Upgrade", "Upgrade: websocket", "Transfer-Encoding: chunked", "", "0", ""}},
		{"websocket over HTTP/1.0", []string{"GET / HTTP/1.0", "Host: gw.test", "Connection: Upgrade", "Upgrade: websocket", ""}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := newGateway(t, guard.Options{AllowWebSocket: true})
			if status, body := g.raw(tt.lines...); status != 400 || body != "upgrade_refused" {
				t.Errorf("%d %s, want 400 upgrade_refused", status, body)
			}
			g.nothing()
		})
	}
}

// TestRow06WebSocket: allowed where it is asked for, and only there.
func TestRow06WebSocket(t *testing.T) {
	handshake := []string{"GET /chat HTTP/1.1", "Host: gw.test", "Connection: keep-alive, upgrade", "Upgrade: WebSocket", ""}

	g := newGateway(t, guard.Options{})
	if status, body := g.raw(handshake...); status != 400 || body != "upgrade_refused" {
		t.Errorf("%d %s, want 400 upgrade_refused", status, body)
	}
	g.nothing()

	g = newGateway(t, guard.Options{AllowWebSocket: true})
	conn := g.dial()
	r := bufio.NewReader(conn)
	if status, body := g.exchange(conn, r, handshake...); status != 101 {
		t.Fatalf("%d %s, want 101", status, body)
	}
	if _, err := io.WriteString(conn, "opaque\n"); err != nil {
		t.Fatal(err)
	}
	if line, err := r.ReadString('\n'); err != nil || line != "opaque\n" {
		t.Errorf("the tunnel echoed %q, %v", line, err)
	}
	g.onlyOurs()
}

// TestRows07And08Methods: CONNECT dodges path matchers, TRACE gives our fields away.
func TestRows07And08Methods(t *testing.T) {
	tests := []struct {
		name  string
		lines []string
	}{
		{"7 CONNECT authority", []string{"CONNECT storage.test:443 HTTP/1.1", "Host: storage.test:443", ""}},
		{"7 CONNECT path", []string{"CONNECT /storage/x HTTP/1.1", "Host: gw.test", ""}},
		{"8 TRACE", []string{"TRACE /storage/x HTTP/1.1", "Host: gw.test", ""}},
		{"lower case", []string{"get / HTTP/1.1", "Host: gw.test", ""}},
		{"unknown", []string{"PROPFIND / HTTP/1.1", "Host: gw.test", ""}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := newGateway(t, guard.Options{AllowWebSocket: true})
			if status, body := g.raw(tt.lines...); status != 405 || body != "method_not_allowed" {
				t.Errorf("%d %s, want 405 method_not_allowed", status, body)
			}
			g.nothing()
		})
	}
	for name, header := range map[string][]hpack.HeaderField{
		"7 CONNECT over HTTP/2": pairs(":method", "CONNECT", ":authority", "storage.test:443"),
		"8 TRACE over HTTP/2":   h2Header("TRACE", "/storage/x"),
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t, guard.Options{AllowWebSocket: true})
			if status, body := g.h2(header, "", nil); status != "405" || body != "method_not_allowed" {
				t.Errorf("%s %s, want 405 method_not_allowed", status, body)
			}
			g.nothing()
		})
	}
}

// TestRow09PRI: after a refused upgrade the client goes on as if it had been
// granted; the preface of HTTP/2 is a request with method PRI.
func TestRow09PRI(t *testing.T) {
	g := newGateway(t, guard.Options{})
	conn := g.dial()
	r := bufio.NewReader(conn)
	if status, body := g.exchange(conn, r, "GET / HTTP/1.1", "Host: gw.test", "Connection: Upgrade", "Upgrade: h2c", ""); status != 400 {
		t.Fatalf("%d %s, want 400", status, body)
	}
	if status, body := g.exchange(conn, r, "PRI * HTTP/1.1", "Host: gw.test", "", "SM", "", ""); status != 405 || body != "method_not_allowed" {
		t.Errorf("%d %s, want 405 method_not_allowed", status, body)
	}
	g.nothing()
}

// TestRows10And11LookAlikes: every spelling an upstream might take for ours.
func TestRows10And11LookAlikes(t *testing.T) {
	names := []string{
		"Data-Controller", "data-controller", "DATA-CONTROLLER", "Data_Controller", "Data.Controller",
		"Data~Controller", "Data!Controller", "Data+Controller", "Data'Controller", "Data-_-Controller",
		"DataController", "Data-Controller-Name", "Data_Controller_Future", "Data.Region", "Data_Subject_Country",
		"Data-Transfer", "Privacy_Statement", "Transfer-Assertion", "Transfer_Status",
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t, guard.Options{})
			if status, body := g.raw("GET / HTTP/1.1", "Host: gw.test", name+": evil", name+": again", "Data: kept", ""); status != 200 {
				t.Fatalf("HTTP/1: %d %s", status, body)
			}
			if got := g.onlyOurs(); got.header.Get("Data") != "kept" {
				t.Errorf("header %v lacks Data, which is not ours to drop", got.header)
			}
			g = newGateway(t, guard.Options{})
			lower := strings.ToLower(name)
			if status, body := g.h2(h2Header("GET", "/", lower, "evil", lower, "again"), "", nil); status != "200" {
				t.Fatalf("HTTP/2: %s %s", status, body)
			}
			g.onlyOurs()
		})
	}
}

// TestRow19AbsoluteForm: the URI's host replaces Host (RFC 9112 section 3.2.2).
func TestRow19AbsoluteForm(t *testing.T) {
	g := newGateway(t, guard.Options{})
	if status, body := g.raw("GET http://other.test/x HTTP/1.1", "Host: gw.test", ""); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	if got := g.onlyOurs(); got.host != "other.test" || got.target != "/x" {
		t.Errorf("the upstream saw host %q, target %q", got.host, got.target)
	}
}

// TestRows18And20Hosts: no host, two, or one that is none.
func TestRows18And20Hosts(t *testing.T) {
	tests := []struct {
		name    string
		request string
		host    []string
		want    string // "" where net/http answers itself
	}{
		{"18 HTTP/1.0 without", "GET / HTTP/1.0", nil, "host_missing"},
		{"18 HTTP/1.1 without", "GET / HTTP/1.1", nil, ""},
		{"20 two", "GET / HTTP/1.1", []string{"Host: gw.test", "Host: evil"}, ""},
		{"20 empty", "GET / HTTP/1.1", []string{"Host:"}, "host_missing"},
		{"20 dots", "GET / HTTP/1.1", []string{"Host: ..."}, "host_missing"},
		{"20 comma", "GET / HTTP/1.1", []string{"Host: gw.test,evil"}, "host_missing"},
		{"20 space", "GET / HTTP/1.1", []string{"Host: gw.test evil"}, ""},
		{"20 user", "GET / HTTP/1.1", []string{"Host: evil@gw.test"}, ""},
		{"20 user in the target", "GET http://evil@gw.test/ HTTP/1.1", []string{"Host: gw.test"}, "host_missing"},
		{"20 encoded", "GET / HTTP/1.1", []string{"Host: gw%2etest"}, "host_missing"},
		{"20 bad port", "GET / HTTP/1.1", []string{"Host: gw.test:x"}, "host_missing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := newGateway(t, guard.Options{})
			status, body := g.raw(append(append([]string{tt.request}, tt.host...), "")...)
			if status != 400 || tt.want != "" && body != tt.want {
				t.Errorf("%d %s, want 400 %s", status, body, tt.want)
			}
			g.nothing()
		})
	}
}

// TestRow23NoAuthority: HTTP/2 without :authority and host.
func TestRow23NoAuthority(t *testing.T) {
	g := newGateway(t, guard.Options{})
	status, body := g.h2(pairs(":method", "GET", ":scheme", "http", ":path", "/"), "", nil)
	if status != "400" || body != "host_missing" {
		t.Errorf("%s %s, want 400 host_missing", status, body)
	}
	g.nothing()
}

// TestRows24And25Paths: paths that a matcher and an upstream read differently.
func TestRows24And25Paths(t *testing.T) {
	tests := []struct {
		target string
		signed bool // refused even where clients sign the path
	}{
		// Row 24.
		{"//storage/x", false}, {"/storage//x", false}, {"/./storage", true}, {"/foo/../storage", true},
		{"/storage%2Fx", false}, {"/%73torage/x", false}, {"/foo/%2e%2e/storage", true}, {"/foo/%2E%2E/storage", true},
		{"/foo/..%2fstorage", true}, {"/foo%2f..%2fstorage", true}, {"/foo/.%2e/storage", true},
		// Row 25.
		{"/storage;a=b", false}, {"/foo/..;/storage", true}, {"/foo/..;a=b/storage", true}, {`/storage\x`, false},
		{`/foo/..\storage`, true}, {"/storage%5cx", false}, {"/foo/..%5cstorage", true}, {"/storage%00", true},
		{"/storage%20", false}, {"/storage%20/x", false}, {"/storage.", false}, {"/storage./x", false},
		{"/storage%256Fx", false}, {"/storage/..", true}, {"/storage/.", true}, {"/foo/%252e%252e/storage", true},
		// Beyond the list.
		{"/storage%3bx", false}, {"/storage%0d%0ax", false}, {"/storage%7f", false}, {"/storage%c0%af", false},
		{"/storage%ffx", false}, {"/a%2dz", false}, {"*", true},
	}
	for _, tt := range tests {
		t.Run(tt.target, func(t *testing.T) {
			plain := newGateway(t, guard.Options{Paths: guard.PlainPaths})
			if status, body := plain.raw("GET "+tt.target+" HTTP/1.1", "Host: gw.test", ""); status != 400 || body != "path_ambiguous" {
				t.Errorf("plain: %d %s, want 400 path_ambiguous", status, body)
			}
			if status, body := plain.h2(h2Header("GET", tt.target), "", nil); tt.target != "*" && (status != "400" || body != "path_ambiguous") {
				t.Errorf("plain, HTTP/2: %s %s, want 400 path_ambiguous", status, body)
			}
			plain.nothing()
			signed := newGateway(t, guard.Options{})
			status, body := signed.raw("GET "+tt.target+" HTTP/1.1", "Host: gw.test", "")
			if tt.signed {
				if status != 400 || body != "path_ambiguous" {
					t.Errorf("signed: %d %s, want 400 path_ambiguous", status, body)
				}
				signed.nothing()
			} else if status != 200 || len(signed.requests()) != 1 {
				t.Errorf("signed: %d %s, want 200", status, body)
			}
		})
	}
}

// TestPathsThatPass arrive byte for byte.
func TestPathsThatPass(t *testing.T) {
	for _, target := range []string{
		"/", "/v1/objects/", "/v1/objects/a.b-c_d~e", "/v1/objects/.hidden", "/v1/..hidden/x", "/v1/a..b",
		"/S%C3%A3o%20Paulo/x", "/s%c3%a3o", "/a+b/c@d:e,f=g&h!$'()*", "/x?y=/../%2e%2e;//", "/a%3Ab",
	} {
		for _, o := range []guard.Options{{Paths: guard.PlainPaths}, {Paths: guard.ListedPath}, {}} {
			g := newGateway(t, o)
			if status, body := g.raw("GET "+target+" HTTP/1.1", "Host: gw.test", ""); status != 200 {
				t.Errorf("%s with %+v: %d %s", target, o, status, body)
				continue
			}
			if got := g.onlyOurs(); got.target != target {
				t.Errorf("%s arrived as %s", target, got.target)
			}
		}
	}
}
