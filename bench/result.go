package main

// A result is a peer's row: the medians of all rounds of a scenario.
type result struct {
	Peer    string  `json:"peer"`
	Case    string  `json:"case"`
	Callers int     `json:"callers"`
	Size    int     `json:"size"`
	RPS     float64 `json:"rps"`
	P50     float64 `json:"p50_us"`
	P99     float64 `json:"p99_us"`
	Allocs  float64 `json:"allocs"`
	Bytes   float64 `json:"bytes"`
	// CPU is seconds of processor time for 10,000 calls.
	CPU float64 `json:"cpu_seconds_per_10k"`
	// Spread is how far apart the rounds were, as a part of RPS.
	Spread float64 `json:"spread"`

	ceiling bool
}

func newResult(p peer, sc scenario, rounds []sample) result {
	m := median(rounds)
	return result{
		Peer: p.name, Case: sc.name, Callers: sc.callers, Size: sc.size,
		RPS: m.rps, P50: m.p50, P99: m.p99, Allocs: m.allocs, Bytes: m.bytes, CPU: m.cpu,
		Spread: spread(rounds), ceiling: p.ceiling,
	}
}

// A group is the results of one scenario.
type group struct {
	scenario scenario
	results  []result
}

// of returns the result of a peer.
func (g group) of(name string) (result, bool) {
	for _, r := range g.results {
		if r.Peer == name {
			return r, true
		}
	}
	return result{}, false
}

// best returns the peer that is best by a metric. This project and ceilings do
// not count.
func (g group) best(m metric) (best result, ok bool) {
	for _, r := range g.results {
		if r.Peer == ours || r.Peer == before || r.ceiling {
			continue
		}
		if !ok || m.better(r, best) {
			best, ok = r, true
		}
	}
	return best, ok
}
