package main

import (
	"testing"
	"time"
)

func TestMedianIsOfEachNumber(t *testing.T) {
	got := median([]sample{
		{RPS: 1, P50: 30, P99: 5, Allocs: 7, Bytes: 1, CPU: 3},
		{RPS: 3, P50: 10, P99: 5, Allocs: 9, Bytes: 2, CPU: 1},
		{RPS: 2, P50: 20, P99: 6, Allocs: 8, Bytes: 9, CPU: 2},
	})
	want := sample{RPS: 2, P50: 20, P99: 5, Allocs: 8, Bytes: 2, CPU: 2}
	if got != want {
		t.Errorf("median %+v, want %+v", got, want)
	}
}

func TestTheMiddleOfTwoIsTheirMean(t *testing.T) {
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
	if got := spread([]sample{{RPS: 90}, {RPS: 120}, {RPS: 100}}); got != 0.3 {
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
	want := sample{RPS: 10, P50: 0.1, P99: 0.1, Allocs: 2, Bytes: 400, CPU: 1000}
	if got := newSample(took.latencies(), client.with(server)); got != want {
		t.Errorf("sample %+v, want %+v", got, want)
	}
}
