package brokertest_test

import (
	"bytes"
	"errors"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/broker/brokertest"
)

func harness(wrap func(broker.Broker) broker.Broker) brokertest.Harness {
	return brokertest.Harness{
		New: func(_ testing.TB, opts ...broker.Option) broker.Broker {
			return wrap(broker.NewMemoryBroker(opts...))
		},
		NoSharing: true,
		Quiet:     time.Millisecond,
		Patience:  200 * time.Millisecond,
	}
}

func TestGoodBrokerKeepsAllRules(t *testing.T) {
	h := harness(func(b broker.Broker) broker.Broker { return b })
	h.Patience = 0
	h.NoBacklog = true // Publish returns when the handlers have
	for rule, failure := range brokertest.Broken(t, h) {
		t.Errorf("%s: %s", rule, failure)
	}
}

// wrong is a memory broker with one behaviour replaced.
type wrong struct {
	broker.Broker
	publish   func(b broker.Broker, topic string, m *broker.Message, opts ...broker.PublishOption) error
	subscribe func(b broker.Broker, topic string, h broker.Handler, opts ...broker.SubscribeOption) (broker.Subscriber, error)
}

func (w *wrong) Publish(topic string, m *broker.Message, opts ...broker.PublishOption) error {
	if w.publish != nil {
		return w.publish(w.Broker, topic, m, opts...)
	}
	return w.Broker.Publish(topic, m, opts...)
}

func (w *wrong) Subscribe(topic string, h broker.Handler, opts ...broker.SubscribeOption) (broker.Subscriber, error) {
	if w.subscribe != nil {
		return w.subscribe(w.Broker, topic, h, opts...)
	}
	return w.Broker.Subscribe(topic, h, opts...)
}

type sticky struct{ broker.Subscriber }

func (sticky) Unsubscribe() error { return nil }

type once struct {
	broker.Subscriber
	done bool
}

func (o *once) Unsubscribe() error {
	if o.done {
		return errors.New("already done")
	}
	o.done = true
	return o.Subscriber.Unsubscribe()
}

var wrongBrokers = []struct {
	name  string
	rule  string // which must be found broken
	wrong wrong
}{
	{
		name: "loses messages", rule: "a subscriber gets what is published to its topic",
		wrong: wrong{publish: func(broker.Broker, string, *broker.Message, ...broker.PublishOption) error { return nil }},
	},
	{
		name: "delivers twice", rule: "messages of a topic arrive in publish order, each once",
		wrong: wrong{publish: func(b broker.Broker, topic string, m *broker.Message, opts ...broker.PublishOption) error {
			return errors.Join(b.Publish(topic, m, opts...), b.Publish(topic, m, opts...))
		}},
	},
	{
		name: "delivers out of order", rule: "messages of a topic arrive in publish order, each once",
		wrong: wrong{publish: func(b broker.Broker, topic string, m *broker.Message, opts ...broker.PublishOption) error {
			m = &broker.Message{Header: maps.Clone(m.Header), Body: bytes.Clone(m.Body)}
			time.AfterFunc(rand.N(5*time.Millisecond), func() { _ = b.Publish(topic, m, opts...) })
			return nil
		}},
	},
	{
		name: "ignores queues", rule: "a queue group gets each message once",
		wrong: wrong{subscribe: func(b broker.Broker, topic string, h broker.Handler, _ ...broker.SubscribeOption) (broker.Subscriber, error) {
			return b.Subscribe(topic, h)
		}},
	},
	{
		name: "puts all queues into one", rule: "every queue group and every subscriber without a queue gets each message",
		wrong: wrong{subscribe: func(b broker.Broker, topic string, h broker.Handler, opts ...broker.SubscribeOption) (broker.Subscriber, error) {
			return b.Subscribe(topic, h, append(opts, broker.Queue("one"))...)
		}},
	},
	{
		name: "goes on after Unsubscribe", rule: "nothing is delivered after Unsubscribe",
		wrong: wrong{subscribe: func(b broker.Broker, topic string, h broker.Handler, opts ...broker.SubscribeOption) (broker.Subscriber, error) {
			s, err := b.Subscribe(topic, h, opts...)
			return sticky{s}, err
		}},
	},
	{
		name: "fails a repeated Unsubscribe", rule: "Unsubscribe may be repeated",
		wrong: wrong{subscribe: func(b broker.Broker, topic string, h broker.Handler, opts ...broker.SubscribeOption) (broker.Subscriber, error) {
			s, err := b.Subscribe(topic, h, opts...)
			return &once{Subscriber: s}, err
		}},
	},
	{
		name: "drops headers", rule: "headers arrive",
		wrong: wrong{publish: func(b broker.Broker, topic string, m *broker.Message, opts ...broker.PublishOption) error {
			return b.Publish(topic, &broker.Message{Body: m.Body}, opts...)
		}},
	},
	{
		name: "ignores the context", rule: "a done PublishContext ends Publish with its error",
		wrong: wrong{publish: func(b broker.Broker, topic string, m *broker.Message, _ ...broker.PublishOption) error {
			return b.Publish(topic, m)
		}},
	},
	{
		name: "accepts messages when disconnected", rule: "Publish after Disconnect is an error",
		wrong: wrong{publish: func(b broker.Broker, topic string, m *broker.Message, opts ...broker.PublishOption) error {
			if err := b.Publish(topic, m, opts...); !errors.Is(err, broker.ErrNotConnected) {
				return err
			}
			return nil
		}},
	},
	{
		name: "stamps the publisher's message", rule: "the published message is not changed",
		wrong: wrong{publish: func(b broker.Broker, topic string, m *broker.Message, opts ...broker.PublishOption) error {
			if m.Header != nil {
				m.Header["Micro-Topic"] = topic
			}
			return b.Publish(topic, m, opts...)
		}},
	},
}

func TestBrokenBrokersAreFound(t *testing.T) {
	for _, w := range wrongBrokers {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			broken := brokertest.Broken(t, harness(func(b broker.Broker) broker.Broker {
				wrapped := w.wrong
				wrapped.Broker = b
				return &wrapped
			}), w.rule)
			if broken[w.rule] == "" {
				t.Errorf("the rule %q was not found broken, but %v", w.rule, broken)
			}
		})
	}
}
