package gateway_test

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/sparkoo/transfergate/caddyplugin/gateway"
)

// probed is a gateway whose sites have names.
const probed = `{
	admin off
	transfer {
		demo
		node gw-sg-1 SG sparkoo-sg
		ledger {ledger}
	}
}
http://gw.test:{port} {
	bind 127.0.0.1
	transfer_health
	transfer {
		activity serving
		region ap-southeast-3 {sg}
		region sa-brazil-1 {br}
	}
}
http://other.test:{port} {
	bind 127.0.0.1
	transfer_health
	respond other
}
`

// ways are the requests of those who ask whether a gateway is ready.
var ways = map[string]string{
	"by the site's name":             "GET /ready HTTP/1.1\r\nHost: gw.test\r\n",
	"by address":                     "GET /ready HTTP/1.1\r\nHost: 10.1.2.3:8080\r\n",
	"by a name that nobody has":      "GET /ready HTTP/1.1\r\nHost: pod.test\r\n",
	"by HTTP/1.0 without a name":     "GET /ready HTTP/1.0\r\n",
	"by HEAD and address":            "HEAD /ready HTTP/1.1\r\nHost: 10.1.2.3\r\n",
	"for something else, by address": "GET /other HTTP/1.1\r\nHost: 10.1.2.3\r\n",
	"whether it lives, by address":   "GET /live HTTP/1.1\r\nHost: 10.1.2.3\r\n",
}

// asked is the status that a request gets.
func (g *gate) asked(head string) int {
	g.t.Helper()
	conn := g.dial()
	defer conn.Close()
	_, err := io.WriteString(conn, head+"Connection: close\r\n\r\n")
	must(g.t, err)
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	must(g.t, err)
	res.Body.Close()
	return res.StatusCode
}

// TestReadyWhereProbesAsk: Caddy answers whoever asks by no site's name with an empty
// 200, which a probe must not take for ready.
func TestReadyWhereProbesAsk(t *testing.T) {
	up := newUpstream(t, "up", nil)
	g := startGate(t, probed, map[string]string{"sg": up.addr, "br": up.addr})
	for way, head := range ways {
		if got := g.asked(head); got != 200 {
			t.Errorf("%s: status %d while all is well", way, got)
		}
	}
	must(t, gateway.BreakLedger(g.ledger))
	for way, head := range ways {
		want := 503
		if !strings.Contains(head, "/ready") {
			want = 200
		}
		if got := g.asked(head); got != want {
			t.Errorf("%s: status %d while no record is taken, want %d", way, got, want)
		}
	}
	if got := len(up.requests()); got != 0 {
		t.Errorf("%d probes went to a region", got)
	}
}

// TestProbesOfASiteForAll: who serves every host answers probes himself.
func TestProbesOfASiteForAll(t *testing.T) {
	up := newUpstream(t, "up", nil)
	g := startGate(t, probed+"http://:{port} {\n\tbind 127.0.0.1\n\trespond 204\n}\n", map[string]string{"sg": up.addr, "br": up.addr})
	must(t, gateway.BreakLedger(g.ledger))
	if got := g.asked(ways["by address"]); got != 204 {
		t.Errorf("status %d, want the site's own 204", got)
	}
}

// TestWarnOfProbesByAddress: the warning names the site, and what to write.
func TestWarnOfProbesByAddress(t *testing.T) {
	for sites, want := range map[string]int{"": 1, "http://:{health} {\n\tbind 127.0.0.1\n\ttransfer_health\n}\n": 0} {
		q := startQuiet(t, probed+strings.ReplaceAll(sites, "{health}", freeAddr(t)[len("127.0.0.1:"):]))
		if n := q.said(`"level":"warn"`, "gw.test, other.test", "http://:8081 { transfer_health }"); n != want {
			t.Errorf("%d warnings with %q, want %d", n, sites, want)
		}
	}
}
