package gateway_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/sparkoo/transfergate/caddyplugin/gateway"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/ledger/verify"
	"github.com/sparkoo/transfergate/internal/record"
)

// singaporean are the fields of a person whose requests to Singapore are no
// transfer and need no record.
var singaporean = []string{"Registered-Country", "SG", "Account-Id", "siti"}

// recordOf reads the id of the record that Data-Transfer names.
func recordOf(header http.Header) (id record.ID, err error) {
	value := header.Get("Data-Transfer")
	m := recordPattern.FindStringSubmatch(value)
	if m == nil {
		return id, fmt.Errorf("Data-Transfer %q names no record", value)
	}
	return record.ParseID(m[1])
}

var recordPattern = regexp.MustCompile(`;record="gw-sg-1#([0-9.]+)"`)

// onDisk reports whether the ledger holds an accepted record with that id for
// the region.
func onDisk(dir string, id record.ID, region string) error {
	e, err := ledger.At(dir).Entry(id)
	if text := string(e.Data); err == nil && (!strings.Contains(text, `"type":"transfer.accepted"`) || !strings.Contains(text, `"region":"`+region+`"`)) {
		return fmt.Errorf("entry %v is %s", id, text)
	}
	return err
}

// TestRecordBeforeFirstByte: when the upstream has the request's header, and not
// yet its body, the record is in the ledger.
func TestRecordBeforeFirstByte(t *testing.T) {
	var dir string
	looked := make(chan error, 1)
	look := func(region string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			index, err := recordOf(r.Header)
			if err == nil {
				err = onDisk(dir, index, region)
			}
			looked <- err
			io.Copy(io.Discard, r.Body)
		}
	}
	br, sg := httptest.NewServer(look("sa-brazil-1")), httptest.NewServer(look("ap-southeast-3"))
	t.Cleanup(br.Close)
	t.Cleanup(sg.Close)
	g := startTwo(t, "reverse_proxy "+br.Listener.Addr().String(), sg.Listener.Addr().String())
	dir = g.ledger
	for _, method := range []string{"GET", "POST"} {
		for _, path := range []string{"/", "/v1/objects/x"} {
			for range 5 {
				if a := g.do(method, path, strings.Repeat("x", 1<<20*(len(method)-3)), brazilian...); a.StatusCode != 200 {
					t.Fatalf("%s %s: status %d: %s", method, path, a.StatusCode, a.Text)
				}
				if err := <-looked; err != nil {
					t.Errorf("%s %s: the upstream looked into the ledger: %v", method, path, err)
				}
			}
		}
	}
}

// checkRefuses checks that the gateway refuses transfers and denials for want
// of its ledger, and serves what needs no record.
func (g *gate) checkRefuses(t *testing.T, br, sg *upstream) {
	t.Helper()
	before := len(br.requests()) + len(sg.requests())
	requests := []struct {
		name, method, path string
		fields             []string
	}{
		{"transfer", "GET", "/", brazilian},
		{"storage", "PUT", "/v1/objects/x", brazilian},
		{"denial", "GET", "/", []string{"Account-Id", "nobody"}}, // country_unknown
	}
	for _, r := range requests {
		a := g.do(r.method, r.path, "", r.fields...)
		if p := problemOf(t, a); a.StatusCode != 503 || p["reason"] != "ledger_unavailable" || p["record"] != nil || a.Header.Get("Retry-After") == "" {
			t.Errorf("%s: status %d, fields %v, problem %v", r.name, a.StatusCode, a.Header, p)
		}
	}
	if n := len(br.requests()) + len(sg.requests()) - before; n != 0 {
		t.Errorf("upstreams saw %d requests that have no record", n)
	}
	if a := g.get("/", singaporean...); a.StatusCode != 200 || a.Text != "sg" {
		t.Errorf("no transfer: status %d: %s", a.StatusCode, a.Text)
	}
	if a := g.get("/ready"); a.StatusCode != 503 || !strings.HasPrefix(a.Text, "not ready: the ledger") || strings.Contains(a.Text, "/") {
		t.Errorf("/ready: status %d: %s", a.StatusCode, a.Text)
	}
	if a := g.get("/live"); a.StatusCode != 200 {
		t.Errorf("/live: status %d: %s", a.StatusCode, a.Text)
	}
}

