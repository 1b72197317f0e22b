package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger/verify"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/testsupport"
)

// besideStock is twoRegions with the admin endpoint on, and beside it, on
// another port of the same process, a site with stock Caddy's bare reverse_proxy.
var besideStock = strings.NewReplacer("admin off", "admin {admin}", "protocols h1 h2c", "protocols h1").Replace(twoRegions) + `
http://{stock} {
	reverse_proxy {br-addr}
}
`

// counting is an upstream that answers with the record of each request, and
// remembers which ones it got.
type counting struct {
	*upstream
	mu      sync.Mutex
	records map[record.ID]string // path by record; guarded by mu
	strange []string             // guarded by mu
}

func newCounting(t testing.TB) *counting {
	t.Helper()
	c := &counting{records: make(map[record.ID]string)}
	c.upstream = newUpstream(t, "br", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Data-Transfer") == "" {
			io.WriteString(w, "12345")
			return // through stock Caddy
		}
		index, err := recordOf(r.Header)
		c.mu.Lock()
		defer c.mu.Unlock()
		switch {
		case err != nil:
			c.strange = append(c.strange, err.Error())
		case c.records[index] != "":
			c.strange = append(c.strange, fmt.Sprintf("record %v came with %s and %s", index, c.records[index], r.URL.Path))
		default:
			c.records[index] = r.URL.Path
		}
		fmt.Fprint(w, index)
	})
	return c
}

// load is a client that sends requests until it is stopped: to the gateway and
// to stock Caddy in turn, over kept-alive connections and over new ones.
type load struct {
	stop     atomic.Bool
	workers  sync.WaitGroup
	sent     atomic.Int64 // to the gateway, with success
	failures [2][2]atomic.Int64

	mu       sync.Mutex
	answered map[string]bool // records that clients of the gateway got; guarded by mu
	strange  []string        // guarded by mu
}

// The indexes of load.failures.
const (
	toGate, toStock    = 0, 1
	keptAlive, newConn = 0, 1
)

// startLoad sends requests to the addresses of the gateway and of stock Caddy.
func startLoad(gate, stock string) *load {
	l := &load{answered: make(map[string]bool)}
	for worker := range 8 {
		l.workers.Go(func() {
			conns := worker % 2
			transport := &http.Transport{DisableKeepAlives: conns == newConn}
			defer transport.CloseIdleConnections()
			client := &http.Client{Transport: transport, Timeout: 20 * time.Second}
			for i := 0; !l.stop.Load(); i++ {
				path := fmt.Sprintf("/%d-%d", worker, i)
				if err := l.send(client, gate, path, true); err != nil {
					l.failures[toGate][conns].Add(1)
				}
				if err := l.send(client, stock, path, false); err != nil {
					l.failures[toStock][conns].Add(1)
				}
			}
		})
	}
	return l
}

