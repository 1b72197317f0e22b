package gateway_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/sparkoo/transfergate/internal/ledger"
)

// snapshot is the state of a folder: each file's size, time of change and hash.
func snapshot(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			return err
		}
		hash := sha256.New()
		if _, err := io.Copy(hash, f); err != nil {
			return err
		}
		files[path] = fmt.Sprintf("%d bytes, changed %s, %x", info.Size(), info.ModTime(), hash.Sum(nil))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// settledSnapshot is the state of a ledger that waits for no outcome.
func (g *gate) settledSnapshot() map[string]string {
	g.t.Helper()
	waitFor(g.t, "every record has its outcome", func() bool {
		for _, s := range g.outcomes() {
			if s.State == "" {
				return false
			}
		}
		return true
	})
	// The gateway writes a checkpoint (a name, a size, a hash) within a second of them.
	waitFor(g.t, "a checkpoint covers every entry", func() bool {
		var size int
		text, err := os.ReadFile(filepath.Join(g.ledger, "epoch-000001", "checkpoint"))
		if lines := strings.Split(string(text), "\n"); err == nil && len(lines) > 1 {
			size, _ = strconv.Atoi(lines[1])
		}
		return size >= len(g.records())
	})
	return snapshot(g.t, g.ledger)
}

// wantSame compares two states of a folder.
func wantSame(t testing.TB, before, after map[string]string) {
	t.Helper()
	for path, was := range before {
		if is := after[path]; is != was {
			t.Errorf("%s was %s, is %q", path, was, is)
		}
	}
	for path := range after {
		if _, known := before[path]; !known {
			t.Errorf("%s is new", path)
		}
	}
}

// TestValidateBesideTheGateway: validation succeeds where the gateway runs, and
// changes nothing.
func TestValidateBesideTheGateway(t *testing.T) {
	br, sg := newUpstream(t, "br", nil), newUpstream(t, "sg", nil)
	vars := map[string]string{"br": "reverse_proxy " + br.addr, "sg": sg.addr, "storage": ""}
	g := startGate(t, twoRegions, vars)
	g.checkServes(t)
	before := g.settledSnapshot()
	for range 3 {
		if err := validate(g.expand(twoRegions, vars)); err != nil {
			t.Fatal(err)
		}
	}
	wantSame(t, before, snapshot(t, g.ledger))
	g.checkServes(t)
	fresh := &gate{t: t, addr: g.addr, ledger: filepath.Join(t.TempDir(), "ledger")}
	if err := validate(fresh.expand(twoRegions, vars)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(fresh.ledger); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("validation made a ledger: %v", err)
	}
}

// writing reports whether somebody has the ledger open.
func writing(t testing.TB, dir string) bool {
	t.Helper()
	l := ledger.New(dir, ledger.Options{})
	err := l.Open()
	if err == nil {
		err = l.Close()
	}
	if err != nil && !errors.Is(err, ledger.ErrLocked) {
		t.Fatal(err)
	}
	return err != nil
}

// TestFailedReload: a configuration that does not load leaves the old one
// serving, with its ledger.
func TestFailedReload(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	taken := filepath.Join(t.TempDir(), "taken")
	other := ledger.New(taken, ledger.Options{})
	if err := other.Open(); err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	file := writeFile(t, "file", "not a folder")

	br, sg := newUpstream(t, "br", nil), newUpstream(t, "sg", nil)
	vars := map[string]string{"br": "reverse_proxy " + br.addr, "sg": sg.addr, "storage": ""}
	g := startGate(t, twoRegions, vars)
	tests := []struct{ name, old, new, want string }{
		{"policy", "node gw-sg-1", "policy " + filepath.Join(t.TempDir(), "none") + "\n\t\tnode gw-sg-1", "loading the policy"},
		{"region", "region sa-brazil-1", "region sa-brazil-9", "not in the policy"},
		{"accounts", "node gw-sg-1", "accounts file " + filepath.Join(t.TempDir(), "none") + "\n\t\tnode gw-sg-1", "reading accounts"},
		{"port in use", "http://{addr} {", "http://" + busy.Addr().String() + " {\n\trespond ok\n}\n\nhttp://{addr} {", "address already in use"},
		{"ledger of another process", "ledger {ledger}", "ledger " + taken, ledger.ErrLocked.Error()},
		{"ledger in a file", "ledger {ledger}", "ledger " + filepath.Join(file, "ledger"), "opening the ledger"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			config := strings.Replace(twoRegions, tt.old, tt.new, 1)
			if config == twoRegions {
				t.Fatalf("%q is not in the configuration", tt.old)
			}
			err := g.load(config, vars)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("loading: %v, want %q", err, tt.want)
			}
			g.checkServes(t)
			if !writing(t, g.ledger) {
				t.Error("the ledger was let go")
			}
			if a := g.get("/ready"); a.StatusCode != 200 {
				t.Errorf("/ready: status %d: %s", a.StatusCode, a.Text)
			}
		})
	}
	if err := g.load(twoRegions, vars); err != nil {
		t.Fatal(err)
	}
	g.checkServes(t)
	for _, s := range g.settled() {
		if s.State != "complete" {
			t.Errorf("a request ended as %v", s)
		}
	}
	if writing(t, g.ledger) {
		t.Error("the ledger is still open after the gateway has stopped")
	}
}

