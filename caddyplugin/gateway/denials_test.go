package gateway_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/sparkoo/transfergate/caddyplugin/gateway"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
)

// TestDenialsOfNobodyTakeNoSpace: whoever says nothing of who asks cannot fill the
// ledger's volume by being denied: a few denials of a minute stand in full, the rest as
// a number.
//
//clause:tests §5(j).4
func TestDenialsOfNobodyTakeNoSpace(t *testing.T) {
	clock := new(atomicTime)
	clock.set(time.Date(2027, 1, 10, 12, 0, 5, 0, time.UTC))
	t.Cleanup(gateway.SetClock(clock.now))
	t.Cleanup(gateway.CountRefusals())
	g, _ := startSite(t, "")
	const denials, callers = 2000, 8
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for range denials / callers {
				if a, err := g.try(http.MethodGet, "/v1/support/1", ""); err != nil || a.StatusCode != http.StatusForbidden {
					t.Errorf("%v, status %d, want a denial", err, a.StatusCode)
					return
				}
			}
		})
	}
	all.Wait()
	clock.set(time.Date(2027, 1, 10, 12, 1, 5, 0, time.UTC))
	g.get("/v1/support/1")

	size := 0
	for e, err := range ledger.At(g.ledger).Entries(record.ID{}) {
		if err != nil {
			t.Fatal(err)
		}
		size += len(e.Data)
	}
	if a := size / denials; a > 10 {
		t.Errorf("a denial takes %d bytes of the ledger", a)
	}
	records := g.records()
	var full, counted float64
	for _, r := range records {
		switch r["type"] {
		case "transfer.refused":
			full++
		case "refusals.counted":
			n, _ := r["counted"].(float64)
			counted += n
		}
	}
	if full < 2 || full+counted != denials+1 {
		t.Errorf("%v denials stand in full and %v are counted, of %d", full, counted, denials+1)
	}
	if last := records[max(len(records)-2, 0):]; last[0]["type"] != "refusals.counted" || last[1]["type"] != "transfer.refused" {
		t.Errorf("what was counted stands in no entry before the next minute's first: %v", last)
	}
}

// startCounting runs site, which counts denials as it does outside of tests, with
// options in the ledger's block and the clock at a moment.
func startCounting(t *testing.T, options string) (g *gate, config string, vars map[string]string) {
	t.Helper()
	clock := new(atomicTime)
	clock.set(time.Date(2027, 1, 10, 12, 0, 5, 0, time.UTC))
	t.Cleanup(gateway.SetClock(clock.now))
	t.Cleanup(gateway.CountRefusals())
	config = replaced(t, site, "ledger {ledger}", "ledger {ledger} {\n"+options+"\n}")
	vars = map[string]string{
		"accounts": writeFile(t, "accounts.ndjson", `{"account":"nobody"}`+"\n"),
		"sg":       newUpstream(t, "sg", nil).addr, "br": newUpstream(t, "br", nil).addr, "cn": newUpstream(t, "cn", nil).addr,
	}
	return startGate(t, config, vars), config, vars
}

// denials sends requests that are denied, and returns how many name a record.
func (g *gate) denials(n int, fields ...string) (named int) {
	g.t.Helper()
	for range n {
		a := g.get("/v1/support/training/1", fields...)
		if a.StatusCode != http.StatusForbidden {
			g.t.Fatalf("status %d, want a denial: %s", a.StatusCode, a.Text)
		}
		if problemOf(g.t, a)["record"] != nil {
			named++
		}
	}
	return named
}

// counted adds up what the entries say that are about somebody, or nobody.
func counted(records []map[string]any, somebody bool) (sum float64) {
	for _, r := range ofType(records, "refusals.counted") {
		if _, is := r["subject"]; is == somebody {
			sum += r["counted"].(float64)
		}
	}
	return sum
}

// TestCountedDenialsOutliveReloadAndStop: what is counted is lost neither with a
// configuration nor with the process that ends.
func TestCountedDenialsOutliveReloadAndStop(t *testing.T) {
	g, config, vars := startCounting(t, "reserve 1MiB")
	named := g.denials(30)
	if err := g.load(config+"# changed\n", vars); err != nil {
		t.Fatal(err)
	}
	if err := g.load(replaced(t, config, "reserve 1MiB", "reserve 2MiB"), vars); err != nil {
		t.Fatal(err)
	}
	named += g.denials(30)
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	records := g.records()
	if full, n := len(ofType(records, "transfer.refused")), counted(records, false); full != 5 || named != 5 || n != 55 {
		t.Errorf("%d in full, %d named, %v counted of 60", full, named, n)
	}
}

