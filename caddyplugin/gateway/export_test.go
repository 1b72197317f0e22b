package gateway

import (
	"time"
)

// SetClock replaces the clock of decisions and records until restore is called.
// Call it while no gateway runs.
func SetClock(clock func() time.Time) (restore func()) {
	old := now
	now = clock
	return func() { now = old }
}