// TestSlowRequestSurvivesReload: a request in flight while the ledger's path
// changes is answered, and its outcome lands in the ledger it began in.
func TestSlowRequestSurvivesReload(t *testing.T) {
	arrivedThere, goOn := make(chan struct{}, 1), make(chan struct{})
	br := newUpstream(t, "br", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			arrivedThere <- struct{}{}
			<-goOn
		}
		io.WriteString(w, "br")
	})
	sg := newUpstream(t, "sg", nil)
	vars := map[string]string{"br": "reverse_proxy " + br.addr, "sg": sg.addr, "storage": ""}
	g := startGate(t, twoRegions, vars)
	answered := make(chan answer, 1)
	go func() { answered <- g.get("/slow", brazilian...) }()
	<-arrivedThere

	next := &gate{t: t, addr: g.addr, ledger: g.ledger + "-next"}
	if err := next.load(twoRegions, vars); err != nil {
		t.Fatal(err)
	}
	next.checkServes(t)
	if len(ofType(g.records(), "transfer.accepted")) != 1 || !writing(t, g.ledger) {
		t.Error("the old ledger was let go under a request")
	}
	close(goOn)
	if a := <-answered; a.StatusCode != 200 || a.Text != "br" {
		t.Errorf("the slow request: status %d: %s", a.StatusCode, a.Text)
	}
	waitFor(t, "the old ledger is closed", func() bool { return !writing(t, g.ledger) })
	if got := g.outcomes(); len(got) != 1 || got[0] != (sent{"sa-brazil-1", "complete", 200}) {
		t.Errorf("the old ledger says %v", got)
	}
	next.wantSent(sent{"sa-brazil-1", "complete", 200}, sent{"ap-southeast-3", "complete", 200})
}

// TestReloadsLeaveNothing: reloads leave no goroutine behind.
func TestReloadsLeaveNothing(t *testing.T) {
	br, sg := newUpstream(t, "br", nil), newUpstream(t, "sg", nil)
	config := strings.NewReplacer("node gw-sg-1", "geoip embedded\n\t\taccounts file {accounts}\n\t\tnode gw-sg-1").Replace(twoRegions)
	vars := map[string]string{
		"br": "reverse_proxy " + br.addr + " {\n health_uri /healthz\n health_interval 50ms\n }", "sg": sg.addr, "storage": "",
		"accounts": writeFile(t, "accounts.ndjson", `{"account":"nobody"}`+"\n"),
	}
	g := startGate(t, config, vars)
	reload := func() {
		g.checkServes(t)
		if err := g.load(config, vars); err != nil {
			t.Fatal(err)
		}
	}
	reload() // what a first reload starts once
	g.checkServes(t)
	http.DefaultClient.CloseIdleConnections()
	before := runtime.NumGoroutine()
	for range 20 {
		reload()
	}
	wantGoroutines(t, before)
}

// wantGoroutines waits until there are no more goroutines than before.
func wantGoroutines(t *testing.T, before int) {
	t.Helper()
	http.DefaultClient.CloseIdleConnections()
	// The upstreams' own connections come and go.
	for deadline := time.Now().Add(3 * time.Minute); runtime.NumGoroutine() > before+5; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines before, %d after:\n%s", before, runtime.NumGoroutine(), stacks[:runtime.Stack(stacks, true)])
		}
	}
}

// TestReloadsKeepNothing: no configuration stays in memory after reloads under
// requests over HTTP/2 and HTTP/3, whose servers outlive it for a while.
func TestReloadsKeepNothing(t *testing.T) {
	br := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(br.Close)
	addr := br.Listener.Addr().String()
	vars := map[string]string{"sg": addr, "br": addr, "cn": addr, "accounts": writeFile(t, "accounts.ndjson", `{"account":"nobody"}`+"\n")}
	s := startSecure(t, site, "", vars)
	reload := func() {
		for _, protocol := range protocols[1:] {
			client := &cleaned{TB: t}
			asking := (&secure{&gate{t: client, addr: s.addr}, s.ca}).over(protocol, s.client())
			waitFor(t, protocol+" is answered", func() bool { // as in insist
				_, err := trial(asking, "GET", "/", "Registered-Country", "BR")
				return err == nil
			})
			client.clean()
		}
		if err := s.load(overTLS(t, site, ""), vars); err != nil {
			t.Fatal(err)
		}
	}
	objects := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapObjects)
	}
	for range 5 { // what the first ones start once
		reload()
	}
	const reloads, aReload = 20, 300 // a configuration has some thousands
	before := objects()
	for range reloads {
		reload()
	}
	waitFor(t, "memory is given back", func() bool { return objects() < before+reloads*aReload })
}

