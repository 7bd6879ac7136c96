package cache

import "time"

// SweepStep is how many items are forgotten at a time.
const SweepStep = sweepStep

// Sweep forgets what expired long ago, now.
func Sweep(c Cache) { c.(*memory).sweep() }

// SweepSome does one step of a sweep that forgets everything that has expired.
func SweepSome(c Cache) (more bool) { return c.(*memory).sweepSome(time.Now().UnixNano()) }

// Len returns how many items a cache holds.
func Len(c Cache) int {
	m := c.(*memory)
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.items.Len()
}
