// Package backoff says how long to wait before an attempt is repeated.
package backoff

import (
	"math"
	"time"
)

// Max is the longest pause that Do returns.
const Max = 2 * time.Minute

// lastGrowing is the last attempt before Do returns Max.
const lastGrowing = 13

// Do returns the pause before the given attempt, counted from 0: nothing, then
// 100ms, 600ms, 1.9s and so on, growing with the attempt to the power of e,
// and Max after the thirteenth.
func Do(attempts int) time.Duration {
	switch {
	case attempts <= 0:
		return 0
	case attempts > lastGrowing:
		return Max
	}
	return time.Duration(math.Pow(float64(attempts), math.E)) * 100 * time.Millisecond
}
