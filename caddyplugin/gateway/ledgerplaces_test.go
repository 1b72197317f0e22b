package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"filippo.io/torchwood"
	"github.com/caddyserver/caddy/v2"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/testsupport"
	"github.com/sparkoo/transfergate/internal/tiles"
)

// anchoredSite is the usual site, whose ledger has a witness and a copy.
func anchoredSite(witness *testsupport.Witness, file string) string {
	text := strings.Replace(site, "ledger {ledger}", fmt.Sprintf("ledger {ledger} {\n\t\t\tkey {key}\n\t\t\twitness %s %s\n\t\t\tcopy %s\n\t\t}", witness.URL, witness.Key, file), 1)
	text = strings.Replace(text, "admin off", "admin {admin}\n\tmetrics", 1)
	return strings.Replace(text, "\ttransfer_health\n", "\ttransfer_health\n\ttransfer_log /transfer-log\n", 1)
}

// anchors are a gateway's key and the places its checkpoints go to.
type anchors struct {
	witness *testsupport.Witness
	copy    string
	node    string // verifier key of the node
	vars    map[string]string
}

func newAnchors(t *testing.T) *anchors {
	t.Helper()
	dir := t.TempDir()
	a := &anchors{copy: filepath.Join(dir, "copy")}
	key := filepath.Join(dir, "checkpoint.key")
	var err error
	if a.node, err = ledger.GenerateKey(key, "transfergate/gw-sg-1"); err != nil {
		t.Fatal(err)
	}
	a.witness = testsupport.StartWitness(t, "witness.example/w", func(origin string) (note.Verifier, error) {
		vkey, err := tiles.LogKey(a.node, origin)
		if err != nil {
			return nil, err
		}
		return note.NewVerifier(vkey)
	})
	sg := newUpstream(t, "sg", nil)
	a.vars = map[string]string{
		"accounts": writeFile(t, "accounts.ndjson", `{"account":"br","country":"BR"}`+"\n"),
		"sg":       sg.addr, "br": sg.addr, "cn": sg.addr, "key": key, "admin": freeAddr(t),
	}
	return a
}

// write sends requests that are recorded, and returns the last record's id.
func (g *gate) write(n int) record.ID {
	g.t.Helper()
	for range n {
		if a := g.get("/v1/support/ticket", "Account-Id", "br"); a.StatusCode != 200 {
			g.t.Fatalf("status %d: %s", a.StatusCode, a.Text)
		}
	}
	records := g.records()
	return records[len(records)-1]["#"].(record.ID)
}

// A gateway's checkpoints reach its witness and its copy within the second, and
// all of them before it has stopped; the log is served as the witness signed it.
// A ledger that is set back afterwards does not open: each place remembers.
func TestPlacesOutside(t *testing.T) {
	a := newAnchors(t)
	g := startGate(t, anchoredSite(a.witness, a.copy), a.vars)
	origins, keys := g.epochs("/transfer-log")
	policy, err := testsupport.TorchwoodPolicy(keys[0])
	if err != nil {
		t.Fatal(err)
	}
	policy = torchwood.ThresholdPolicy(2, policy, a.witness.Policy())
	last := g.write(5)
	waitFor(t, "the witness signs the records", func() bool {
		signed := g.get("/transfer-log/latest/witnessed/checkpoint").Text
		c, _, err := torchwood.VerifyCheckpoint([]byte(signed), policy)
		return err == nil && c.N > int64(last.Index)
	})
	if proof := g.get(fmt.Sprintf("/transfer-log/latest/witnessed/proof/%d", last.Index)).Text; torchwood.VerifyProof(policy, tlog.RecordHash(g.entry(last)), []byte(proof)) != nil {
		t.Errorf("torchwood refuses the witnessed receipt:\n%s", proof)
	}
	waitFor(t, "the metric says so, too", func() bool {
		return g.gaugeOf(a.vars["admin"], `caddy_transfer_ledger_anchored_entries{place="witness witness.example/w"}`) > float64(last.Index)
	})
	if n := g.gaugeOf(a.vars["admin"], `caddy_transfer_ledger_anchor_failures_total{place="witness witness.example/w"}`); n != 0 {
		t.Errorf("the metric says that %v tries failed", n)
	}

	before := filepath.Join(t.TempDir(), "before")
	if err := os.CopyFS(before, os.DirFS(g.ledger)); err != nil {
		t.Fatal(err)
	}
	g.write(7)
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	size := int64(len(g.records()))
	if got := a.witness.Size(origins[0]); got != size {
		t.Errorf("the gateway has stopped, and the witness has %d of %d entries", got, size)
	}
	g.wantCopy(a.copy, size)

	whole := g.ledger
	g.ledger = before
	err = g.load(anchoredSite(a.witness, a.copy), a.vars)
	for _, want := range []string{
		"another history of the ledger is known elsewhere", "witness witness.example/w knows another history of " + origins[0],
		fmt.Sprintf("it signed %d entries, and here are", size), "copy " + a.copy, "ledger epoch new",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("a ledger that was set back: %v, want %q", err, want)
		}
	}
	a.witness.Fail(503, "")
	if err := g.load(anchoredSite(a.witness, a.copy), a.vars); err == nil || !strings.Contains(err.Error(), "copy "+a.copy) {
		t.Errorf("a ledger that was set back, while the witness is down: %v", err)
	}
	g.wantCopy(a.copy, size)

	// The whole one opens, without its witness too, and goes on.
	g.ledger = whole
	if err := g.load(anchoredSite(a.witness, a.copy), a.vars); err != nil {
		t.Fatal(err)
	}
	g.write(1)
	a.witness.Fail(0, "")
	waitFor(t, "the witness has caught up", func() bool { return a.witness.Size(origins[0]) > size })
}

