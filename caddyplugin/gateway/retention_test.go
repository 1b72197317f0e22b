package gateway_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/sparkoo/transfergate/caddyplugin/gateway"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/ledger/verify"
	"github.com/sparkoo/transfergate/internal/testsupport"
	"github.com/sparkoo/transfergate/internal/tiles"
)

// startRetaining runs policySite with options in the ledger's block, by a clock
// that the test turns and with a retention that runs all the time.
func startRetaining(t *testing.T, options string) (*policyGate, *atomicTime) {
	t.Helper()
	clock := new(atomicTime)
	clock.set(time.Date(2027, 1, 10, 12, 0, 0, 0, time.UTC))
	t.Cleanup(gateway.SetClock(clock.now))
	t.Cleanup(gateway.SetRetentionInterval(5 * time.Millisecond))
	p := &policyGate{dir: copyPolicy(t), admin: freeAddr(t)}
	p.regions = regions{newUpstream(t, "sg", nil), newUpstream(t, "br", nil), newUpstream(t, "cn", nil)}
	p.vars = map[string]string{
		"accounts": writeFile(t, "accounts.ndjson", `{"account":"nobody"}`+"\n"), "admin": p.admin, "policy": p.dir, "more": "",
		"sg": p.sg.addr, "br": p.br.addr, "cn": p.cn.addr, "options": options,
	}
	p.gate = startGate(t, retaining, p.vars)
	return p, clock
}

// retaining is policySite with options in the ledger's block.
var retaining = strings.Replace(policySite, "ledger {ledger}", "ledger {ledger} {\n\t\t\t{options}\n\t\t}", 1)

// transfer makes a record in the running gateway's ledger.
func (p *policyGate) transfer(path string) {
	p.t.Helper()
	if a := p.get(path, "Registered-Country", "BR", "Account-Id", "ana"); a.StatusCode != http.StatusOK {
		p.t.Fatalf("%s: status %d: %s", path, a.StatusCode, a.Text)
	}
}

