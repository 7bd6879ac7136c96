// Package scale measures how the cost of a piece of work grows with its size.
//
// A [Row] is one piece of work. Run does it at sizes from 10 to 10,000, or up to
// the size at which it takes a second, and fits the exponent k of cost = c·n^k to
// the larger ones. Work whose cost follows it has an exponent of about 1.
package scale

import (
	"fmt"
	"runtime"
	"time"
)

// Limit is the exponent above which a cost grows faster than the work.
const Limit = 1.1

// A Unit is what a cost is counted in.
type Unit int

// The units of costs.
const (
	Seconds Unit = iota // of processor time, see [Processor]
	Bytes               // see [Held] and [Allocated]
)

// A Row is one piece of work.
type Row struct {
	// Name is what -case takes.
	Name string
	// Work says in a phrase what is done n times, or with n of what.
	Work string
	// Known says why the cost is meant to grow faster than the work, if it is.
	Known string
	// Unit is what Measure counts.
	Unit Unit
	// Most is the largest size; 0 means 10,000.
	Most int
	// Measure does all the work of size n once and returns what it cost: of a
	// step in a thing of size n, what n steps cost. It leaves nothing behind.
	Measure func(n int) (cost float64, err error)
}

// A Point is what a row costs at one size.
type Point struct {
	N    int     `json:"n"`
	Cost float64 `json:"cost"`
}

// A Result is a row that was measured.
type Result struct {
	Row      Row
	Points   []Point
	Exponent float64
	Error    float64 // standard error of Exponent
}

// TooFast reports whether the cost grows faster than the work, and that is not the
// scatter of the points: the exponent is above the limit by two standard errors.
func (r Result) TooFast() bool { return r.Exponent-2*r.Error > Limit }

const (
	defaultMost = 10_000
	// dearest is the processor time, in seconds, of the last size of a row, and
	// longest how long a try of it may take at all.
	dearest = 1
	longest = 20 * time.Second
	// patience is how long a size is tried again.
	patience = 2 * time.Second
	// tries are how often a size is measured at most. The least cost counts: whatever
	// else the machine does only adds to it.
	tries = 9
)

// Sizes are what rows are measured at, up to most.
func Sizes(most int) []int {
	if most == 0 {
		most = defaultMost
	}
	var sizes []int
	for n := 10; n <= most; n *= 10 {
		sizes = append(sizes, n)
		if 3*n <= most {
			sizes = append(sizes, 3*n)
		}
	}
	return sizes
}

// Run measures a row.
func Run(row Row) (Result, error) {
	result := Result{Row: row}
	for _, n := range Sizes(row.Most) {
		cost, took, err := least(row, n)
		if err != nil {
			return result, fmt.Errorf("%s, %d: %w", row.Name, n, err)
		}
		result.Points = append(result.Points, Point{n, cost})
		if took > longest || row.Unit == Seconds && cost > dearest {
			break
		}
	}
	result.Exponent, result.Error = exponent(result.Points)
	return result, nil
}

// least measures a row at one size a few times, as long as that is quick. It
// returns the least cost and how long the quickest try took in all.
func least(row Row, n int) (cost float64, took time.Duration, err error) {
	begin := time.Now()
	for try := range tries {
		runtime.GC()
		start := time.Now()
		c, err := row.Measure(n)
		if err != nil {
			return 0, 0, err
		}
		if d := time.Since(start); try == 0 || d < took {
			took = d
		}
		if try == 0 || c < cost {
			cost = c
		}
		if time.Since(begin) > patience {
			break
		}
	}
	return cost, took, nil
}