// cleaned is a test whose clean-up can be had at once.
type cleaned struct {
	testing.TB
	all []func()
}

func (c *cleaned) Cleanup(f func()) { c.all = append(c.all, f) }

func (c *cleaned) clean() {
	for _, f := range slices.Backward(c.all) {
		f()
	}
}

// TestAccountsFileChanges: a new file is taken over without a reload; a bad
// line keeps the old rows.
func TestAccountsFileChanges(t *testing.T) {
	path := writeFile(t, "accounts.ndjson", `{"account":"bruno","country":"BR","contracting_party":"sparkoo-sg"}`+"\n")
	sg := newUpstream(t, "sg", nil)
	config := strings.Replace(twoRegions, "node gw-sg-1", "accounts file "+path+"\n\t\tnode gw-sg-1", 1)
	g := startGate(t, config, map[string]string{"br": "reverse_proxy " + deadAddr(t), "sg": sg.addr, "storage": ""})
	controller := func(account string) string {
		return g.get("/", "Account-Id", account, "Registered-Country", "BR").Header.Get("Data-Controller")
	}
	if got := controller("bruno"); got != "sparkoo-sg" {
		t.Fatalf("at first the controller is %q", got)
	}
	replace(t, path, `{"account":"bruno","country":"BR","contracting_party":"sparkoo-za"}`+"\n")
	waitFor(t, "the new rows are in force", func() bool { return controller("bruno") == "sparkoo-za" })

	// The second line is bad; the third shows that nothing of the file was taken.
	replace(t, path, `{"account":"bruno","country":"BR","contracting_party":"sparkoo-th"}`+"\n{\n"+`{"account":"carla","country":"BR","contracting_party":"sparkoo-th"}`+"\n")
	metric := func() bool { return g.failures("accounts_load_failures_total") > 0 }
	waitFor(t, "the bad file is counted", metric)
	if got := controller("bruno"); got != "sparkoo-za" {
		t.Errorf("after a bad file the controller is %q", got)
	}
	if got := controller("carla"); got != "sparkoo-br" {
		t.Errorf("the controller of an account of the bad file is %q", got)
	}
	replace(t, path, `{"account":"bruno","country":"BR","contracting_party":"sparkoo-hk"}`+"\n")
	waitFor(t, "the mended rows are in force", func() bool { return controller("bruno") == "sparkoo-hk" })
}

// failures reads one of the gateway's gauges from the running configuration.
func (g *gate) failures(name string) (value float64) {
	g.t.Helper()
	ctx := caddy.ActiveContext()
	families, err := ctx.GetMetricsRegistry().Gather()
	if err != nil {
		g.t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == "caddy_transfer_"+name {
			return family.GetMetric()[0].GetCounter().GetValue()
		}
	}
	g.t.Fatalf("no metric %s", name)
	return 0
}

// replace puts a new file in the place of path by rename.
func replace(t testing.TB, path, content string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// TestGeoIPFileChanges: a newer country database is taken over when it replaces
// the old one by rename; a bad one is not.
func TestGeoIPFileChanges(t *testing.T) {
	read := func(name string) string {
		b, err := os.ReadFile(filepath.FromSlash("../../internal/geo/" + name))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	path := writeFile(t, "country.mmdb", read("testdata/test-data/GeoIP2-Country-Test.mmdb"))
	br := newUpstream(t, "br", nil)
	config := strings.NewReplacer(
		"protocols h1 h2c", "trusted_proxies static 127.0.0.0/8\n\t\ttrusted_proxies_strict",
		"node gw-sg-1", "geoip "+path+"\n\t\tnode gw-sg-1",
		"{br}", "header Origin-Seen {http.transfer.origin}\n\t\t\treverse_proxy "+br.addr,
	).Replace(twoRegions)
	g := startGate(t, config, map[string]string{"sg": deadAddr(t), "storage": ""})
	origin := func() string {
		// MaxMind's test file puts this address in BT, the embedded one, made of
		// real data, in US.
		a := g.get("/", append(brazilian, "X-Forwarded-For", "67.43.156.1")...)
		if a.StatusCode != 200 {
			t.Fatalf("status %d: %s", a.StatusCode, a.Text)
		}
		return a.Header.Get("Origin-Seen")
	}
	if got := origin(); got != "BT" {
		t.Fatalf("at first the visitor comes from %q", got)
	}
	replace(t, path, read("country.mmdb"))
	waitFor(t, "the new file is in force", func() bool { return origin() == "US" })
	replace(t, path, "no database")
	waitFor(t, "the bad file is counted", func() bool { return g.failures("geoip_load_failures_total") > 0 })
	if got := origin(); got != "US" {
		t.Errorf("after a bad file the visitor comes from %q", got)
	}
}