// order posts JSON to the admin API.
func (p *policyGate) order(path, body string) (status int, answer string) {
	p.t.Helper()
	req, err := http.NewRequest(http.MethodPost, "http://"+p.admin+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	signOrder(p.t, p.admin, req, []byte(body))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// epochsIn lists the epochs' folders in a ledger's folder.
func epochsIn(t *testing.T, dir string) string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "epoch-*"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range paths {
		paths[i] = strings.TrimPrefix(filepath.Base(paths[i]), "epoch-00000")
	}
	return strings.Join(paths, " ")
}

// waitEpochs waits until the ledger has these epochs.
func waitEpochs(t *testing.T, dir, want string) {
	t.Helper()
	waitFor(t, "the epochs are "+want, func() bool { return epochsIn(t, dir) == want })
}

// checkRemaining verifies a ledger, and has torchwood read all its epochs as
// exported tiles.
func checkRemaining(t *testing.T, dir string, deleted int) {
	t.Helper()
	if r, err := verify.Ledger(dir, verify.Options{}); err != nil || r.Deleted != deleted {
		t.Errorf("verify: %+v, %v", r, err)
	}
	numbers, err := ledger.At(dir).Epochs()
	if err != nil {
		t.Fatal(err)
	}
	for _, number := range numbers {
		view, err := ledger.At(dir).View(number)
		if err != nil {
			t.Fatal(err)
		}
		waitFor(t, "the epoch has a checkpoint", func() bool { _, err := view.Checkpoint(); return err == nil })
		key, err := note.NewVerifier(view.VerifierKey())
		if err != nil {
			t.Fatal(err)
		}
		out := t.TempDir()
		e, err := tiles.Export(view, key, out)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := testsupport.TorchwoodFolder(os.DirFS(out), view.VerifierKey()); err != nil || n != e.N {
			t.Errorf("epoch %d: torchwood read %d of %d entries: %v", number, n, e.N, err)
		}
	}
}

// A running gateway deletes an epoch when the last day of its records has
// passed, and not before; a hold that is set by the admin API stops it, also over
// a restart, until it is lifted. What remains verifies with unmodified tools.
func TestRetention(t *testing.T) {
	p, clock := startRetaining(t, "retain 30 days")
	for month := range 3 { // epochs 1 to 3
		clock.set(time.Date(2027, time.Month(1+month), 10, 12, 0, 0, 0, time.UTC))
		p.transfer("/")
	}
	waitEpochs(t, p.ledger, "1 2 3")
	for i, r := range ofType(p.records(), "transfer.accepted") {
		if want := []string{"2027-02-09", "2027-03-12", "2027-04-09"}[i]; r["retain_until"] != want {
			t.Errorf("record %v is kept until %v, want %s", r["#"], r["retain_until"], want)
		}
	}
	status, text := p.order("/transfer/ledger/holds", `{"ref":"case-7","by":"legal-sg","because":"order of a court","from":"2027-02-12T00:00:00Z","to":"2027-02-20T00:00:00Z"}`)
	if status != http.StatusOK || !strings.Contains(text, `"ref":"case-7"`) {
		t.Fatalf("setting a hold: %d %s", status, text)
	}
	due := time.Date(2027, 3, 12, 12, 0, 0, 0, time.UTC) // January's epoch ended on February 10 at noon
	clock.set(due.Add(-time.Second))
	waitFor(t, "the retention has run", func() bool {
		at, err := strconv.ParseFloat(p.metric(`ledger_retention_timestamp_seconds{class="default"}`), 64)
		return err == nil && int64(at) == due.Unix()-1
	})
	if got := epochsIn(t, p.ledger); got != "1 2 3" {
		t.Errorf("a second before its time the epochs are %s", got)
	}
	clock.set(due)
	waitEpochs(t, p.ledger, "2 3")
	clock.set(time.Date(2027, 6, 1, 0, 0, 0, 0, time.UTC))
	p.transfer("/")
	waitFor(t, "the hold is counted", func() bool {
		return strings.Contains(scrape(t, p.admin), `caddy_transfer_ledger_epochs_overdue{class="default",why="hold"} 1`)
	})
	for _, want := range []string{`caddy_transfer_ledger_epochs_deleted_total{class="default"} `, `caddy_transfer_ledger_retention_timestamp_seconds{class="default"} 1.8`, `caddy_transfer_ledger_epochs_overdue{class="default",why="damage"} 0`} {
		if !strings.Contains(scrape(t, p.admin), want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
	waitEpochs(t, p.ledger, "2 3 4")
	stopCaddy(t)
	if err := p.load(retaining, p.vars); err != nil {
		t.Fatal(err)
	}
	clock.set(time.Date(2027, 7, 2, 0, 0, 0, 0, time.UTC))
	waitEpochs(t, p.ledger, "2 4 5")
	checkRemaining(t, p.ledger, 2)
	if status, body := p.ask(http.MethodGet, "/transfer/ledger/holds"); status != http.StatusOK || len(body["holds"].([]any)) != 1 {
		t.Errorf("holds: %d, %v", status, body)
	}
	for path, want := range map[string]int{"case-8": http.StatusNotFound, "case-7": http.StatusOK} {
		if status, text := p.order("/transfer/ledger/holds/"+path+"/lift", `{"by":"legal-sg","because":"the case is closed"}`); status != want {
			t.Errorf("lifting %s: %d %s", path, status, text)
		}
	}
	waitEpochs(t, p.ledger, "4 5")
	checkRemaining(t, p.ledger, 3)
	if err := os.RemoveAll(filepath.Join(p.ledger, "epoch-000004")); err != nil {
		t.Fatal(err)
	}
	if _, err := verify.Ledger(p.ledger, verify.Options{}); err == nil || !strings.Contains(err.Error(), "epoch-000004") {
		t.Errorf("an epoch removed by hand: %v", err)
	}
}

func TestHoldOrders(t *testing.T) {
	p, _ := startRetaining(t, "")
	for body, want := range map[string]struct {
		status int
		text   string
	}{
		`{`: {http.StatusBadRequest, "reading what is to be done about a hold"},
		`{"ref":"x","by":"legal","because":"y","account":"ana"}`:                                 {http.StatusBadRequest, `unknown field \"account\"`},
		`{"ref":"x y","by":"legal","because":"y"}`:                                               {http.StatusUnprocessableEntity, "the reference of a hold is not a token"},
		`{"ref":"x","by":"legal"}`:                                                               {http.StatusUnprocessableEntity, "a hold says why"},
		fmt.Sprintf(`{"ref":"x","by":"legal","because":"%4000s"}`, "y"):                          {http.StatusUnprocessableEntity, "a hold says why"},
		fmt.Sprintf(`{"ref":"x","by":"legal","because":"%s"}`, bytes.Repeat([]byte("y"), 1<<14)): {http.StatusBadRequest, "too large"},
	} {
		if status, text := p.order("/transfer/ledger/holds", body); status != want.status || !strings.Contains(text, want.text) {
			t.Errorf("%.60s: %d %s", body, status, text)
		}
	}
	var none struct{ Holds []ledger.Hold }
	res := p.getAdmin("/transfer/ledger/holds")
	if err := json.Unmarshal([]byte(res), &none); err != nil || none.Holds == nil || len(none.Holds) != 0 {
		t.Errorf("no holds: %s", res)
	}
}

// getAdmin asks the admin API for text.
func (p *policyGate) getAdmin(path string) string {
	p.t.Helper()
	res, err := http.Get("http://" + p.admin + path)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(text)
}
