package gateway_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/websocket"
)

// client speaks one version of HTTP, in plain text.
func client(t testing.TB, version int) *http.Client {
	transport := &http.Transport{Protocols: new(http.Protocols), ExpectContinueTimeout: 10 * time.Second}
	transport.Protocols.SetHTTP1(version == 1)
	transport.Protocols.SetUnencryptedHTTP2(version == 2)
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: time.Minute}
}

// request makes a request to the gateway.
func (g *gate) request(method, path string, body io.Reader, fields ...string) *http.Request {
	g.t.Helper()
	req, err := http.NewRequest(method, "http://"+g.addr+path, body)
	if err != nil {
		g.t.Fatal(err)
	}
	for i := 0; i < len(fields); i += 2 {
		req.Header.Add(fields[i], fields[i+1])
	}
	return req
}

// TestStreaming: an event reaches the client while the response is still open.
func TestStreaming(t *testing.T) {
	more := make(chan struct{})
	br := newUpstream(t, "br", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 3 {
			fmt.Fprintf(w, "data: %d\n\n", i)
			http.NewResponseController(w).Flush()
			select {
			case <-more:
			case <-r.Context().Done():
				return
			}
		}
	})
	g := startTwo(t, "reverse_proxy "+br.addr, deadAddr(t))
	for _, version := range []int{1, 2} {
		res, err := client(t, version).Do(g.request("GET", "/", nil, brazilian...))
		if err != nil {
			t.Fatal(err)
		}
		r := bufio.NewReader(res.Body)
		for i := range 3 {
			line, err := r.ReadString('\n')
			if err != nil || line != fmt.Sprintf("data: %d\n", i) {
				t.Fatalf("HTTP/%d: event %q, %v", version, line, err)
			}
			if _, err := r.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
			more <- struct{}{}
		}
		if rest, err := io.ReadAll(r); len(rest) != 0 || err != nil {
			t.Errorf("HTTP/%d: then %q, %v", version, rest, err)
		}
		res.Body.Close()
	}
}

// TestWebSocket: bytes both ways through a serving region; into storage only
// where it is asked for.
func TestWebSocket(t *testing.T) {
	echo := httptest.NewServer(websocket.Handler(func(ws *websocket.Conn) { io.Copy(ws, ws) }))
	t.Cleanup(echo.Close)
	addr := echo.Listener.Addr().String()
	for _, storage := range []string{"", "{\n websocket\n }"} {
		g := startGate(t, twoRegions, map[string]string{"br": "reverse_proxy " + deadAddr(t), "sg": addr, "storage": storage})
		dial := func(path string) (*websocket.Conn, error) {
			config, err := websocket.NewConfig("ws://"+g.addr+path, "http://localhost/")
			if err != nil {
				t.Fatal(err)
			}
			config.Header = http.Header{"Registered-Country": {"BR"}}
			return config.DialContext(t.Context())
		}
		want := []sent{{"sa-brazil-1", "not-sent", 0}, {"ap-southeast-3", "complete", 101}}
		checkEcho(t, dial, "/chat")
		if storage == "" {
			if _, err := dial("/v1/objects/x"); err == nil || !strings.Contains(err.Error(), websocket.ErrBadStatus.Error()) {
				t.Errorf("a tunnel into storage: %v", err)
			}
		} else {
			checkEcho(t, dial, "/v1/objects/x")
			want = append(want, sent{"ap-southeast-3", "complete", 101})
		}
		g.wantSent(want...)
	}
}

func checkEcho(t *testing.T, dial func(string) (*websocket.Conn, error), path string) {
	t.Helper()
	ws, err := dial(path)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	defer ws.Close()
	for _, want := range []string{"olá", strings.Repeat("x", 1<<16)} {
		if err := websocket.Message.Send(ws, want); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(want))
		if n, err := io.ReadFull(ws, got); err != nil || string(got) != want {
			t.Fatalf("%s: sent %d bytes, got %d back, %v", path, len(want), n, err)
		}
	}
}

