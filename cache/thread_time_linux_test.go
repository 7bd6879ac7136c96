package cache_test

import (
	"syscall"
	"time"
)

// threadTime is the processor time that the thread has used: waiting for a
// processor that others use is not in it.
func threadTime() time.Duration {
	const thread = 1 // RUSAGE_THREAD, see getrusage(2)
	var used syscall.Rusage
	if err := syscall.Getrusage(thread, &used); err != nil {
		panic(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
