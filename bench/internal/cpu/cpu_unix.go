//go:build unix

// Package cpu tells what this process has cost so far.
package cpu

import (
	"syscall"
	"time"
)

// Time is what this process has spent in user and in kernel mode.
func Time() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
