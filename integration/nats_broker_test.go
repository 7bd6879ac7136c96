package integration_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/broker/brokertest"
	natsbroker "github.com/justcy/go-micro/v4/broker/nats"
	"github.com/justcy/go-micro/v4/integration/internal/servers"
	"github.com/justcy/go-micro/v4/internal/testkit"
)

// connected returns a broker that is connected until the test ends.
func connected(t testing.TB, b broker.Broker) broker.Broker {
	t.Helper()
	must(t, b.Connect())
	t.Cleanup(func() { _ = b.Disconnect() })
	return b
}

func TestNATSBroker(t *testing.T) {
	url := servers.NATS(t)
	for name, opts := range map[string][]broker.Option{"plain": nil, "draining": {natsbroker.DrainConnection()}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			brokertest.Run(t, brokertest.Harness{
				New: func(_ testing.TB, more ...broker.Option) broker.Broker {
					return natsbroker.NewBroker(slices.Concat([]broker.Option{broker.Addrs(url)}, opts, more)...)
				},
				Outage: func(t testing.TB, more ...broker.Option) (broker.Broker, func(), func()) {
					server := servers.NewNATS(t)
					b := natsbroker.NewBroker(slices.Concat([]broker.Option{broker.Addrs(server.URL)}, opts, more)...)
					return connected(t, b), server.Stop, server.Start
				},
				Inject: func(t testing.TB, topic string, data []byte) {
					c := natsConn(t, url)
					must(t, c.Publish(topic, data))
					must(t, c.Flush())
				},
				NoConfirm: true,
			})
		})
	}
}

func TestNATSMessagesAreInTheFormOfGoMicroV4(t *testing.T) {
	url, topic := servers.NATS(t), unique("topic-")
	b, c := connected(t, natsbroker.NewBroker(broker.Addrs(url))), natsConn(t, url)
	raw, err := c.SubscribeSync(topic)
	must(t, err)
	must(t, c.Flush())
	must(t, b.Publish(topic, &broker.Message{Header: map[string]string{"Micro-Topic": topic}, Body: []byte("body")}))
	m, err := raw.NextMsg(testkit.Patience)
	must(t, err)
	if want := `{"Header":{"Micro-Topic":"` + topic + `"},"Body":"Ym9keQ=="}`; string(m.Data) != want {
		t.Errorf("sent %s, want %s", m.Data, want)
	}
	got := make(chan broker.Event, 1)
	_, err = b.Subscribe(topic, func(e broker.Event) error { got <- e; return nil }, broker.Queue("queue"))
	must(t, err)
	must(t, c.Publish(topic, []byte(`{"Header":null,"Body":"Ym9keQ=="}`)))
	if e := <-got; string(e.Message().Body) != "body" || e.Topic() != topic {
		t.Errorf("got %+v of %s", e.Message(), e.Topic())
	}
}

func TestNATSWildcardsSubscribeAndTheEventTellsTheTopic(t *testing.T) {
	b, base := connected(t, natsbroker.NewBroker(broker.Addrs(servers.NATS(t)))), unique("topic-")
	got := make(chan string, 10)
	_, err := b.Subscribe(base+".*", func(e broker.Event) error { got <- e.Topic(); return nil })
	must(t, err)
	must(t, b.Publish(base+".a", new(broker.Message)))
	if topic := <-got; topic != base+".a" {
		t.Errorf("the topic is %s", topic)
	}
}

func TestNATSUndecodableMessagesReachTheErrorHandlerWithTheirBytes(t *testing.T) {
	url, topic := servers.NATS(t), unique("topic-")
	failed := make(chan broker.Event, 1)
	b := connected(t, natsbroker.NewBroker(broker.Addrs(url), broker.ErrorHandler(func(e broker.Event) error { failed <- e; return nil })))
	_, err := b.Subscribe(topic, func(broker.Event) error { t.Error("the handler was called"); return nil })
	must(t, err)
	must(t, natsConn(t, url).Publish(topic, []byte("no message")))
	if e := <-failed; string(e.Message().Body) != "no message" || e.Error() == nil || e.Topic() != topic {
		t.Errorf("got %q of %s, %v", e.Message().Body, e.Topic(), e.Error())
	}
}

func TestNATSSubscriptionsAreInForceWhenConnectReturns(t *testing.T) {
	url, topic := servers.NATS(t), unique("topic-")
	b, c := connected(t, natsbroker.NewBroker(broker.Addrs(url))), natsConn(t, url)
	got := make(chan string, 1)
	_, err := b.Subscribe(topic, func(e broker.Event) error { got <- string(e.Message().Body); return nil })
	must(t, err)
	for i := range 200 {
		must(t, b.Disconnect())
		must(t, b.Connect())
		must(t, c.Publish(topic, []byte(`{"Header":null,"Body":"eA=="}`)))
		select {
		case <-got:
		case <-time.After(testkit.Patience):
			t.Fatalf("message %d did not arrive", i)
		}
	}
}

func TestNATSDisconnectHandlesWhatHasArrivedWhenItDrains(t *testing.T) {
	b, topic := connected(t, natsbroker.NewBroker(broker.Addrs(servers.NATS(t)), natsbroker.DrainConnection())), unique("topic-")
	begin, arrived := make(chan struct{}), make(chan struct{}, 100)
	var mu sync.Mutex
	handled := 0
	_, err := b.Subscribe(topic, func(broker.Event) error {
		arrived <- struct{}{}
		<-begin
		mu.Lock()
		defer mu.Unlock()
		handled++
		return nil
	})
	must(t, err)
	for range 50 {
		must(t, b.Publish(topic, &broker.Message{Body: []byte("x")}))
	}
	<-arrived
	time.AfterFunc(50*time.Millisecond, func() { close(begin) })
	must(t, b.Disconnect())
	mu.Lock()
	defer mu.Unlock()
	if handled != 50 {
		t.Errorf("%d of 50 messages were handled when Disconnect returned", handled)
	}
}

func TestNATSDisconnectWaitsNoLongerThanTheDrainTimeout(t *testing.T) {
	opts := nats.GetDefaultOptions()
	opts.DrainTimeout = 100 * time.Millisecond
	b := connected(t, natsbroker.NewBroker(natsbroker.Options(opts), broker.Addrs(servers.NATS(t)), natsbroker.DrainConnection()))
	topic, running, end := unique("topic-"), make(chan struct{}), make(chan struct{})
	defer close(end)
	_, err := b.Subscribe(topic, func(broker.Event) error { close(running); <-end; return nil })
	must(t, err)
	must(t, b.Publish(topic, new(broker.Message)))
	<-running
	if err := b.Disconnect(); err == nil {
		t.Error("Disconnect is silent about a handler that does not end")
	}
	if err := b.Publish(topic, new(broker.Message)); !errors.Is(err, broker.ErrNotConnected) {
		t.Errorf("Publish: %v", err)
	}
}

func TestNATSCallbacksOfTheUserAreCalled(t *testing.T) {
	server := servers.NewNATS(t)
	lost, back := make(chan struct{}, 10), make(chan struct{}, 10)
	opts := nats.GetDefaultOptions()
	opts.ReconnectWait = 50 * time.Millisecond
	opts.DisconnectedErrCB = func(*nats.Conn, error) { lost <- struct{}{} }
	opts.ReconnectedCB = func(*nats.Conn) { back <- struct{}{} }
	connected(t, natsbroker.NewBroker(natsbroker.Options(opts), broker.Addrs(server.URL)))
	server.Stop()
	<-lost
	server.Start()
	<-back
}
