package gateway_test

import (
	"bufio"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/sparkoo/transfergate/internal/record"
)

// twoRegions is a site where serving a Brazilian goes to Brazil, and to
// Singapore next (order: home). {br} are the handlers of the Brazilian region.
const twoRegions = `{
	admin off
	persist_config off
	log {
		output discard
	}
	servers {
		protocols h1 h2c
	}
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
	transfer_health
	transfer {
		activity storage /v1/objects/* {storage}
		activity serving
		region ap-southeast-3 {sg}
		region sa-brazil-1 {
			{br}
		}
	}
}
`

// brazilian are the fields of a Brazilian's request.
var brazilian = []string{"Registered-Country", "BR", "Account-Id", "ana"}

// startTwo runs twoRegions.
func startTwo(t testing.TB, br, sg string) *gate {
	t.Helper()
	return startGate(t, twoRegions, map[string]string{"br": br, "sg": sg, "storage": ""})
}

// sent is what the ledger says about one request to one region.
type sent struct {
	Region, State string
	Status        int
}

// settled stops the gateway, waits until all outcomes are written, and returns
// where requests were sent and what became of them, in the order of the records.
func (g *gate) settled() (all []sent) {
	g.t.Helper()
	if err := caddy.Stop(); err != nil {
		g.t.Fatal(err)
	}
	waitFor(g.t, "every record has its outcome", func() bool {
		all = g.outcomes()
		return !slices.ContainsFunc(all, func(s sent) bool { return s.State == "" })
	})
	return all
}

// outcomes joins the ledger's accepted records with their outcomes.
func (g *gate) outcomes() (all []sent) {
	g.t.Helper()
	records := g.records()
	outcomes := make(map[string]sent)
	for _, r := range ofType(records, "transfer.outcome") {
		for _, o := range r["outcomes"].([]any) {
			o := o.([]any)
			index := o[0].(string)
			if _, twice := outcomes[index]; twice {
				g.t.Errorf("two outcomes of record %s", index)
			}
			outcomes[index] = sent{State: o[1].(string), Status: int(o[2].(float64))}
		}
	}
	for _, r := range ofType(records, "transfer.accepted") {
		o := outcomes[r["#"].(record.ID).String()]
		o.Region = r["region"].(string)
		all = append(all, o)
	}
	return all
}

func (g *gate) wantSent(want ...sent) {
	g.t.Helper()
	if got := g.settled(); !slices.Equal(got, want) {
		g.t.Errorf("the ledger says %v, want %v", got, want)
	}
}

// deadAddr is an address that refuses connections.
func deadAddr(t testing.TB) string { return freeAddr(t) }

// big is a body larger than all buffers on the way.
var big = sync.OnceValue(func() string {
	b := make([]byte, 12<<20)
	rand.Read(b)
	return string(b)
})

// TestHandOver: a serving region without a live upstream hands over to the next
// lawful one, which gets the request as the client sent it.
func TestHandOver(t *testing.T) {
	tests := []struct{ name, br string }{
		{"dial refused", "reverse_proxy {dead}"},
		{"several refuse", "reverse_proxy {dead} {dead2}"},
		{"several refuse, with retries", "reverse_proxy {dead} {dead2} {\n lb_retries 3\n }"},
		{"several refuse, for a while", "reverse_proxy {dead} {dead2} {\n lb_try_duration 100ms\n lb_try_interval 20ms\n }"},
		{"refused after the region's own changes", "rewrite * /changed{uri}\n request_header Brazil yes\n request_header -Kept\n reverse_proxy {dead} {\n header_up Up yes\n }"},
	}
	bodies := []struct{ name, method, body string }{
		{"GET", "GET", ""}, {"empty POST", "POST", ""}, {"POST", "POST", "content"}, {"large PUT", "PUT", big()},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sg := newUpstream(t, "sg", nil)
			g := startTwo(t, strings.NewReplacer("{dead}", deadAddr(t), "{dead2}", deadAddr(t)).Replace(tt.br), sg.addr)
			var want []sent
			for _, b := range bodies {
				a := g.do(b.method, "/a/b?c=d", b.body, append(brazilian, "Kept", "1")...)
				if a.StatusCode != 200 || a.Text != "sg" {
					t.Fatalf("%s: status %d: %s", b.name, a.StatusCode, a.Text)
				}
				checkUntouched(t, b.name, sg.last(t), b.method, b.body)
				want = append(want, sent{"sa-brazil-1", "not-sent", 0}, sent{"ap-southeast-3", "complete", 200})
			}
			if n := len(sg.requests()); n != len(bodies) {
				t.Errorf("Singapore saw %d requests, want %d", n, len(bodies))
			}
			g.wantSent(want...)
		})
	}
}

