package scale

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/justcy/go-micro/v4/cache"
	"github.com/justcy/go-micro/v4/events"
	"github.com/justcy/go-micro/v4/store"
)

// storageRows are about the memory drivers of events, store and cache.
func storageRows() []Row {
	return []Row{
		{Name: "events-read", Work: "reads of 25 events from the middle of that many", Most: 100_000, Measure: eventsRead},
		{Name: "events-replay", Work: "events are replayed to a consumer", Most: 100_000, Measure: eventsReplay},
		{Name: "store-queue", Work: "records are written to a queue as long, and its first are listed and deleted", Known: searches, Most: 100_000, Measure: storeQueue},
		{Name: "store-expire", Work: "records expire at once, and are removed", Most: 100_000, Measure: storeExpire},
		{Name: "store-expire-held", Work: "the same: what stays", Unit: Bytes, Most: 100_000, Measure: storeExpireHeld},
		{Name: "cache-items", Work: "items with lifetimes are put into a memory cache of as many, and deleted", Known: searches, Most: 100_000, Measure: cacheItems},
		{Name: "cache-items-held", Work: "the same: what stays", Unit: Bytes, Most: 100_000, Measure: cacheItemsHeld},
	}
}

// searches is why a step is dearer among many records or items.
const searches = "what is kept in order is found in log n steps, and the processor's caches do not hold a hundred thousand"

func eventsRead(n int) (float64, error) {
	s := events.NewStore()
	defer func() { _ = s.(io.Closer).Close() }() // nothing is backed up
	for i := range n {
		e := &events.Event{ID: fmt.Sprintf("%08d", i), Topic: topic, Timestamp: time.Unix(int64(i), 0), Payload: []byte("{}")}
		if err := s.Write(e); err != nil {
			return 0, err
		}
	}
	return Steps(n, func(steps int) (Work, error) {
		return Work{Do: func() error {
			for range steps {
				page, err := s.Read(topic, events.ReadLimit(25), events.ReadOffset(uint(n)/2))
				if err != nil {
					return err
				}
				if want := min(25, n-n/2); len(page) != want {
					return fmt.Errorf("read %d events, want %d", len(page), want)
				}
			}
			return nil
		}}, nil
	})
}

func eventsReplay(n int) (float64, error) {
	stream, err := events.NewStream(events.StreamHistory(n, n))
	if err != nil {
		return 0, err
	}
	defer func() { _ = stream.(io.Closer).Close() }() // its consumers have ended
	for range n {
		if err := stream.Publish(topic, []byte("{}")); err != nil {
			return 0, err
		}
	}
	return Processor(func() (Work, error) {
		ctx, cancel := context.WithCancel(context.Background())
		return Work{End: cancel, Do: func() error {
			replayed, err := stream.Consume(topic, events.WithOffset(time.Unix(1, 0)), events.WithContext(ctx))
			if err != nil {
				return err
			}
			for range n {
				<-replayed
			}
			return nil
		}}, nil
	})
}

func storeKey(i int) string { return fmt.Sprintf("job/%012d", i) }

func writeRecords(s store.Store, count int, opts ...store.WriteOption) error {
	for i := range count {
		if err := s.Write(&store.Record{Key: storeKey(i), Value: make([]byte, 16)}, opts...); err != nil {
			return err
		}
	}
	return nil
}

func storeQueue(n int) (float64, error) {
	return Steps(n, func(steps int) (Work, error) {
		s := store.NewMemoryStore()
		return Work{Do: func() error {
			for i := range steps {
				if err := s.Write(&store.Record{Key: storeKey(n + i), Value: make([]byte, 16)}); err != nil {
					return err
				}
				first, err := s.List(store.ListPrefix("job/"), store.ListLimit(1))
				if err != nil {
					return err
				}
				if len(first) != 1 || first[0] != storeKey(i) {
					return fmt.Errorf("the first of the queue is %q, want %s", first, storeKey(i))
				}
				if err := s.Delete(first[0]); err != nil {
					return err
				}
			}
			return nil
		}}, writeRecords(s, n)
	})
}

const (
	lifetime = 2 * time.Second
	// swept is how long after its records have expired a memory store has removed
	// them, which it does at most once a second.
	swept = 3 * time.Second
)

// storeExpire counts what the process does while nothing but removing is done.
func storeExpire(n int) (float64, error) {
	return Processor(func() (Work, error) {
		s := store.NewMemoryStore()
		if err := writeRecords(s, n, store.WriteTTL(lifetime)); err != nil {
			return Work{}, err
		}
		return Work{Do: func() error { time.Sleep(lifetime + swept); return empty(s) }}, nil
	})
}

func storeExpireHeld(n int) (float64, error) {
	return Held(func() (store.Store, error) {
		s := store.NewMemoryStore()
		if err := writeRecords(s, n, store.WriteTTL(lifetime)); err != nil {
			return nil, err
		}
		time.Sleep(lifetime + swept)
		return s, empty(s)
	})
}

// empty fails unless the store has no records.
func empty(s store.Store) error {
	keys, err := s.List(store.ListLimit(1))
	if err == nil && len(keys) > 0 {
		err = fmt.Errorf("%s has not expired", keys[0])
	}
	return err
}

func putItems(c cache.Cache, first, count int) error {
	for i := range count {
		if err := c.Put(context.Background(), storeKey(first+i), i, time.Duration(1+i)*time.Minute); err != nil {
			return err
		}
	}
	return nil
}

func deleteItems(c cache.Cache, first, count int) error {
	for i := range count {
		if err := c.Delete(context.Background(), storeKey(first+i)); err != nil {
			return err
		}
	}
	return nil
}

func cacheItems(n int) (float64, error) {
	return Steps(n, func(steps int) (Work, error) {
		c := cache.NewCache()
		return Work{Do: func() error {
			if err := putItems(c, n, steps); err != nil {
				return err
			}
			return deleteItems(c, n, steps)
		}}, putItems(c, 0, n)
	})
}

func cacheItemsHeld(n int) (float64, error) {
	return Held(func() (cache.Cache, error) {
		c := cache.NewCache()
		if err := putItems(c, 0, n); err != nil {
			return nil, err
		}
		return c, deleteItems(c, 0, n)
	})
}
