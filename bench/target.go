package main

import "fmt"

// A metric is a number of a result that can be compared.
type metric struct {
	name string
	of   func(result) float64
	// more says that a larger number is better.
	more bool
}

var (
	throughput = metric{"throughput", func(r result) float64 { return r.RPS }, true}
	tail       = metric{"p99", func(r result) float64 { return r.P99 }, false}
	allocs     = metric{"allocations", func(r result) float64 { return r.Allocs }, false}
	bytesUsed  = metric{"bytes", func(r result) float64 { return r.Bytes }, false}
)

func (m metric) better(a, b result) bool {
	if m.more {
		return m.of(a) > m.of(b)
	}
	return m.of(a) < m.of(b)
}

// Whom a target compares with, when it is not a peer's name.
const (
	bestPeer = "best peer"
	nobody   = ""
)

// A target is a number that this project is meant to reach in a scenario: at
// least the limit if more is better, else at most. It is a ratio to another
// peer, or if against nobody the number itself.
type target struct {
	scenario scenario
	metric   metric
	against  string
	limit    float64
}

// targets are what this project is meant to reach.
func targets() []target {
	at := func(name string, callers, size int) scenario { return scenario{name, callers, size} }
	list := []target{
		{at(caseUnary, alone, small), throughput, bestPeer, 1.0},
		{at(caseUnary, few, small), throughput, bestPeer, 2.0},
		{at(caseUnary, many, small), throughput, bestPeer, 2.0},
		{at(caseUnary, many, small), throughput, "grpc-go", 4.0},
	}
	for _, callers := range []int{alone, few, many} {
		list = append(list,
			target{at(caseUnary, callers, small), tail, bestPeer, 1.0},
			target{at(caseUnary, callers, small), allocs, nobody, 30},
			target{at(caseUnary, callers, small), bytesUsed, nobody, 3000},
			target{at(caseUnary, callers, medium), throughput, "grpc-go", 1.3},
			target{at(caseUnary, callers, large), throughput, "grpc-go", 1.3},
			target{at(caseHTTP1, callers, small), throughput, "net/http", 1.0},
		)
	}
	return append(list,
		target{at(casePingPong, alone, small), throughput, "grpc-go", 2.0},
		target{at(casePipelined, alone, small), throughput, "grpc-go", 2.0},
		target{at(caseIdle, idleStreams, small), bytesUsed, nobody, 8192},
	)
}

// A verdict says how far a target is reached.
type verdict struct {
	target
	value   float64
	rival   string // who the value is a ratio to
	reached bool
}

// judge returns the verdicts of a group. Targets that compare with who was not
// measured are left out.
func judge(g group) []verdict {
	mine, ok := g.of(ours)
	if !ok {
		return nil
	}
	var out []verdict
	for _, t := range targets() {
		if t.scenario != g.scenario {
			continue
		}
		if v, ok := t.judge(g, mine); ok {
			out = append(out, v)
		}
	}
	return out
}

func (t target) judge(g group, mine result) (verdict, bool) {
	v := verdict{target: t, value: t.metric.of(mine)}
	if t.against != nobody {
		rival, ok := t.rival(g)
		if !ok || t.metric.of(rival) == 0 {
			return v, false
		}
		v.rival = rival.Peer
		v.value /= t.metric.of(rival)
	}
	v.reached = v.value <= t.limit
	if t.metric.more {
		v.reached = v.value >= t.limit
	}
	return v, true
}

func (t target) rival(g group) (result, bool) {
	if t.against == bestPeer {
		return g.best(t.metric)
	}
	return g.of(t.against)
}

func (v verdict) String() string {
	sign, mark := "≤", "short"
	if v.metric.more {
		sign = "≥"
	}
	if v.reached {
		mark = "reached"
	}
	if v.rival == "" {
		return fmt.Sprintf("%s %.0f (target %s %.0f, %s)", v.metric.name, v.value, sign, v.limit, mark)
	}
	whom := v.rival
	if v.against == bestPeer {
		whom = bestPeer + " " + v.rival
	}
	return fmt.Sprintf("%s %.2f × %s (target %s %.1f, %s)", v.metric.name, v.value, whom, sign, v.limit, mark)
}