// checkUntouched checks that the first region left no mark on the request.
func checkUntouched(t *testing.T, name string, got arrived, method, body string) {
	t.Helper()
	if got.Method != method || got.URI != "/a/b?c=d" || string(got.Body) != body {
		t.Errorf("%s: Singapore got %s %s with %d bytes", name, got.Method, got.URI, len(got.Body))
	}
	for field, want := range map[string][]string{"Data-Region": {"ap-southeast-3"}, "Kept": {"1"}, "Brazil": nil, "Up": nil} {
		if !slices.Equal(got.Header[field], want) {
			t.Errorf("%s: Singapore got %s %q, want %q", name, field, got.Header[field], want)
		}
	}
	if v := got.Header["Data-Transfer"]; len(v) != 1 || !strings.HasPrefix(v[0], "SG;") {
		t.Errorf("%s: Singapore got Data-Transfer %q", name, v)
	}
}

// TestHandOverUnhealthy: the active health check says that nobody is well.
func TestHandOverUnhealthy(t *testing.T) {
	var well atomic.Bool
	sick := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthz" && !well.Load() {
			w.WriteHeader(503)
			return
		}
		io.WriteString(w, "br")
	}
	br1, br2, sg := newUpstream(t, "br", sick), newUpstream(t, "br", sick), newUpstream(t, "sg", nil)
	well.Store(true) // Caddy races with itself when a probe fails while it loads
	g := startTwo(t, fmt.Sprintf("reverse_proxy %s %s {\n health_uri /healthz\n health_interval 20ms\n }", br1.addr, br2.addr), sg.addr)
	answers := func() string { return g.do("POST", "/", "x", brazilian...).Text }
	well.Store(false)
	waitFor(t, "Brazil is found sick", func() bool { return answers() == "sg" })
	served := func() (n int) {
		for _, r := range append(br1.requests(), br2.requests()...) {
			if r.URI != "/healthz" {
				n++
			}
		}
		return n
	}
	before := served()
	if got := answers(); got != "sg" || served() != before {
		t.Errorf("%q answered, and Brazil saw %d requests more", got, served()-before)
	}
	well.Store(true)
	waitFor(t, "Brazil is found well", func() bool { return answers() == "br" })
	well.Store(false)
	waitFor(t, "Brazil is found sick", func() bool { return answers() == "sg" })
	got := g.settled()
	if last := got[len(got)-2:]; !slices.Equal(last, []sent{{"sa-brazil-1", "not-sent", 0}, {"ap-southeast-3", "complete", 200}}) {
		t.Errorf("the ledger says %v", last)
	}
}

// TestHealthCheckOverTLS: an upstream over TLS is probed over TLS.
func TestHealthCheckOverTLS(t *testing.T) {
	probed := make(chan bool, 64)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthz" {
			select {
			case probed <- r.TLS != nil:
			default:
			}
		}
	}))
	t.Cleanup(server.Close)
	ca := writePEM(t, server.Certificate().Raw)
	startTwo(t, fmt.Sprintf(`reverse_proxy https://%s {
		health_uri /healthz
		health_interval 20ms
		transport http {
			tls_trust_pool file %s
			tls_server_name example.com
		}
	}`, server.Listener.Addr(), ca), deadAddr(t))
	select {
	case <-probed:
	case <-time.After(3 * time.Minute):
		t.Error("no probe came over TLS")
	}
}

