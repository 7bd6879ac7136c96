package main

// A metric is a number of a sample that can be compared.
type metric struct {
	name string
	of   func(sample) float64
	// more says that a larger number is better.
	more bool
}

var (
	throughput = metric{"throughput", func(s sample) float64 { return s.RPS }, true}
	processor  = metric{"CPU", func(s sample) float64 { return s.CPU }, false}
	tail       = metric{"p99", func(s sample) float64 { return s.P99 }, false}
	allocs     = metric{"allocations", func(s sample) float64 { return s.Allocs }, false}
	bytesUsed  = metric{"bytes", func(s sample) float64 { return s.Bytes }, false}
)

func (m metric) better(a, b result) bool {
	if m.more {
		return m.of(a.sample) > m.of(b.sample)
	}
	return m.of(a.sample) < m.of(b.sample)
}

// ratio is the median of the ratios that two peers had in each round. What
// slows the machine for longer than a round does not show in it.
func (m metric) ratio(a, b result) (ratio float64, ok bool) {
	var ratios []float64
	for i := range min(len(a.rounds), len(b.rounds)) {
		if below := m.of(b.rounds[i]); below != 0 {
			ratios = append(ratios, m.of(a.rounds[i])/below)
		}
	}
	return middle(ratios), len(ratios) > 0
}
