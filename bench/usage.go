package main

import (
	"runtime"
	"time"
)

// usage is what the process has used so far.
type usage struct {
	at      time.Time
	mallocs uint64
	bytes   uint64
	cpu     time.Duration
}

func usageNow() usage {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return usage{at: time.Now(), mallocs: m.Mallocs, bytes: m.TotalAlloc, cpu: processorTime()}
}

// memoryInUse is what the heap and the stacks of goroutines hold after a
// collection.
func memoryInUse() uint64 {
	runtime.GC()
	runtime.GC() // the first one leaves the contents of pools behind
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}