// TestStorageStays: when Singapore is down, storage waits for Singapore.
//
//clause:tests §9.1
func TestStorageStays(t *testing.T) {
	var down atomic.Bool // later: Caddy races with itself when a probe fails while it loads
	sick := newUpstream(t, "sg", func(w http.ResponseWriter, _ *http.Request) {
		if down.Load() {
			w.WriteHeader(503)
		}
	})
	tests := []struct{ name, sg string }{
		{"dial refused", deadAddr(t)},
		{"several refuse", deadAddr(t) + " " + deadAddr(t)},
		{"unhealthy", "{\n reverse_proxy " + sick.addr + " {\n health_uri /healthz\n health_interval 20ms\n }\n }"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			br := newSilent(t)
			g := startTwo(t, "reverse_proxy "+br.addr, tt.sg)
			put := func() answer { return g.do("PUT", "/v1/objects/x", "content", brazilian...) }
			if tt.name == "unhealthy" {
				down.Store(true)
				waitFor(t, "Singapore is found sick", func() bool {
					return put().Header.Get("Content-Type") == "application/problem+json"
				})
			}
			a := put()
			p := problemOf(t, a)
			if a.StatusCode != 503 || p["reason"] != "region_down" || a.Header.Get("Retry-After") == "" || a.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("status %d, fields %v, problem %v", a.StatusCode, a.Header, p)
			}
			sends := g.settled()
			if last := sends[len(sends)-1]; last != (sent{"ap-southeast-3", "not-sent", 0}) {
				t.Errorf("the ledger says %v", last)
			}
			for _, s := range sends {
				if s.Region != "ap-southeast-3" {
					t.Errorf("a record of storage in %s", s.Region)
				}
			}
			br.mustBeUntouched(t)
		})
	}
}

// mustBeUntouched checks that nobody has spoken to the listener.
func (s *silent) mustBeUntouched(t testing.TB) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bytes != 0 {
		t.Errorf("a region that must see nothing got %d bytes", s.bytes)
	}
}

// rude is an upstream that reads a request and does what it is told.
type rude struct {
	addr  string
	mu    sync.Mutex
	heads int // requests whose header arrived; guarded by mu
}

// newRude starts an upstream that calls serve with each request's header read.
// The connection is closed when serve returns.
func newRude(t testing.TB, serve func(conn net.Conn, r *bufio.Reader, req *http.Request)) *rude {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	u := &rude{addr: l.Addr().String()}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				r := bufio.NewReader(conn)
				req, err := http.ReadRequest(r)
				if err != nil {
					return
				}
				u.mu.Lock()
				u.heads++
				u.mu.Unlock()
				serve(conn, r, req)
			}()
		}
	}()
	return u
}

func (u *rude) requests() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.heads
}

// TestAcceptsThenCloses: once bytes may have left, no other region is tried,
// whatever the region's proxy is told about retries.
func TestAcceptsThenCloses(t *testing.T) {
	close := func(net.Conn, *bufio.Reader, *http.Request) {}
	drain := func(_ net.Conn, _ *bufio.Reader, req *http.Request) { io.Copy(io.Discard, req.Body) }
	tests := []struct {
		name, proxy  string
		serve        func(net.Conn, *bufio.Reader, *http.Request)
		method, body string
	}{
		{"GET", "", close, "GET", ""},
		{"empty POST", "", close, "POST", ""},
		{"POST", "", close, "POST", "content"},
		{"POST, body read", "", drain, "POST", "content"},
		{"large POST", "", close, "POST", big()},
		{"large POST, body read", "", drain, "POST", big()},
		{"GET with retries", "lb_retries 2", close, "GET", ""},
		{"GET for a while", "lb_try_duration 100ms\n lb_try_interval 20ms", close, "GET", ""},
		{"empty POST with retries", "lb_retries 2", close, "POST", ""},
		{"any method with retries", "lb_retries 2\n lb_retry_match {\n method POST\n }", close, "POST", ""},
		{"buffered", "request_buffers 1MiB\n lb_retries 2\n lb_retry_match {\n method POST\n }", drain, "POST", "content"},
		{"buffered in part", "request_buffers 4KiB\n lb_retries 2\n lb_retry_match {\n method POST\n }", drain, "POST", big()[:1<<20]},
		{"passive health", "fail_duration 10s", close, "GET", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			br, sg := newRude(t, tt.serve), newSilent(t)
			g := startTwo(t, "reverse_proxy "+br.addr+" {\n "+tt.proxy+"\n }", sg.addr)
			a, err := g.try(tt.method, "/", tt.body, brazilian...)
			switch {
			case err != nil && tt.body == big():
				// Who still sends when the answer comes may get a reset in its place (RFC 9112, 9.6).
			case err != nil:
				t.Fatal(err)
			default:
				if p := problemOf(t, a); a.StatusCode != 502 || p["reason"] != "region_failed" {
					t.Errorf("status %d, problem %v", a.StatusCode, p)
				}
			}
			if br.requests() == 0 {
				t.Error("Brazil was not asked")
			}
			g.wantSent(sent{"sa-brazil-1", "unknown", 0})
			sg.mustBeUntouched(t)
		})
	}
}

