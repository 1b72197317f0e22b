package gateway_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestUpstreamForgesOurFields: whatever a region says about the controller, in
// its header, trailers and interim answers, the client hears only us.
func TestUpstreamForgesOurFields(t *testing.T) {
	const forged = "Data-Controller: evil\r\nData_Controller: evil\r\nData Controller: evil\r\ndata-controller-name: evil\r\nPrivacy-Statement: evil\r\nTransfer-Status: evil\r\n"
	for name, lines := range map[string][]string{
		"header":              {"HTTP/1.1 200 OK", forged + "Content-Length: 2", "", "br"},
		"connection tokens":   {"HTTP/1.1 200 OK", forged + "Connection: Data-Controller, Privacy-Statement, close", "Content-Length: 2", "", "br"},
		"declared trailer":    {"HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "Trailer: Data-Controller, X-Sum", "", "2", "br", "0", forged + "X-Sum: 1", "", ""},
		"undeclared trailer":  {"HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "", "2", "br", "0", forged + "X-Sum: 1", "", ""},
		"one beside declared": {"HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "Trailer: X-Sum", "", "2", "br", "0", forged + "X-Sum: 1", "", ""},
		"early hints":         {"HTTP/1.1 103 Early Hints", forged + "Link: </a.css>; rel=preload", "", "HTTP/1.1 200 OK", "Content-Length: 2", "", "br"},
		"interim 102 twice":   {"HTTP/1.1 102 Processing", forged, "HTTP/1.1 102 Processing", forged, "HTTP/1.1 200 OK", "Content-Length: 2", "", "br"},
		"error":               {"HTTP/1.1 500 Internal Server Error", forged + "Content-Length: 2", "", "br"},
		"no content":          {"HTTP/1.1 204 No Content", forged, ""},
		"not modified":        {"HTTP/1.1 304 Not Modified", forged, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := startFront(t, overEvery(t, site), "", answering(lines...))
			all := f.bytes(asBrazil("GET / HTTP/1.1", "Connection: close", "TE: trailers", "")...)
			if strings.Contains(all, "evil") {
				t.Errorf("HTTP/1.1: the client hears the region:\n%s", all)
			}
			if n := strings.Count(strings.ToLower(all), "\r\ndata-controller: "); n != 1 || !strings.Contains(all, "\r\nData-Controller: sparkoo-br\r\n") {
				t.Errorf("HTTP/1.1: %d times Data-Controller in\n%s", n, all)
			}
			hint, sum := strings.Contains(lines[0], "103"), strings.Contains(strings.Join(lines, ""), "X-Sum: 1")
			if hint && !strings.Contains(all, "rel=preload") || sum && !strings.Contains(all, "X-Sum: 1") {
				t.Errorf("HTTP/1.1: the hint, or a trailer that is not ours, is lost in\n%s", all)
			}
			for _, stream := range f.streams() {
				a := stream.send(h2Request("GET", "/", append([]string{"te", "trailers"}, asBrazilH2...)...), "", nil)
				for field, values := range a.Header {
					if slices.ContainsFunc(values, func(v string) bool { return strings.Contains(v, "evil") }) {
						t.Errorf("%s: the client hears the region: %s %q", stream.how, field, values)
					}
				}
				for field, want := range map[string]string{"Data-Controller": "sparkoo-br", "Privacy-Statement": `"2023-11-21"`} {
					if got := a.Header[field]; !slices.Equal(got, []string{want}) {
						t.Errorf("%s: %s %q, want %q", stream.how, field, got, want)
					}
				}
				if hint && !slices.Contains(a.Header[":status"], "103") || sum && a.Header.Get("X-Sum") != "1" {
					t.Errorf("%s: the hint, or a trailer that is not ours, is lost in %v", stream.how, a.Header)
				}
			}
		})
	}
}

// TestResponseCaching: what a shared cache may keep names no controller; what
// says nothing about caching becomes private.
func TestResponseCaching(t *testing.T) {
	tests := []struct {
		said string // by the region
		want string // Cache-Control
		ours bool
	}{
		{"", "private", true},
		{"Cache-Control: public, max-age=60", "public, max-age=60", false},
		{"Cache-Control: s-maxage=60", "s-maxage=60", false},
		{"Cache-Control: max-age=60", "max-age=60", false},
		{"Cache-Control: private, max-age=60", "private, max-age=60", true},
		{"Cache-Control: no-store", "no-store", true},
		{"Cache-Control: no-cache", "no-cache", true},
		{"Expires: Fri, 01 Jan 2100 00:00:00 GMT", "", false},
		{"Cache-Control: no-transform", "no-transform,private", true},
	}
	said := make(chan string, 1)
	f := startFront(t, site, "", func(conn net.Conn, _ *bufio.Reader, _ *http.Request) {
		header := <-said
		if header != "" {
			header += "\r\n"
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nConnection: close\r\n"+header+"Content-Length: 2\r\n\r\nbr")
	})
	for _, tt := range tests {
		said <- tt.said
		a := f.h1(asBrazil("GET / HTTP/1.1", "")...)
		if got := strings.Join(a.Header["Cache-Control"], ","); got != tt.want {
			t.Errorf("%q: Cache-Control %q, want %q", tt.said, got, tt.want)
		}
		for _, field := range []string{"Data-Controller", "Data-Controller-Name", "Privacy-Statement", "Link"} {
			if got := len(a.Header[field]); got != map[bool]int{true: 1}[tt.ours] {
				t.Errorf("%q: %d times %s", tt.said, got, field)
			}
		}
	}
}

// TestFieldsOnErrors: denials and failures name the controller, too, and are
// never kept.
func TestFieldsOnErrors(t *testing.T) {
	hangUp := func(net.Conn, *bufio.Reader, *http.Request) {}
	dead := replaced(t, site, "region ap-southeast-3 {sg}", "region ap-southeast-3 "+freeAddr(t))
	for _, tt := range []struct {
		name, config, path string
		status             int
		reason             string
	}{
		{"denied", site, "/v1/support/training/1", 403, "no_safeguard"},
		{"accepted, then closed", site, "/v1/objects/x", 502, "region_failed"},
		{"dead", dead, "/v1/objects/x", 503, "region_down"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := startFront(t, tt.config, "", hangUp)
			a := f.h1(asBrazil("PUT "+tt.path+" HTTP/1.1", "Content-Length: 0", "")...)
			if a.StatusCode != tt.status || problemOf(t, a)["reason"] != tt.reason {
				t.Fatalf("status %d: %s", a.StatusCode, a.Text)
			}
			for field, want := range map[string]string{"Data-Controller": "sparkoo-br", "Data-Controller-Name": brazilName, "Privacy-Statement": `"2023-11-21"`, "Cache-Control": "no-store"} {
				if got := a.Header[field]; !slices.Equal(got, []string{want}) {
					t.Errorf("%s %q, want %q", field, got, want)
				}
			}
		})
	}
}

// TestUpstreamAnswersWrongly: a region that does not speak HTTP, or changes
// protocols unasked, is answered for with 502.
func TestUpstreamAnswersWrongly(t *testing.T) {
	for name, said := range map[string]string{
		"no HTTP":                      "evil evil\r\n\r\n",
		"nothing":                      "",
		"a status alone":               "HTTP/1.1 200",
		"bad length":                   "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
		"two lengths":                  "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nbr",
		"101 unasked":                  "HTTP/1.1 101 Switching Protocols\r\n\r\nevil",
		"101 unasked, with a protocol": "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: evil\r\n\r\nevil",
		"101 unasked, WebSocket":       "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nevil",
	} {
		t.Run(name, func(t *testing.T) {
			f := startFront(t, site, "", answering(said))
			a := f.h1(asBrazil("GET / HTTP/1.1", "")...)
			if a.StatusCode != 502 || problemOf(t, a)["reason"] != "region_failed" {
				t.Fatalf("status %d: %q", a.StatusCode, a.Text)
			}
			if got := a.Header.Get("Data-Controller"); got != "sparkoo-br" {
				t.Errorf("Data-Controller %q", got)
			}
		})
	}
	for name, said := range map[string]string{
		"another protocol": "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: evil\r\n\r\nevil",
		"no protocol":      "HTTP/1.1 101 Switching Protocols\r\n\r\nevil",
	} {
		t.Run("WebSocket, "+name, func(t *testing.T) {
			f := startFront(t, site, "", answering(said))
			a := f.h1(asBrazil("GET / HTTP/1.1", "Connection: Upgrade", "Upgrade: websocket", "")...)
			if a.StatusCode != 502 {
				t.Fatalf("status %d: %q", a.StatusCode, a.Text)
			}
		})
	}
}
