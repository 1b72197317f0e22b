package gateway_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard"
	"golang.org/x/crypto/bcrypt"

	_ "github.com/sparkoo/transfergate/caddyplugin"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/testsupport"
)

// Caddy is global to a process: tests of this package never run in parallel.

// Caddy's log, and that of the gateway, belong to the test that runs.
func init() { testsupport.TakeStderr() }

// gate is a running gateway.
type gate struct {
	t      testing.TB
	addr   string // where it listens
	ledger string // its ledger's folder
	from   net.IP // where raw clients dial from; nil: anywhere
}

// startGate runs a gateway from a Caddyfile. In it {addr} stands for the
// address to listen on, {port} for its port, {ledger} for the ledger's folder;
// vars replace the rest.
func startGate(t testing.TB, caddyfile string, vars map[string]string) *gate {
	t.Helper()
	testsupport.LogTo(t)
	g := &gate{t: t, addr: freeAddr(t), ledger: filepath.Join(outlivingDir(t), "ledger")}
	err := g.load(caddyfile, vars)
	for range 4 { // somebody else may have taken the address meanwhile
		if err == nil || !strings.Contains(err.Error(), "address already in use") {
			break
		}
		g.addr = freeAddr(t)
		err = g.load(caddyfile, vars)
	}
	if err != nil {
		t.Fatalf("loading: %v", err)
	}
	t.Cleanup(func() {
		if err := caddy.Stop(); err != nil {
			t.Errorf("stopping: %v", err)
		}
	})
	waitFor(t, "the gateway listens", func() bool {
		conn, err := net.Dial("tcp", g.addr)
		if err != nil {
			return false
		}
		conn.Close()
		return true
	})
	return g
}

// outlivingDir is a folder of the test's whose files may be written a little
// longer: a request in flight, such as a tunnel, holds the ledger open beyond Caddy.
func outlivingDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "gate")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { waitFor(t, "nobody writes the ledger", func() bool { return os.RemoveAll(dir) == nil }) })
	return dir
}

// load adapts and loads a Caddyfile, as startGate does, into the running process.
func (g *gate) load(caddyfile string, vars map[string]string) error {
	config, err := adapt(g.expand(caddyfile, vars))
	if err != nil {
		return err
	}
	defer http.DefaultClient.CloseIdleConnections()
	return caddy.Load(config, true)
}

func (g *gate) expand(caddyfile string, vars map[string]string) string {
	_, port, _ := net.SplitHostPort(g.addr)
	pairs := []string{"{addr}", g.addr, "{port}", port, "{ledger}", g.ledger}
	for name, value := range vars {
		pairs = append(pairs, "{"+name+"}", value)
	}
	return strings.NewReplacer(pairs...).Replace(caddyfile)
}

// adapt turns a Caddyfile into JSON.
func adapt(caddyfile string) ([]byte, error) {
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(caddyfile), map[string]any{"filename": "Caddyfile"})
	return config, err
}

// validate provisions a Caddyfile without running it.
func validate(caddyfile string) error {
	raw, err := adapt(caddyfile)
	if err != nil {
		return err
	}
	var config caddy.Config
	if err := json.Unmarshal(raw, &config); err != nil {
		return err
	}
	return caddy.Validate(&config)
}

// answer is a response, read to its end.
type answer struct {
	*http.Response
	Text string
}

