package main

import (
	"strings"
	"testing"
)

func TestARatioIsTheMedianOfTheRounds(t *testing.T) {
	rounds := func(rates ...float64) (r result) {
		for _, rps := range rates {
			r.rounds = append(r.rounds, sample{RPS: rps})
		}
		return r
	}
	for _, c := range []struct {
		a, b  result
		want  float64
		known bool
	}{
		{rounds(20, 200, 30), rounds(10, 100, 30), 2, true},
		{rounds(20, 20), rounds(10), 2, true},
		{rounds(20, 20), rounds(0, 5), 4, true},
		{rounds(20), rounds(0), 0, false},
		{rounds(), rounds(1), 0, false},
	} {
		if got, known := throughput.ratio(c.a, c.b); got != c.want || known != c.known {
			t.Errorf("%v beside %v is %v, %v", c.a.rounds, c.b.rounds, got, known)
		}
	}
}

func TestRatiosAreToWhoWasMeasured(t *testing.T) {
	var out strings.Builder
	if err := writeRatiosText(&out, []group{sampleGroup()}); err != nil {
		t.Fatal(err)
	}
	want := `case                    micro        × best peer  × grpc-go  × micro-before
unary, 1 caller, 128 B  throughput   1.50         3.00       0.50
unary, 1 caller, 128 B  CPU          0.50         0.25       2.00
unary, 1 caller, 128 B  p99          1.25         0.25       2.00
unary, 1 caller, 128 B  allocations  1.00         1.00       1.00
`
	if got := out.String(); got != want {
		t.Errorf("table:\n%s\nwant:\n%s", got, want)
	}
	g := sampleGroup()
	g.results = g.results[1:]
	if rows := ratioRows([]group{g}); rows != nil {
		t.Errorf("ratios of nobody: %v", rows)
	}
}
