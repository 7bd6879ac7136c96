package main

import "fmt"

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
	// apart asks for two processes.
	apart bool
}

// targets are what this project is meant to reach.
func targets() []target {
	var list []target
	add := func(sc scenario, m metric, against string, limit float64) {
		list = append(list, target{scenario: sc, metric: m, against: against, limit: limit})
	}
	for _, callers := range []int{alone, few, many} {
		add(scenario{caseUnary, callers, medium}, throughput, "grpc-go", 1.3)
		add(scenario{caseUnary, callers, large}, throughput, "grpc-go", 1.3)
		add(scenario{caseHTTP1, callers, small}, throughput, "net/http", 1.5)
	}
	for _, callers := range []int{alone, few} {
		add(scenario{caseUnary, callers, large}, tail, "grpc-go", 1.0)
	}
	for _, callers := range []int{alone, few, many, crowd} {
		add(scenario{caseUnary, callers, small}, allocs, nobody, 9)
	}
	add(scenario{casePingPong, alone, small}, throughput, "grpc-go", 1.5)
	add(scenario{casePipelined, alone, small}, throughput, "grpc-go", 1.5)
	add(scenario{caseIdle, idleStreams, small}, bytesUsed, nobody, 10_000)
	return append(list, shortCallTargets()...)
}

// shortCallTargets are those of short calls between two processes.
func shortCallTargets() []target {
	at := func(callers int, m metric, against string, limit float64) target {
		return target{scenario{caseUnary, callers, small}, m, against, limit, true}
	}
	return []target{
		at(alone, throughput, bestPeer, 1.5),
		at(few, throughput, "net/rpc", 2.0),
		at(few, throughput, "grpc-go", 2.7),
		at(many, throughput, "net/rpc", 2.1),
		at(many, throughput, "grpc-go", 2.6),
		at(crowd, throughput, "net/rpc", 2.6),
		at(alone, processor, bestPeer, 0.6),
		at(few, processor, "net/rpc", 0.45),
		at(many, processor, "net/rpc", 0.45),
		at(crowd, processor, "net/rpc", 0.45),
		at(alone, tail, bestPeer, 1.0),
		at(few, tail, bestPeer, 1.0),
		at(many, tail, bestPeer, 1.0),
		at(crowd, tail, bestPeer, 1.0),
	}
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
		if t.scenario != g.scenario || t.apart && g.form != twoProcesses {
			continue
		}
		if v, ok := t.judge(g, mine); ok {
			out = append(out, v)
		}
	}
	return out
}

func (t target) judge(g group, mine result) (verdict, bool) {
	v := verdict{target: t, value: t.metric.of(mine.sample)}
	if t.against != nobody {
		rival, ok := g.rival(t.against, t.metric)
		if !ok {
			return v, false
		}
		v.rival = rival.Peer
		if v.value, ok = t.metric.ratio(mine, rival); !ok {
			return v, false
		}
	}
	v.reached = v.value <= t.limit
	if t.metric.more {
		v.reached = v.value >= t.limit
	}
	return v, true
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
		return fmt.Sprintf("%s %s (target %s %.0f, %s)", v.metric.name, number(v.value), sign, v.limit, mark)
	}
	whom := v.rival
	if v.against == bestPeer {
		whom = bestPeer + " " + v.rival
	}
	return fmt.Sprintf("%s %.2f × %s (target %s %g, %s)", v.metric.name, v.value, whom, sign, v.limit, mark)
}
