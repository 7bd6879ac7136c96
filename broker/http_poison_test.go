package broker_test

import (
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/registry"
)

// diesOf answers as a process does that a message kills: not at all.
func diesOf(poison string, kills *atomic.Int32) func(string, int) int {
	return func(body string, _ int) int {
		if body == poison {
			kills.Add(1)
			panic(http.ErrAbortHandler)
		}
		return http.StatusOK
	}
}

func TestMessageThatKillsItsSubscribersIsNotOfferedWithoutEnd(t *testing.T) {
	t.Parallel()
	r := registry.NewMemoryRegistry()
	var kills atomic.Int32
	var peers []*peer
	for range 4 {
		peers = append(peers, newPeer(t, r, "topic", "queue", diesOf("poison", &kills)))
	}
	var told dropped
	b := connect(t, broker.NewBroker(broker.Registry(r), told.option()))
	publish(t, b, "topic", "poison", "next")
	eventuallyEqual(t, told.got, []string{"poison"})
	if n := kills.Load(); n != 10 {
		t.Errorf("it killed %d subscribers before it was given up", n)
	}
	if err := *told.reasons.Load(); !strings.Contains(err.Error(), "did not reply") {
		t.Errorf("the reason is %v", err)
	}
	testkit.Eventually(t, "the next message arrives", func() bool {
		return slices.ContainsFunc(peers, func(p *peer) bool { return slices.Contains(p.got(), "next") })
	})
}

// A subscription without a queue has a new id each time its process starts.
func TestMessageThatKillsAProcessWhichRestartsIsNotOfferedWithoutEnd(t *testing.T) {
	t.Parallel()
	r := registry.NewMemoryRegistry()
	var kills atomic.Int32
	var told dropped
	b := connect(t, broker.NewBroker(broker.Registry(r), told.option()))
	for i := 0; len(told.got()) == 0; i++ {
		p := newPeer(t, r, "topic", broadcast, diesOf("poison", &kills))
		if i == 0 {
			publish(t, b, "topic", "poison")
		}
		testkit.Eventually(t, "the message is offered or given up", func() bool {
			return len(p.got()) > 0 || len(told.got()) > 0
		})
		p.leave(t)
	}
	if n := kills.Load(); n != 10 {
		t.Errorf("it killed %d processes before it was given up", n)
	}
}

// Messages of a batch with the poison are not to blame.
func TestMessageThatKillsDoesNotTakeOthersOfItsBatchAlong(t *testing.T) {
	t.Parallel()
	r := registry.NewMemoryRegistry()
	var kills atomic.Int32
	var got log
	release := make(chan struct{})
	var warm sync.Map // members that the publisher knows to take batches
	for i := range 5 {
		member := connect(t, broker.NewBroker(broker.Registry(r)))
		subscribe(t, member, "topic", func(e broker.Event) error {
			switch string(e.Message().Body) {
			case "warm":
				warm.Store(i, true)
			case "hold":
				<-release
			case "poison":
				kills.Add(1)
				runtime.Goexit() // which the http server takes for the end of the connection
			}
			return got.handle(e)
		}, broker.Queue("queue"))
	}
	var told dropped
	b := connect(t, broker.NewBroker(broker.Registry(r), told.option()))
	warmed := 0
	for n := 0; n < 5; warmed++ {
		publish(t, b, "topic", "warm")
		testkit.Eventually(t, "it arrives", func() bool { return len(got.got()) > warmed })
		n = 0
		warm.Range(func(any, any) bool { n++; return true })
	}
	publish(t, b, "topic", "hold")
	publish(t, b, "topic", numbers(0, 10)...)
	publish(t, b, "topic", "poison")
	publish(t, b, "topic", numbers(10, 20)...)
	close(release)
	testkit.Eventually(t, "the last message arrives", func() bool { return slices.Contains(got.got(), "19") })
	if told := told.got(); !slices.Equal(told, []string{"poison"}) || kills.Load() != 10 {
		t.Errorf("given up: %q, after %d kills", told, kills.Load())
	}
	all := got.got()
	for _, body := range numbers(0, 20) {
		if !slices.Contains(all, body) {
			t.Errorf("%s was not delivered", body)
		}
	}
}

func TestMessageIsNotBlamedForSubscribersThatAreDownOrSlow(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		make func(t *testing.T, r registry.Registry, release chan struct{}) *peer
	}{
		{"down", func(t *testing.T, r registry.Registry, _ chan struct{}) *peer {
			p := newPeer(t, r, "topic", "queue", nil)
			p.Close()
			return p
		}},
		{"slow", func(t *testing.T, r registry.Registry, release chan struct{}) *peer {
			return newPeer(t, r, "topic", "queue", func(string, int) int { <-release; return http.StatusOK })
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := registry.NewMemoryRegistry()
			release := make(chan struct{})
			for range 12 {
				c.make(t, r, release)
			}
			t.Cleanup(func() { close(release) }) // before the peers close
			var told dropped
			b := connect(t, broker.NewBroker(broker.Registry(r), told.option(), broker.DeliveryTimeout(50*time.Millisecond)))
			publish(t, b, "topic", "1")
			publish(t, b, "topic", "2")
			var got log
			member := connect(t, broker.NewBroker(broker.Registry(r)))
			testkit.Eventually(t, "all were tried", func() bool { return broker.LaneFailing(b, "topic", "queue") })
			subscribe(t, member, "topic", got.handle, broker.Queue("queue"))
			testkit.Eventually(t, "delivery", func() bool { return slices.Contains(got.got(), "2") })
			if !slices.Contains(got.got(), "1") || len(told.got()) > 0 {
				t.Errorf("got %q, given up: %q", got.got(), told.got())
			}
		})
	}
}
