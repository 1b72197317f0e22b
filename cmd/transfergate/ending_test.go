package main_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/testsupport"
)

// TestEndsWithOpenStreams: what never ends does not keep the process. After the grace
// period each request gets its outcome, and the ledger is closed.
func TestEndsWithOpenStreams(t *testing.T) {
	for name, c := range map[string]struct {
		open   func(p *process) io.Reader // begins what the region answers with "first"
		reload bool
	}{
		"a stream":                   {open: (*process).stream},
		"a tunnel":                   {open: (*process).tunnel},
		"a stream over QUIC":         {open: (*process).quicStream},
		"a stream that saw a reload": {open: (*process).stream, reload: true},
		"a tunnel that saw a reload": {open: (*process).tunnel, reload: true},

		"a stream over QUIC that saw a reload": {open: (*process).quicStream, reload: true},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProcess(t)
			cmd := p.startStreaming()
			for lines := bufio.NewReader(c.open(p)); ; {
				line, err := lines.ReadString('\n')
				if err != nil {
					t.Fatalf("no stream: %v", err)
				}
				if strings.Contains(line, "first") {
					break
				}
			}
			if c.reload {
				if out, err := p.command("reload", "--force", "--config", p.site, "--address", "unix/"+p.dir+"/admin.sock").CombinedOutput(); err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
			}
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- cmd.Wait() }()
			select {
			case err := <-ended:
				if err != nil {
					t.Errorf("the gateway ended with %v", err)
				}
			case <-time.After(3 * time.Minute):
				cmd.Process.Kill()
				<-ended
				t.Fatal("it keeps the process")
			}
			p.checkEnded()
			if said := fmt.Sprint(cmd.Stderr); !strings.Contains(said, `"msg":"ledger closed"`) {
				t.Error("the process ended before its ledger was closed")
			}
		})
	}
}

// startStreaming starts a gateway whose region answers "first", and does not end.
func (p *process) startStreaming() *exec.Cmd {
	p.t.Helper()
	region := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				p.t.Error(err)
				return
			}
			defer conn.Close()
			io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nfirst\n")
			io.Copy(io.Discard, conn)
			return
		}
		fmt.Fprintln(w, "first")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	p.t.Cleanup(region.CloseClientConnections)
	site := fmt.Sprintf(processSite, p.ledger, p.addr, region.Listener.Addr())
	site = strings.Replace(site, "admin off", "admin unix/"+p.dir+"/admin.sock|0600\n\tgrace_period 500ms", 1)
	if err := os.WriteFile(p.site, []byte(p.overTLS(site)), 0o600); err != nil {
		p.t.Fatal(err)
	}
	return p.start()
}

// overTLS adds the same site over TLS, and so over QUIC.
func (p *process) overTLS(site string) string {
	p.t.Helper()
	ca := testsupport.CA(p.t)
	cert, key := ca.Issue("gw.test")
	for name, text := range map[string][]byte{"cert.pem": cert, "key.pem": key} {
		if err := os.WriteFile(filepath.Join(p.dir, name), text, 0o600); err != nil {
			p.t.Fatal(err)
		}
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		p.t.Fatal(err)
	}
	defer free.Close()
	p.secure, p.trusted = free.Addr().String(), ca.Pool()
	_, port, err := net.SplitHostPort(p.secure)
	if err != nil {
		p.t.Fatal(err)
	}
	options, plain, _ := strings.Cut(site, "http://"+p.addr+" {")
	options = strings.Replace(options, "{", "{\n\tauto_https disable_redirects\n\tdefault_sni gw.test", 1)
	return options + "http://" + p.addr + " {" + plain + fmt.Sprintf("\nhttps://:%s {\n\tbind 127.0.0.1\n\ttls %s/cert.pem %[2]s/key.pem", port, p.dir) + plain
}

// quicStream is stream over QUIC.
func (p *process) quicStream() io.Reader {
	p.t.Helper()
	transport := &http3.Transport{
		TLSClientConfig: &tls.Config{RootCAs: p.trusted, ServerName: "gw.test"},
		Dial: func(ctx context.Context, _ string, config *tls.Config, q *quic.Config) (*quic.Conn, error) {
			return quic.DialAddr(ctx, p.secure, config, q)
		},
	}
	p.t.Cleanup(func() { transport.Close() })
	req, err := http.NewRequest(http.MethodGet, "https://gw.test/stream", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Registered-Country", "BR")
	for deadline := time.Now().Add(3 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
		res, err := transport.RoundTrip(req)
		if err == nil {
			p.t.Cleanup(func() { res.Body.Close() })
			return res.Body
		}
		if time.Now().After(deadline) {
			p.t.Fatal(err)
		}
	}
}

// dial waits for the gateway.
func (p *process) dial() net.Conn {
	p.t.Helper()
	for deadline := time.Now().Add(3 * time.Minute); ; time.Sleep(5 * time.Millisecond) {
		conn, err := net.Dial("tcp", p.addr)
		if err == nil {
			p.t.Cleanup(func() { conn.Close() })
			return conn
		}
		if time.Now().After(deadline) {
			p.t.Fatal(err)
		}
	}
}

func (p *process) stream() io.Reader { return p.asked("") }

func (p *process) tunnel() io.Reader {
	return p.asked("Connection: Upgrade\r\nUpgrade: websocket\r\n")
}

// asked sends a request with those fields besides.
func (p *process) asked(fields string) io.Reader {
	p.t.Helper()
	conn := p.dial()
	if err := conn.SetReadDeadline(time.Now().Add(3 * time.Minute)); err != nil {
		p.t.Fatal(err)
	}
	fmt.Fprintf(conn, "GET /stream HTTP/1.1\r\nHost: %s\r\nRegistered-Country: BR\r\n%s\r\n", p.addr, fields)
	return conn
}

// checkEnded checks that the one transfer has its outcome.
func (p *process) checkEnded() {
	p.t.Helper()
	accepted, outcomes := 0, ""
	for e, err := range ledger.At(p.ledger).Entries(record.ID{}) {
		if err != nil {
			p.t.Fatal(err)
		}
		text := string(e.Data)
		if strings.Contains(text, `"type":"transfer.accepted"`) {
			accepted++
		}
		if strings.Contains(text, `"type":"transfer.outcome"`) {
			outcomes += text
		}
	}
	if accepted != 1 || !strings.Contains(outcomes, `"complete"`) && !strings.Contains(outcomes, `"partial"`) && !strings.Contains(outcomes, `"unknown"`) {
		p.t.Errorf("%d transfers, and outcomes %q", accepted, outcomes)
	}
}