// A witness that is found to know another history while the gateway runs ends
// that as it would have kept it from starting: no transfer passes any more, what
// needs no record does.
func TestPlaceIsAheadWhileRunning(t *testing.T) {
	a := newAnchors(t)
	config := strings.Replace(anchoredSite(a.witness, a.copy), "copy "+a.copy, "", 1)
	g := startGate(t, config, a.vars)
	g.write(1)
	before := filepath.Join(t.TempDir(), "before")
	waitFor(t, "the folder is copied", func() bool { // a file may be replaced meanwhile
		return os.RemoveAll(before) == nil && os.CopyFS(before, os.DirFS(g.ledger)) == nil
	})
	g.write(10)
	stopCaddy(t)

	a.witness.Fail(503, "") // it cannot be asked when the ledger that was set back opens
	g.ledger = before
	if err := g.load(config, a.vars); err != nil {
		t.Fatal(err)
	}
	g.write(1)
	if a := g.get("/ready"); a.StatusCode != 200 {
		t.Errorf("/ready: status %d: %s", a.StatusCode, a.Text)
	}
	a.witness.Fail(0, "")
	waitFor(t, "the gateway is not ready", func() bool {
		a := g.get("/ready")
		return a.StatusCode == 503 && strings.Contains(a.Text, "another history of the ledger is known elsewhere")
	})
	count := len(g.records())
	for _, path := range []string{"/v1/support/ticket", "/v1/objects/x"} {
		if a := g.get(path, "Account-Id", "br"); a.StatusCode != 503 || problemOf(t, a)["reason"] != "ledger_unavailable" {
			t.Errorf("%s: status %d: %s", path, a.StatusCode, a.Text)
		}
	}
	if a := g.get("/", singaporean...); a.StatusCode != 200 {
		t.Errorf("no transfer: status %d: %s", a.StatusCode, a.Text)
	}
	if n := len(g.records()); n != count {
		t.Errorf("%d entries were added", n-count)
	}
	stopCaddy(t)
	if err := g.load(config, a.vars); err == nil || !strings.Contains(err.Error(), "another history of the ledger is known elsewhere") {
		t.Errorf("starting again: %v", err)
	}
}

// wantCopy makes sure that the copy is a checkpoint of so many entries.
func (g *gate) wantCopy(file string, size int64) {
	g.t.Helper()
	signed, err := os.ReadFile(file)
	if err != nil {
		g.t.Fatal(err)
	}
	if c, err := tiles.ReadCheckpoint(signed); err != nil || c.N != size {
		g.t.Errorf("the copy has %d of %d entries: %v", c.N, size, err)
	}
}

// A reload changes the places a ledger that stays open brings its checkpoints to.
func TestReloadChangesPlaces(t *testing.T) {
	a := newAnchors(t)
	g := startGate(t, anchoredSite(a.witness, a.copy), a.vars)
	g.write(1)
	waitFor(t, "the first copy is there", func() bool { return copied(a.copy) > 0 })
	second := filepath.Join(t.TempDir(), "second")
	if err := g.load(anchoredSite(a.witness, second), a.vars); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the second copy is there without a new record", func() bool { return copied(second) > 0 })
	id := g.write(3)
	waitFor(t, "the second copy follows", func() bool { return copied(second) > int64(id.Index) })
	if n := copied(a.copy); n > int64(id.Index) {
		t.Errorf("the first copy still follows: %d entries", n)
	}
}

func copied(file string) int64 {
	signed, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	c, err := tiles.ReadCheckpoint(signed)
	if err != nil {
		return 0
	}
	return c.N
}

// gaugeOf reads a metric's value.
func (g *gate) gaugeOf(admin, series string) float64 {
	g.t.Helper()
	res, err := http.Get("http://" + admin + "/metrics")
	if err != nil {
		g.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, series+" "); ok {
			value, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			if err != nil {
				g.t.Fatal(err)
			}
			return value
		}
	}
	g.t.Fatalf("no metric %s", series)
	return 0
}
