package guard_test

import (
	"bufio"
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"strings"
	"testing"

	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/guard"
)

func TestCheckMethods(t *testing.T) {
	allowed := map[string]bool{
		"GET": true, "HEAD": true, "POST": true, "PUT": true, "PATCH": true, "DELETE": true, "OPTIONS": true,
		"CONNECT": false, "TRACE": false, "PRI": false, "QUERY": false, "get": false, "Get": false, "": false, "GETX": false,
	}
	for method, want := range allowed {
		r := httptest.NewRequest("GET", "/", nil)
		r.Method = method
		reason, ok := guard.Check(r, guard.Options{AllowWebSocket: true})
		if ok != want || !want && reason != decision.MethodNotAllowed {
			t.Errorf("%q: %s, %v", method, reason, ok)
		}
	}
}

// TestCheckFragment: no request target has a fragment (RFC 9112 section 3.2), so
// that servers differ on what a number sign in it means; an encoded one is a
// letter of the path like others.
func TestCheckFragment(t *testing.T) {
	for target, want := range map[string]decision.Reason{
		"/v1/objects#00":                 decision.PathAmbiguous,
		"/v1/objects/#":                  decision.PathAmbiguous,
		"/?a#b":                          decision.PathAmbiguous,
		"http://example.com/v1/objects#": decision.PathAmbiguous,
		"/v1/objects/a%23b":              "",
		"/?a%23b":                        "",
	} {
		for _, paths := range []guard.Paths{guard.AnyPath, guard.ListedPath, guard.PlainPaths} {
			r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET " + target + " HTTP/1.1\r\nHost: example.com\r\n\r\n")))
			if err != nil {
				t.Fatal(err)
			}
			if reason, ok := guard.Check(r, guard.Options{Paths: paths}); reason != want || ok != (want == "") {
				t.Errorf("%s, paths %d: %q, %t, want %q", target, paths, reason, ok, want)
			}
		}
	}
}

// TestCheckEarlyData: what changes something waits for the handshake (row 27).
func TestCheckEarlyData(t *testing.T) {
	for method, safe := range map[string]bool{
		"GET": true, "HEAD": true, "OPTIONS": true, "POST": false, "PUT": false, "PATCH": false, "DELETE": false, "CONNECT": false,
	} {
		for name, tt := range map[string]struct {
			tls   *tls.ConnectionState
			field []string
			early bool
		}{
			"plain text":                {nil, nil, false},
			"complete":                  {&tls.ConnectionState{HandshakeComplete: true}, nil, false},
			"incomplete":                {&tls.ConnectionState{}, nil, true},
			"early at a proxy":          {&tls.ConnectionState{HandshakeComplete: true}, []string{"1"}, true},
			"early at a proxy, twice":   {nil, []string{"0", "1"}, true},
			"a field that says nothing": {nil, []string{"0"}, false},
		} {
			r := httptest.NewRequest("GET", "/", nil)
			r.Method, r.TLS = method, tt.tls
			if method == "CONNECT" {
				r.ProtoMajor, r.Header[":protocol"] = 2, []string{"websocket"}
			}
			if tt.field != nil {
				r.Header["Early-Data"] = tt.field
			}
			want := decision.TooEarly
			if safe || !tt.early {
				want = ""
			}
			if reason, ok := guard.Check(r, guard.Options{AllowWebSocket: true}); reason != want || ok != (want == "") {
				t.Errorf("%s, %s: %q, %v; want %q", method, name, reason, ok, want)
			}
		}
	}
}

// TestCheckContentLength: net/http's HTTP/2 takes a length it cannot read for 0.
func TestCheckContentLength(t *testing.T) {
	for length, want := range map[string]decision.Reason{
		"0": "", "5": "", "9223372036854775807": "",
		"": decision.BodyBroken, "x": decision.BodyBroken, "+5": decision.BodyBroken, "-1": decision.BodyBroken,
		"0x5": decision.BodyBroken, "5, 5": decision.BodyBroken, "9223372036854775808": decision.BodyBroken,
	} {
		r := httptest.NewRequest("POST", "/", nil)
		r.ProtoMajor, r.Header["Content-Length"] = 2, []string{length}
		if reason, ok := guard.Check(r, guard.Options{}); reason != want || ok != (want == "") {
			t.Errorf("Content-Length %q: %q, %v; want %q", length, reason, ok, want)
		}
	}
}

// TestCheckExtendedConnect: WebSocket over HTTP/2 and HTTP/3, as net/http and
// quic-go hand it to a handler (row 6).
func TestCheckExtendedConnect(t *testing.T) {
	request := func(major int, proto string, protocol ...string) *http.Request {
		r := httptest.NewRequest("GET", "/chat", nil)
		r.Method, r.ProtoMajor, r.ProtoMinor, r.Proto = "CONNECT", major, 0, proto
		if protocol != nil {
			r.Header[":protocol"] = protocol
		}
		return r
	}
	upgrade := request(2, "HTTP/2.0", "websocket")
	upgrade.Header.Set("Upgrade", "websocket")
	tests := []struct {
		name    string
		request *http.Request
		allow   bool
		want    decision.Reason
	}{
		{"HTTP/2", request(2, "HTTP/2.0", "websocket"), true, ""},
		{"HTTP/2, not allowed", request(2, "HTTP/2.0", "websocket"), false, decision.UpgradeRefused},
		{"HTTP/3", request(3, "websocket"), true, ""},
		{"HTTP/3, not allowed", request(3, "websocket"), false, decision.UpgradeRefused},
		{"HTTP/2, other protocol", request(2, "HTTP/2.0", "connect-udp"), true, decision.MethodNotAllowed},
		{"HTTP/2, two protocols", request(2, "HTTP/2.0", "websocket", "connect-udp"), true, decision.MethodNotAllowed},
		{"HTTP/3, other protocol", request(3, "connect-udp"), true, decision.MethodNotAllowed},
		{"HTTP/3, a field of that name", request(3, "HTTP/3.0", "websocket"), true, decision.MethodNotAllowed},
		{"HTTP/1", request(1, "HTTP/1.1", "websocket"), true, decision.MethodNotAllowed},
		{"HTTP/2 with Upgrade", upgrade, true, decision.UpgradeRefused},
	}
	for _, tt := range tests {
		reason, ok := guard.Check(tt.request, guard.Options{AllowWebSocket: tt.allow})
		if reason != tt.want || ok != (tt.want == "") {
			t.Errorf("%s: %q, %v, want %q", tt.name, reason, ok, tt.want)
		}
	}
}

