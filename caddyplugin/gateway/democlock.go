package gateway

import (
	"errors"
	"sync/atomic"
	"time"
)

// demoClock is what the ledger says of a clock that is not the machine's; nil otherwise.
var demoClock atomic.Pointer[string]

// DemoClock has the gateways of this process take the time of decisions and records from
// a clock of a demonstration's, until restore is called. Nothing of it is hidden: such a
// gateway loads only with the option demo, and its settings in the ledger
// (config.changed) have that, and a line with what is said.
// Gateways that run meanwhile say a heartbeat for each hour of that clock.
func DemoClock(now func() time.Time, said string) (restore func()) {
	look := heartbeatLook.Swap(int64(demoHeartbeatLook))
	clock.Store(&now)
	demoClock.Store(&said)
	return func() {
		demoClock.Store(nil)
		clock.Store(nil)
		heartbeatLook.Store(look)
	}
}

// demoHeartbeatLook is how often it is looked whether an hour of a clock that runs fast
// is over.
const demoHeartbeatLook = 5 * time.Millisecond

// checkClock refuses a clock that is not the machine's elsewhere than in demonstrations.
func (a *App) checkClock() error {
	if demoClock.Load() != nil && !a.Demo {
		return errors.New("the clock of this process is a demonstration's, and the gateway is none: write 'demo'")
	}
	return nil
}
