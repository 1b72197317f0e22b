package gateway_test

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
)

// accountCenter is an Account Center over HTTPS: it answers look-ups at /records,
// and has a feed at /feed. It can be broken.
type accountCenter struct {
	*httptest.Server
	ca    string // file with its certificate
	asked atomic.Int64
	down  atomic.Bool

	mu      sync.Mutex
	records map[string]string // guarded by mu: account -> further members of its record
	log     []string          // guarded by mu: lines of all changes
}

func newAccountCenter(t testing.TB) *accountCenter {
	t.Helper()
	c := &accountCenter{records: make(map[string]string)}
	c.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.asked.Add(1)
		switch {
		case c.down.Load():
			w.WriteHeader(http.StatusBadGateway)
		case r.URL.Path == "/records":
			c.answer(w, r)
		case r.URL.Path == "/feed":
			c.snapshot(w)
		case r.URL.Path == "/feed/changes":
			c.changes(w, r)
		}
	}))
	c.EnableHTTP2 = true
	c.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	c.StartTLS()
	t.Cleanup(c.Close)
	c.ca = writeFile(t, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate().Raw})))
	return c
}

// put changes an account's record to one with these members; none deletes it.
func (c *accountCenter) put(account, members string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.records[account] = members; members == "" {
		delete(c.records, account)
		members = `"deleted":true`
	}
	c.log = append(c.log, fmt.Sprintf(`{"account":%q,%s}`, account, members))
}

func (c *accountCenter) answer(w http.ResponseWriter, r *http.Request) {
	var question struct{ Account string }
	if json.NewDecoder(r.Body).Decode(&question) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	members, known := c.records[question.Account]
	c.mu.Unlock()
	if !known {
		w.WriteHeader(http.StatusNotFound)
		members = `"error":"no such account"`
	}
	fmt.Fprintf(w, `{"account":%q,%s}`, question.Account, members)
}

func (c *accountCenter) snapshot(w io.Writer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for account, members := range c.records {
		fmt.Fprintf(w, "{\"account\":%q,%s}\n", account, members)
	}
	c.end(w, len(c.records))
}

func (c *accountCenter) changes(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var from int
	if n, err := fmt.Sscanf(r.URL.Query().Get("cursor"), "c%d", &from); n != 1 || err != nil || from > len(c.log) {
		w.WriteHeader(http.StatusGone)
		return
	}
	for _, line := range c.log[from:] {
		fmt.Fprintln(w, line)
	}
	c.end(w, len(c.log)-from)
}

func (c *accountCenter) end(w io.Writer, lines int) {
	fmt.Fprintf(w, `{"end":{"as_of":%q,"cursor":"c%d","lines":%d}}`, time.Now().Format(time.RFC3339Nano), len(c.log), lines)
}

// source are the options of an account source that reads the center.
func (c *accountCenter) source(kind, path string, options ...string) string {
	return "accounts " + kind + " " + c.URL + path + " {\nca " + c.ca + "\n" + strings.Join(options, "\n") + "\n}"
}

// directorySite is site with another account source.
func directorySite(t testing.TB, source string) string {
	return replaced(t, site, "accounts file {accounts}", source)
}

// startDirectory runs a site whose accounts come from a source.
func startDirectory(t testing.TB, source string) (*gate, regions, map[string]string) {
	t.Helper()
	r := regions{newUpstream(t, "sg", nil), newUpstream(t, "br", nil), newUpstream(t, "cn", nil)}
	vars := map[string]string{"sg": r.sg.addr, "br": r.br.addr, "cn": r.cn.addr}
	return startGate(t, directorySite(t, source), vars), r, vars
}

// by is who a request is answered by: controller and basis, or the reason it is not.
func (g *gate) by(account string) string {
	g.t.Helper()
	a := g.insist("/", "Account-Id", account, "Registered-Country", "BR")
	if a.StatusCode == 200 {
		return a.Header.Get("Data-Controller")
	}
	return fmt.Sprint(a.StatusCode, " ", problemOf(g.t, a)["reason"])
}