func TestCheckHosts(t *testing.T) {
	tests := []struct {
		host string
		want bool
	}{
		{"gw.test", true}, {"GW.test:8080", true}, {"localhost", true}, {"127.0.0.1:80", true}, {"gw.test.", true},
		{"my_bucket.obs.test", true}, {"xn--bcher-kva.test", true}, {"[::1]", true}, {"[2001:db8::1]:8443", true},
		{strings.Repeat("a", 253), true}, {"gw.test:65535", true},

		{"", false}, {".", false}, {"...", false}, {".test", false}, {"a..b", false}, {"a b", false}, {"a,b", false},
		{"a:", false}, {"a:0", false}, {"a:65536", false}, {"a:+80", false}, {"a:8_0", false}, {"a:80:90", false},
		{":80", false}, {"a/b", false}, {"a?b", false}, {"a#b", false}, {"a@b", false}, {"a%41", false}, {"a\x00b", false},
		{"a\tb", false}, {`a\b`, false}, {"bücher.test", false}, {"[::1", false}, {"::1", false}, {"[::1]80", false},
		{"[::1]:", false}, {"[fe80::1%25eth0]", false}, {"[fe80::1%eth0]", false}, {"[127.0.0.1]", false}, {"[]", false},
		{strings.Repeat("a", 254), false}, {"*", false}, {"a*b.test", false},
	}
	for _, tt := range tests {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = tt.host
		reason, ok := guard.Check(r, guard.Options{})
		if ok != tt.want || !tt.want && reason != decision.HostMissing {
			t.Errorf("%q: %s, %v, want %v", tt.host, reason, ok, tt.want)
		}
	}
}

func TestCheckDoesNotAllocate(t *testing.T) {
	r := ordinary()
	allocs := testing.AllocsPerRun(100, func() {
		if reason, ok := guard.Check(r, guard.Options{Paths: guard.PlainPaths}); !ok {
			t.Error(reason)
		}
		if reason, ok := guard.Check(r, guard.Options{}); !ok {
			t.Error(reason)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations, want 0", allocs)
	}
}

// TestPlainPathURLs are URLs that no request line over a socket gives, but a
// rewrite or an odd target does.
func TestPlainPathURLs(t *testing.T) {
	tests := []struct {
		name string
		url  url.URL
		want bool
	}{
		{"plain", url.URL{Path: "/a/b"}, true},
		{"zero", url.URL{}, false},
		{"opaque", url.URL{Scheme: "http", Opaque: "/a"}, false},
		{"opaque beside a path", url.URL{Opaque: "//evil/x", Path: "/a"}, false},
		{"relative", url.URL{Path: "a/b"}, false},
		{"NUL", url.URL{Path: "/a\x00"}, false},
		{"no UTF-8", url.URL{Path: "/\xff"}, false},
		{"space at a segment's end", url.URL{Path: "/a /b"}, false},
		{"space inside", url.URL{Path: "/a b"}, true},
		{"raw form that does not fit is not used", url.URL{Path: "/a/b", RawPath: "/a%2Fc"}, true},
		{"percent sign", url.URL{Path: "/100%"}, false},
	}
	for _, tt := range tests {
		if got := guard.PlainPath(&tt.url); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// FuzzPlainPath holds what PlainPath promises: cleaning or decoding once more,
// with any of the usual separators, changes nothing.
func FuzzPlainPath(f *testing.F) {
	for _, s := range []string{"/a/b", "/a%2fb", "/%2e%2e/a", "/S%C3%A3o", "/a;b", "//", "/a.", "/a%20", "/a%20b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, target string) {
		u, err := url.ParseRequestURI(target)
		if err != nil || !guard.PlainPath(u) {
			return
		}
		if strings.ContainsAny(u.Path, "\\;%\x00") {
			t.Errorf("%q: %q has a special character", target, u.Path)
		}
		if cleaned := path.Clean(u.Path); cleaned != u.Path && cleaned+"/" != u.Path {
			t.Errorf("%q: cleaned, %q is %q", target, u.Path, cleaned)
		}
		if strings.Count(u.EscapedPath(), "/") != strings.Count(u.Path, "/") {
			t.Errorf("%q: other segments as sent than decoded", target)
		}
		r := httptest.NewRequest("GET", "/", nil)
		r.URL = u
		r.URL.User = nil
		if reason, ok := guard.Check(r, guard.Options{}); !ok {
			t.Errorf("%q is plain, but without PlainPaths it is %s", target, reason)
		}
	})
}
