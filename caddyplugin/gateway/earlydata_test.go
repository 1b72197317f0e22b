package gateway_test

import (
	"crypto/tls"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"github.com/sparkoo/transfergate/internal/testsupport"
)

// Row 27, over a real connection: a client that resumes its session sends a
// request before the handshake, which is held back on the way until the answer
// is there. What changes something is told to come again; what only reads passes.
func TestRow27EarlyData(t *testing.T) {
	f := startFront(t, overEvery(t, site), "", nil)
	relay := newRelay(t, f.tls)
	config := f.client.Clone()
	config.NextProtos = []string{http3.NextProtoH3}
	tickets := &ticketCache{ClientSessionCache: tls.NewLRUClientSessionCache(1), put: make(chan bool, 8)}
	config.ClientSessionCache = tickets
	dial := func() *quic.Conn {
		t.Helper()
		conn, err := quic.DialAddrEarly(t.Context(), relay.addr, config, nil)
		must(t, err)
		greet(t, conn)
		t.Cleanup(func() { conn.CloseWithError(0, "") })
		return conn
	}
	first := dial()
	served(t, h3On(t, first, h3Bytes(t, withScheme(h2Request("GET", "/", asBrazilH2...)), "", nil)))
	select {
	case <-tickets.put:
	case <-time.After(rawTimeout):
		t.Fatal("the gateway gives no session ticket")
	}
	for _, tt := range []struct {
		method, path string
		status       int
	}{{"PUT", "/v1/objects/x", 425}, {"POST", "/", 425}, {"DELETE", "/v1/objects/x", 425}, {"GET", "/", 200}, {"HEAD", "/", 200}} {
		f.forget()
		relay.keep(true)
		conn := dial()
		request := h3Bytes(t, withScheme(h2Request(tt.method, tt.path, asBrazilH2...)), strings.Repeat("x", 2*enoughEarly), nil)
		a := h3On(t, conn, request)
		relay.keep(false)
		if a.StatusCode != tt.status {
			t.Errorf("%s: status %d, want %d: %s", tt.method, a.StatusCode, tt.status, a.Text)
			continue
		}
		if tt.status == 425 {
			f.refused(t, a, 425, "too_early")
			f.forget() // the same connection, once the handshake is complete
			select {
			case <-conn.HandshakeComplete():
			case <-time.After(rawTimeout):
				t.Fatal("the handshake does not come to an end")
			}
			if !conn.ConnectionState().Used0RTT {
				t.Errorf("%s: there was no early data", tt.method)
			}
			waitFor(t, tt.method+" passes after the handshake", func() bool {
				return h3On(t, conn, request).StatusCode == 200
			})
		}
	}
}

// ticketCache tells when a session ticket comes.
type ticketCache struct {
	tls.ClientSessionCache
	put chan bool
}

func (c *ticketCache) Put(key string, state *tls.ClientSessionState) {
	c.ClientSessionCache.Put(key, state)
	select {
	case c.put <- true:
	default:
	}
}

// relay passes datagrams between clients and a server. While it keeps, what ends
// a handshake waits; and the server's answers wait until so much early data has
// passed that a request's header is in it, or the client would send it later.
type relay struct {
	addr  string
	front *net.UDPConn

	mu      sync.Mutex
	keeping bool     // guarded by mu
	early   int      // bytes of early data since it keeps; guarded by mu
	kept    []func() // guarded by mu
	answers []func() // guarded by mu
}

// enoughEarly is more than one datagram, in bytes.
const enoughEarly = 2400

func newRelay(t *testing.T, to string) *relay {
	t.Helper()
	front, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	must(t, err)
	t.Cleanup(func() { front.Close() })
	server, err := net.ResolveUDPAddr("udp", to)
	must(t, err)
	r := &relay{addr: front.LocalAddr().String(), front: front}
	go func() {
		backs := make(map[string]*net.UDPConn) // by client
		defer func() {
			for _, back := range backs {
				back.Close()
			}
		}()
		buffer := make([]byte, 2048)
		for {
			n, client, err := front.ReadFromUDP(buffer)
			if err != nil {
				return
			}
			back := backs[client.String()]
			if back == nil {
				if back, err = net.DialUDP("udp", nil, server); err != nil {
					return
				}
				backs[client.String()] = back
				go r.answer(client, back)
			}
			r.pass(back, slices.Clone(buffer[:n]))
		}
	}()
	return r
}

// pass sends a client's datagram on, or keeps it: while keeping only those of the
// first flight pass, which begin with an Initial packet that answers nothing or a
// 0-RTT packet (RFC 9000 section 17.2).
func (r *relay) pass(back *net.UDPConn, datagram []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	send := func() { _, _ = back.Write(datagram) }
	long, kind := datagram[0]&0x80 != 0, datagram[0]>>4&3
	switch {
	case !r.keeping || long && kind == 0 && !acknowledges(datagram):
		send()
	case long && kind == 1:
		send()
		if r.early += len(datagram); r.early >= enoughEarly {
			r.release(&r.answers)
		}
	default:
		r.kept = append(r.kept, send)
	}
}

// acknowledges reports whether an Initial packet answers the server: its destination
// is then a connection id that the server chose, and quic-go's servers choose four
// bytes, where a client makes up eight at least (RFC 9000 section 7.2).
func acknowledges(datagram []byte) bool { return len(datagram) > 5 && datagram[5] < 8 }

// answer sends the server's datagrams on to a client.
func (r *relay) answer(client *net.UDPAddr, back *net.UDPConn) {
	buffer := make([]byte, 2048)
	for {
		n, err := back.Read(buffer)
		if err != nil {
			return
		}
		datagram := slices.Clone(buffer[:n])
		send := func() { _, _ = r.front.WriteToUDP(datagram, client) }
		r.mu.Lock()
		if r.keeping && r.early < enoughEarly {
			r.answers = append(r.answers, send)
		} else {
			send()
		}
		r.mu.Unlock()
	}
}

// release sends what was kept. Its caller holds mu.
func (r *relay) release(kept *[]func()) {
	for _, send := range *kept {
		send()
	}
	*kept = nil
}

// keep begins to keep datagrams, or sends those that were kept.
func (r *relay) keep(on bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keeping, r.early = on, 0
	r.release(&r.kept)
	r.release(&r.answers)
}

// A warning says which servers take early data.
func TestEarlyDataWarning(t *testing.T) {
	for name, tt := range map[string]struct {
		site string
		want bool
	}{
		"by default":     {overTLS(t, site, ""), true},
		"off":            {strings.Replace(overTLS(t, site, ""), "admin off", "admin off\n\tservers {\n\t\t0rtt off\n\t}", 1), false},
		"without HTTP/3": {strings.Replace(overTLS(t, site, ""), "admin off", "admin off\n\tservers {\n\t\tprotocols h1 h2\n\t}", 1), false},
		"without TLS":    {site, false},
	} {
		t.Run(name, func(t *testing.T) {
			log := filepath.Join(t.TempDir(), "log")
			config := strings.Replace(tt.site, "admin off", "admin off\n\tlog {\n\t\toutput file "+log+"\n\t}", 1)
			none := "127.0.0.1:1"
			vars := map[string]string{"accounts": writeFile(t, "a.ndjson", `{"account":"nobody"}`), "sg": none, "br": none, "cn": none}
			certify(t, testsupport.CA(t), vars)
			startGate(t, config, vars)
			if got := strings.Contains(readFile(t, log), "requests may come in TLS early data over HTTP/3"); got != tt.want {
				t.Errorf("warned: %v, want %v", got, tt.want)
			}
		})
	}
}
