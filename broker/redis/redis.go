// Package redis is a broker on Redis Pub/Sub.
//
//	b := redis.NewBroker(broker.Addrs("redis://:secret@10.0.0.1:6379"))
//	if err := b.Connect(); err != nil {
//		return err // Redis is not there, or does not let us in
//	}
//	defer b.Disconnect()
//
// A topic is a channel, a message the JSON of its headers and its body, or what the
// codec makes of it; go-micro v4 has the same.
//
// # Guarantees
//
// Redis keeps no messages. Those that are subscribed when a message is published
// get it, at most once, in the order of the server; others never do. A subscription
// that loses its connection subscribes again by itself, and what was published
// meanwhile is lost to it. Publish returns when the server has the message, and
// fails at once when it is away.
//
// A subscription whose handler is slower than its publishers has its messages
// queued in memory, 65,536 of them or 64 MiB at most (see [QueueLimit]); then the oldest
// give way, which the [broker.ErrorHandler] is told, or else the log.
//
// Redis knows no queue groups. Subscribers of one broker that share a queue get
// each message once between them; those of several processes each get it, of which
// the log is warned. Queue groups over processes, and messages that must not be
// lost, are for broker/nats and for the streams of events/redis.
package redis

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/go-redis/redis/v8"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/internal/messagejson"
	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/internal/redisclient"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/util/cmd"
)

func init() { cmd.DefaultBrokers["redis"] = NewBroker }

var errConnected = errors.New("redis: cannot init while connected")

type redisBroker struct {
	changing sync.Mutex // serialises Init, Connect and Disconnect

	mu          sync.RWMutex
	opts        broker.Options
	link        *link // nil while not connected
	subscribers []*subscriber
}

// NewBroker returns a broker that connects to the first of its addresses: a
// redis:// or rediss:// URL, or host:port; redis://127.0.0.1:6379 without one.
func NewBroker(opts ...broker.Option) broker.Broker {
	b := &redisBroker{opts: *broker.NewOptions(opts...)}
	b.opts.Addrs = slices.Clone(b.opts.Addrs)
	return b
}

func (b *redisBroker) String() string { return "redis" }

// Init applies options. It fails while the broker is connected.
func (b *redisBroker) Init(opts ...broker.Option) error {
	b.changing.Lock()
	defer b.changing.Unlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.link != nil {
		return errConnected
	}
	options.To(&b.opts, opts)
	b.opts.Addrs = slices.Clone(b.opts.Addrs)
	return nil
}

func (b *redisBroker) Options() broker.Options {
	b.mu.RLock()
	defer b.mu.RUnlock()
	o := b.opts
	o.Addrs = slices.Clone(o.Addrs)
	return o
}

// Address returns the URL of the server that the broker is connected to, without
// user and password, or the one it would connect to.
func (b *redisBroker) Address() string {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.link != nil {
		return b.link.address
	}
	return address(b.opts)
}

func firstAddr(o broker.Options) []string { return o.Addrs[:min(len(o.Addrs), 1)] }

func address(o broker.Options) string {
	client, err := redisclient.New(firstAddr(o), redis.UniversalOptions{IdleCheckFrequency: -1})
	if err != nil {
		return ""
	}
	defer client.Close()
	return addressOf(client)
}

func addressOf(client redis.UniversalClient) string {
	o := client.(*redis.Client).Options() // there is one address
	scheme := "redis"
	if o.TLSConfig != nil {
		scheme = "rediss"
	}
	return fmt.Sprintf("%s://%s", scheme, o.Addr)
}

