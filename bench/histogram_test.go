package main

import (
	"testing"
	"time"
)

func TestQuantilesAreWithinOnePercent(t *testing.T) {
	var h histogram
	for i := 1; i <= 10_000; i++ {
		h.record(time.Duration(i) * time.Microsecond)
	}
	for part, want := range map[float64]time.Duration{
		0.50: 5_000 * time.Microsecond,
		0.99: 9_900 * time.Microsecond,
		1.00: 10_000 * time.Microsecond,
	} {
		got := h.quantile(part)
		if diff := got - want; diff.Abs() > want/100 {
			t.Errorf("quantile %v is %v, want %v", part, got, want)
		}
	}
}

func TestEveryDurationHasABucket(t *testing.T) {
	for _, d := range []time.Duration{-1, 0, 1, 127, 128, 129, 255, 256, time.Second, time.Hour, 1<<63 - 1} {
		i := bucketOf(d)
		if i < 0 || i >= histogramSize {
			t.Fatalf("%d falls into bucket %d of %d", d, i, histogramSize)
		}
		if back := bucketOf(middleOf(i)); back != i {
			t.Errorf("the middle of bucket %d is in bucket %d", i, back)
		}
	}
}

func TestHistogramsAddUp(t *testing.T) {
	var a, b histogram
	a.record(time.Millisecond)
	b.record(time.Second)
	a.add(&b)
	if a.total != 2 || a.quantile(0).Round(100*time.Microsecond) != time.Millisecond {
		t.Errorf("%d durations, the least %v", a.total, a.quantile(0))
	}
	a.reset()
	if a.total != 0 || a.quantile(0.5) != 0 {
		t.Error("reset leaves something behind")
	}
}
