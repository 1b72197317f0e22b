package main

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"
)

func TestPaceFollowsWhatIsKept(t *testing.T) {
	for _, test := range []struct {
		live uint64 // MiB
		want int
	}{{0, 400}, {20, 400}, {64, 400}, {100, 250}, {101, 250}, {128, 200}, {200, 125}, {256, 100}, {4096, 100}} {
		if got := paceFor(test.live << 20); got != test.want {
			t.Errorf("%d MiB: %d %%, not %d", test.live, got, test.want)
		}
	}
}

// The pace is set at once, and again when much is kept.
func TestCollectorIsPaced(t *testing.T) {
	t.Setenv("GOGC", "")
	t.Cleanup(func() { debug.SetGCPercent(goDefault) })
	current := func() uint64 {
		pace := []metrics.Sample{{Name: "/gc/gogc:percent"}}
		metrics.Read(pace)
		return pace[0].Value.Uint64()
	}
	runtime.GC() // what other tests kept
	collectLess()
	if got := current(); got != atMost {
		t.Fatalf("%d %% at the start", got)
	}
	kept := make([]byte, spare)
	for deadline := time.Now().Add(time.Minute); current() != goDefault; time.Sleep(time.Millisecond) {
		runtime.GC()
		if time.Now().After(deadline) {
			t.Fatalf("%d %% with %d bytes kept", current(), len(kept))
		}
	}
	runtime.KeepAlive(kept)
}