// send sends one request. An error means that no answer came.
func (l *load) send(client *http.Client, addr, path string, ours bool) error {
	req, err := http.NewRequest("POST", "http://"+addr+path, strings.NewReader("content"))
	if err != nil {
		return err
	}
	req.Header.Set("Registered-Country", "BR")
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if !ours {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if res.StatusCode != 200 {
		l.strange = append(l.strange, fmt.Sprintf("%s: status %d: %s", path, res.StatusCode, text))
		return nil
	}
	l.sent.Add(1)
	l.answered[string(text)] = true
	return nil
}

// end stops the load.
func (l *load) end() {
	l.stop.Store(true)
	l.workers.Wait()
}

// check holds what clients, upstream and ledger saw against each other.
func (l *load) check(t *testing.T, g *gate, u *counting) {
	t.Helper()
	for _, s := range append(l.strange, u.strange...) {
		t.Error(s)
	}
	accepted := make(map[record.ID]bool)
	for _, r := range ofType(g.records(), "transfer.accepted") {
		index := r["#"].(record.ID)
		accepted[index] = true
		if !l.answered[fmt.Sprint(index)] {
			t.Errorf("record %v: the request reached the handler, and its client got no answer", index)
		}
	}
	for index := range u.records {
		if !accepted[index] {
			t.Errorf("the upstream received record %v, which is not in the ledger", index)
		}
	}
	if len(u.records) == 0 {
		t.Error("the upstream received nothing")
	}
	for i, s := range g.outcomes() {
		if s.State != "complete" {
			t.Errorf("transfer %d ended as %v", i, s)
		}
	}
}

// compare holds the failures of the gateway's connections against stock Caddy's.
// A socket that is closed with connections in its queue loses them, in stock
// Caddy too. They are lost in bunches, so one run's numbers differ several times
// over either way; the bound only tells gross differences.
func (l *load) compare(t *testing.T) {
	t.Helper()
	const luck = 15
	gate, stock := l.failures[toGate][newConn].Load(), l.failures[toStock][newConn].Load()
	t.Logf("%d requests served; failures over new connections: %d, stock Caddy %d; over kept-alive ones: %d, stock Caddy %d",
		l.sent.Load(), gate, stock, l.failures[toGate][keptAlive].Load(), l.failures[toStock][keptAlive].Load())
	if gate > 3*stock+luck {
		t.Errorf("%d new connections failed, of stock Caddy's %d", gate, stock)
	}
}

// served waits until the load has got n more answers.
func (l *load) served(t testing.TB, n int64) {
	t.Helper()
	before := l.sent.Load()
	waitFor(t, "requests are served", func() bool { return l.sent.Load() >= before+n })
}

// TestReloadUnderLoad reloads the configuration 25 times in one process, and 100
// times in CI. Whatever reached the upstream has its record, every transfer its outcome, the ledger
// verifies, and no goroutine is left over.
func TestReloadUnderLoad(t *testing.T) {
	reloads := 25
	switch {
	case testsupport.Race:
		reloads = 20
	case testsupport.Full():
		reloads = 100
	}
	br, sg := newCounting(t), newUpstream(t, "sg", nil)
	vars := map[string]string{
		"br": "reverse_proxy " + br.addr, "br-addr": br.addr, "sg": sg.addr, "storage": "",
		"admin": "off", "stock": freeAddr(t),
	}
	g := startGate(t, besideStock, vars)
	reload := func() {
		if err := g.load(besideStock, vars); err != nil {
			t.Fatal(err)
		}
	}
	reload() // what a first reload starts once
	before := runtime.NumGoroutine()
	l := startLoad(g.addr, vars["stock"])
	for range reloads {
		l.served(t, 10)
		reload()
	}
	l.served(t, 40)
	l.end()
	br.CloseClientConnections()
	wantGoroutines(t, before)
	g.settled()
	l.check(t, g, br)
	l.compare(t)
	if _, err := verify.Ledger(g.ledger, verify.Options{}); err != nil {
		t.Error(err)
	}
}

// program is the real program as another process.
type program struct {
	t    testing.TB
	exe  string
	home string // where Caddy keeps what it keeps
}

// buildProgram builds cmd/transfergate.
func buildProgram(t testing.TB) *program {
	t.Helper()
	p := &program{t: t, exe: filepath.Join(t.TempDir(), "transfergate"), home: t.TempDir()}
	if err := testsupport.BuildGateway(p.exe); err != nil {
		t.Fatal(err)
	}
	return p
}

// command prepares the program with those arguments.
func (p *program) command(args ...string) *exec.Cmd {
	cmd := exec.Command(p.exe, args...)
	cmd.Env = append(os.Environ(), "HOME="+p.home, "XDG_CONFIG_HOME="+p.home, "XDG_DATA_HOME="+p.home)
	return cmd
}

// run runs the program to its end, which must be a success.
func (p *program) run(args ...string) {
	p.t.Helper()
	if out, err := p.command(args...).CombinedOutput(); err != nil {
		p.t.Fatalf("%q: %v\n%s", args, err, out)
	}
}

// start runs a Caddyfile and waits until the program serves at the gate's address.
func (p *program) start(g *gate, caddyfile string) *exec.Cmd {
	p.t.Helper()
	log, err := os.Create(filepath.Join(p.t.TempDir(), "log"))
	if err != nil {
		p.t.Fatal(err)
	}
	defer log.Close() // the process has its own handle
	cmd := p.command("run", "--adapter", "caddyfile", "--config", caddyfile)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		if cmd.ProcessState == nil {
			cmd.Process.Kill()
			cmd.Wait()
		}
		if text, err := os.ReadFile(log.Name()); err == nil && p.t.Failed() {
			p.t.Logf("the program said:\n%s", text)
		}
	})
	waitFor(p.t, "the program is ready", func() bool {
		res, err := http.Get("http://" + g.addr + "/ready")
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == 200
	})
	return cmd
}

