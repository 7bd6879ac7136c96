package broker_test

import (
	"fmt"
	"testing"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/registry"
)

// slow holds up registrations until it is released.
type slow struct {
	registry.Registry
	entered chan struct{}
	release chan struct{}
	topic   string // whose registrations are held up
}

func (s *slow) Register(service *registry.Service, opts ...registry.RegisterOption) error {
	if service.Nodes[0].Metadata["topic"] == s.topic {
		s.entered <- struct{}{}
		<-s.release
	}
	return s.Registry.Register(service, opts...)
}

// While the registry is slow an Unsubscribe has ended the handler but not the
// registration: what is delivered then must go to the others of the queue.
func TestMessageForAHandlerThatIsUnsubscribingGoesToTheQueue(t *testing.T) {
	t.Parallel()
	r := registry.NewMemoryRegistry()
	s := &slow{Registry: r, entered: make(chan struct{}), release: make(chan struct{}), topic: "slow"}
	leaving := connect(t, broker.NewBroker(broker.Registry(s)))
	var gone, stays log
	sub := subscribe(t, leaving, "topic", gone.handle, broker.Queue("workers"))

	held := make(chan error, 2)
	go func() {
		_, err := leaving.Subscribe("slow", gone.handle)
		held <- err
	}()
	<-s.entered
	go func() { held <- sub.Unsubscribe() }()
	publisher := connect(t, broker.NewBroker(broker.Registry(r)))
	testkit.Eventually(t, "the handler has ended", func() bool {
		before := len(gone.got())
		return deliverDirectly(t, r, "topic", "workers") && len(gone.got()) == before
	})
	before := len(gone.got())

	other := connect(t, broker.NewBroker(broker.Registry(r)))
	subscribe(t, other, "topic", stays.handle, broker.Queue("workers"))
	for i := range 20 { // one by one, each to a node chosen at random
		publish(t, publisher, "topic", numbers(i, i+1)...)
		eventuallyEqual(t, stays.got, numbers(0, i+1))
	}
	if n := len(gone.got()); n != before {
		t.Errorf("the handler that ended got %d messages", n-before)
	}
	close(s.release)
	for range 2 {
		if err := <-held; err != nil {
			t.Error(err)
		}
	}
}

func deliverDirectly(t *testing.T, r registry.Registry, topic, queue string) bool {
	t.Helper()
	rec := &receiver{node: nodes(t, r)[queue][0]}
	status, _ := rec.post(t, "POST", rec.node.Id, encoded(topic, "probe"))
	return status == 200
}

// A server that stops may get messages until it has unsubscribed.
func TestMessageForAHandlerThatSaysItHasEndedIsNotLost(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		make func(registry.Registry, ...broker.Option) (gone, stays broker.Broker)
	}{
		{"http, in another process", func(r registry.Registry, opts ...broker.Option) (gone, stays broker.Broker) {
			opts = append(opts, broker.Registry(r))
			return broker.NewBroker(opts...), broker.NewBroker(opts...)
		}},
		{"http, in the same process", func(r registry.Registry, opts ...broker.Option) (gone, stays broker.Broker) {
			b := broker.NewBroker(append(opts, broker.Registry(r))...)
			return b, b
		}},
		{"memory", func(_ registry.Registry, opts ...broker.Option) (gone, stays broker.Broker) {
			b := broker.NewMemoryBroker(opts...)
			return b, b
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var told dropped
			gone, stays := c.make(registry.NewMemoryRegistry(), told.option())
			connect(t, gone)
			connect(t, stays)
			subscribe(t, gone, "topic", func(broker.Event) error {
				return fmt.Errorf("the server is stopped: %w", broker.ErrUnsubscribed)
			}, broker.Queue("queue"))
			var got log
			subscribe(t, stays, "topic", got.handle, broker.Queue("queue"))
			for i := range 20 {
				publish(t, stays, "topic", numbers(i, i+1)...)
				eventuallyEqual(t, got.got, numbers(0, i+1))
			}
			if told := told.got(); len(told) > 0 {
				t.Errorf("the error handler was told of %q", told)
			}
		})
	}
}
