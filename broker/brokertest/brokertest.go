// Package brokertest checks that a broker keeps the rules every broker keeps.
//
// A driver runs it in a test of its own:
//
//	func TestConformance(t *testing.T) {
//		brokertest.Run(t, brokertest.Harness{
//			New: func(t testing.TB, opts ...broker.Option) broker.Broker {
//				return mybroker.NewBroker(append(opts, broker.Addrs(url))...)
//			},
//			Settle: 100 * time.Millisecond,
//		})
//	}
package brokertest

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/internal/conformance"
)

// Harness tells the suite how to use a broker and what it cannot do.
type Harness struct {
	// New returns a broker that is not connected, with opts applied. All brokers
	// of a harness share one backend, so that they reach each other, unless
	// NoSharing is set. The backend may be used by others: topics and queues
	// are unique.
	New func(t testing.TB, opts ...broker.Option) broker.Broker
	// Outage returns a connected broker on a backend that the rule can take away
	// from it and give back. Nil: the rules about it are skipped.
	Outage func(t testing.TB, opts ...broker.Option) (b broker.Broker, begin, end func())
	// Inject publishes bytes that are no message, as a foreign program does. Nil:
	// the rules about it are skipped.
	Inject func(t testing.TB, topic string, data []byte)
	// Settle is how long a new or ended subscription may take to be known to
	// publishers. Zero: none.
	Settle time.Duration
	// Quiet is how long to watch that nothing (more) is delivered. Zero: 50ms.
	Quiet time.Duration
	// Patience is how long to wait for a delivery. Zero: 20s, which is for
	// machines that stall.
	Patience time.Duration

	// NoSharing: brokers of their own do not reach each other.
	NoSharing bool
	// NoQueues: there are no queue groups.
	NoQueues bool
	// NoHeaders: message headers are not carried.
	NoHeaders bool
	// NoErrorHandler: handler errors are not reported to the ErrorHandler.
	NoErrorHandler bool
	// NoReconnect: a broker cannot be connected again after Disconnect.
	NoReconnect bool
	// NoConfirm: Publish does not wait for the backend's answer, so that what is
	// published at the moment when the backend goes away may be lost.
	NoConfirm bool
	// NoBacklog: a publisher waits for slow subscribers, or overruns them after
	// fewer than a thousand messages.
	NoBacklog bool
	// NoBinary: bodies are limited to text.
	NoBinary bool
}

// Run checks all rules.
func Run(t *testing.T, h Harness) { conformance.Run(t, h, rules) }

func gap(name string, declared func(Harness) bool) func(Harness) string {
	return func(h Harness) string {
		if declared(h) {
			return name
		}
		return ""
	}
}

// fixture is what the rules speak in: brokers of the harness, and a topic of
// the rule's own.
type fixture struct {
	testing.TB
	h     Harness
	topic string
}

func setup(t testing.TB, h Harness) *fixture {
	if h.Quiet <= 0 {
		h.Quiet = 50 * time.Millisecond
	}
	if h.Patience <= 0 {
		h.Patience = 20 * time.Second
	}
	return &fixture{TB: t, h: h, topic: unique("topic")}
}

func unique(what string) string { return what + "-" + uuid.NewString()[:8] }

// connected returns a broker that is connected until the rule is checked.
func (f *fixture) connected(opts ...broker.Option) broker.Broker {
	f.Helper()
	b := f.h.New(f.TB, opts...)
	f.Cleanup(func() { _ = b.Disconnect() })
	if err := b.Connect(); err != nil {
		f.Fatalf("Connect: %v", err)
	}
	return b
}

// subscribe adds a subscription which is known to everybody when it returns.
func (f *fixture) subscribe(b broker.Broker, h broker.Handler, opts ...broker.SubscribeOption) broker.Subscriber {
	f.Helper()
	sub, err := b.Subscribe(f.topic, h, opts...)
	if err != nil {
		f.Fatalf("Subscribe(%q): %v", f.topic, err)
	}
	f.Cleanup(func() { _ = sub.Unsubscribe() })
	time.Sleep(f.h.Settle)
	return sub
}

func (f *fixture) publish(b broker.Broker, bodies ...string) {
	f.Helper()
	for _, body := range bodies {
		if err := b.Publish(f.topic, &broker.Message{Body: []byte(body)}); err != nil {
			f.Fatalf("Publish(%q): %v", f.topic, err)
		}
	}
}

// inbox collects what a handler gets.
type inbox struct {
	mu     sync.Mutex
	events []broker.Event
}

func (i *inbox) handle(e broker.Event) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.events = append(i.events, e)
	return nil
}

func (i *inbox) bodies() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	out := make([]string, len(i.events))
	for n, e := range i.events {
		if m := e.Message(); m != nil {
			out[n] = string(m.Body)
		}
	}
	return out
}

func (i *inbox) first() broker.Event {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.events[0]
}

// want waits until the inboxes together got exactly the bodies, in any order of
// inboxes but in order within each, and watches that nothing more comes.
func (f *fixture) want(what string, bodies []string, inboxes ...*inbox) {
	f.Helper()
	got := func() []string {
		var all []string
		for _, i := range inboxes {
			all = append(all, i.bodies()...)
		}
		if len(inboxes) > 1 {
			slices.Sort(all)
		}
		return all
	}
	if len(inboxes) > 1 {
		bodies = slices.Sorted(slices.Values(bodies))
	}
	f.eventually(func() bool { return len(got()) >= len(bodies) })
	f.Helper()
	time.Sleep(f.h.Quiet)
	if !slices.Equal(got(), bodies) {
		f.Errorf("%s: got %s, want %s", what, brief(got()), brief(bodies))
	}
}

// eventually waits until ok or until the patience has ended.
func (f *fixture) eventually(ok func() bool) bool {
	deadline := time.Now().Add(f.h.Patience + f.h.Settle)
	for !ok() {
		if time.Now().After(deadline) {
			return false
		}
		time.Sleep(5 * time.Millisecond)
	}
	return true
}

func brief(bodies []string) string {
	if len(bodies) <= 12 {
		return fmt.Sprintf("%q", bodies)
	}
	return fmt.Sprintf("%d messages: %q …", len(bodies), bodies[:12])
}

func numbered(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("%04d", i)
	}
	return out
}
