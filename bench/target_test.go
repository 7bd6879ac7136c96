package main

import (
	"strings"
	"testing"
)

// sampleGroup is made-up results of the first scenario in two processes.
func sampleGroup() group {
	row := func(peer string, rps, p99, cpu float64, ceiling bool) result {
		s := sample{RPS: rps, P50: p99 / 2, P99: p99, Allocs: 20, Bytes: 4000, CPU: cpu}
		return result{
			Peer: peer, Case: caseUnary, Processes: twoProcesses, Callers: alone, Size: small,
			sample: s, rounds: []sample{s}, Spread: 0.1, ceiling: ceiling,
		}
	}
	return group{scenario{caseUnary, alone, small}, twoProcesses, []result{
		row(ours, 30_000, 100, 0.5, false),
		row(before, 60_000, 50, 0.25, false),
		row("grpc-go", 10_000, 400, 2, false),
		row("drpc", 20_000, 80, 1, false),
		row("tcp-echo", 90_000, 10, 0.1, true),
	}}
}

func TestBestPeerIsNeitherThisProjectNorACeiling(t *testing.T) {
	g := sampleGroup()
	for _, m := range []metric{throughput, processor, tail} {
		if best, ok := g.best(m); !ok || best.Peer != "drpc" {
			t.Errorf("best by %s is %q", m.name, best.Peer)
		}
	}
	if best, ok := (group{results: g.results[:1]}).best(throughput); ok {
		t.Errorf("%q is the best of nobody", best.Peer)
	}
}

func TestTargetsAreJudged(t *testing.T) {
	want := map[string]bool{
		"throughput 1.50 × best peer drpc": true,
		"CPU 0.50 × best peer drpc":        true,
		"p99 1.25 × best peer drpc":        false,
		"allocations 20.0":                 false,
	}
	verdicts := judge(sampleGroup())
	if len(verdicts) != len(want) {
		t.Errorf("%d verdicts, want %d", len(verdicts), len(want))
	}
	for _, v := range verdicts {
		text, _, _ := strings.Cut(v.String(), " (")
		reached, ok := want[text]
		if !ok || reached != v.reached {
			t.Errorf("verdict %q", v)
		}
	}
}

func TestTargetsOfTwoProcessesAreNotJudgedInOne(t *testing.T) {
	g := sampleGroup()
	g.form = oneProcess
	for _, v := range judge(g) {
		if v.apart {
			t.Errorf("judged in one process: %q", v)
		}
	}
}

func TestTargetsWithoutTheirPeerAreLeftOut(t *testing.T) {
	g := sampleGroup()
	g.results = g.results[:1]
	for _, v := range judge(g) {
		if v.against != nobody {
			t.Errorf("compared with nobody: %q", v)
		}
	}
	if got := judge(group{scenario: g.scenario}); got != nil {
		t.Errorf("judged without this project: %v", got)
	}
}

func TestEveryTargetIsMeasured(t *testing.T) {
	measured := map[scenario]bool{}
	for _, s := range scenarios(false) {
		measured[s] = true
	}
	for _, target := range targets() {
		if !measured[target.scenario] {
			t.Errorf("nothing measures %s", target.scenario)
		}
	}
}
