package gateway_test

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// FuzzActivity: whatever the target of a request, if some server could read it as
// a storage path, it is decided as storage or refused. A person from Singapore
// makes no transfer here, so that nothing is recorded.
func FuzzActivity(f *testing.F) {
	g := startGate(f, `{
	admin off
	transfer {
		demo
		node gw-sg-1 SG sparkoo-sg
		ledger {ledger}
		identity header {
			from 127.0.0.0/8
		}
	}
}
http://{addr} {
	@objects path /v1/objects/*
	transfer {
		activity storage @objects
		activity serving
		region ap-southeast-3 {
			respond {http.transfer.activity}
			reverse_proxy 127.0.0.1:1
		}
	}
}`, nil)
	app, err := caddy.ActiveContext().App("http")
	if err != nil {
		f.Fatal(err)
	}
	server := app.(*caddyhttp.App).Servers["srv0"]
	for _, target := range append(odd, "/v1/objects/x", "/", "/a?b", "/v1/objects/a%20b", "/v1/objects;/", "/V1%2fobjects", "/v1/objectsx", "/v1/objects#00", "/v1/objects%23") {
		f.Add(target)
	}
	f.Fuzz(func(t *testing.T, target string) {
		if strings.ContainsAny(target, "\r\n") {
			return
		}
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET " + target + " HTTP/1.1\r\nHost: " + g.addr + "\r\nRegistered-Country: SG\r\n\r\n")))
		if err != nil {
			return // net/http answers it
		}
		r.Host, r.RemoteAddr = g.addr, "127.0.0.1:1"
		w := httptest.NewRecorder()
		server.ServeHTTP(w, r)
		switch got := w.Body.String(); {
		case w.Code == http.StatusBadRequest:
		case w.Code != http.StatusOK || got != "storage" && got != "serving":
			t.Errorf("%q: status %d, %s", target, w.Code, got)
		case got == "serving" && mayBeStorage(r.RequestURI):
			t.Errorf("%q is served, and may be read as a storage path", target)
		}
	})
}

// mayBeStorage reports whether a careless server could take the target for a
// storage path: one that decodes once or twice too often, takes backslashes for
// slashes, cuts off parameters, NUL, dots and spaces, and then cleans the path.
func mayBeStorage(target string) bool {
	target, _, _ = strings.Cut(target, "?")
	target, _, _ = strings.Cut(target, "#")
	if _, rest, absolute := strings.Cut(target, "://"); absolute {
		_, target, _ = strings.Cut(rest, "/")
		target = "/" + target
	}
	for range 4 {
		plain, _, _ := strings.Cut(target, "\x00")
		segments := strings.Split(strings.ReplaceAll(strings.ToLower(plain), `\`, "/"), "/")
		cut := slices.Clone(segments)
		for i, segment := range cut {
			name, _, _ := strings.Cut(segment, ";")
			if cut[i] = name; strings.Trim(name, ".") != "" {
				cut[i] = strings.TrimRight(name, ". ")
			}
		}
		for _, reading := range [][]string{segments, cut} {
			if clean := path.Clean("/"+strings.Join(reading, "/")) + "/"; strings.HasPrefix(clean, "/v1/objects/") {
				return true
			}
		}
		decoded, err := url.PathUnescape(target)
		if err != nil || decoded == target {
			return false
		}
		target = decoded
	}
	return false
}
