package gateway_test

import (
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/sparkoo/transfergate/internal/testsupport"
)

// mostAllocations are how many more allocations a request may cost than with reverse_proxy
// alone: a quarter more than the 18 and 24 that were counted when this was written. Who
// needs more says what for, and raises it.
var mostAllocations = map[string]float64{"no transfer": 23, "transfer": 30}

// TestAllocations holds the path of a request to them. Client and upstream are in the same
// process and allocate alike for both, so that only the difference counts, which, unlike
// times, hardly depends on the machine; the least of some turns leaves out what others
// allocate meanwhile.
func TestAllocations(t *testing.T) {
	if testsupport.Race {
		t.Skip("the race detector allocates, too")
	}
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "ok")
	}))
	t.Cleanup(upstream.Close)
	vars := map[string]string{"upstream": upstream.Listener.Addr().String(), "admin": "off", "log": "", "bare": freeAddr(t)}
	g := startGate(t, cpuGate+"\nhttp://{bare} {\n\treverse_proxy {upstream}\n}\n", vars)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	least := func(addr string, fields []string) float64 {
		send := func() {
			if err := sendOne(transport, addr, fields); err != nil {
				t.Fatal(err)
			}
		}
		n := math.Inf(1)
		for range 5 {
			n = min(n, testing.AllocsPerRun(100, send))
		}
		return n
	}
	bare := least(vars["bare"], singaporean)
	for name, fields := range map[string][]string{"no transfer": singaporean, "transfer": brazilian} {
		more := least(g.addr, fields) - bare
		t.Logf("%s: %.0f more than the %.0f of reverse_proxy", name, more, bare)
		if more > mostAllocations[name] {
			t.Errorf("%s: %.0f allocations more than the %.0f of reverse_proxy alone; at most %.0f", name, more, bare, mostAllocations[name])
		}
	}
}