// do sends a request with the fields given as name, value pairs.
func (g *gate) do(method, path, body string, fields ...string) answer {
	g.t.Helper()
	a, err := g.try(method, path, body, fields...)
	for range 3 { // a connection that waits to be accepted when a reload closes the socket is reset
		if !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
			break
		}
		a, err = g.try(method, path, body, fields...)
	}
	if err != nil {
		g.t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

// try is do for a request that may fail.
func (g *gate) try(method, path, body string, fields ...string) (answer, error) {
	req, err := http.NewRequest(method, "http://"+g.addr+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	for i := 0; i < len(fields); i += 2 {
		req.Header.Add(fields[i], fields[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return answer{res, string(text)}, err
}

// get is do for a GET.
func (g *gate) get(path string, fields ...string) answer {
	g.t.Helper()
	return g.do(http.MethodGet, path, "", fields...)
}

// records reads the ledger's entries as JSON objects.
func (g *gate) records() (records []map[string]any) {
	g.t.Helper()
	for e, err := range ledger.At(g.ledger).Entries(record.ID{}) {
		if err != nil {
			g.t.Fatal(err)
		}
		var entry map[string]any
		if err := json.Unmarshal(e.Data, &entry); err != nil {
			g.t.Fatalf("entry %d: %v", e.Index, err)
		}
		entry["#"] = e.ID
		records = append(records, entry)
	}
	return records
}

// ofType keeps the records of one type.
func ofType(records []map[string]any, kind string) (kept []map[string]any) {
	for _, r := range records {
		if r["type"] == kind {
			kept = append(kept, r)
		}
	}
	return kept
}

// problemOf reads an answer's problem document.
func problemOf(t testing.TB, a answer) map[string]any {
	t.Helper()
	if got := a.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Fatalf("status %d with Content-Type %q, want a problem document; body %q", a.StatusCode, got, a.Text)
	}
	var p map[string]any
	if err := json.Unmarshal([]byte(a.Text), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

// upstream is a region's server that remembers what reached it.
type upstream struct {
	*httptest.Server
	addr string

	mu   sync.Mutex
	seen []arrived // guarded by mu
}

// arrived is a request as an upstream saw it.
type arrived struct {
	Method, URI, Host string
	Header, Trailer   http.Header
	Body              []byte
}

// newUpstream starts a region's server. It answers with handler, or with 200
// and its name.
func newUpstream(t testing.TB, name string, handler http.HandlerFunc) *upstream {
	t.Helper()
	u := new(upstream)
	u.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		u.mu.Lock()
		u.seen = append(u.seen, arrived{r.Method, r.RequestURI, r.Host, r.Header.Clone(), r.Trailer.Clone(), body})
		u.mu.Unlock()
		r.Body = io.NopCloser(bytes.NewReader(body))
		if handler != nil {
			handler(w, r)
			return
		}
		w.Header().Set("Upstream", name)
		io.WriteString(w, name)
	}))
	u.addr = u.Listener.Addr().String()
	t.Cleanup(u.Close)
	return u
}

// requests returns what has arrived so far.
func (u *upstream) requests() []arrived {
	u.mu.Lock()
	defer u.mu.Unlock()
	return append([]arrived(nil), u.seen...)
}

// last returns the latest request.
func (u *upstream) last(t testing.TB) arrived {
	t.Helper()
	seen := u.requests()
	if len(seen) == 0 {
		t.Fatal("the upstream saw no request")
	}
	return seen[len(seen)-1]
}

// silent is a listener that must never be spoken to.
type silent struct {
	addr  string
	mu    sync.Mutex
	bytes int // guarded by mu
}

// newSilent listens and counts every byte that arrives.
func newSilent(t testing.TB) *silent {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	s := &silent{addr: l.Addr().String()}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				n, _ := io.Copy(io.Discard, conn)
				s.mu.Lock()
				s.bytes += int(n)
				s.mu.Unlock()
			}()
		}
	}()
	return s
}

// freeAddr returns a loopback address nobody listens on, and none twice: what one test
// was given is listened on later. Its port lies below those that systems give to
// outgoing connections, which could take it before it is listened on.
func freeAddr(t testing.TB) string {
	t.Helper()
	const first, many = 20000, 12000
	for range many {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", first+nextPort.Add(1)%many))
		if err == nil {
			defer l.Close()
			return l.Addr().String()
		}
	}
	t.Fatal("no port is free")
	return ""
}

// nextPort begins elsewhere in each process, because tests of packages run side by side.
var nextPort = func() *atomic.Uint32 {
	n := new(atomic.Uint32)
	n.Store(rand.Uint32N(1 << 30))
	return n
}()

// waitFor polls until cond holds. Its deadline only ends what hangs.
func waitFor(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(3 * time.Minute); time.Now().Before(deadline); {
		if cond() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("gave up waiting until %s", what)
}

// writeFile writes a file in a folder of the test's.
func writeFile(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// site is the configuration most tests run: three regions, the embedded policy.
const site = `{
	admin off
	transfer {
		demo
		node gw-sg-1 SG sparkoo-sg
		ledger {ledger}
		accounts file {accounts}
		identity header {
			from 127.0.0.0/8
		}
	}
}

http://{addr} {
	transfer_health

	@objects path /v1/objects/*
	@training path /v1/support/training/*
	@support path /v1/support/*
	@community path /community/*
	@rights path /v1/rights/*

	transfer {
		activity storage @objects
		activity support-training @training
		activity support @support
		activity public @community
		activity rights @rights
		activity serving

		region ap-southeast-3 {sg}
		region sa-brazil-1 {br}
		region cn-north-4 {cn}
	}
}
`

// regions are a running gateway's three upstreams.
type regions struct{ sg, br, cn *upstream }

// startSite runs site with an upstream a region and the accounts given as NDJSON.
func startSite(t testing.TB, accounts string) (*gate, regions) {
	t.Helper()
	r := regions{newUpstream(t, "sg", nil), newUpstream(t, "br", nil), newUpstream(t, "cn", nil)}
	if accounts == "" {
		accounts = `{"account":"nobody"}`
	}
	g := startGate(t, site, map[string]string{
		"accounts": writeFile(t, "accounts.ndjson", accounts+"\n"),
		"sg":       r.sg.addr, "br": r.br.addr, "cn": r.cn.addr,
	})
	return g, r
}

// atomicTime is a clock a test turns while a gateway reads it.
type atomicTime struct{ nanos atomic.Int64 }

func (c *atomicTime) set(t time.Time) { c.nanos.Store(t.UnixNano()) }
func (c *atomicTime) now() time.Time  { return time.Unix(0, c.nanos.Load()) }

// bcryptOf hashes a password as Caddy's basic_auth wants it.
func bcryptOf(t testing.TB, password string) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return string(hash)
}