// checkServes checks that transfers pass.
func (g *gate) checkServes(t *testing.T) {
	t.Helper()
	for _, want := range []struct{ path, region string }{{"/", "br"}, {"/v1/objects/x", "sg"}} {
		if a := g.insist(want.path, brazilian...); a.StatusCode != 200 || a.Text != want.region {
			t.Errorf("%s: status %d: %s", want.path, a.StatusCode, a.Text)
		}
	}
	if a := g.insist("/", "Account-Id", "nobody"); a.StatusCode != 403 {
		t.Errorf("denial: status %d: %s", a.StatusCode, a.Text)
	}
}

// TestLedgerVolumeFull: transfers are refused while the volume is full and pass by
// themselves once there is room; the gateway is not ready long before the last
// megabyte is used; whatever reached an upstream has its record.
func TestLedgerVolumeFull(t *testing.T) {
	volume := smallVolume(t, "72m") // a little more than the 64 MiB that must be free
	br, sg := newUpstream(t, "br", nil), newUpstream(t, "sg", nil)
	config := strings.NewReplacer("{ledger}", filepath.Join(volume, "ledger")).Replace(twoRegions)
	g := startGate(t, config, map[string]string{"br": "reverse_proxy " + br.addr, "sg": sg.addr, "storage": ""})
	g.checkServes(t)
	waitFor(t, "the gateway is ready", func() bool { return g.get("/ready").StatusCode == 200 })

	filler := filepath.Join(volume, "filler")
	fill(t, filler)
	// Bytes of the last page of the segment may still be free, and a denial is shorter.
	waitFor(t, "the volume is full", func() bool {
		return g.get("/", brazilian...).StatusCode != 200 && g.get("/", "Account-Id", "nobody").StatusCode == 503
	})
	g.checkRefuses(t, br, sg)

	info, err := os.Stat(filler)
	if err == nil {
		err = os.Truncate(filler, info.Size()-2<<20)
	}
	if err != nil {
		t.Fatal(err)
	}
	waitFor(t, "transfers pass by themselves", func() bool { return g.get("/", brazilian...).StatusCode == 200 })
	g.checkServes(t)
	waitFor(t, "lately no record was refused", func() bool { return strings.Contains(g.get("/ready").Text, "at least 64 MiB") })
	if a := g.get("/ready"); a.StatusCode != 503 {
		t.Errorf("/ready before the last megabyte is used: status %d: %s", a.StatusCode, a.Text)
	}

	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the gateway is ready again", func() bool { return g.get("/ready").StatusCode == 200 })
	g.checkServes(t)
	g.ledger = filepath.Join(volume, "ledger")
	for _, s := range g.settled() {
		if s.State != "complete" {
			t.Errorf("a request ended as %v", s)
		}
	}
	g.checkRecorded(t, br, sg)
}

