package events_test

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/events"
)

// stored returns a store of n events of a topic, a second apart, which are written
// in another order.
func stored(tb testing.TB, n int) events.Store {
	tb.Helper()
	s := events.NewStore()
	tb.Cleanup(func() { _ = s.(io.Closer).Close() })
	for i := range n {
		at := i ^ 1
		if at >= n {
			at = i
		}
		e := &events.Event{ID: fmt.Sprintf("%08d", at), Topic: "topic", Timestamp: time.Unix(int64(at), 0), Payload: []byte("{}")}
		if err := s.Write(e); err != nil {
			tb.Fatal(err)
		}
	}
	return s
}

func ids(list []*events.Event) (out []string) {
	for _, e := range list {
		out = append(out, e.ID)
	}
	return out
}

func TestAPageOfEventsIsThatOfAllInOrder(t *testing.T) {
	s := stored(t, 2000)
	for _, e := range []*events.Event{
		{ID: "before the epoch", Timestamp: time.Unix(-10, 5)},
		{ID: "b", Timestamp: time.Unix(7, 500)},
		{ID: "a", Timestamp: time.Unix(7, 500)},
		{ID: "no time"},
		{ID: "in another zone", Timestamp: time.Unix(8, 1).In(time.FixedZone("zone", 3600))},
		{ID: "00000003", Timestamp: time.Unix(5000, 0)}, // it moves
	} {
		e.Topic = "topic"
		if err := s.Write(e); err != nil {
			t.Fatal(err)
		}
	}
	all, err := s.Read("topic", events.ReadLimit(0))
	if err != nil || len(all) != 2005 {
		t.Fatalf("%d events, %v", len(all), err)
	}
	sorted := slices.Clone(all)
	slices.SortFunc(sorted, func(a, b *events.Event) int {
		if c := a.Timestamp.Compare(b.Timestamp); c != 0 {
			return c
		}
		return map[bool]int{true: -1, false: 1}[a.ID < b.ID]
	})
	if !slices.Equal(ids(all), ids(sorted)) {
		t.Error("the events are not in order")
	}
	for _, page := range []struct{ offset, limit uint }{{0, 1}, {0, 25}, {1, 25}, {999, 3}, {2000, 25}, {2004, 25}, {2005, 25}, {9999, 1}} {
		got, err := s.Read("topic", events.ReadOffset(page.offset), events.ReadLimit(page.limit))
		from := min(page.offset, 2005)
		want := all[from:min(from+page.limit, 2005)]
		if err != nil || !slices.Equal(ids(got), ids(want)) {
			t.Errorf("%+v: %q, %v", page, ids(got), err)
		}
	}
}

func TestAPageReadsAsManyRecordsAsItHasEvents(t *testing.T) {
	const n, limit = 10_000, 25
	s := stored(t, n)
	counted := events.CountReads(s)
	for _, offset := range []uint{0, n / 2, n - limit} {
		counted.Reads.Store(0)
		list, err := s.Read("topic", events.ReadLimit(limit), events.ReadOffset(offset))
		if err != nil || len(list) != limit {
			t.Errorf("from %d: %d events, %v", offset, len(list), err)
		}
		if reads := counted.Reads.Load(); reads != limit || counted.Lists.Load() > 0 {
			t.Errorf("from %d: %d records were read, and keys listed %d times", offset, reads, counted.Lists.Load())
		}
	}
}

// A consumer whose context has ended takes one part of the history, which is what
// publishers wait for.
func TestAReplayTakesTheHistoryAPartAtATime(t *testing.T) {
	const consumers = 100
	cost := func(n int) uint64 {
		stream, err := events.NewStream(events.StreamHistory(n, n))
		if err != nil {
			t.Fatal(err)
		}
		for range n {
			if err := stream.Publish("topic", []byte("{}")); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range consumers {
			if _, err := stream.Consume("topic", events.WithOffset(time.Unix(1, 0)), events.WithContext(ctx)); err != nil {
				t.Fatal(err)
			}
		}
		if err := stream.(io.Closer).Close(); err != nil { // waits for the consumers
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		return (after.TotalAlloc - before.TotalAlloc) / consumers
	}
	if few, many := cost(1_000), cost(50_000); many > 2*few {
		t.Errorf("among 1,000 events a consumer takes %d bytes, among 50,000 it takes %d", few, many)
	}
}

func TestExpiredEventsAreNotCountedByAnOffset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stored(t, 0)
		for i := range 20 {
			ttl := time.Hour
			if i%2 == 0 {
				ttl = time.Minute
			}
			_ = s.Write(&events.Event{ID: fmt.Sprintf("%02d", i), Topic: "topic"}, events.WithTTL(ttl))
		}
		time.Sleep(time.Minute)
		got, err := s.Read("topic", events.ReadOffset(2), events.ReadLimit(2))
		if want := []string{"05", "07"}; err != nil || !slices.Equal(ids(got), want) {
			t.Errorf("read %q, %v, want %q", ids(got), err, want)
		}
	})
}

func TestTheMemoryOfExpiredEventsComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		alloc := func() uint64 {
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			return m.HeapAlloc
		}
		before := alloc()
		s := stored(t, 10_000)
		full := alloc() - before
		time.Sleep(25 * time.Hour)
		synctest.Wait()
		if list, err := s.Read("topic"); err != nil || len(list) != 0 {
			t.Errorf("read %d events, %v", len(list), err)
		}
		if left := max(alloc(), before) - before; left > full/10 {
			t.Errorf("%d of %d bytes are left", left, full)
		}
		runtime.KeepAlive(s)
	})
}

func BenchmarkScaleStoreRead(b *testing.B) {
	for _, n := range []int{100, 1_000, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := stored(b, n)
			for b.Loop() {
				list, err := s.Read("topic", events.ReadLimit(25), events.ReadOffset(uint(n)/2))
				if err != nil || len(list) != 25 {
					b.Fatalf("%d events, %v", len(list), err)
				}
			}
		})
	}
}

// What others wait for while a consumer with an offset joins.
func BenchmarkScaleConsumeFromAnOffset(b *testing.B) {
	for _, n := range []int{100, 1_000, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			stream, err := events.NewStream(events.StreamHistory(n, n))
			if err != nil {
				b.Fatal(err)
			}
			defer stream.(io.Closer).Close()
			for range n {
				if err := stream.Publish("topic", []byte("{}")); err != nil {
					b.Fatal(err)
				}
			}
			for b.Loop() {
				ctx, cancel := context.WithCancel(context.Background())
				ch, err := stream.Consume("topic", events.WithOffset(time.Unix(1, 0)), events.WithContext(ctx))
				if err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				<-ch
				cancel()
				b.StartTimer()
			}
		})
	}
}
