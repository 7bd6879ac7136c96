package brokertest_test

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/broker/brokertest"
)

// remote is a memory broker that can be cut off.
type remote struct {
	broker.Broker
	away   atomic.Bool
	loses  bool // accepts what it cannot deliver
	forget bool // does not come back
}

func (r *remote) Publish(topic string, m *broker.Message, opts ...broker.PublishOption) error {
	if !r.away.Load() {
		return r.Broker.Publish(topic, m, opts...)
	}
	if r.loses {
		return nil
	}
	return errors.New("no connection")
}

func outages(edit func(*remote)) brokertest.Harness {
	h := harness(func(b broker.Broker) broker.Broker { return b })
	h.NoBacklog = true
	h.Outage = func(t testing.TB, opts ...broker.Option) (broker.Broker, func(), func()) {
		r := &remote{Broker: broker.NewMemoryBroker(opts...)}
		edit(r)
		if err := r.Connect(); err != nil {
			t.Fatal(err)
		}
		return r, func() { r.away.Store(true) }, func() { r.away.Store(r.forget) }
	}
	return h
}

const (
	afterOutage = "subscriptions go on by themselves after the backend was away"
	inOutage    = "Publish does not succeed while the backend is away, or delivers when it is back"
	odd         = "any topic is taken as it is, or refused"
	noMessage   = "bytes that are no message do no harm to the next message"
)

func TestABrokerThatComesBackKeepsTheRules(t *testing.T) {
	h := outages(func(*remote) {})
	h.Patience = 0
	for rule, failure := range brokertest.Broken(t, h, afterOutage, inOutage) {
		t.Errorf("%s: %s", rule, failure)
	}
}

func TestBrokersThatAreBrokenByTheirBackendAreFound(t *testing.T) {
	patterns := harness(func(b broker.Broker) broker.Broker {
		return &wrong{Broker: b, publish: func(b broker.Broker, topic string, m *broker.Message, opts ...broker.PublishOption) error {
			return b.Publish(strings.TrimSuffix(topic, "*"), m, opts...)
		}}
	})
	shared := broker.NewMemoryBroker()
	if err := shared.Connect(); err != nil {
		t.Fatal(err)
	}
	anything := harness(func(broker.Broker) broker.Broker { return shared })
	anything.Inject = func(t testing.TB, topic string, data []byte) {
		if err := shared.Publish(topic, &broker.Message{Body: data}); err != nil {
			t.Error(err)
		}
	}
	for _, w := range []struct {
		name, rule string
		harness    brokertest.Harness
	}{
		{"does not come back", afterOutage, outages(func(r *remote) { r.forget = true })},
		{"accepts and loses", inOutage, outages(func(r *remote) { r.loses = true })},
		{"reads patterns", odd, patterns},
		{"takes anything for a message", noMessage, anything},
		{"waits for its subscribers", "a slow subscriber gets a thousand messages in order", harness(func(b broker.Broker) broker.Broker {
			return &wrong{Broker: b, publish: func(b broker.Broker, topic string, m *broker.Message, opts ...broker.PublishOption) error {
				go func() { _ = b.Publish(topic, m, opts...) }()
				return nil
			}}
		})},
	} {
		t.Run(w.name, func(t *testing.T) {
			if broken := brokertest.Broken(t, w.harness, w.rule); broken[w.rule] == "" {
				t.Errorf("the rule %q was not found broken", w.rule)
			}
		})
	}
}
