package scale

import (
	"fmt"
	"io"
	"time"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/registry"
)

// messagingRows are about the built-in brokers.
func messagingRows() []Row {
	return []Row{
		{Name: "broker-subscribe", Work: "subscriptions come to a topic of the memory broker that has as many, and go", Measure: brokerSubscribe},
		{Name: "broker-publish", Work: "subscribers of one topic of the memory broker get a message", Measure: brokerPublish},
		{Name: "http-stopped", Work: "messages of 10 KB over HTTP to a hundred receivers that have stopped", Measure: httpStopped},
		{Name: "http-stopped-held", Work: "the same: what waits", Unit: Bytes, Measure: httpStoppedHeld},
	}
}

const topic = "topic"

// subscribed is a memory broker with that many subscriptions of the topic.
func subscribed(count int) (broker.Broker, error) {
	b := broker.NewMemoryBroker()
	if err := b.Connect(); err != nil {
		return nil, err
	}
	for range count {
		if _, err := b.Subscribe(topic, ignore); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func ignore(broker.Event) error { return nil }

func brokerSubscribe(n int) (float64, error) {
	return Steps(n, func(steps int) (Work, error) {
		b, err := subscribed(n)
		return Work{Do: func() error {
			for range steps {
				s, err := b.Subscribe(topic, ignore)
				if err != nil {
					return err
				}
				if err := s.Unsubscribe(); err != nil {
					return err
				}
			}
			return nil
		}}, err
	})
}

func brokerPublish(n int) (float64, error) {
	return Processor(func() (Work, error) {
		b, err := subscribed(n)
		return Work{Do: func() error { return b.Publish(topic, &broker.Message{}) }}, err
	})
}

const (
	receivers = 100
	largeBody = 10_000
)

// publisher is a broker that knows receivers where nobody listens, of one topic
// each.
func publisher() (broker.Broker, error) {
	r := registry.NewMemoryRegistry()
	for i := range receivers {
		s := &registry.Service{Name: "micro.http.broker", Version: "queue", Nodes: []*registry.Node{{
			Id: fmt.Sprint("node", i), Address: "127.0.0.1:1",
			Metadata: map[string]string{"broker": "http", "topic": receiver(i)},
		}}}
		if err := r.Register(s); err != nil {
			return nil, err
		}
	}
	b := broker.NewBroker(
		broker.Registry(r),
		broker.Logger(logger.NewLogger(logger.WithOutput(io.Discard))),
		broker.DisconnectTimeout(time.Millisecond),
	)
	return b, b.Connect()
}

// receiver is the topic of the i-th message.
func receiver(i int) string { return fmt.Sprint(topic, i%receivers) }

func publish(b broker.Broker, count int) error {
	m := &broker.Message{Body: make([]byte, largeBody)}
	for i := range count {
		if err := b.Publish(receiver(i), m); err != nil {
			return err
		}
	}
	return nil
}

// stop disconnects a publisher, which tells of the messages that it has left.
func stop(b broker.Broker) { _ = b.Disconnect() }

func httpStopped(n int) (float64, error) {
	return Processor(func() (Work, error) {
		b, err := publisher()
		return Work{Do: func() error { return publish(b, n) }, End: func() { stop(b) }}, err
	})
}

func httpStoppedHeld(n int) (float64, error) {
	b, err := publisher()
	if err != nil {
		return 0, err
	}
	defer stop(b)
	return Held(func() (broker.Broker, error) { return b, publish(b, n) })
}