// TestReachedOneOfSeveral: one upstream of the region took the request and
// broke, the others cannot be reached: the request has left all the same.
func TestReachedOneOfSeveral(t *testing.T) {
	br, sg := newRude(t, func(net.Conn, *bufio.Reader, *http.Request) {}), newSilent(t)
	g := startTwo(t, fmt.Sprintf("reverse_proxy %s %s {\n lb_policy first\n fail_duration 10s\n lb_retries 3\n }", br.addr, deadAddr(t)), sg.addr)
	if a := g.do("GET", "/", "", brazilian...); a.StatusCode != 502 {
		t.Errorf("status %d: %s", a.StatusCode, a.Text)
	}
	g.wantSent(sent{"sa-brazil-1", "unknown", 0})
	sg.mustBeUntouched(t)
}

// TestDiesUnderAKeptAliveConnection: the upstream answers once, takes a second
// request on the same connection and dies. Net/http repeats a GET, and meets a
// closed port: a dial error, though the request has left.
func TestDiesUnderAKeptAliveConnection(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		r := bufio.NewReader(conn)
		if _, err := http.ReadRequest(r); err != nil {
			return
		}
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nbr")
		if _, err := http.ReadRequest(r); err != nil {
			return
		}
		l.Close()
	}()
	sg := newSilent(t)
	g := startTwo(t, "reverse_proxy "+l.Addr().String(), sg.addr)
	if a := g.get("/", brazilian...); a.Text != "br" {
		t.Fatalf("status %d: %s", a.StatusCode, a.Text)
	}
	if a := g.get("/", brazilian...); a.StatusCode != 502 {
		t.Errorf("status %d: %s", a.StatusCode, a.Text)
	}
	g.wantSent(sent{"sa-brazil-1", "complete", 200}, sent{"sa-brazil-1", "unknown", 0})
	sg.mustBeUntouched(t)
}

