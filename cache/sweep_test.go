package cache_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/cache"
)

// expired returns a cache of n items that expired long ago.
func expired(n int) cache.Cache {
	items := make(map[string]cache.Item, n)
	for i := range n {
		items[fmt.Sprint("key", i)] = cache.Item{Value: i, Expiration: 1}
	}
	return cache.NewCache(cache.Items(items))
}

func heapAlloc() uint64 {
	var s runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}

func TestTheMemoryOfExpiredItemsComesBack(t *testing.T) {
	before := heapAlloc()
	c := expired(100_000)
	full := heapAlloc() - before
	cache.Sweep(c)
	if left := max(heapAlloc(), before) - before; left > full/20 {
		t.Errorf("%d of %d bytes are left", left, full)
	}
	if n := cache.Len(c); n != 0 {
		t.Errorf("%d items are left", n)
	}
}

// While items are swept others can use the cache: they wait for a step of the
// sweep at most, and not for all of it.
func TestTheCacheIsUsedBetweenStepsOfASweep(t *testing.T) {
	const n = 200_000
	c := expired(n)
	var sweeping sync.WaitGroup
	sweeping.Go(func() { cache.Sweep(c) })
	defer sweeping.Wait()
	for last := cache.Len(c); last > 0; {
		now := cache.Len(c)
		if now < last && now > 0 {
			return // a look in the middle
		}
		last = now
	}
	t.Errorf("%d items went while nobody could look", n)
}

// longestGet returns the longest that a Get of the cache takes while something is
// done beside it, and how long all of that takes.
func longestGet(c cache.Cache, do func()) (longest, all time.Duration) {
	ctx := context.Background()
	done := make(chan struct{})
	began := time.Now()
	go func() { defer close(done); do() }()
	for {
		at := time.Now()
		_, _, _ = c.Get(ctx, "live")
		longest = max(longest, time.Since(at))
		select {
		case <-done:
			return longest, time.Since(began)
		default:
		}
	}
}

// spin keeps a processor busy, and holds no lock.
func spin(d time.Duration) {
	for began := time.Now(); time.Since(began) < d; {
	}
}

// longestStep sweeps everything that has expired, and returns the longest step of
// that in processor time, where the system tells it for a thread.
func longestStep(c cache.Cache) (longest time.Duration) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for more := true; more; {
		at := threadTime()
		more = cache.SweepSome(c)
		longest = max(longest, threadTime()-at)
	}
	return longest
}

// Beside what Get takes is what it takes beside a goroutine that is merely as busy
// for as long, which is what the machine and the scheduler make of it, and the
// longest step of the sweep, which is what the lock can make of it.
func BenchmarkScaleGetWhileItemsExpire(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var sweep, busy, step, total time.Duration
			for b.Loop() {
				b.StopTimer()
				c := expired(n)
				_ = c.Put(context.Background(), "live", 1, time.Hour)
				b.StartTimer()
				longest, took := longestGet(c, func() { step = max(step, longestStep(c)) })
				b.StopTimer()
				sweep, total = max(sweep, longest), total+took
				longest, _ = longestGet(c, func() { spin(took) })
				busy = max(busy, longest)
				b.StartTimer()
			}
			b.ReportMetric(float64(sweep.Microseconds()), "µs-longest-get")
			b.ReportMetric(float64(busy.Microseconds()), "µs-longest-get-beside-busy")
			b.ReportMetric(float64(step.Microseconds()), "µs-longest-step")
			b.ReportMetric(float64(total.Nanoseconds())/float64(b.N)/float64(n), "ns/item")
		})
	}
}
