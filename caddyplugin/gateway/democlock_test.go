package gateway_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/caddyplugin/gateway"
)

// A clock that is not the machine's is a demonstration's alone, and the ledger says so
// for as long as it was.
func TestDemoClock(t *testing.T) {
	at := time.Date(2026, 11, 3, 4, 5, 6, 0, time.UTC)
	upstream := newUpstream(t, "sg", nil)
	vars := map[string]string{"sg": upstream.addr}
	const site = `{
	admin off
	transfer {
		demo
		node gw-sg-1 SG sparkoo-sg
		ledger {ledger}
		identity header {
			from 127.0.0.0/8
		}
	}
}
http://{addr} {
	transfer {
		activity storage
		region ap-southeast-3 {sg}
	}
}
`
	restore := gateway.DemoClock(func() time.Time { return at }, "a demonstration's, of tests")
	t.Cleanup(func() { restore() })
	g := startGate(t, site, vars)
	g.get("/", "Registered-Country", "BR")
	if err := g.load(strings.Replace(site, "\t\tdemo\n", "", 1), vars); err == nil || !strings.Contains(err.Error(), "the clock of this process is a demonstration's") {
		t.Errorf("without demo it loads: %v", err)
	}
	restore()
	if err := g.load(strings.Replace(site, "\t\tdemo\n", "\t\tdemo\n\t\tlog_transfers\n", 1), vars); err != nil {
		t.Fatal(err)
	}
	changes := ofType(g.records(), "config.changed")
	if len(changes) != 2 {
		t.Fatalf("%d times the ledger says how the gateway is set, not twice", len(changes))
	}
	const line = "clock: a demonstration's, of tests"
	if !strings.Contains(fmt.Sprint(changes[0]["settings"]), line) || strings.Contains(fmt.Sprint(changes[1]["settings"]), "clock:") || !strings.Contains(fmt.Sprint(changes[1]["changes"]), line) {
		t.Errorf("the ledger says\n%v\nand then\n%v", changes[0], changes[1])
	}
	accepted := ofType(g.records(), "transfer.accepted")
	if len(accepted) != 1 || accepted[0]["time"] != "2026-11-03T04:05:06.000000Z" || accepted[0]["demo"] != true {
		t.Errorf("the transfer's record is %v", accepted)
	}
}
