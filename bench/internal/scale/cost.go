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