// TestDenialsOfPersonsAreLimited: one person's denials stand in full up to a limit,
// which the ledger says of that person by pseudonym; another's are not touched.
func TestDenialsOfPersonsAreLimited(t *testing.T) {
	g, _, _ := startCounting(t, "reserve 1MiB")
	ana := g.denials(100, "Registered-Country", "BR", "Account-Id", "ana")
	ben := g.denials(3, "Registered-Country", "BR", "Account-Id", "ben")
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	records := g.records()
	limits := ofType(records, "refusals.counted")
	if ana != 60 || ben != 3 || len(limits) != 1 || limits[0]["counted"] != 40.0 || limits[0]["full"] != 60.0 {
		t.Fatalf("%d and %d in full; %v", ana, ben, limits)
	}
	if who := ofType(records, "transfer.refused")[0]["subject"]; who == nil || who != limits[0]["subject"] || strings.Contains(who.(string), "ana") {
		t.Errorf("the limit names %v, the records name %v", limits[0]["subject"], who)
	}
}

// TestDenialsOfStaffShareOneLimit: staff of one entity who are denied one person after
// another have the limit of one, not of as many as they name, and leave others theirs.
func TestDenialsOfStaffShareOneLimit(t *testing.T) {
	g, _, _ := startCounting(t, "reserve 1MiB")
	staff := 0
	for i := range 100 {
		staff += g.denials(1, "Registered-Country", "BR", "Account-Id", fmt.Sprint("person-", i), "Staff-Entity", "huawei-cloud-cn", "Staff-Country", "CN")
	}
	ben := g.denials(3, "Registered-Country", "BR", "Account-Id", "ben")
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	limits := ofType(g.records(), "refusals.counted")
	if staff != 60 || ben != 3 || len(limits) != 1 || limits[0]["counted"] != 40.0 || limits[0]["requester"] != "huawei-cloud-cn@CN" || limits[0]["subject"] != nil {
		t.Errorf("%d of staff and %d of a person in full; %v", staff, ben, limits)
	}
}

// TestReserveBelongsToTransfers: where little space is left, denials of nobody are only
// counted, and transfers and the denials of persons are recorded as ever.
func TestReserveBelongsToTransfers(t *testing.T) {
	g, _, _ := startCounting(t, "reserve 1000000TiB")
	nobody := g.denials(20)
	person := g.denials(3, "Registered-Country", "BR", "Account-Id", "ana")
	a := g.get("/v1/support/1", "Registered-Country", "BR", "Account-Id", "ana")
	if nobody != 0 || person != 3 || a.StatusCode != http.StatusOK {
		t.Errorf("%d of nobody and %d of a person in full; the transfer: status %d: %s", nobody, person, a.StatusCode, a.Text)
	}
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	records := g.records()
	if n := counted(records, false); n != 20 || len(ofType(records, "transfer.refused")) != 3 || len(ofType(records, "transfer.accepted")) != 1 {
		t.Errorf("%v counted; %v", n, records)
	}
}

// TestLedgerErrorsAreLoggedOnceThenCounted: a ledger that fails fills no log.
func TestLedgerErrorsAreLoggedOnceThenCounted(t *testing.T) {
	clock := new(atomicTime)
	began := time.Now()
	clock.set(began)
	t.Cleanup(gateway.SetClock(clock.now))
	log := filepath.Join(t.TempDir(), "log")
	g := startGate(t, refusedSite, map[string]string{"admin": freeAddr(t), "log": log, "sg": newUpstream(t, "sg", nil).addr, "chain": ""})
	if err := gateway.BreakLedger(g.ledger); err != nil {
		t.Fatal(err)
	}
	refuse := func() {
		if a := g.get("/", "Account-Id", "a", "Account-Id", "b"); a.StatusCode != http.StatusServiceUnavailable {
			t.Fatalf("status %d", a.StatusCode)
		}
	}
	for range 20 {
		refuse()
	}
	clock.set(began.Add(time.Hour))
	refuse()
	var found [][]string
	waitFor(t, "two lines", func() bool {
		text, err := os.ReadFile(log)
		found = regexp.MustCompile(`did not take a record.*"times":(\d+)`).FindAllStringSubmatch(string(text), -1)
		return err == nil && len(found) >= 2
	})
	if len(found) != 2 || found[0][1] != "1" || found[1][1] != "20" {
		t.Errorf("logged %q, want the first, and the 20 since an hour later", found)
	}
}
