//go:build !unix

// Package cpu tells what this process has cost so far.
package cpu

import "time"

// Time is not known on this system.
func Time() time.Duration { return 0 }
