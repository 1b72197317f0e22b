package fetch_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/fetch"
)

// secret stands in URLs and answers, and nowhere in an error.
const secret = "hunter2"

// serve starts a server that answers so.
func serve(t *testing.T, answer http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(s.Close)
	return s
}

// raw starts a server that answers with these bytes, whatever they are.
func raw(t *testing.T, answer string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Read(make([]byte, 4096)) //nolint:errcheck // whatever was asked
			fmt.Fprint(c, answer)
			c.Close()
		}
	}()
	return "http://" + l.Addr().String()
}

// Redirects are an answer like others: nobody else is asked.
func TestNoRedirect(t *testing.T) {
	var elsewhere atomic.Int64
	other := serve(t, func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) })
	for _, status := range []int{301, 302, 303, 307, 308} {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, status) })
		got, _, err := fetch.New(fetch.Config{}).Read(t.Context(), fetch.Request{URL: s.URL}, 1<<10)
		if got != status || err != nil {
			t.Errorf("%d: %d, %v", status, got, err)
		}
	}
	if n := elsewhere.Load(); n != 0 {
		t.Errorf("%d requests went elsewhere", n)
	}
}

func TestLimit(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat("x", 100)) })
	for limit, want := range map[int64]error{99: fetch.ErrTooLarge, 100: nil, 101: nil} {
		status, body, err := fetch.New(fetch.Config{}).Read(t.Context(), fetch.Request{URL: s.URL}, limit)
		if status != 200 || !errors.Is(err, want) || len(body) != int(min(limit, 100)) {
			t.Errorf("at most %d: %d, %d bytes, %v", limit, status, len(body), err)
		}
	}
}

// What was asked, and what came back, stand in no error.
func TestErrorsAreQuiet(t *testing.T) {
	slow := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	closed := serve(t, nil)
	closed.Close()
	for what, u := range map[string]string{
		"no HTTP":         raw(t, secret),
		"odd field":       raw(t, "HTTP/1.1 200 OK\r\n"+secret+"\r\n\r\n"),
		"odd length":      raw(t, "HTTP/1.1 200 OK\r\nContent-Length: "+secret+"\r\n\r\n"),
		"odd chunk":       raw(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"+secret+"\r\n"),
		"cut off":         raw(t, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx"),
		"nobody there":    closed.URL,
		"slow":            slow.URL,
		"no such host":    "http://a.invalid",
		"unreadable":      "http://%zz",
		"another scheme":  "gopher://127.0.0.1",
		"TLS to no TLS":   strings.Replace(slow.URL, "http:", "https:", 1),
		"fields too long": raw(t, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat(secret, 20_000)+"\r\n\r\n"),
	} {
		c := fetch.New(fetch.Config{Timeout: time.Second})
		_, _, err := c.Read(t.Context(), fetch.Request{URL: u + "/" + secret + "?key=" + secret}, 1<<10)
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// A busy connection is left after five minutes.
func TestConnectionsAreRenewed(t *testing.T) {
	var opened atomic.Int64
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	for connections, want := range map[int][]int64{1: {1, 1, 2, 3}, 0: {1, 2, 3, 4}} {
		opened.Store(0)
		c := fetch.New(fetch.Config{Connections: connections})
		ask := func(i int) {
			if _, _, err := c.Read(t.Context(), fetch.Request{URL: s.URL}, 1); err != nil || opened.Load() != want[i] {
				t.Errorf("keeping %d, request %d: %d connections, %v", connections, i, opened.Load(), err)
			}
		}
		ask(0)
		c.Age(4 * time.Minute)
		ask(1)
		c.Age(2 * time.Minute)
		ask(2)
		c.Renew()
		ask(3)
		c.Close()
	}
}

func TestCheckURL(t *testing.T) {
	for raw, want := range map[string]string{
		"https://a.test/x?y=z":            "",
		"http://127.0.0.1:1/x":            "",
		"http://[::1]":                    "",
		"http://[::ffff:127.0.0.1]/":      "",
		"http://localhost":                "",
		"":                                "the URL of the key set must begin with https:// and name a host",
		"a.test":                          "the URL of the key set must begin with https:// and name a host",
		"https:///x":                      "the URL of the key set must begin with https:// and name a host",
		"file:///etc/keys":                "the URL of the key set must begin with https:// and name a host",
		"https://" + secret + "/%zz":      "the URL of the key set cannot be read",
		"https://u:" + secret + "@a.test": "the URL of the key set at a.test may have no user and no fragment",
		"https://a.test/#" + secret:       "the URL of the key set at a.test may have no user and no fragment",
		"http://localhost.a.test":         "the key set at localhost.a.test would be asked in plain text, and anybody on the way could read and replace what is said: use https",
	} {
		if err := fetch.CheckURL("key set", raw); fmt.Sprint(err) != want && (err != nil || want != "") {
			t.Errorf("%q: %v", raw, err)
		}
	}
	for _, raw := range []string{"https://a.test?x=y", "https://a.test?", "http://a.test"} {
		if err := fetch.CheckPlainURL("copy", raw); err == nil {
			t.Errorf("%q passes", raw)
		}
	}
}

// Waits double up to the most, less at most a tenth, and begin anew after a success.
func TestBackoff(t *testing.T) {
	b := fetch.Backoff{First: time.Second, Most: 10 * time.Second}
	for range 2 {
		for i, most := range []time.Duration{1, 2, 4, 8, 10, 10} {
			if got := b.Failed(); got > most*time.Second || got < most*900*time.Millisecond {
				t.Errorf("after %d failures: %s", i+1, got)
			}
		}
		b.Succeeded()
	}
	if got := (fetch.Backoff{}).After(1 << 40); got > time.Minute || got < 54*time.Second {
		t.Errorf("by default at most %s", got)
	}
}

func TestSleepEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	fetch.Sleep(ctx, time.Hour) // or the test never ends
}
