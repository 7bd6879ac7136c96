// Package jitter spreads work that would otherwise happen at the same moment
// in many processes.
package jitter

import (
	"math/rand/v2"
	"time"
)

// Do returns a random duration in [0, d), and 0 when d is not positive. It may
// be called from several goroutines.
func Do(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return rand.N(d)
}