// TestAnswersEarly: the region answers before it has read the body.
func TestAnswersEarly(t *testing.T) {
	done := make(chan struct{})
	br := newRude(t, func(conn net.Conn, _ *bufio.Reader, _ *http.Request) {
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nbr")
		<-done
	})
	t.Cleanup(func() { close(done) })
	g := startTwo(t, "reverse_proxy "+br.addr, deadAddr(t))
	conn, err := net.Dial("tcp", g.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go func() { // the gateway stops reading at some point
		fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: %s\r\nRegistered-Country: BR\r\nContent-Length: %d\r\n\r\n", g.addr, 1<<30)
		chunk := make([]byte, 1<<20)
		for range 1 << 10 {
			if _, err := conn.Write(chunk); err != nil {
				return
			}
		}
	}()
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if text, err := io.ReadAll(res.Body); res.StatusCode != 200 || string(text) != "br" || err != nil {
		t.Errorf("status %d, %q, %v", res.StatusCode, text, err)
	}
	g.wantSent(sent{"sa-brazil-1", "partial", 200})
}

// TestRequestBreaks: who sends what is no body is told so, and the record does not
// say that the region got it.
func TestRequestBreaks(t *testing.T) {
	const broken = "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nx\r\n"
	for name, tt := range map[string]struct {
		proxy, body string
		status      int
		want        sent
	}{
		"broken":               {"", broken, 400, sent{"sa-brazil-1", "unknown", 0}},
		"broken and buffered":  {"request_buffers 1MiB", broken, 400, sent{"sa-brazil-1", "unknown", 0}},
		"broken, with retries": {"lb_retries 2\n lb_retry_match {\n method POST\n }", broken, 400, sent{"sa-brazil-1", "unknown", 0}},
		"whole":                {"", "Content-Length: 5\r\n\r\nhello", 200, sent{"sa-brazil-1", "complete", 200}},
	} {
		t.Run(name, func(t *testing.T) {
			br, sg := newUpstream(t, "br", nil), newSilent(t)
			g := startTwo(t, "reverse_proxy "+br.addr+" {\n "+tt.proxy+"\n }", sg.addr)
			conn := g.dial()
			fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: %s\r\nRegistered-Country: BR\r\n%s", g.addr, tt.body)
			res, err := http.ReadResponse(bufio.NewReader(conn), nil)
			must(t, err)
			defer res.Body.Close()
			text, err := io.ReadAll(res.Body)
			if res.StatusCode != tt.status || err != nil || (tt.status == 400) != strings.Contains(string(text), `"reason":"body_broken"`) {
				t.Errorf("status %d, %q, %v", res.StatusCode, text, err)
			}
			g.wantSent(tt.want)
			sg.mustBeUntouched(t)
			if n := len(br.requests()); (n == 1) != (tt.status == 200) {
				t.Errorf("Brazil got %d whole requests", n)
			}
		})
	}
}

// TestBodyTooLong: what a site allows of a body is the client's to keep to, wherever
// it is written.
func TestBodyTooLong(t *testing.T) {
	const limit = "request_body {\nmax_size 9\n}\n"
	for name, inside := range map[string]bool{"for the site": false, "in the region": true} {
		t.Run(name, func(t *testing.T) {
			br, sg := newUpstream(t, "br", nil), newSilent(t)
			config, handlers := twoRegions, "reverse_proxy "+br.addr
			if inside {
				handlers = limit + handlers
			} else {
				config = strings.Replace(config, "transfer_health", limit+"transfer_health", 1)
			}
			g := startGate(t, config, map[string]string{"br": handlers, "sg": sg.addr, "storage": ""})
			for body, status := range map[string]int{"9 letters": 200, "10 letters": 413} {
				req, err := http.NewRequest("POST", "http://"+g.addr+"/", io.MultiReader(strings.NewReader(body))) // chunked
				must(t, err)
				req.Header.Set("Registered-Country", "BR")
				res, err := http.DefaultClient.Do(req)
				must(t, err)
				text, err := io.ReadAll(res.Body)
				res.Body.Close()
				if res.StatusCode != status || err != nil || (status == 413) != strings.Contains(string(text), `"reason":"body_too_large"`) {
					t.Errorf("%s: status %d, %q, %v", body, res.StatusCode, text, err)
				}
			}
			sg.mustBeUntouched(t)
		})
	}
}

// TestResponseBreaks: the client must see that it got only half.
func TestResponseBreaks(t *testing.T) {
	tests := []struct{ name, response string }{
		{"length", "Content-Length: 100\r\n\r\n" + strings.Repeat("x", 50)},
		{"chunked", "Transfer-Encoding: chunked\r\n\r\n32\r\n" + strings.Repeat("x", 50) + "\r\n"},
		{"within a chunk", "Transfer-Encoding: chunked\r\n\r\n64\r\n" + strings.Repeat("x", 50)},
	}
	for _, tt := range tests {
		for _, version := range []int{1, 2} {
			t.Run(fmt.Sprintf("%s over HTTP/%d", tt.name, version), func(t *testing.T) {
				br := newRude(t, func(conn net.Conn, _ *bufio.Reader, _ *http.Request) {
					io.WriteString(conn, "HTTP/1.1 200 OK\r\n"+tt.response)
				})
				g := startTwo(t, "reverse_proxy "+br.addr, deadAddr(t))
				res, err := client(t, version).Do(g.request("GET", "/", nil, brazilian...))
				if err != nil {
					t.Fatal(err)
				}
				defer res.Body.Close()
				if text, err := io.ReadAll(res.Body); err == nil {
					t.Errorf("the client read %d bytes and believes that they are all", len(text))
				}
				g.wantSent(sent{"sa-brazil-1", "complete", 200})
			})
		}
	}
}
