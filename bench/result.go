package main

// A result is a peer's row: the medians of all rounds of a scenario.
type result struct {
	Peer string `json:"peer"`
	Case string `json:"case"`
	// Processes is 1 or, with -split, 2.
	Processes form `json:"processes"`
	Callers   int  `json:"callers"`
	Size      int  `json:"size"`
	sample
	// Spread is how far apart the rounds were, as a part of RPS.
	Spread float64 `json:"spread"`

	ceiling bool
	rounds  []sample
}

func newResult(p peer, sc scenario, f form, rounds []sample) result {
	return result{
		Peer: p.name, Case: sc.name, Processes: f, Callers: sc.callers, Size: sc.size,
		sample: median(rounds), Spread: spread(rounds), ceiling: p.ceiling, rounds: rounds,
	}
}

// A group is the results of one scenario.
type group struct {
	scenario scenario
	form     form
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

// best returns the peer that is best by a metric. This project, also as it was
// before, and ceilings do not count.
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

// rival returns whom a target compares with.
func (g group) rival(against string, m metric) (result, bool) {
	if against == bestPeer {
		return g.best(m)
	}
	return g.of(against)
}
