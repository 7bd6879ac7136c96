package main

import (
	"math/bits"
	"time"
)

// A histogram counts durations with an error below one percent and without
// allocating. Its buckets are one nanosecond wide up to 128 ns, and each
// further power of two is divided into 128.
type histogram struct {
	counts [histogramSize]uint32
	total  int
}

const (
	subBits       = 7
	subCount      = 1 << subBits
	histogramBits = 41 // durations above 36 minutes count as that
	histogramSize = (histogramBits - subBits + 1) * subCount
)

func (h *histogram) record(d time.Duration) {
	h.counts[bucketOf(d)]++
	h.total++
}

func (h *histogram) reset() { *h = histogram{} }

func (h *histogram) add(other *histogram) {
	for i, n := range other.counts {
		h.counts[i] += n
	}
	h.total += other.total
}

// quantile returns the duration that the given part of all durations does not
// exceed, or 0 when nothing was recorded.
func (h *histogram) quantile(part float64) time.Duration {
	rank := min(int(part*float64(h.total)), h.total-1)
	for i, n := range h.counts {
		if rank < int(n) {
			return middleOf(i)
		}
		rank -= int(n)
	}
	return 0
}

// latencies are what is reported of a histogram.
type latencies struct {
	Calls int           `json:"calls"`
	P50   time.Duration `json:"p50"`
	P99   time.Duration `json:"p99"`
}

func (h *histogram) latencies() latencies {
	return latencies{h.total, h.quantile(0.50), h.quantile(0.99)}
}

func bucketOf(d time.Duration) int {
	v := uint64(min(max(d, 0), 1<<histogramBits-1))
	if v < subCount {
		return int(v)
	}
	shift := bits.Len64(v) - subBits - 1
	return (shift+1)<<subBits + int(v>>shift) - subCount
}

// middleOf is the middle of a bucket.
func middleOf(bucket int) time.Duration {
	if bucket < subCount {
		return time.Duration(bucket)
	}
	shift := bucket>>subBits - 1
	low := uint64(bucket&(subCount-1)+subCount) << shift
	return time.Duration(low + 1<<shift/2)
}
