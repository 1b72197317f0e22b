package gateway_test

import (
	"fmt"
	"net/http"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/sparkoo/transfergate/caddyplugin/gateway"
	"github.com/sparkoo/transfergate/internal/decision"
)

// boundedSite counts, and asks a guest of somebody else's who a request is about.
const boundedSite = `{
	admin {admin}
	metrics
	transfer {
		demo
		node gw-sg-1 SG sparkoo-sg
		ledger {ledger}
		identity header {
			from 127.0.0.0/8
		}
		identity test_repeats
	}
}

http://{addr} {
	transfer {
		activity serving
		region ap-southeast-3 {sg}
	}
}
`

// TestRequestsMakeNoLabelsAndNoGoroutines: whatever requests say, and whatever a guest
// makes of it, metrics have no label of it, and nothing that was started for a request
// outlasts it.
func TestRequestsMakeNoLabelsAndNoGoroutines(t *testing.T) {
	admin := freeAddr(t)
	g := startGate(t, boundedSite, map[string]string{"admin": admin, "sg": newUpstream(t, "sg", nil).addr})
	g.get("/", "Registered-Country", "BR")
	http.DefaultClient.CloseIdleConnections()
	before := runtime.NumGoroutine()
	for i := range 100 {
		odd := fmt.Sprint("sekret-", i)
		for _, fields := range [][]string{
			{"Repeat-Source", odd},
			{"Repeat-Source", odd, "Registered-Country", "BR", "Account-Id", odd},
			{"Repeat-Error", odd},
			{"Repeat-Error", odd, "Repeat-Reason", odd},
			{"Repeat-Error", odd, "Repeat-Cause", odd},
			{"Registered-Country", odd},
			{"Account-Id", odd, "Registered-Country", "DE", "Repeat-Source", odd, "Repeat-Country", odd},
		} {
			a := g.do(http.MethodPost, "/"+odd+"?"+odd, odd, append(fields, "Host", odd, "User-Agent", odd, "Accept-Language", odd)...)
			if text := fmt.Sprint(a.Header); strings.Contains(text, "sekret") {
				t.Fatalf("%v: the answer repeats it: %s", fields, text)
			}
		}
	}
	wantGoroutines(t, before)
	metrics := scrape(t, admin)
	for _, line := range regexp.MustCompile(`(?m)^caddy_transfer_.*sekret.*$`).FindAllString(metrics, 3) {
		t.Error(line)
	}
	for _, want := range []string{`caddy_transfer_resolution_total\{source="test_repeats"\}`, `source="test_repeats"\} `, `caddy_transfer_reasons_total\{reason="identity_broken"\} [1-9]`} {
		if !regexp.MustCompile(want).MatchString(metrics) {
			t.Errorf("no %s in the metrics", want)
		}
	}
	for _, entry := range g.records() {
		if text := fmt.Sprint(entry["country_source"], entry["cause"], entry["reason"], entry["conflicts"]); strings.Contains(text, "sekret") {
			t.Fatalf("a record names its source or cause by the request: %v", entry)
		}
	}
}

// testRepeats is an identity source that says what the request says, as none should.
type testRepeats struct{}

func (testRepeats) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "transfer.identity.test_repeats", New: func() caddy.Module { return new(testRepeats) }}
}

func (*testRepeats) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	return nil
}

func (*testRepeats) Identify(r *http.Request) (gateway.Identity, error) {
	said := func(name string) string { return r.Header.Get("Repeat-" + name) }
	if text := said("Error"); text != "" {
		reason := decision.IdentityBroken
		if r := said("Reason"); r != "" {
			reason = decision.Reason(r)
		}
		return gateway.Identity{}, &gateway.IdentityError{Source: text, Reason: reason, Cause: gateway.Cause(said("Cause")), Description: `"` + text}
	}
	source := said("Source")
	return gateway.Identity{Found: source != "", Source: source, Country: said("Country")}, nil
}

func init() { caddy.RegisterModule(testRepeats{}) }
