package broker_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/registry"
)

// TestMembersComeAndGoWithoutLosingAMessage has members of a queue group that
// unsubscribe or disconnect under load, in all orders, and one that stays.
func TestMembersComeAndGoWithoutLosingAMessage(t *testing.T) {
	t.Parallel()
	const total = 1500
	r := registry.NewMemoryRegistry()
	var mu sync.Mutex
	times := map[string]int{}
	handle := func(e broker.Event) error {
		mu.Lock()
		defer mu.Unlock()
		times[string(e.Message().Body)]++
		return nil
	}
	var gone dropped
	publisher := connect(t, broker.NewBroker(broker.Registry(r), gone.option()))
	steady := connect(t, broker.NewBroker(broker.Registry(r)))
	subscribe(t, steady, "topic", handle, broker.Queue("group"))

	var members sync.WaitGroup
	var done atomic.Bool
	for i := range 3 {
		b := connect(t, broker.NewBroker(broker.Registry(r)))
		members.Go(func() {
			for n := i; !done.Load(); n++ {
				s, err := b.Subscribe("topic", handle, broker.Queue("group"))
				if err != nil {
					t.Error(err)
					return
				}
				if n%3 == 0 {
					err = b.Disconnect()
				}
				if err == nil {
					err = s.Unsubscribe()
				}
				if err == nil {
					err = b.Connect()
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range total {
		publish(t, publisher, "topic", fmt.Sprint(i))
	}
	testkit.Eventually(t, "every message arrives", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(times)+len(gone.got()) >= total
	})
	done.Store(true)
	members.Wait()
	for body, n := range times {
		if n != 1 {
			t.Errorf("message %s came %d times", body, n)
		}
	}
	if n := len(gone.got()); n > 0 { // as on a machine that stalls for a second
		t.Logf("%d messages were reported as given up: %v", n, *gone.reasons.Load())
	}
}
