package events_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/events"
	"github.com/justcy/go-micro/v4/internal/testkit"
)

// tally counts how often each event came.
type tally struct {
	mu    sync.Mutex
	times map[string]int
}

func (c *tally) add(e events.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.times[string(e.Payload)]++
}

func (c *tally) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.times)
}

// TestConsumersComeAndGoWithoutLosingAnEvent has a member of the group that
// stays, and others that leave in the middle and are followed by new ones. What
// one of them has in hand and not acknowledged when it leaves comes again.
func TestConsumersComeAndGoWithoutLosingAnEvent(t *testing.T) {
	const total = 5000
	for _, manual := range []bool{false, true} {
		t.Run(fmt.Sprintf("manual %v", manual), func(t *testing.T) {
			s := newStream(t)
			got := &tally{times: map[string]int{}}
			ctx, end := context.WithCancel(context.Background())
			var readers sync.WaitGroup
			consumer := func(ctx context.Context, limit int) {
				ch := consume(t, s, "topic", events.WithGroup("group"), events.WithAutoAck(!manual, time.Hour), events.WithContext(ctx))
				readers.Go(func() {
					for range limit {
						select {
						case e := <-ch:
							got.add(e)
							if err := e.Ack(); err != nil {
								t.Error(err)
							}
						case <-ctx.Done():
							return
						}
					}
				})
			}
			consumer(ctx, total)
			for range 3 {
				readers.Go(func() {
					for i := range 20 {
						member, leave := context.WithCancel(ctx)
						consumer(member, 10*i)
						time.Sleep(time.Millisecond)
						leave()
					}
				})
			}
			for i := range total {
				publish(t, s, "topic", fmt.Sprint(i))
			}
			testkit.Eventually(t, "every event arrives", func() bool { return got.len() == total })
			end()
			readers.Wait()
			for payload, n := range got.times {
				if n != 1 && !manual {
					t.Errorf("event %s came %d times", payload, n)
				}
			}
		})
	}
}
