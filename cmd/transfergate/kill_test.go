package main_test

import (
	"math/rand/v2"
	"testing"

	"github.com/sparkoo/transfergate/internal/testsupport"
)

// A gateway that is killed under load, again and again, has recorded whatever
// its regions received, and its ledger verifies after each restart. Ordinarily it
// is killed 8 times, and 200 times in CI (TRANSFERGATE_TESTS_FULL=1).
func TestKilledUnderLoad(t *testing.T) {
	if testing.Short() {
		t.Skip("kills a gateway many times")
	}
	p := newProcess(t)
	times := 8
	switch {
	case testsupport.Race:
		times = 4 // the gateway is not built with the race detector: it would find nothing more
	case testsupport.Full():
		times = 40
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range times {
		gateway := p.start()
		p.serve(1+rng.IntN(40), func() { p.kill(gateway) })
		p.check()
	}
	t.Logf("killed %d times; %d requests were received, each with its record", times, p.count())
}