// TestRestartOnAFullVolume: a gateway that starts again on a full volume serves what is
// no transfer, as the one before it did, and by itself goes on once there is room. So
// does one that is reloaded there with another configuration. The start, and how the
// gateway is set, stand in the ledger before any transfer after it.
func TestRestartOnAFullVolume(t *testing.T) {
	defer gateway.SetOpenAgain(10 * time.Millisecond)()
	volume := smallVolume(t, "72m")
	br, sg := newUpstream(t, "br", nil), newUpstream(t, "sg", nil)
	config := strings.NewReplacer("{ledger}", filepath.Join(volume, "ledger")).Replace(twoRegions)
	vars := map[string]string{"br": "reverse_proxy " + br.addr, "sg": sg.addr, "storage": ""}
	g := startGate(t, config, vars)
	g.ledger = filepath.Join(volume, "ledger")
	filler := filepath.Join(volume, "filler")
	for _, c := range []struct {
		name string
		stop func()
		load string
		want []string // entries that stand before the next transfer
	}{
		{"a restart", func() { stopCaddy(t) }, config, []string{"gateway.started"}},
		{"a reload of another configuration", func() {}, strings.Replace(config, "demo", "demo\n\t\tlog_transfers", 1), []string{"config.changed"}},
		{"a restart with another configuration", func() { stopCaddy(t) }, config, []string{"gateway.started", "config.changed"}},
	} {
		t.Log(c.name)
		g.checkServes(t)
		fill(t, filler)
		// What is left of the last page takes a denial, which is the shortest record.
		waitFor(t, "the volume is full", func() bool {
			return g.get("/", brazilian...).StatusCode != 200 && g.get("/", "Account-Id", "nobody").StatusCode == 503
		})
		c.stop()
		if err := g.load(c.load, vars); err != nil {
			t.Fatalf("%s on a full volume: %v", c.name, err)
		}
		g.checkRefuses(t, br, sg)
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "transfers pass by themselves", func() bool { return g.get("/", brazilian...).StatusCode == 200 })
		var said []string // since the last transfer before, from the newest on
		transfers := 0
		for _, r := range slices.Backward(g.records()) {
			if r["type"] == "transfer.accepted" {
				transfers++
			}
			if transfers == 1 && slices.Contains(c.want, r["type"].(string)) {
				said = append(said, r["type"].(string))
			}
		}
		slices.Reverse(said)
		if !slices.Equal(said, c.want) {
			t.Errorf("%s: before the first transfer stand %q, want %q", c.name, said, c.want)
		}
	}
	g.checkServes(t)
	stopCaddy(t) // an outcome that a full volume did not take before a restart stays unknown
	g.checkRecorded(t, br, sg)
}

// TestDamageOnAFullVolume: a ledger that was set back stops the start, also where nothing
// can be written.
func TestDamageOnAFullVolume(t *testing.T) {
	volume := smallVolume(t, "72m")
	br, sg := newUpstream(t, "br", nil), newUpstream(t, "sg", nil)
	config := strings.NewReplacer("{ledger}", filepath.Join(volume, "ledger")).Replace(twoRegions)
	vars := map[string]string{"br": "reverse_proxy " + br.addr, "sg": sg.addr, "storage": ""}
	g := startGate(t, config, vars)
	g.checkServes(t)
	stopCaddy(t)
	segment := filepath.Join(volume, "ledger", "epoch-000001", "seg", "000000.log")
	if err := os.Truncate(segment, 2000); err != nil {
		t.Fatal(err)
	}
	fill(t, filepath.Join(volume, "filler"))
	if err := g.load(config, vars); err == nil || !strings.Contains(err.Error(), "ledger damaged at") {
		t.Errorf("a start: %v", err)
	}
}

// checkRecorded checks that whatever reached the upstreams as a transfer has its
// record, and that the ledger verifies.
func (g *gate) checkRecorded(t *testing.T, upstreams ...*upstream) {
	t.Helper()
	if _, err := verify.Ledger(g.ledger, verify.Options{}); err != nil {
		t.Error(err)
	}
	transfers := 0
	for _, u := range upstreams {
		for _, r := range u.requests() {
			if r.Header.Get("Data-Transfer") == "?0" {
				continue // no transfer
			}
			transfers++
			id, err := recordOf(r.Header)
			if err == nil {
				err = onDisk(g.ledger, id, map[bool]string{true: "sa-brazil-1", false: "ap-southeast-3"}[u == upstreams[0]])
			}
			if err != nil {
				t.Errorf("%s %s: %v", r.Method, r.URI, err)
			}
		}
	}
	if transfers == 0 {
		t.Error("no transfer reached an upstream")
	}
}

// fill writes a file until the volume is full.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size > 0; {
		if _, err := f.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
}

// TestLedgerRemoved: somebody removes the ledger's folder under the gateway.
// What would be written there is found by nobody, so nothing more is transferred.
func TestLedgerRemoved(t *testing.T) {
	br, sg := newUpstream(t, "br", nil), newUpstream(t, "sg", nil)
	g := startTwo(t, "reverse_proxy "+br.addr, sg.addr)
	g.checkServes(t)
	if err := os.RemoveAll(g.ledger); err != nil {
		t.Fatal(err)
	}
	g.checkRefuses(t, br, sg)
}