// wantBy waits until an account's requests are answered as wanted.
func (g *gate) wantBy(account, want string) {
	g.t.Helper()
	var got string
	defer func() {
		if got != want {
			g.t.Logf("%s is answered by %s", account, got)
		}
	}()
	waitFor(g.t, account+" is answered by "+want, func() bool { got = g.by(account); return got == want })
}

// gauge reads one of the gateway's gauges.
func (g *gate) gauge(name string) float64 {
	g.t.Helper()
	ctx := caddy.ActiveContext()
	families, err := ctx.GetMetricsRegistry().Gather()
	if err != nil {
		g.t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == "caddy_transfer_"+name {
			return family.GetMetric()[0].GetGauge().GetValue()
		}
	}
	g.t.Fatalf("no metric %s", name)
	return 0
}

const (
	downAnswer  = "503 directory_down"
	minorAnswer = "403 minor_without_guardian"
	partyBR     = `"country":"BR","contracting_party":"sparkoo-br"`
	partySG     = `"country":"BR","contracting_party":"sparkoo-sg"`
	partyZA     = `"country":"BR","contracting_party":"sparkoo-za"`
)

// bornYesterday is a record of a minor.
func bornYesterday() string {
	return `"born":"` + time.Now().AddDate(0, 0, -1).Format(time.DateOnly) + `"`
}

func TestAccountsLookedUp(t *testing.T) {
	c := newAccountCenter(t)
	c.put("bruno", partySG)
	c.put("wrong", `"contracting_party":"sparkoo-zz"`)
	c.put("young", bornYesterday())
	g, r, _ := startDirectory(t, c.source("http", "/records"))
	for range 3 {
		if got := g.by("bruno"); got != "sparkoo-sg" {
			t.Errorf("with a record: %s", got)
		}
		if got := g.by("ana"); got != "sparkoo-br" {
			t.Errorf("without a record: %s", got)
		}
	}
	if n := c.asked.Load(); n < 2 || n > 3 { // and the one of nobody, at the start
		t.Errorf("two accounts caused %d look-ups", n)
	}
	if got := g.by("young"); got != minorAnswer {
		t.Errorf("a minor: %s", got)
	}
	if synced := g.gauge("accounts_sync_timestamp_seconds"); time.Since(time.Unix(int64(synced), 0)) > time.Minute {
		t.Errorf("last answered at %v", synced)
	}
	if got := g.by("wrong"); got != "403 account_unreadable" {
		t.Errorf("with a record that names no controller: %s", got)
	}
	seen := len(r.sg.requests()) + len(r.br.requests())
	c.down.Store(true)
	a := g.get("/", "Account-Id", "carla", "Registered-Country", "BR")
	p := problemOf(t, a)
	if a.StatusCode != 503 || p["reason"] != "directory_down" || a.Header.Get("Retry-After") == "" || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("directory down: status %d, %v, %v", a.StatusCode, p, a.Header)
	}
	if len(r.sg.requests())+len(r.br.requests()) != seen {
		t.Error("a refused request reached a region")
	}
	if strings.Contains(a.Text, "carla") || strings.Contains(a.Text, "127.0.0.1") {
		t.Errorf("the answer says too much: %s", a.Text)
	}
	if got := g.by("bruno"); got != "sparkoo-sg" {
		t.Errorf("remembered: %s", got)
	}
	// Nobody identified needs no record.
	asked := c.asked.Load()
	if a := g.get("/"); a.StatusCode != 200 || a.Header.Get("Data-Controller") != "sparkoo-sg" {
		t.Errorf("anonymous: status %d: %s", a.StatusCode, a.Text)
	}
	if c.asked.Load() != asked {
		t.Error("it caused a look-up")
	}
	// A claimed country that is none is an unknown one: the record may know it.
	if a := g.get("/", "Account-Id", "dora", "Registered-Country", "ZZ"); a.StatusCode != 503 || problemOf(t, a)["reason"] != "directory_down" {
		t.Errorf("with a bad country: status %d: %s", a.StatusCode, a.Text)
	}
	if g.failures("accounts_load_failures_total") < 2 {
		t.Error("the failures are not counted")
	}
}

