package gateway_test

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/websocket"
)

// xconnect is the setting of the environment that lets Go's server take an
// extended CONNECT (RFC 8441); it is read when a process starts.
const xconnect = "http2xconnect=1"

// TestWebSocketInFrames: a WebSocket over HTTP/2 and HTTP/3, opened by an extended
// CONNECT, reaches a WebSocket server of HTTP/1.1, with its record there before it
// and its outcome afterwards. HTTP/2 takes one only where the environment says so.
func TestWebSocketInFrames(t *testing.T) {
	t.Run("HTTP/2 as it is", func(t *testing.T) {
		w := startWebSocket(t)
		if res, err := w.open(t, w.http2(), "HTTP/2.0", "/chat"); err == nil || !strings.Contains(err.Error(), "extended connect not supported") {
			t.Errorf("got %v, %v", res, err)
		}
		w.wantSent()
	})
	t.Run("HTTP/2 with "+xconnect, func(t *testing.T) {
		if strings.Contains(os.Getenv("GODEBUG"), xconnect) {
			w := startWebSocket(t)
			w.check(t, w.http2(), "HTTP/2.0")
			return
		}
		again := exec.Command(os.Args[0], "-test.run", "^TestWebSocketInFrames$/^HTTP/2_with", "-test.v")
		again.Env = append(os.Environ(), "GODEBUG="+xconnect)
		if out, err := again.CombinedOutput(); err != nil || !strings.Contains(string(out), "\n--- PASS: TestWebSocketInFrames") {
			t.Errorf("%v\n%s", err, out)
		}
	})
	t.Run("HTTP/3", func(t *testing.T) {
		w := startWebSocket(t)
		w.check(t, w.http3(), "HTTP/3.0")
	})
}

// webSocket is a gateway that speaks TLS before a WebSocket server.
type webSocket struct {
	*secure
	looked chan error // what the server found in the ledger when a request came
}

func startWebSocket(t *testing.T) *webSocket {
	t.Helper()
	w := &webSocket{looked: make(chan error, 1)}
	echo := websocket.Handler(func(ws *websocket.Conn) { io.Copy(ws, ws) })
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		index, err := recordOf(r.Header)
		if err == nil {
			err = onDisk(w.ledger, index, r.Header.Get("Data-Region"))
		}
		w.looked <- err
		echo.ServeHTTP(rw, r)
	}))
	t.Cleanup(server.Close)
	addr := server.Listener.Addr().String()
	accounts := writeFile(t, "accounts.ndjson", `{"account":"nobody"}`+"\n")
	w.secure = startSecure(t, site, "", map[string]string{"sg": addr, "br": addr, "cn": addr, "accounts": accounts})
	return w
}

// http2 and http3 are what Go has for clients that open tunnels; net/http itself
// does not send an extended CONNECT.
//
//nolint:staticcheck // so that the deprecated transport stays
func (w *webSocket) http2() http.RoundTripper {
	transport := &http2.Transport{TLSClientConfig: w.client(), DialTLSContext: func(ctx context.Context, network, _ string, config *tls.Config) (net.Conn, error) {
		return (&tls.Dialer{Config: config}).DialContext(ctx, network, w.addr)
	}}
	w.t.Cleanup(transport.CloseIdleConnections)
	return transport
}

func (w *webSocket) http3() http.RoundTripper { return w.over("HTTP/3.0", w.client()).Transport }

// tunnel is the answer to an extended CONNECT, and what sends through it.
type tunnel struct {
	*http.Response
	to io.WriteCloser
}

// open asks for a WebSocket by an extended CONNECT.
func (w *webSocket) open(t *testing.T, transport http.RoundTripper, protocol, path string) (*tunnel, error) {
	t.Helper()
	body, to := io.Pipe()
	t.Cleanup(func() { to.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), rawTimeout)
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodConnect, "https://gw.test"+path, body)
	must(t, err)
	req.Header = http.Header{"Registered-Country": {"BR"}, "Origin": {"https://gw.test"}, "Sec-Websocket-Version": {"13"}}
	if protocol == "HTTP/2.0" {
		req.Header[":protocol"] = []string{"websocket"}
	} else {
		req.Proto = "websocket"
	}
	res, err := transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { res.Body.Close() })
	if !strings.HasPrefix(res.Proto, protocol) {
		t.Errorf("answered over %s", res.Proto)
	}
	return &tunnel{res, to}, nil
}

// check opens a tunnel, sends through it, and closes it.
func (w *webSocket) check(t *testing.T, transport http.RoundTripper, protocol string) {
	t.Helper()
	tunnel, err := w.open(t, transport, protocol, "/chat")
	must(t, err)
	if tunnel.StatusCode != http.StatusOK || !slices.Equal(tunnel.Header["Data-Controller"], []string{"sparkoo-br"}) {
		t.Fatalf("status %d, fields %v", tunnel.StatusCode, tunnel.Header)
	}
	if err := <-w.looked; err != nil {
		t.Errorf("the server looked into the ledger: %v", err)
	}
	for _, want := range []string{"olá", strings.Repeat("x", 60_000)} {
		_, err := tunnel.to.Write(masked(want))
		must(t, err)
		got := ""
		for len(got) < len(want) {
			got += unmasked(t, tunnel.Body)
		}
		if got != want {
			t.Errorf("sent %d bytes, got %d others back", len(want), len(got))
		}
	}
	must(t, tunnel.to.Close())
	_, err = io.Copy(io.Discard, tunnel.Body)
	must(t, err)

	if storage, err := w.open(t, transport, protocol, "/v1/objects/x"); err != nil || storage.StatusCode != http.StatusBadRequest {
		t.Errorf("a tunnel into the storage: %v, %v", storage, err)
	}
	w.wantSent(sent{"sa-brazil-1", "complete", 200})
}

// masked is a text frame as clients send it (RFC 6455 section 5.2).
func masked(text string) []byte {
	mask := [4]byte{1, 2, 3, 4}
	frame := []byte{0x81, 0x80 | 126, 0, 0, mask[0], mask[1], mask[2], mask[3]}
	binary.BigEndian.PutUint16(frame[2:], uint16(len(text)))
	if len(text) < 126 {
		frame = append([]byte{0x81, 0x80 | byte(len(text))}, mask[:]...)
	}
	for i := range len(text) {
		frame = append(frame, text[i]^mask[i%4])
	}
	return frame
}

// unmasked reads a frame as servers send it.
func unmasked(t *testing.T, r io.Reader) string {
	t.Helper()
	head := make([]byte, 2)
	_, err := io.ReadFull(r, head)
	must(t, err)
	length := uint64(head[1])
	switch length {
	case 126:
		var long [2]byte
		_, err = io.ReadFull(r, long[:])
		length = uint64(binary.BigEndian.Uint16(long[:]))
	case 127:
		var long [8]byte
		_, err = io.ReadFull(r, long[:])
		length = binary.BigEndian.Uint64(long[:])
	}
	must(t, err)
	payload := make([]byte, length)
	_, err = io.ReadFull(r, payload)
	must(t, err)
	return string(payload)
}
