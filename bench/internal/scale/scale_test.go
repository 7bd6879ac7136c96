package scale_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/justcy/go-micro/bench/internal/scale"
)

// costs is a row whose cost is c·n^k plus what is the same at every size.
func costs(c, k, fixed float64) scale.Row {
	return scale.Row{Name: "row", Work: "steps", Measure: func(n int) (float64, error) {
		return fixed + c*math.Pow(float64(n), k), nil
	}}
}

func TestTheExponentIsThatOfTheLargerSizes(t *testing.T) {
	for name, c := range map[string]struct {
		row     scale.Row
		want    float64
		tooFast bool
	}{
		"constant":                  {costs(1e-6, 0, 0), 0, false},
		"linear":                    {costs(1e-6, 1, 0), 1, false},
		"linear beside a constant":  {costs(1e-6, 1, 1e-6), 1, false},
		"squared":                   {costs(1e-9, 2, 0), 2, true},
		"squared beside a constant": {costs(1e-9, 2, 1e-6), 2, true},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := scale.Run(c.row)
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(r.Exponent-c.want) > 0.05 || r.TooFast() != c.tooFast {
				t.Errorf("n^%.2f, too fast: %v", r.Exponent, r.TooFast())
			}
		})
	}
}

// scattered is a row that other work on the machine makes dearer, each try by as
// much as chance has it.
func scattered(cost func(n float64) float64, seed uint64) scale.Row {
	r := rand.New(rand.NewPCG(seed, 0))
	return scale.Row{Name: "row", Work: "steps", Measure: func(n int) (float64, error) {
		return 1e-9 * cost(float64(n)) * (1 + 0.3*r.ExpFloat64()), nil
	}}
}

func TestTheVerdictIsTheSameInEveryRun(t *testing.T) {
	for name, c := range map[string]struct {
		cost    func(n float64) float64
		tooFast bool
	}{
		"n":                          {func(n float64) float64 { return n }, false},
		"n log n":                    {func(n float64) float64 { return n * math.Log(n) }, true}, // n^1.15 at these sizes
		"n^1.5":                      {func(n float64) float64 { return math.Pow(n, 1.5) }, true},
		"squared from a thousand on": {func(n float64) float64 { return n + n*n/1000 }, true},
		"n, but the largest by a half": {func(n float64) float64 {
			if n == 10_000 {
				return 1.5 * n
			}
			return n
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(10) {
				r, err := scale.Run(scattered(c.cost, seed))
				if err != nil {
					t.Fatal(err)
				}
				if r.TooFast() != c.tooFast {
					t.Errorf("run %d: n^%.2f ±%.2f, too fast: %v", seed, r.Exponent, r.Error, r.TooFast())
				}
			}
		})
	}
}

func TestStepsInLargeThingsAreCountedFromFewer(t *testing.T) {
	for _, n := range []int{10, 1_000_000} {
		taken := 0
		cost, err := scale.Steps(n, func(steps int) (scale.Work, error) {
			return scale.Work{Do: func() error {
				taken = steps
				for begin := time.Now(); time.Since(begin) < 30*time.Millisecond; { // busy: it is processor time
				}
				return nil
			}}, nil
		})
		if taken > n || taken > 10_000 || err != nil {
			t.Errorf("%d steps of %d, %v", taken, n, err)
		}
		if all := cost * float64(taken) / float64(n); all < 1e-4 || all > 1 {
			t.Errorf("%d steps cost %v s", taken, all)
		}
	}
}

func TestARowEndsAtTheSizeThatTakesASecond(t *testing.T) {
	r, err := scale.Run(costs(0.002, 1, 0))
	if err != nil {
		t.Fatal(err)
	}
	if last := r.Points[len(r.Points)-1]; last.N != 1000 {
		t.Errorf("the largest size is %d", last.N)
	}
}

func TestAFailureNamesRowAndSize(t *testing.T) {
	broken := errors.New("broken")
	_, err := scale.Run(scale.Row{Name: "row", Measure: func(int) (float64, error) { return 0, broken }})
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "row, 10: ") {
		t.Errorf("the error is %v", err)
	}
}

func TestHeldCountsWhatStaysInUse(t *testing.T) {
	const size = 1 << 20
	held, err := scale.Held(func() ([]byte, error) {
		_ = make([]byte, 8*size) // garbage
		return make([]byte, size), nil
	})
	if err != nil || held < size*0.9 || held > 2*size {
		t.Errorf("%.0f bytes are held, %v", held, err)
	}
}

var kept []byte

func TestAllocatedCountsWhatIsAllocatedEachTime(t *testing.T) {
	const size = 1 << 20
	allocated, err := scale.Allocated(func() error { kept = make([]byte, size); return nil })
	if err != nil || allocated < size || allocated > 2*size {
		t.Errorf("%.0f bytes are allocated, %v", allocated, err)
	}
}

func TestTablesNameTheRowsThatGrowTooFast(t *testing.T) {
	known := costs(1e-9, 2, 0)
	known.Name, known.Known = "known", "everybody hears everybody"
	var results []scale.Result
	for _, row := range []scale.Row{costs(1e-9, 2, 0), known} {
		r, err := scale.Run(row)
		if err != nil {
			t.Fatal(err)
		}
		results = append(results, r)
	}
	for name, write := range map[string]func(*bytes.Buffer) error{
		"text":     func(b *bytes.Buffer) error { return scale.WriteText(b, results) },
		"Markdown": func(b *bytes.Buffer) error { return scale.WriteMarkdown(b, results) },
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"row grows as n^2.00, faster than n^1.1\n", "known grows as n^2.00, faster than n^1.1: everybody hears everybody\n", "100 ns", "100 ms"} {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%s lacks %q:\n%s", name, want, b.String())
			}
		}
	}
	var b bytes.Buffer
	if err := scale.WriteJSON(&b, results); err != nil {
		t.Fatal(err)
	}
	var first struct {
		Row     string
		TooFast bool `json:"too_fast"`
	}
	if err := json.NewDecoder(&b).Decode(&first); err != nil || first.Row != "row" || !first.TooFast {
		t.Errorf("%+v, %v", first, err)
	}
}

// Every row does its work at the smallest size.
func TestEveryRowCanBeMeasured(t *testing.T) {
	var names []string
	for _, row := range scale.Rows() {
		if row.Name == "" || row.Work == "" || slices.Contains(names, row.Name) {
			t.Errorf("row %q: %q", row.Name, row.Work)
		}
		names = append(names, row.Name)
		t.Run(row.Name, func(t *testing.T) {
			t.Parallel() // some wait for the network
			cost, err := row.Measure(10)
			if err != nil || cost < 0 || row.Unit == scale.Seconds && cost == 0 {
				t.Errorf("it costs %v, %v", cost, err)
			}
		})
	}
}
