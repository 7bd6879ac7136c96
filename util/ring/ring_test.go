package ring_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/util/ring"
)

func values(entries []*ring.Entry) []int {
	var out []int
	for _, e := range entries {
		out = append(out, e.Value.(int))
	}
	return out
}

func TestGetReturnsTheNewest(t *testing.T) {
	tests := []struct {
		size, puts, get int
		want            []int
	}{
		{3, 0, 1, nil},
		{3, 2, 5, []int{0, 1}},
		{3, 3, 3, []int{0, 1, 2}},
		{3, 5, 2, []int{3, 4}},
		{3, 5, 0, nil},
		{3, 5, -1, []int{2, 3, 4}},
		{1, 5, 9, []int{4}},
	}
	for _, tt := range tests {
		b := ring.New(tt.size)
		for i := range tt.puts {
			b.Put(i)
		}
		if got := values(b.Get(tt.get)); !slices.Equal(got, tt.want) {
			t.Errorf("%+v: got %v", tt, got)
		}
		if b.Size() != tt.size {
			t.Errorf("size is %d, want %d", b.Size(), tt.size)
		}
	}
}

func TestSinceReturnsWhatCameFromThenOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := ring.New(4)
		start := time.Now()
		for i := range 6 {
			time.Sleep(time.Second)
			b.Put(i)
		}
		tests := []struct {
			since time.Time
			want  []int
		}{
			{time.Time{}, []int{2, 3, 4, 5}},
			{start, []int{2, 3, 4, 5}},
			{start.Add(5 * time.Second), []int{5}},
			{start.Add(4900 * time.Millisecond), []int{4, 5}},
			{start.Add(time.Hour), nil},
		}
		for _, tt := range tests {
			if got := values(b.Since(tt.since)); !slices.Equal(got, tt.want) {
				t.Errorf("since %v: got %v, want %v", tt.since.Sub(start), got, tt.want)
			}
		}
	})
}

func TestStreamClosesAtThePutAfterStop(t *testing.T) {
	b := ring.New(1)
	entries, stop := b.Stream()
	b.Put(1)
	if e := <-entries; e.Value != 1 {
		t.Errorf("got %v", e.Value)
	}
	close(stop)
	b.Put(2)
	if e, ok := <-entries; ok {
		t.Errorf("got %v after the stop", e.Value)
	}
}

func TestStoppedStreamsDoNotAddUp(t *testing.T) {
	b := ring.New(1)
	first, stop := b.Stream()
	close(stop)
	_, stop = b.Stream()
	defer close(stop)
	select {
	case _, open := <-first:
		if open {
			t.Error("got an entry from nowhere")
		}
	default:
		t.Error("a stopped stream is still there when another one is opened")
	}
}

func TestFullStreamNeverBlocksPut(t *testing.T) {
	b := ring.New(1)
	entries, _ := b.Stream()
	for i := range 1000 {
		b.Put(i)
	}
	if len(entries) != 128 || (<-entries).Value != 0 {
		t.Errorf("the stream holds %d entries", len(entries))
	}
}

func TestReturnedSlicesAreCopies(t *testing.T) {
	b := ring.New(2)
	b.Put(1)
	b.Put(2)
	for _, entries := range [][]*ring.Entry{b.Get(2), b.Since(time.Time{})} {
		entries[0] = nil
	}
	if got := values(b.Get(2)); !slices.Equal(got, []int{1, 2}) {
		t.Errorf("got %v", got)
	}
}

func TestSizeOfZeroOrLessStoresNothing(t *testing.T) {
	for _, size := range []int{0, -1} {
		b := ring.New(size)
		entries, _ := b.Stream()
		b.Put(1)
		if got := b.Get(1); len(got) != 0 || len(b.Since(time.Time{})) != 0 {
			t.Errorf("size %d: got %v", size, got)
		}
		if e := <-entries; e.Value != 1 {
			t.Errorf("size %d: the stream got %v", size, e.Value)
		}
	}
}

func TestARingMayBeUsedConcurrently(t *testing.T) {
	b := ring.New(8)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			entries, stop := b.Stream()
			for i := range 100 {
				b.Put(i)
				b.Get(3)
				b.Since(time.Time{})
			}
			<-entries
			close(stop)
		})
	}
	wg.Wait()
}

func Example() {
	b := ring.New(2)
	for _, name := range []string{"a", "b", "c"} {
		b.Put(name)
	}
	for _, e := range b.Get(2) {
		fmt.Println(e.Value)
	}
	// Output:
	// b
	// c
}
