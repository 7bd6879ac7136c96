package backoff_test

import (
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/util/backoff"
)

func TestTheBackoffGrowsUpToTwoMinutes(t *testing.T) {
	for attempt, want := range map[int]time.Duration{
		-1: 0,
		0:  0,
		1:  100 * time.Millisecond,
		2:  600 * time.Millisecond,
		3:  1900 * time.Millisecond,
		4:  4300 * time.Millisecond,
		5:  7900 * time.Millisecond,
		6:  13 * time.Second,
		14: 2 * time.Minute,
		99: 2 * time.Minute,
	} {
		if got := backoff.Do(attempt); got != want {
			t.Errorf("Do(%d) = %v, want %v", attempt, got, want)
		}
	}
}

func TestDoNeverShrinks(t *testing.T) {
	for n := range 20 {
		if backoff.Do(n+1) < backoff.Do(n) {
			t.Errorf("Do(%d) = %v is less than Do(%d) = %v", n+1, backoff.Do(n+1), n, backoff.Do(n))
		}
	}
}
