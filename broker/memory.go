package broker

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/logger"
)

// ErrNotConnected is returned by operations that need a connected broker.
var ErrNotConnected = errors.New("not connected")

// memoryBroker delivers within the process, in the publisher's goroutine. No lock
// is held while handlers run.
type memoryBroker struct {
	mu        sync.RWMutex
	opts      Options
	address   string
	connected bool
	topics    map[string]*memoryTopic
}

type memorySubscriber struct {
	broker  *memoryBroker
	topic   string
	handler Handler
	opts    SubscribeOptions
	ended   atomic.Bool

	group *memoryGroup
	place int // among the members of the group
}

// NewMemoryBroker returns a broker for one process. Publish calls the handlers
// itself, in the order of their subscriptions, and returns when they are done.
//
// A handler's error, or its panic, goes to the [ErrorHandler] when there is
// one, and the next handler runs; otherwise Publish returns it at once. With a
// [Codec] messages are encoded by Publish and decoded by Event.Message.
func NewMemoryBroker(opts ...Option) Broker {
	return &memoryBroker{opts: *NewOptions(opts...), topics: map[string]*memoryTopic{}}
}

func (b *memoryBroker) String() string { return "memory" }

func (b *memoryBroker) Init(opts ...Option) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	options.To(&b.opts, opts)
	return nil
}

func (b *memoryBroker) Options() Options {
	b.mu.RLock()
	defer b.mu.RUnlock()
	o := b.opts
	o.Addrs = slices.Clone(o.Addrs)
	return o
}

// Address returns a made-up address: no socket is opened.
func (b *memoryBroker) Address() string {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.address
}

func (b *memoryBroker) Connect() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.connected {
		return nil
	}
	b.connected = true
	b.address = fmt.Sprintf("127.0.0.1:%d", 10000+rand.IntN(20000))
	return nil
}

func (b *memoryBroker) Disconnect() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.connected = false
	return nil
}

func (b *memoryBroker) Subscribe(topic string, h Handler, opts ...SubscribeOption) (Subscriber, error) {
	if err := checkSubscription(topic, h); err != nil {
		return nil, err
	}
	s := &memorySubscriber{broker: b, topic: topic, handler: h, opts: NewSubscribeOptions(opts...)}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.connected {
		return nil, ErrNotConnected
	}
	t := b.topics[topic]
	if t == nil {
		t = newMemoryTopic()
		b.topics[topic] = t
	}
	t.add(s)
	return s, nil
}

func (b *memoryBroker) Publish(topic string, m *Message, opts ...PublishOption) error {
	if err := checkPublication(topic, m); err != nil {
		return err
	}
	ctx := publishContext(opts)
	if err := contextError(ctx); err != nil {
		return err
	}
	d, groups, err := b.delivery(topic, m)
	if err != nil {
		return err
	}
	if len(groups) == 0 {
		return nil
	}
	if err := d.encode(); err != nil {
		return err
	}
	for _, g := range groups {
		if err := contextError(ctx); err != nil {
			return err
		}
		if err := d.toGroup(g); err != nil {
			return err
		}
	}
	return nil
}

// delivery returns how a message is delivered now, and to whom.
func (b *memoryBroker) delivery(topic string, m *Message) (d memoryDelivery, groups []*memoryGroup, err error) {
	b.mu.RLock()
	connected, t := b.connected, b.topics[topic]
	d = memoryDelivery{topic: topic, message: m, codec: b.opts.Codec, onError: b.opts.ErrorHandler, log: logger.LoggerOrDefault(b.opts.Logger)}
	if t != nil {
		groups = t.inTurn
	}
	b.mu.RUnlock()
	switch {
	case !connected:
		return d, nil, ErrNotConnected
	case t != nil && groups == nil:
		b.mu.Lock()
		defer b.mu.Unlock()
		groups = t.list()
	}
	return d, groups, nil
}

// checkPublication refuses what no broker can publish.
func checkPublication(topic string, m *Message) error {
	if topic == "" {
		return errors.New("publishing: the topic is empty")
	}
	if m == nil {
		return fmt.Errorf("publishing to %s: the message is nil", topic)
	}
	return nil
}

// checkSubscription refuses what no broker can subscribe.
func checkSubscription(topic string, h Handler) error {
	if topic == "" {
		return errors.New("subscribing: the topic is empty")
	}
	if h == nil {
		return fmt.Errorf("subscribing to %s: the handler is nil", topic)
	}
	return nil
}

// publishContext returns the context of a Publish, or nil.
func publishContext(opts []PublishOption) context.Context {
	if len(opts) == 0 {
		return nil
	}
	var o PublishOptions
	options.To(&o, opts)
	return o.Context
}

func contextError(ctx context.Context) error {
	if ctx == nil {
		return nil
	}
	return ctx.Err()
}

func (s *memorySubscriber) Options() SubscribeOptions { return s.opts }
func (s *memorySubscriber) Topic() string             { return s.topic }

func (s *memorySubscriber) Unsubscribe() error {
	if s.ended.Swap(true) {
		return nil
	}
	b := s.broker
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.topics[s.topic]
	if t.remove(s); t.isEmpty() {
		delete(b.topics, s.topic)
	}
	return nil
}
