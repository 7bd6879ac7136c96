package main

import (
	"testing"
	"time"
)

func TestMedianIsOfEachNumber(t *testing.T) {
	got := median([]sample{
		{rps: 1, p50: 30, p99: 5, allocs: 7, bytes: 1, cpu: 3},
		{rps: 3, p50: 10, p99: 5, allocs: 9, bytes: 2, cpu: 1},
		{rps: 2, p50: 20, p99: 6, allocs: 8, bytes: 9, cpu: 2},
	})
	want := sample{rps: 2, p50: 20, p99: 5, allocs: 8, bytes: 2, cpu: 2}
	if got != want {
		t.Errorf("median %+v, want %+v", got, want)
	}
}

func TestMiddle(t *testing.T) {
	for _, c := range []struct {
		numbers []float64
		want    float64
	}{
		{nil, 0},
		{[]float64{4}, 4},
		{[]float64{4, 1}, 2.5},
		{[]float64{9, 1, 4}, 4},
	} {
		if got := middle(c.numbers); got != c.want {
			t.Errorf("middle of %v is %v, want %v", c.numbers, got, c.want)
		}
	}
}

func TestSpreadIsAPartOfTheMedian(t *testing.T) {
	if got := spread([]sample{{rps: 90}, {rps: 120}, {rps: 100}}); got != 0.3 {
		t.Errorf("spread %v, want 0.3", got)
	}
	if got := spread(nil); got != 0 {
		t.Errorf("spread of nothing %v", got)
	}
}

func TestSampleIsPerCall(t *testing.T) {
	client := usage{Time: 2 * time.Second, CPU: time.Second, Mallocs: 30, Bytes: 7000}
	server := usage{Time: 3 * time.Second, CPU: time.Second, Mallocs: 10, Bytes: 1000}
	took := new(histogram)
	for range 20 {
		took.record(100)
	}
	want := sample{rps: 10, p50: 0.1, p99: 0.1, allocs: 2, bytes: 400, cpu: 1000}
	if got := newSample(took.latencies(), client.with(server)); got != want {
		t.Errorf("sample %+v, want %+v", got, want)
	}
}
