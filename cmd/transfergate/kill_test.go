package main_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/testsupport"
)

// killed is a gateway in a process of its own, to be killed, and what its
// regions received.
type killed struct {
	t       *testing.T
	program string
	dir     string // of the Caddyfile and the ledger
	addr    string

	mu       sync.Mutex
	received map[ledger.ID]bool
}

const killedSite = `{
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

// newKilled builds the program and starts the upstream its regions share.
func newKilled(t *testing.T) *killed {
	t.Helper()
	k := &killed{t: t, dir: t.TempDir(), received: map[ledger.ID]bool{}}
	k.program = filepath.Join(k.dir, "transfergate")
	if out, err := exec.Command("go", "build", "-o", k.program, ".").CombinedOutput(); err != nil {
		t.Fatalf("building the gateway: %v\n%s", err, out)
	}
	upstream := httptest.NewServer(http.HandlerFunc(k.receive))
	t.Cleanup(upstream.Close)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k.addr = free.Addr().String()
	free.Close()
	site := fmt.Sprintf(killedSite, filepath.Join(k.dir, "ledger"), k.addr, upstream.Listener.Addr())
	if err := os.WriteFile(filepath.Join(k.dir, "Caddyfile"), []byte(site), 0o600); err != nil {
		t.Fatal(err)
	}
	return k
}

// receive notes which record the request says it has.
func (k *killed) receive(_ http.ResponseWriter, r *http.Request) {
	m := recordNumber.FindStringSubmatch(r.Header.Get("Data-Transfer"))
	if m == nil {
		k.t.Errorf("a region received a request whose Data-Transfer is %q", r.Header.Get("Data-Transfer"))
		return
	}
	id, err := ledger.ParseID(m[1])
	if err != nil {
		k.t.Error(err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.received[id] {
		k.t.Errorf("record %v was given to two requests", id)
	}
	k.received[id] = true
}

// count is how many requests the regions received.
func (k *killed) count() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.received)
}

// life starts the gateway, loads it until its regions have received so many
// more requests, and kills it.
func (k *killed) life(more int) {
	k.t.Helper()
	var log strings.Builder
	cmd := exec.Command(k.program, "run", "--config", filepath.Join(k.dir, "Caddyfile"))
	cmd.Stderr = &log
	cmd.Env = append(os.Environ(), "HOME="+k.dir, "XDG_DATA_HOME="+k.dir, "XDG_CONFIG_HOME="+k.dir)
	if err := cmd.Start(); err != nil {
		k.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var clients sync.WaitGroup
	for range 16 {
		clients.Go(func() { k.load(ctx) })
	}
	enough, deadline := k.count()+more, time.Now().Add(time.Minute)
	for k.count() < enough && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	late := k.count() < enough
	if err := cmd.Process.Kill(); err != nil {
		k.t.Fatal(err)
	}
	cmd.Wait() // it was killed: an error says so
	cancel()
	clients.Wait()
	if late {
		k.t.Fatalf("the gateway did not serve within a minute:\n%s", log.String())
	}
}

// load sends requests until it is told to stop; most fail while there is no gateway.
func (k *killed) load(ctx context.Context) {
	client := &http.Client{Transport: &http.Transport{}, Timeout: 5 * time.Second}
	defer client.CloseIdleConnections()
	for ctx.Err() == nil {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+k.addr+"/", strings.NewReader("x"))
		if err != nil {
			k.t.Error(err)
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
func (k *killed) check() {
	k.t.Helper()
	dir := filepath.Join(k.dir, "ledger")
	if _, err := ledger.Verify(dir, ledger.VerifyOptions{}); err != nil {
		k.t.Fatal(err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	missing := len(k.received)
	err := ledger.Read(dir, ledger.ID{}, func(e ledger.Entry) error {
		if k.received[e.ID] {
			if !strings.Contains(string(e.Data), `"type":"transfer.accepted"`) {
				k.t.Errorf("entry %v is no transfer's record: %s", e.ID, e.Data)
			}
			missing--
		}
		return nil
	})
	if err != nil {
		k.t.Fatal(err)
	}
	if missing > 0 {
		k.t.Fatalf("%d of %d requests that regions received are not in the ledger", missing, len(k.received))
	}
}

// A gateway that is killed under load, again and again, has recorded whatever
// its regions received, and its ledger verifies after each restart.
func TestKilledUnderLoad(t *testing.T) {
	if testing.Short() {
		t.Skip("kills a gateway many times")
	}
	k := newKilled(t)
	times := 200
	if testsupport.Race {
		times = 10 // the gateway is not built with the race detector: it would find nothing more
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range times {
		k.life(1 + rng.IntN(40))
		k.check()
	}
	t.Logf("killed %d times; %d requests were received, each with its record", times, k.count())
}