// TestLedgerNotOpen: Caddy may let requests in before the gateway has started;
// those that wait for the ledger in vain are refused.
func TestLedgerNotOpen(t *testing.T) {
	defer gateway.SetStartWait(50 * time.Millisecond)()
	br, sg := newUpstream(t, "br", nil), newUpstream(t, "sg", nil)
	g := &gate{t: t, addr: freeAddr(t), ledger: filepath.Join(t.TempDir(), "ledger")}
	server := provisioned(t, g.expand(twoRegions, map[string]string{"br": "reverse_proxy " + br.addr, "sg": sg.addr, "storage": ""}))
	for fields, want := range map[*[]string]int{&brazilian: 503, {"Account-Id", "nobody"}: 503, &singaporean: 200} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "http://"+g.addr+"/", nil)
		r.RemoteAddr = "127.0.0.1:1000"
		for i := 0; i < len(*fields); i += 2 {
			r.Header.Set((*fields)[i], (*fields)[i+1])
		}
		server.ServeHTTP(w, r)
		if w.Code != want || want == 503 && !strings.Contains(w.Body.String(), "ledger_unavailable") {
			t.Errorf("%q: status %d, want %d: %s", *fields, w.Code, want, w.Body)
		}
	}
	if n := len(br.requests()); n != 0 {
		t.Errorf("Brazil saw %d requests", n)
	}
	if _, err := os.Stat(g.ledger); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("provisioning made the ledger's folder: %v", err)
	}
}

// TestColdStart: what arrives before the gateway has started waits for the ledger,
// and is served then.
func TestColdStart(t *testing.T) {
	br, sg := newUpstream(t, "br", nil), newUpstream(t, "sg", nil)
	g := &gate{t: t, addr: freeAddr(t), ledger: filepath.Join(t.TempDir(), "ledger")}
	raw, err := adapt(g.expand(twoRegions, map[string]string{"br": "reverse_proxy " + br.addr, "sg": sg.addr, "storage": ""}))
	if err != nil {
		t.Fatal(err)
	}
	ctx := provision(t, raw)
	served, err := ctx.App("http")
	if err != nil {
		t.Fatal(err)
	}
	app, err := ctx.App("transfer")
	if err != nil {
		t.Fatal(err)
	}
	answered := make(chan int)
	for range 20 {
		go func() {
			w := httptest.NewRecorder()
			r := httptest.NewRequest("GET", "http://"+g.addr+"/", nil)
			r.RemoteAddr = "127.0.0.1:1000"
			for i := 0; i < len(brazilian); i += 2 {
				r.Header.Set(brazilian[i], brazilian[i+1])
			}
			served.(*caddyhttp.App).Servers["srv0"].ServeHTTP(w, r)
			answered <- w.Code
		}()
	}
	select {
	case code := <-answered:
		t.Fatalf("status %d before the gateway had started", code)
	case <-time.After(20 * time.Millisecond): // all of them wait
	}
	if err := app.(*gateway.App).Start(); err != nil {
		t.Fatal(err)
	}
	defer app.(*gateway.App).Cleanup()
	defer app.(*gateway.App).Stop()
	for range 20 {
		if code := <-answered; code != 200 {
			t.Errorf("status %d", code)
		}
	}
}

// provisioned returns the server of a configuration that is loaded but not started.
func provisioned(t *testing.T, caddyfile string) *caddyhttp.Server {
	t.Helper()
	raw, err := adapt(caddyfile)
	if err != nil {
		t.Fatal(err)
	}
	app, err := provision(t, raw).App("http")
	if err != nil {
		t.Fatal(err)
	}
	return app.(*caddyhttp.App).Servers["srv0"]
}

// TestLedgerTakenAtStart: another process writes the ledger: the gateway does
// not start.
func TestLedgerTakenAtStart(t *testing.T) {
	g := &gate{t: t, addr: freeAddr(t), ledger: filepath.Join(t.TempDir(), "ledger")}
	other := ledger.New(g.ledger, ledger.Options{})
	if err := other.Open(); err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	t.Cleanup(func() { caddy.Stop() })
	err := g.load(twoRegions, map[string]string{"br": "reverse_proxy " + deadAddr(t), "sg": deadAddr(t), "storage": ""})
	if err == nil || !strings.Contains(err.Error(), ledger.ErrLocked.Error()) || !strings.Contains(err.Error(), g.ledger) {
		t.Errorf("loading beside another writer: %v", err)
	}
}
