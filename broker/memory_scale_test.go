package broker_test

import (
	"runtime"
	"testing"

	"github.com/justcy/go-micro/v4/broker"
)

// subscribed returns a memory broker with n subscriptions of "topic".
func subscribed(t *testing.T, n int, opts ...broker.SubscribeOption) broker.Broker {
	t.Helper()
	b := broker.NewMemoryBroker()
	if err := b.Connect(); err != nil {
		t.Fatal(err)
	}
	for range n {
		if _, err := b.Subscribe("topic", func(broker.Event) error { return nil }, opts...); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// bytesPerRun returns what f allocates, as the mean of many runs.
func bytesPerRun(runs int, f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		f()
	}
	runtime.ReadMemStats(&after)
	return (after.TotalAlloc - before.TotalAlloc) / uint64(runs)
}

func TestToSubscribeAndUnsubscribeCostsTheSameHoweverManyDo(t *testing.T) {
	const runs = 40_000 // so that what is done anew now and then is among them
	for name, opts := range map[string][]broker.SubscribeOption{
		"each by itself":   nil,
		"in a queue group": {broker.Queue("queue")},
	} {
		t.Run(name, func(t *testing.T) {
			cost := func(n int) uint64 {
				b := subscribed(t, n, opts...)
				return bytesPerRun(runs, func() {
					s, err := b.Subscribe("topic", func(broker.Event) error { return nil }, opts...)
					if err != nil {
						t.Fatal(err)
					}
					if err := s.Unsubscribe(); err != nil {
						t.Fatal(err)
					}
				})
			}
			if few, many := cost(10), cost(10_000); many > 2*few {
				t.Errorf("with 10 subscriptions one more costs %d bytes, with 10,000 it costs %d", few, many)
			}
		})
	}
}
