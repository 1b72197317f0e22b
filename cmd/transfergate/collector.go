package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// A proxy makes much garbage and keeps little. Go's collector runs whenever as much was
// made as is kept: dozens of times a second, with a tenth of the CPU. Memory up to spare
// is given for that; whoever keeps more than spare has Go's default, and Caddy's limit,
// nine tenths of what the container or the machine has, holds in any case.
const (
	spare     = 256 << 20 // bytes
	atMost    = 400       // percent of what is kept
	goDefault = 100
)

// collectLess sets the collector's pace after each of its runs, by what is kept then. It
// leaves alone who set GOGC.
func collectLess() {
	if os.Getenv("GOGC") != "" {
		return
	}
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	set := 0
	afterEachRun(func() {
		metrics.Read(live)
		if pace := paceFor(live[0].Value.Uint64()); pace != set {
			set = pace
			debug.SetGCPercent(pace)
		}
	})
}

// paceFor is the collector's percentage while so many bytes are kept, in steps, because
// each change stops the program for a moment.
func paceFor(live uint64) int {
	if live <= spare*goDefault/atMost {
		return atMost
	}
	const step = 25
	return int(max(spare*goDefault/live/step*step, goDefault))
}

// afterEachRun calls do now and after each run of the collector, which finds then that
// nobody needs the object any more. Do is not called twice at a time.
func afterEachRun(do func()) {
	do()
	runtime.AddCleanup(new([64]byte), func(struct{}) { afterEachRun(do) }, struct{}{})
}
