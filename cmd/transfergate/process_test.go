package main_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/ledger/verify"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/testsupport"
)

// process is a gateway in a process of its own, and what its regions received.
type process struct {
	t      *testing.T
	dir    string // of the Caddyfile and the ledger
	ledger string
	addr   string
	site   string // the Caddyfile

	secure  string         // where it also listens over TLS, if it does
	trusted *x509.CertPool // who vouches for it there

	mu       sync.Mutex
	received map[record.ID]bool
}

const processSite = `{
	admin off
	transfer {
		demo
		node gw-sg-1 SG sparkoo-sg
		ledger %s
		identity header {
			from 127.0.0.0/8
		}
	}
}

http://%s {
	transfer_health
	transfer {
		activity serving
		region ap-southeast-3 %s
		region sa-brazil-1 %[3]s
	}
}
`

// recordNumber finds the record's number in Data-Transfer.
var recordNumber = regexp.MustCompile(`;record="gw-sg-1#([0-9.]+)"`)

// built is where the program lies once it was needed.
var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "transfergate")
	if err != nil {
		return "", err
	}
	removeBuilt = func() error { return os.RemoveAll(dir) }
	file := filepath.Join(dir, "transfergate")
	return file, testsupport.BuildGateway(file)
})

var removeBuilt = func() error { return nil }

func TestMain(m *testing.M) {
	code := m.Run()
	if err := removeBuilt(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// newProcess starts the upstream that the regions share, and writes a Caddyfile.
func newProcess(t *testing.T) *process {
	t.Helper()
	p := &process{t: t, dir: t.TempDir(), received: map[record.ID]bool{}}
	p.ledger = filepath.Join(p.dir, "ledger")
	upstream := httptest.NewServer(http.HandlerFunc(p.receive))
	t.Cleanup(upstream.Close)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.addr = free.Addr().String()
	free.Close()
	p.site = filepath.Join(p.dir, "Caddyfile")
	site := fmt.Sprintf(processSite, p.ledger, p.addr, upstream.Listener.Addr())
	if err := os.WriteFile(p.site, []byte(site), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

// command prepares the program with those arguments.
func (p *process) command(args ...string) *exec.Cmd {
	p.t.Helper()
	file, err := built()
	if err != nil {
		p.t.Fatal(err)
	}
	cmd := exec.Command(file, args...)
	cmd.Env = append(os.Environ(), "HOME="+p.dir, "XDG_DATA_HOME="+p.dir, "XDG_CONFIG_HOME="+p.dir)
	return cmd
}

// receive notes which record the request says it has.
func (p *process) receive(_ http.ResponseWriter, r *http.Request) {
	m := recordNumber.FindStringSubmatch(r.Header.Get("Data-Transfer"))
	if m == nil {
		p.t.Errorf("a region received a request whose Data-Transfer is %q", r.Header.Get("Data-Transfer"))
		return
	}
	id, err := record.ParseID(m[1])
	if err != nil {
		p.t.Error(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.received[id] {
		p.t.Errorf("record %v was given to two requests", id)
	}
	p.received[id] = true
}

// count is how many requests the regions received.
func (p *process) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.received)
}

// start starts the gateway. The test must end it.
func (p *process) start() *exec.Cmd {
	p.t.Helper()
	cmd := p.command("run", "--config", p.site)
	cmd.Stderr = new(strings.Builder)
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		if cmd.ProcessState == nil {
			cmd.Process.Kill()
			cmd.Wait()
		}
		if p.t.Failed() {
			p.t.Logf("the gateway said:\n%s", cmd.Stderr)
		}
	})
	return cmd
}

// end ends the gateway as a service manager would.
func (p *process) end(cmd *exec.Cmd) {
	p.t.Helper()
	if err := errors.Join(cmd.Process.Signal(syscall.SIGTERM), cmd.Wait()); err != nil {
		p.t.Errorf("the gateway ended with %v", err)
	}
}

// kill ends it as nothing else does.
func (p *process) kill(cmd *exec.Cmd) {
	p.t.Helper()
	if err := cmd.Process.Kill(); err != nil {
		p.t.Fatal(err)
	}
	cmd.Wait() // it was killed: an error says so
}

// serve loads the gateway until its regions have received so many more requests,
// and does what is to be done then while the load goes on.
func (p *process) serve(more int, then func()) {
	p.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var clients sync.WaitGroup
	defer clients.Wait()
	defer cancel()
	for range 16 {
		clients.Go(func() { p.load(ctx) })
	}
	enough := p.count() + more
	for deadline := time.Now().Add(5 * time.Minute); p.count() < enough; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			p.t.Fatal("the gateway did not serve within five minutes")
		}
	}
	then()
}

// load sends requests until it is told to stop; most fail while there is no gateway.
func (p *process) load(ctx context.Context) {
	client := &http.Client{Transport: &http.Transport{}, Timeout: 5 * time.Second}
	defer client.CloseIdleConnections()
	for ctx.Err() == nil {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+p.addr+"/", strings.NewReader("x"))
		if err != nil {
			p.t.Error(err)
			return
		}
		req.Header.Set("Registered-Country", "BR")
		req.Header.Set("Account-Id", "ana")
		if res, err := client.Do(req); err == nil {
			io.Copy(io.Discard, res.Body)
			res.Body.Close()
		} else {
			time.Sleep(time.Millisecond) // there is no gateway yet
		}
	}
}

// check verifies the ledger, and that every request that arrived has its record.
func (p *process) check() {
	p.t.Helper()
	if _, err := verify.Ledger(p.ledger, verify.Options{}); err != nil {
		p.t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	missing := len(p.received)
	for e, err := range ledger.At(p.ledger).Entries(record.ID{}) {
		if err != nil {
			p.t.Fatal(err)
		}
		if p.received[e.ID] {
			if !strings.Contains(string(e.Data), `"type":"transfer.accepted"`) {
				p.t.Errorf("entry %v is no transfer's record: %s", e.ID, e.Data)
			}
			missing--
		}
	}
	if missing > 0 {
		p.t.Fatalf("%d of %d requests that regions received are not in the ledger", missing, len(p.received))
	}
}
