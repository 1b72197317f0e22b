package bench

import (
	"math"
	"slices"
	"time"
)

// Spread is a number that was measured in each round.
type Spread struct {
	Median float64 `json:"median"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
}

// spread is that of the numbers; zero without any. What is none, or without bounds, was
// divided by nothing and is left out.
func spread(all []float64) Spread {
	numbers := slices.DeleteFunc(slices.Clone(all), func(n float64) bool { return math.IsNaN(n) || math.IsInf(n, 0) })
	if len(numbers) == 0 {
		return Spread{}
	}
	slices.Sort(numbers)
	last, middle := len(numbers)-1, len(numbers)/2
	median := numbers[middle]
	if len(numbers)%2 == 0 {
		median = (numbers[middle-1] + numbers[middle]) / 2
	}
	return Spread{Median: median, Low: numbers[0], High: numbers[last]}
}

// quantile is the smallest of the times, which are in order, that so large a share of them
// does not pass; 0 without any.
func quantile(times []time.Duration, share float64) time.Duration {
	if len(times) == 0 {
		return 0
	}
	return times[min(int(share*float64(len(times))), len(times)-1)]
}
