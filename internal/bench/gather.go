package bench

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// usage is what processes have used: CPU time, user and system together, and the memory
// they hold, in bytes.
type usage struct {
	cpu    time.Duration
	memory int64
}

// gathering is what a peer needed in the rounds of a work.
type gathering struct {
	*process
	load             *load // of the last round
	cpu, perSec      []float64
	latencies, late  []time.Duration
	requests, failed int
	failure          error
	memory           int64
}

// take takes in a round, and returns its requests.
func (g *gathering) take(before, after map[int]usage, took time.Duration) (int, error) {
	group := g.cmd.Process.Pid
	begin, there := before[group]
	end, still := after[group]
	if !there || !still {
		return 0, fmt.Errorf("%s has ended: %s", g.Name, g.output())
	}
	all := g.load.sum()
	n := len(all.latencies)
	g.requests += n
	g.failed += all.failed
	if g.failure == nil {
		g.failure = all.failure
	}
	g.latencies, g.late = append(g.latencies, all.latencies...), append(g.late, all.late...)
	g.memory = max(g.memory, end.memory)
	cpu := math.NaN() // of a round in which no answer came
	if n > 0 {
		cpu = (end.cpu - begin.cpu).Seconds() * 10_000 / float64(n)
	}
	g.cpu = append(g.cpu, cpu)
	g.perSec = append(g.perSec, float64(n)/took.Seconds())
	return n, nil
}

// combine makes the result of a work.
func combine(w Work, gathered []*gathering) WorkResult {
	out := WorkResult{Work: w}
	var stock []float64
	for _, g := range gathered {
		if g.Name == Stock {
			stock = slices.Clone(g.cpu)
		}
	}
	var late []time.Duration
	for _, g := range gathered {
		var ratios []float64
		for i, cpu := range g.cpu {
			ratios = append(ratios, cpu/stock[i])
		}
		slices.Sort(g.latencies)
		r := PeerResult{
			Peer: g.Name, Requests: g.requests, Failed: g.failed, CPU: spread(g.cpu), Ratio: spread(ratios), PerSec: spread(g.perSec), Memory: g.memory,
			P50: quantile(g.latencies, 0.5), P99: quantile(g.latencies, 0.99), P999: quantile(g.latencies, 0.999),
		}
		if g.failure != nil {
			r.Failure = g.failure.Error()
		}
		out.Peers = append(out.Peers, r)
		late = append(late, g.late...)
	}
	slices.Sort(late)
	out.LateP99 = quantile(late, 0.99)
	return out
}
