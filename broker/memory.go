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

// memoryBroker delivers within the process, in the publisher's goroutine. A
// topic's subscribers are an immutable list which Publish reads without a lock
// held over the handlers; subscribing and unsubscribing replace it.
type memoryBroker struct {
	mu        sync.RWMutex
	opts      Options
	address   string
	connected bool
	topics    map[string][]*memoryGroup
}

// memoryGroup is a queue group, or one subscriber without a queue.
type memoryGroup struct {
	queue   string
	members []*memorySubscriber
	turn    *atomic.Uint64 // shared by the successive versions of the group
}

type memorySubscriber struct {
	broker  *memoryBroker
	topic   string
	handler Handler
	opts    SubscribeOptions
	ended   atomic.Bool
}

// NewMemoryBroker returns a broker for one process. Publish calls the handlers
// itself, in the order of their subscriptions, and returns when they are done.
//
// A handler's error, or its panic, goes to the [ErrorHandler] when there is
// one, and the next handler runs; otherwise Publish returns it at once. With a
// [Codec] messages are encoded by Publish and decoded by Event.Message.
func NewMemoryBroker(opts ...Option) Broker {
	return &memoryBroker{opts: *NewOptions(opts...), topics: map[string][]*memoryGroup{}}
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
	b.topics[topic] = withMember(b.topics[topic], s)
	return s, nil
}

// withMember returns groups with s added; groups itself stays as it is.
func withMember(groups []*memoryGroup, s *memorySubscriber) []*memoryGroup {
	groups = slices.Clone(groups)
	if s.opts.Queue != "" {
		for i, g := range groups {
			if g.queue == s.opts.Queue {
				members := append(slices.Clone(g.members), s)
				groups[i] = &memoryGroup{queue: g.queue, members: members, turn: g.turn}
				return groups
			}
		}
	}
	return append(groups, &memoryGroup{
		queue: s.opts.Queue, members: []*memorySubscriber{s}, turn: new(atomic.Uint64),
	})
}

// withoutMember returns groups without s; groups itself stays as it is.
func withoutMember(groups []*memoryGroup, s *memorySubscriber) []*memoryGroup {
	var out []*memoryGroup
	for _, g := range groups {
		if i := slices.Index(g.members, s); i >= 0 {
			members := slices.Delete(slices.Clone(g.members), i, i+1)
			if len(members) == 0 {
				continue
			}
			g = &memoryGroup{queue: g.queue, members: members, turn: g.turn}
		}
		out = append(out, g)
	}
	return out
}

func (b *memoryBroker) Publish(topic string, m *Message, opts ...PublishOption) error {
	if err := checkPublication(topic, m); err != nil {
		return err
	}
	ctx := publishContext(opts)
	if err := contextError(ctx); err != nil {
		return err
	}
	b.mu.RLock()
	connected, groups := b.connected, b.topics[topic]
	d := memoryDelivery{topic: topic, message: m, codec: b.opts.Codec, onError: b.opts.ErrorHandler, log: logger.LoggerOrDefault(b.opts.Logger)}
	b.mu.RUnlock()
	if !connected {
		return ErrNotConnected
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
	if groups := withoutMember(b.topics[s.topic], s); len(groups) > 0 {
		b.topics[s.topic] = groups
	} else {
		delete(b.topics, s.topic)
	}
	return nil
}