// A record changes all the time while requests run, and the center fails now and
// then. Nobody is answered by a controller that the record did not name within the
// time it may be believed.
func TestAccountChangesUnderRequests(t *testing.T) {
	for _, kind := range []string{"http", "feed"} {
		t.Run(kind, func(t *testing.T) {
			const age = 200 * time.Millisecond
			c := newAccountCenter(t)
			parties := []string{"sparkoo-za", "sparkoo-sg", "sparkoo-th", "sparkoo-hk"}
			put := func(n int64) { c.put("bruno", `"country":"BR","contracting_party":"`+parties[n%4]+`"`) }
			put(0)
			source := c.source("http", "/records", "refresh 50ms", "expiry 100ms", "stale_limit 100ms")
			if kind == "feed" {
				source = c.source("feed", "/feed", "interval 20ms", "max_age 100ms")
			}
			g, _, _ := startDirectory(t, source)
			g.wantBy("bruno", "sparkoo-za")
			var mu sync.Mutex
			began := []time.Time{{}} // guarded by mu: when each version did
			var bad, good, refused atomic.Int64
			stop := make(chan struct{})
			var all sync.WaitGroup
			for range 4 {
				all.Go(func() {
					for {
						select {
						case <-stop:
							return
						default:
						}
						asked := time.Now()
						got := g.by("bruno")
						if got == downAnswer {
							refused.Add(1)
							continue
						}
						mu.Lock()
						lawful := false
						for v := len(began) - 1; v >= 0 && !lawful; v-- {
							lawful = parties[v%4] == got
							if began[v].Before(asked.Add(-age)) {
								break
							}
						}
						mu.Unlock()
						if good.Add(1); !lawful && bad.Add(1) == 1 {
							t.Errorf("answered by %s, which was not the controller within %s", got, age)
						}
					}
				})
			}
			// On a busy machine it takes a while until anybody is answered in time.
			for n := int64(1); n < 12 || good.Load() == 0 && n < 600; n++ {
				time.Sleep(age / 2)
				mu.Lock()
				began = append(began, time.Now())
				put(n)
				mu.Unlock()
				c.down.Store(n%5 == 4)
			}
			close(stop)
			all.Wait()
			if good.Load() == 0 || bad.Load() > 0 {
				t.Errorf("%d answered, %d of them wrongly, %d refused", good.Load(), bad.Load(), refused.Load())
			}
			t.Logf("%d answered, %d refused", good.Load(), refused.Load())
		})
	}
}

// A reload keeps what is known while the directory is down, and leaves no goroutine
// behind.
func TestReloadKeepsAccounts(t *testing.T) {
	for _, kind := range []string{"http", "feed"} {
		t.Run(kind, func(t *testing.T) {
			c := newAccountCenter(t)
			c.put("bruno", partySG)
			path := map[string]string{"http": "/records", "feed": "/feed"}[kind]
			source := c.source(kind, path, "state "+filepath.Join(t.TempDir(), "accounts.state"))
			g, _, vars := startDirectory(t, source)
			g.wantBy("bruno", "sparkoo-sg")
			c.down.Store(true)
			// The second configuration has other settings, and shares what is known.
			others := []string{directorySite(t, source), directorySite(t, strings.Replace(source, "ca ", "timeout 5s\nca ", 1))}
			before := 0
			for i := range 12 {
				if err := g.load(others[i%2], vars); err != nil {
					t.Fatal(err)
				}
				if got := g.by("bruno"); got != "sparkoo-sg" {
					t.Fatalf("after reload %d: %s", i+1, got)
				}
				if http.DefaultClient.CloseIdleConnections(); i == 1 {
					before = runtime.NumGoroutine()
				}
			}
			for deadline := time.Now().Add(3 * time.Minute); runtime.NumGoroutine() > before+5; time.Sleep(10 * time.Millisecond) {
				if time.Now().After(deadline) {
					stacks := make([]byte, 1<<20)
					t.Fatalf("%d goroutines before, %d after:\n%s", before, runtime.NumGoroutine(), stacks[:runtime.Stack(stacks, true)])
				}
			}
			// A configuration that does not load changes nothing.
			broken := directorySite(t, strings.Replace(source, c.ca, "/nonexistent", 1))
			if err := g.load(broken, vars); err == nil {
				t.Error("a missing CA file is accepted")
			}
			c.down.Store(false)
			if got := g.by("bruno"); got != "sparkoo-sg" {
				t.Errorf("after a failed reload: %s", got)
			}
			if kind == "feed" {
				c.put("bruno", partyZA)
				g.wantBy("bruno", "sparkoo-za")
			}
		})
	}
}

