package scale

import (
	"runtime"
	"runtime/debug"
	"time"

	"github.com/justcy/go-micro/bench/internal/cpu"
)

const (
	// enough is how much work makes a cost that can be measured well.
	enough = 20 * time.Millisecond
	// toPrepare is how long preparing may take before less than that will do.
	toPrepare = 300 * time.Millisecond
)

// Work is what [Processor] measures.
type Work struct {
	// Do does the work, once.
	Do func() error
	// End cleans up; it is not measured and may be nil.
	End func()
}

// Processor returns the processor time that work takes, in seconds. It is
// prepared and done anew until there is enough of it to be measured; preparing
// is not.
func Processor(prepare func() (Work, error)) (seconds float64, err error) {
	var spent time.Duration
	runs := 0
	for begin := time.Now(); spent < enough && (runs == 0 || time.Since(begin) < toPrepare); {
		d, err := once(prepare)
		if err != nil {
			return 0, err
		}
		spent += d
		runs++
	}
	return spent.Seconds() / float64(runs), nil
}

// mostSteps is how many steps are taken in a thing, however large. Without the
// collector each takes memory that was not in use before, which the system has to
// find and to clear; of a hundred thousand that would be most of the cost.
const mostSteps = 1000

// Steps returns what n steps in a thing of size n take, in seconds. Do takes as many
// as prepare is told to: no more than are enough to know what one takes.
func Steps(n int, prepare func(steps int) (Work, error)) (seconds float64, err error) {
	steps := min(n, mostSteps)
	seconds, err = Processor(func() (Work, error) { return prepare(steps) })
	return seconds * float64(n) / float64(steps), err
}

func once(prepare func() (Work, error)) (time.Duration, error) {
	work, err := prepare()
	if err != nil {
		return 0, err
	}
	if work.End != nil {
		defer work.End()
	}
	// What the collector costs depends on what else is in use and on when it runs.
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	start, clock := cpu.Time(), time.Now()
	if err := work.Do(); err != nil {
		return 0, err
	}
	if spent := cpu.Time() - start; spent > 0 {
		return spent, nil
	}
	return time.Since(clock), nil // too little to be counted, or not counted here
}

// Held returns the bytes that are in use after make, and were not before, as long
// as what it returns is in use.
func Held[T any](make func() (T, error)) (bytes float64, err error) {
	before := inUse()
	v, err := make()
	if err != nil {
		return 0, err
	}
	after := inUse()
	runtime.KeepAlive(v)
	return max(0, float64(after)-float64(before)), nil
}

// inUse is what the heap and the stacks of goroutines hold after a collection.
func inUse() uint64 {
	runtime.GC()
	runtime.GC() // the first one leaves the contents of pools behind
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

// Allocated returns the bytes that do allocates when it has been done before, as
// the mean of a few times.
func Allocated(do func() error) (bytes float64, err error) {
	const times = 4
	var before, after runtime.MemStats
	for range times {
		if err := do(); err != nil {
			return 0, err
		}
	}
	runtime.ReadMemStats(&before)
	for range times {
		if err := do(); err != nil {
			return 0, err
		}
	}
	runtime.ReadMemStats(&after)
	return float64(after.TotalAlloc-before.TotalAlloc) / times, nil
}
