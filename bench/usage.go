package main

import (
	"runtime"
	"time"

	"github.com/justcy/go-micro/bench/internal/cpu"
)

// usage is what a process has used so far, or between two moments.
type usage struct {
	// Time is counted from the start of the process.
	Time    time.Duration `json:"time"`
	CPU     time.Duration `json:"cpu"`
	Mallocs uint64        `json:"mallocs"`
	Bytes   uint64        `json:"bytes"`
}

var started = time.Now()

func usageNow() usage {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return usage{Time: time.Since(started), CPU: cpu.Time(), Mallocs: m.Mallocs, Bytes: m.TotalAlloc}
}

// since is what was used after the moment of start.
func (u usage) since(start usage) usage {
	return usage{u.Time - start.Time, u.CPU - start.CPU, u.Mallocs - start.Mallocs, u.Bytes - start.Bytes}
}

// with adds what another process has used in the same time.
func (u usage) with(other usage) usage {
	return usage{u.Time, u.CPU + other.CPU, u.Mallocs + other.Mallocs, u.Bytes + other.Bytes}
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
