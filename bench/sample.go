package main

import (
	"slices"
	"time"
)

// A sample is what one slice of a load came to. Costs are those of one call,
// both sides counted.
type sample struct {
	RPS    float64 `json:"rps"`
	P50    float64 `json:"p50_us"`
	P99    float64 `json:"p99_us"`
	Allocs float64 `json:"allocs"`
	Bytes  float64 `json:"bytes"`
	// CPU is seconds of processor time for 10,000 calls.
	CPU float64 `json:"cpu_seconds_per_10k"`
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
		RPS:    n / spent.Time.Seconds(),
		P50:    microseconds(took.P50),
		P99:    microseconds(took.P99),
		Allocs: float64(spent.Mallocs) / n,
		Bytes:  float64(spent.Bytes) / n,
		CPU:    spent.CPU.Seconds() / n * 10_000,
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
		RPS:    pick(func(s sample) float64 { return s.RPS }),
		P50:    pick(func(s sample) float64 { return s.P50 }),
		P99:    pick(func(s sample) float64 { return s.P99 }),
		Allocs: pick(func(s sample) float64 { return s.Allocs }),
		Bytes:  pick(func(s sample) float64 { return s.Bytes }),
		CPU:    pick(func(s sample) float64 { return s.CPU }),
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
		all[i] = s.RPS
	}
	half := middle(all)
	if half == 0 {
		return 0
	}
	return (all[len(all)-1] - all[0]) / half
}