// end stops the program as a service manager would, and waits for it.
func (p *program) end(cmd *exec.Cmd) {
	p.t.Helper()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		p.t.Errorf("the program ended with %v", err)
	}
}

// TestProgram tries the real program as another process.
func TestProgram(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program")
	}
	p := buildProgram(t)
	setUp := func(t *testing.T) (*gate, *counting, map[string]string, string) {
		br, sg := newCounting(t), newUpstream(t, "sg", nil)
		g := &gate{t: t, addr: freeAddr(t), ledger: filepath.Join(t.TempDir(), "ledger")}
		vars := map[string]string{
			"br": "reverse_proxy " + br.addr, "br-addr": br.addr, "sg": sg.addr, "storage": "",
			"admin": freeAddr(t), "stock": freeAddr(t),
		}
		return g, br, vars, writeFile(t, "Caddyfile", g.expand(besideStock, vars))
	}

	t.Run("validate beside the running one", func(t *testing.T) {
		g, _, vars, caddyfile := setUp(t)
		p := &program{t: t, exe: p.exe, home: p.home}
		cmd := p.start(g, caddyfile)
		l := startLoad(g.addr, vars["stock"])
		l.served(t, 20)
		l.end()
		before := g.settledSnapshot()
		p.run("validate", "--adapter", "caddyfile", "--config", caddyfile)
		wantSame(t, before, snapshot(t, g.ledger))
		l = startLoad(g.addr, vars["stock"])
		l.served(t, 20)
		l.end()
		p.end(cmd)
		p.run("transfer", "ledger", "verify", g.ledger)
	})

	t.Run("reload under load", func(t *testing.T) {
		g, br, vars, caddyfile := setUp(t)
		p := &program{t: t, exe: p.exe, home: p.home}
		cmd := p.start(g, caddyfile)
		l := startLoad(g.addr, vars["stock"])
		for range 5 {
			l.served(t, 40)
			p.run("reload", "--force", "--adapter", "caddyfile", "--config", caddyfile, "--address", vars["admin"])
		}
		l.served(t, 40)
		l.end()
		p.end(cmd)
		l.check(t, g, br)
		l.compare(t)
	})

	t.Run("killed under load", func(t *testing.T) {
		g, br, vars, caddyfile := setUp(t)
		p := &program{t: t, exe: p.exe, home: p.home}
		for round := range 3 {
			cmd := p.start(g, caddyfile)
			l := startLoad(g.addr, vars["stock"])
			l.served(t, 60)
			cmd.Process.Kill()
			cmd.Wait()
			l.end()
			checkReceived(t, round, g, br)
		}
		cmd := p.start(g, caddyfile)
		l := startLoad(g.addr, vars["stock"])
		l.served(t, 20)
		l.end()
		p.end(cmd)
		checkReceived(t, 3, g, br)
		p.run("transfer", "ledger", "verify", g.ledger)
	})
}

// checkReceived checks that the ledger holds a record of every request that the
// upstream ever received.
func checkReceived(t *testing.T, round int, g *gate, u *counting) {
	t.Helper()
	accepted := make(map[record.ID]bool)
	for _, r := range ofType(g.records(), "transfer.accepted") {
		accepted[r["#"].(record.ID)] = true
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, s := range u.strange {
		t.Errorf("round %d: %s", round, s)
	}
	for index, path := range u.records {
		if !accepted[index] {
			t.Errorf("round %d: the upstream received %s with record %v, which is not in the ledger", round, path, index)
		}
	}
	t.Logf("round %d: the upstream received %d transfers, the ledger has %d", round, len(u.records), len(accepted))
}