// Connect connects, and subscribes what was subscribed before.
func (b *redisBroker) Connect() error {
	b.changing.Lock()
	defer b.changing.Unlock()
	b.mu.RLock()
	o, connected, subscribers := b.opts, b.link != nil, slices.Clone(b.subscribers)
	b.mu.RUnlock()
	if connected {
		return nil
	}
	l, err := dial(o)
	if err != nil {
		return err
	}
	for _, s := range subscribers {
		if err := l.add(s); err != nil {
			_ = l.close()
			return err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.link = l
	// Those who left meanwhile did not know of the link.
	for _, s := range subscribers {
		if !slices.Contains(b.subscribers, s) {
			l.remove(s)
		}
	}
	return nil
}

// dial connects to the server of the options, which must answer.
func dial(o broker.Options) (*link, error) {
	u := universal(o)
	client, err := redisclient.New(firstAddr(o), u)
	if err != nil {
		return nil, fmt.Errorf("redis broker: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), u.DialTimeout+u.ReadTimeout)
	defer cancel()
	if err := client.Ping(ctx).Err(); err != nil {
		_ = client.Close()
		return nil, fmt.Errorf("redis broker: connecting to %s: %w; is the server running, and are user and password right?", addressOf(client), err)
	}
	return newLink(client, o), nil
}

// Disconnect stops taking messages, has the handlers finish what is queued, for
// five seconds at most, and closes the connections.
func (b *redisBroker) Disconnect() error {
	b.changing.Lock()
	defer b.changing.Unlock()
	b.mu.Lock()
	l := b.link
	b.link = nil
	b.mu.Unlock()
	if l == nil {
		return nil
	}
	return l.close()
}

// Publish returns when the server has the message.
func (b *redisBroker) Publish(topic string, m *broker.Message, opts ...broker.PublishOption) error {
	if topic == "" {
		return errors.New("publishing: the topic is empty")
	}
	if m == nil {
		return fmt.Errorf("publishing to %.80q: the message is nil", topic)
	}
	ctx := options.Of(opts).Context
	if ctx == nil {
		ctx = context.Background()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	b.mu.RLock()
	l, codec := b.link, b.opts.Codec
	b.mu.RUnlock()
	if l == nil {
		return fmt.Errorf("publishing to %.80q: redis broker: %w", topic, broker.ErrNotConnected)
	}
	encoded, err := messagejson.MarshalWith(codec, m, (*messagejson.Message)(m))
	if err != nil {
		return fmt.Errorf("publishing to %.80q: encoding the message: %w", topic, err)
	}
	if err := l.client.Publish(ctx, topic, encoded).Err(); err != nil {
		return fmt.Errorf("publishing to %.80q: redis broker: %w", topic, err)
	}
	return nil
}

// Subscribe returns when the server knows of the subscription.
func (b *redisBroker) Subscribe(topic string, h broker.Handler, opts ...broker.SubscribeOption) (broker.Subscriber, error) {
	if topic == "" {
		return nil, errors.New("subscribing: the topic is empty")
	}
	if h == nil {
		return nil, fmt.Errorf("subscribing to %.80q: the handler is nil", topic)
	}
	b.mu.RLock()
	l, log := b.link, logger.LoggerOrDefault(b.opts.Logger)
	b.mu.RUnlock()
	if l == nil {
		return nil, fmt.Errorf("subscribing to %.80q: redis broker: %w", topic, broker.ErrNotConnected)
	}
	s := &subscriber{broker: b, topic: topic, handler: h, opts: broker.NewSubscribeOptions(opts...)}
	if s.opts.Queue != "" {
		log.Logf(logger.WarnLevel, "redis broker: the queue %s of topic %.80q is one of this process alone: Redis knows no queue groups, and every process gets every message; use broker/nats or events/redis for groups", s.opts.Queue, topic)
	}
	if err := l.add(s); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.link != l {
		l.remove(s)
		return nil, fmt.Errorf("subscribing to %.80q: redis broker: %w", topic, broker.ErrNotConnected)
	}
	b.subscribers = append(b.subscribers, s)
	return s, nil
}

// forget takes a subscriber out, and returns the link that it is to be taken from.
func (b *redisBroker) forget(s *subscriber) *link {
	b.mu.Lock()
	defer b.mu.Unlock()
	if i := slices.Index(b.subscribers, s); i >= 0 {
		b.subscribers = slices.Delete(b.subscribers, i, i+1)
	}
	return b.link
}
