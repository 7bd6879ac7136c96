package jitter_test

import (
	"sync"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/util/jitter"
)

func TestDoStaysBelowTheLimit(t *testing.T) {
	for range 1000 {
		if d := jitter.Do(time.Millisecond); d < 0 || d >= time.Millisecond {
			t.Fatalf("Do(1ms) = %v", d)
		}
	}
}

func TestDoSpreads(t *testing.T) {
	seen := map[time.Duration]bool{}
	for range 100 {
		seen[jitter.Do(time.Hour)] = true
	}
	if len(seen) < 90 {
		t.Errorf("100 draws gave only %d different durations", len(seen))
	}
}

func TestDoWithoutRoomIsZero(t *testing.T) {
	for _, d := range []time.Duration{0, -time.Second} {
		if got := jitter.Do(d); got != 0 {
			t.Errorf("Do(%v) = %v", d, got)
		}
	}
}

func TestDoIsSafeForConcurrentUse(t *testing.T) {
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				jitter.Do(time.Second)
			}
		})
	}
	wg.Wait()
}
