package main

import (
	"slices"
	"time"
)

// A sample is what one slice of a load came to. Costs are those of one call,
// both sides counted.
type sample struct {
	rps    float64
	p50    float64 // microseconds
	p99    float64 // microseconds
	allocs float64
	bytes  float64
	cpu    float64 // seconds of processor time per 10,000 calls
}

// measure runs the load for d after a tenth of that to get going.
func measure(r runner, d time.Duration) (sample, error) {
	if err := r.collect(); err != nil { // what the peer before has left behind is not this one's
		return sample{}, err
	}
	if _, err := r.run(d / 10); err != nil {
		return sample{}, err
	}
	return r.run(d)
}

// newSample divides what both sides have spent among the calls.
func newSample(took latencies, spent usage) sample {
	n := float64(took.Calls)
	return sample{
		rps:    n / spent.Time.Seconds(),
		p50:    microseconds(took.P50),
		p99:    microseconds(took.P99),
		allocs: float64(spent.Mallocs) / n,
		bytes:  float64(spent.Bytes) / n,
		cpu:    spent.CPU.Seconds() / n * 10_000,
	}
}

func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// median returns the sample made of the median of each number.
func median(samples []sample) sample {
	pick := func(number func(sample) float64) float64 {
		all := make([]float64, len(samples))
		for i, s := range samples {
			all[i] = number(s)
		}
		return middle(all)
	}
	return sample{
		rps:    pick(func(s sample) float64 { return s.rps }),
		p50:    pick(func(s sample) float64 { return s.p50 }),
		p99:    pick(func(s sample) float64 { return s.p99 }),
		allocs: pick(func(s sample) float64 { return s.allocs }),
		bytes:  pick(func(s sample) float64 { return s.bytes }),
		cpu:    pick(func(s sample) float64 { return s.cpu }),
	}
}

// middle sorts the numbers and returns the one in the middle, or the mean of
// the two there.
func middle(numbers []float64) float64 {
	if len(numbers) == 0 {
		return 0
	}
	slices.Sort(numbers)
	half := len(numbers) / 2
	if len(numbers)%2 == 1 {
		return numbers[half]
	}
	return (numbers[half-1] + numbers[half]) / 2
}

// spread is how far apart the rounds' throughputs are, as a part of their
// median.
func spread(samples []sample) float64 {
	if len(samples) == 0 {
		return 0
	}
	all := make([]float64, len(samples))
	for i, s := range samples {
		all[i] = s.rps
	}
	half := middle(all)
	if half == 0 {
		return 0
	}
	return (all[len(all)-1] - all[0]) / half
}