// A restart while the directory is down goes on with what is on disk: a deleted record
// stays deleted, and a damaged file serves nobody.
func TestRestartWithDirectoryDown(t *testing.T) {
	for _, kind := range []string{"http", "feed"} {
		t.Run(kind, func(t *testing.T) {
			c := newAccountCenter(t)
			c.put("bruno", partySG)
			c.put("gone", partyZA)
			path := map[string]string{"http": "/records", "feed": "/feed"}[kind]
			fast := map[string]string{"http": "expiry 50ms\nrefresh 50ms", "feed": "interval 10ms"}[kind]
			state := filepath.Join(t.TempDir(), "accounts.state")
			source := c.source(kind, path, "state "+state, fast)
			g, _, vars := startDirectory(t, source)
			g.wantBy("bruno", "sparkoo-sg")
			g.wantBy("gone", "sparkoo-za")
			c.put("gone", "")
			g.wantBy("gone", "sparkoo-br")
			if err := validate(g.expand(directorySite(t, source), vars)); err != nil { // beside the gateway
				t.Fatal(err)
			}
			stop := func() {
				if err := caddy.Stop(); err != nil {
					t.Fatal(err)
				}
				http.DefaultClient.CloseIdleConnections()
			}
			start := func() {
				if err := g.load(directorySite(t, source), vars); err != nil {
					t.Fatal(err)
				}
			}
			stop()
			c.down.Store(true)
			start()
			if got := g.by("bruno"); got != "sparkoo-sg" {
				t.Errorf("after a restart: %s", got)
			}
			// The look-up cannot know without asking; the feed knows all.
			if got, want := g.by("gone"), map[string]string{"http": downAnswer, "feed": "sparkoo-br"}[kind]; got != want {
				t.Errorf("a deleted record after a restart: %s, want %s", got, want)
			}
			stop()
			content, err := os.ReadFile(state)
			if err != nil {
				t.Fatal(err)
			}
			content[len(content)/2] ^= 1
			if err := os.WriteFile(state, content, 0o600); err != nil {
				t.Fatal(err)
			}
			start()
			if got := g.by("bruno"); got != downAnswer {
				t.Errorf("with a damaged file: %s", got)
			}
			c.down.Store(false)
			g.wantBy("bruno", "sparkoo-sg")
			g.wantBy("gone", "sparkoo-br")
		})
	}
}

// Before the first snapshot, and when the records have become too old, everybody
// identified is refused; the metric shows since when.
func TestFeedAge(t *testing.T) {
	c := newAccountCenter(t)
	c.put("bruno", partySG)
	c.down.Store(true)
	g, _, _ := startDirectory(t, c.source("feed", "/feed", "interval 20ms", "max_age 1s"))
	for _, account := range []string{"bruno", "ana"} {
		if got := g.by(account); got != downAnswer {
			t.Errorf("%s before the snapshot: %s", account, got)
		}
	}
	if a := g.get("/"); a.StatusCode != 200 {
		t.Errorf("anonymous before the snapshot: %d", a.StatusCode)
	}
	if synced := g.gauge("accounts_sync_timestamp_seconds"); synced != 0 {
		t.Errorf("before the snapshot the records are of %v", synced)
	}
	c.down.Store(false)
	g.wantBy("bruno", "sparkoo-sg")
	c.put("ana", bornYesterday())
	g.wantBy("ana", minorAnswer)
	c.put("bruno", partyBR+`,"restricted":true`)
	g.wantBy("bruno", "403 processing_restricted")
	c.down.Store(true)
	g.wantBy("bruno", downAnswer)
	if synced := time.Unix(int64(g.gauge("accounts_sync_timestamp_seconds")), 0); time.Since(synced) > time.Minute || time.Since(synced) < time.Second/2 {
		t.Errorf("the records are of %s", synced)
	}
	c.down.Store(false)
	g.wantBy("bruno", "403 processing_restricted")
}