// TestLargeUpload: a large body arrives whole, over HTTP/1.1 and HTTP/2, with a
// length and without one, also when the first region is down.
func TestLargeUpload(t *testing.T) {
	sg := newUpstream(t, "sg", nil)
	want := sha256.Sum256([]byte(big()))
	for _, version := range []int{1, 2} {
		for _, path := range []string{"/v1/objects/x", "/handed-over"} {
			for _, chunked := range []bool{false, true} {
				g := startTwo(t, "reverse_proxy "+deadAddr(t), sg.addr)
				var body io.Reader = strings.NewReader(big())
				if chunked {
					body = io.MultiReader(body)
				}
				res, err := client(t, version).Do(g.request("PUT", path, body, brazilian...))
				if err != nil {
					t.Fatal(err)
				}
				res.Body.Close()
				if got := sha256.Sum256(sg.last(t).Body); res.StatusCode != 200 || got != want {
					t.Errorf("HTTP/%d %s chunked=%v: status %d, %d bytes arrived", version, path, chunked, res.StatusCode, len(sg.last(t).Body))
				}
			}
		}
	}
}

// TestExpectContinue: a client that waits for 100 gets it, and its body is not
// asked for before a region is found.
func TestExpectContinue(t *testing.T) {
	sg := newUpstream(t, "sg", nil)
	g := startTwo(t, "reverse_proxy "+deadAddr(t), sg.addr)
	for _, body := range []string{"content", big()} {
		req := g.request("POST", "/", strings.NewReader(body), append(brazilian, "Expect", "100-continue")...)
		res, err := client(t, 1).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if got := sg.last(t).Body; res.StatusCode != 200 || !bytes.Equal(got, []byte(body)) {
			t.Errorf("status %d, %d of %d bytes arrived", res.StatusCode, len(got), len(body))
		}
	}
}

// TestRefusedBeforeContinue: a request that is refused never gets its 100.
func TestRefusedBeforeContinue(t *testing.T) {
	g := startTwo(t, "reverse_proxy "+deadAddr(t), deadAddr(t))
	for _, path := range []string{"/v1/objects/x", "/"} {
		conn, err := net.Dial("tcp", g.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "PUT %s HTTP/1.1\r\nHost: %s\r\nRegistered-Country: BR\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n", path, g.addr)
		conn.SetReadDeadline(time.Now().Add(rawTimeout))
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		defer res.Body.Close()
		if text, err := io.ReadAll(res.Body); res.StatusCode != 503 || !res.Close || err != nil {
			t.Errorf("%s: status %d, %q, %v; the connection will close: %v", path, res.StatusCode, text, err, res.Close)
		}
	}
}

// TestTrailers: trailers that are not ours pass both ways, also through a
// region that was handed over to.
func TestTrailers(t *testing.T) {
	sg := newUpstream(t, "sg", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "Answer-Sum")
		io.WriteString(w, "sg")
		w.Header().Set("Answer-Sum", "2")
		w.Header().Set(http.TrailerPrefix+"Late", "3")
		w.Header().Set(http.TrailerPrefix+"Data-Controller", "forged")
	})
	for _, version := range []int{1, 2} {
		g := startTwo(t, "reverse_proxy "+deadAddr(t), sg.addr)
		req := g.request("POST", "/", io.MultiReader(strings.NewReader("content")), brazilian...)
		req.Trailer = http.Header{"Sum": {"1"}}
		res, err := client(t, version).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(res.Body); err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if got := sg.last(t).Trailer.Get("Sum"); got != "1" {
			t.Errorf("HTTP/%d: Singapore got trailers %v", version, sg.last(t).Trailer)
		}
		if got := res.Trailer; got.Get("Answer-Sum") != "2" || got.Get("Late") != "3" || got.Get("Data-Controller") != "" {
			t.Errorf("HTTP/%d: the client got trailers %v", version, got)
		}
	}
}
