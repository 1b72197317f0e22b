package gateway_test

import (
	"net/http"
	"strings"
	"testing"

	_ "github.com/sparkoo/transfergate/internal/fleet/s3"
)

// A node outside the storage country that ships its ledger loads. While the store takes
// nothing and too much waits for it, transfers are refused with a reason of their own;
// what is no transfer is served, and denials are recorded.
func TestUnshipped(t *testing.T) {
	_, r := startSite(t, "") // only for its upstreams
	t.Setenv("SHIP", "access secret")
	config := strings.NewReplacer("node gw-sg-1 SG sparkoo-sg", "node gw-za-1 ZA sparkoo-za",
		"ledger {ledger}", "ledger {ledger} {\nship s3 http://127.0.0.1:1 ledgers {\nregion r\ncredentials value {env.SHIP}\nunshipped_limit 1 records\n}\n}").Replace(site)
	if !strings.Contains(config, "ship s3") {
		t.Fatalf("the site has changed:\n%s", site)
	}
	g := startGate(t, config, map[string]string{"accounts": writeFile(t, "a.ndjson", `{"account":"nobody"}`), "sg": r.sg.addr, "br": r.br.addr, "cn": r.cn.addr})
	waitFor(t, "the gateway is not ready", func() bool { return g.get("/ready").StatusCode == 503 })
	if a := g.get("/ready"); !strings.HasPrefix(a.Text, "not ready: records have waited too long for the store") || strings.Contains(a.Text, "127.0.0.1") {
		t.Errorf("/ready says %s", a.Text)
	}
	transfer := func() answer { return g.do(http.MethodPut, "/v1/objects/x", "", "Registered-Country", "BR") }
	waitFor(t, "transfers are refused", func() bool { return transfer().StatusCode == 503 })
	before := len(r.sg.requests())
	a := transfer()
	if p := problemOf(t, a); a.StatusCode != 503 || p["reason"] != "ledger_unshipped" || p["record"] != nil || a.Header.Get("Retry-After") == "" {
		t.Errorf("a transfer: status %d, %v", a.StatusCode, p)
	}
	if n := len(r.sg.requests()) - before; n != 0 {
		t.Errorf("the upstream saw %d requests", n)
	}
	if a := g.get("/", "Account-Id", "nobody"); problemOf(t, a)["reason"] != "country_unknown" || problemOf(t, a)["record"] == nil {
		t.Errorf("a denial: status %d: %s", a.StatusCode, a.Text)
	}
}