// TestOddRecordConcernsItsPersonAlone: with a directory, too, a country that is none is
// an unknown one, a record that breaks the rules refuses its own account and no other,
// and strict refuses what it always did.
//
//clause:tests §11.3
func TestOddRecordConcernsItsPersonAlone(t *testing.T) {
	for _, source := range []struct{ kind, path string }{{"http", "/records"}, {"feed", "/feed"}} {
		c := newAccountCenter(t)
		c.put("jane", `"country":"BR"`)
		c.put("odd", `"country":"BRA"`)
		state := filepath.Join(t.TempDir(), "state")
		g, r, vars := startDirectory(t, c.source(source.kind, source.path, "state "+state))
		waitFor(t, "the records are there", func() bool { return g.get("/", "Account-Id", "jane").StatusCode == 200 })
		check := func(when string) {
			t.Helper()
			wants(t, g, r, "", "", "GET", "/v1/rights/1", "Account-Id", "odd")
			wants(t, g, r, "country_unknown", "§11", "GET", "/", "Account-Id", "odd")
			wants(t, g, r, "country_unknown", "§11", "GET", "/", "Account-Id", "odd", "Registered-Country", "BR") // the record prevails
			wants(t, g, r, "", "", "GET", "/", "Account-Id", "jane")
			if t.Failed() {
				t.Fatalf("%s, %s", source.kind, when)
			}
		}
		check("first")
		if err := caddy.Stop(); err != nil {
			t.Fatal(err)
		}
		c.down.Store(true) // what is kept on disk says the same
		if err := g.load(directorySite(t, c.source(source.kind, source.path, "state "+state)), vars); err != nil {
			t.Fatal(err)
		}
		check("from disk")
		c.down.Store(false)
	}

	c := newAccountCenter(t)
	c.put("jane", `"country":"BR"`)
	c.put("broken", `"country":17`)
	c.put("odd", `"country":"BRA"`)
	g, r, _ := startDirectory(t, c.source("http", "/records", "strict"))
	for range 8 { // more than open the breaker
		for _, account := range []string{"broken", "odd"} {
			wants(t, g, r, "account_unreadable", "§11", "GET", "/", "Account-Id", account)
		}
	}
	wants(t, g, r, "", "", "GET", "/", "Account-Id", "jane")
}

// TestReadyWaitsForTheDirectory: a gateway whose directory has never answered takes no
// work, though nobody has asked it for anything yet.
func TestReadyWaitsForTheDirectory(t *testing.T) {
	for _, source := range []struct{ kind, path string }{{"http", "/records"}, {"feed", "/feed"}} {
		c := newAccountCenter(t)
		c.put("jane", `"country":"BR"`)
		c.down.Store(true)
		g, _, _ := startDirectory(t, c.source(source.kind, source.path))
		if a := g.get("/ready"); a.StatusCode != 503 || !strings.Contains(a.Text, "the account records were never loaded") {
			t.Errorf("%s: ready before the directory was heard: %d %s", source.kind, a.StatusCode, a.Text)
		}
		c.down.Store(false)
		waitFor(t, "the directory is heard", func() bool { return g.get("/ready").StatusCode == 200 })
		c.down.Store(true)
		if a := g.get("/ready"); a.StatusCode != 200 {
			t.Errorf("%s: not ready when the directory is down again: %s", source.kind, a.Text)
		}
	}
}
