package gateway_test

import (
	"slices"
	"sync"
	"testing"

	"github.com/sparkoo/transfergate/internal/testsupport"
)

// TestH2Spec: what stock Caddy keeps of HTTP/2, as h2spec tests it, the gateway
// keeps, too. Both are the same server, on two ports.
func TestH2Spec(t *testing.T) {
	if testsupport.Race {
		t.Skip("it waits most of the time, and races with nothing")
	}
	h2spec := testsupport.H2Spec(t)
	sg, stock := newUpstream(t, "sg", nil), freeAddr(t)
	g := startGate(t, twoRegions+"\nhttp://{stock} {\n\treverse_proxy {sg}\n}\n",
		map[string]string{"br": "reverse_proxy " + sg.addr, "sg": sg.addr, "storage": "", "stock": stock})

	run := func(addr string, sections ...string) (int, []testsupport.H2SpecCase) {
		passed, failed, err := h2spec(addr, sections...)
		if err != nil {
			t.Error(err)
		}
		return passed, failed
	}
	var passed, stocks int
	var failed, known []testsupport.H2SpecCase
	var runs sync.WaitGroup // which mostly wait for answers that do not come
	runs.Go(func() { passed, failed = run(g.addr) })
	runs.Go(func() { stocks, known = run(stock) })
	runs.Wait()
	t.Logf("%d cases passed, failed: %v; of stock Caddy %d, failed: %v", passed, failed, stocks, known)
	if passed < 130 || stocks < 130 {
		t.Errorf("%d cases pass, and %d of stock Caddy: this test sees too little", passed, stocks)
	}

	// Some cases race with the answer to the request before, so that either server
	// may fail them now and then: what can pass has not got worse.
	worse := slices.DeleteFunc(failed, func(c testsupport.H2SpecCase) bool { return slices.Contains(known, c) })
	for i := 0; i < 4 && len(worse) > 0; i++ {
		var sections []string
		for _, c := range worse {
			sections = append(sections, c.Section)
		}
		_, again := run(g.addr, sections...)
		worse = slices.DeleteFunc(worse, func(c testsupport.H2SpecCase) bool { return !slices.Contains(again, c) })
	}
	if len(worse) > 0 {
		t.Errorf("these cases fail every time, and pass with stock Caddy: %v", worse)
	}
}
