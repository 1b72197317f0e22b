package main_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
)

// TestEndsWithOpenStreams: streams that never end do not keep the process. After the
// grace period each gets its outcome, and the ledger is closed.
func TestEndsWithOpenStreams(t *testing.T) {
	p := newProcess(t)
	stream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "first")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	t.Cleanup(stream.CloseClientConnections)
	site := fmt.Sprintf(processSite, p.ledger, p.addr, stream.Listener.Addr())
	site = strings.Replace(site, "admin off", "admin off\n\tgrace_period 500ms", 1)
	if err := os.WriteFile(p.site, []byte(site), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := p.start()
	var conn net.Conn
	for deadline := time.Now().Add(3 * time.Minute); ; time.Sleep(5 * time.Millisecond) {
		var err error
		if conn, err = net.Dial("tcp", p.addr); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	defer conn.Close()
	if err := conn.SetReadDeadline(time.Now().Add(3 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "GET /stream HTTP/1.1\r\nHost: %s\r\nRegistered-Country: BR\r\n\r\n", p.addr)
	for lines := bufio.NewReader(conn); ; {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatalf("no stream: %v", err)
		}
		t.Log(strings.TrimSpace(line))
		if strings.Contains(line, "first") {
			break
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
		t.Fatal("one open stream keeps the process")
	}
	accepted, outcomes := 0, ""
	for e, err := range ledger.At(p.ledger).Entries(record.ID{}) {
		if err != nil {
			t.Fatal(err)
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
		t.Errorf("%d transfers, and outcomes %q", accepted, outcomes)
	}
}
