// Package nats is a broker on NATS, without JetStream: a message goes to who
// subscribes at that moment, once at most.
//
//	b := nats.NewBroker(broker.Addrs("nats://10.0.0.1:4222", "nats://10.0.0.2:4222"))
//	err := b.Connect()
//	sub, err := b.Subscribe("orders", handle, broker.Queue("packers"))
//
// A topic is a NATS subject, a queue a NATS queue group, and a message is encoded
// as a whole, as JSON unless [broker.Codec] says otherwise: processes of go-micro v4
// take part. Subscribe takes NATS wildcards ("orders.*", "orders.>"), and the event
// tells the topic that was published to. Topics that NATS has no subject for, with
// blanks, control characters or empty parts between dots, are refused, and Publish
// refuses wildcards.
//
// Messages of one publisher arrive in order. Each subscription has a goroutine of
// its own and holds up to 64 MiB of messages for a handler that is slow; what comes
// beyond that is lost, which the log tells. There are no acknowledgements. What must
// not be lost belongs into a stream: see events/natsjs.
//
// A server that was away is connected to again, for as long as it takes, and the
// subscriptions with it. Meanwhile up to 8 MiB of published messages are kept, and
// Publish fails when there are more.
package nats

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/internal/messagejson"
	"github.com/justcy/go-micro/v4/internal/natsclient"
	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/util/cmd"
)

func init() { cmd.DefaultBrokers["nats"] = NewBroker }

// natsBroker connects when told to. Its subscriptions outlive the connection.
type natsBroker struct {
	options *options.Current[broker.Options]
	conn    atomic.Pointer[nats.Conn] // nil while disconnected

	changing sync.Mutex // held while connecting and disconnecting
	mu       sync.Mutex
	subs     map[*subscriber]struct{}
}

// NewBroker returns a broker that connects to the addresses, by default to
// nats://127.0.0.1:4222. An address without a scheme is a nats:// one; tls://, ws://
// and wss:// are kept.
func NewBroker(opts ...broker.Option) broker.Broker {
	return &natsBroker{
		options: options.New(*broker.NewOptions(opts...)),
		subs:    map[*subscriber]struct{}{},
	}
}

func (b *natsBroker) String() string { return "nats" }

// Init applies options. Those of the connection take effect with the next Connect.
func (b *natsBroker) Init(opts ...broker.Option) error {
	options.Apply(b.options, opts)
	return nil
}

func (b *natsBroker) Options() broker.Options {
	o := b.options.Get()
	o.Addrs = slices.Clone(o.Addrs)
	return o
}

// Address returns the URL of the server, or of the first that will be tried, without
// credentials.
func (b *natsBroker) Address() string {
	if c := b.conn.Load(); c != nil {
		if url := c.ConnectedUrl(); url != "" {
			return natsclient.Redacted(url)
		}
	}
	o := b.options.Get()
	n := connection(&o).Options()
	if n.Url != "" {
		return natsclient.Redacted(n.Url)
	}
	return natsclient.Redacted(n.Servers[0])
}

// Connect connects, and subscribes what was subscribed before. It fails when no
// server can be reached, or all refuse the credentials, within the Timeout of
// Options for each, two seconds by default.
func (b *natsBroker) Connect() error {
	b.changing.Lock()
	defer b.changing.Unlock()
	if c := b.conn.Load(); c != nil && !c.IsClosed() {
		return nil
	}
	o := b.options.Get()
	c, err := connection(&o).Connect()
	if err != nil {
		return fmt.Errorf("nats broker: %w", err)
	}
	b.mu.Lock()
	subs := make([]*subscriber, 0, len(b.subs))
	for s := range b.subs {
		subs = append(subs, s)
	}
	b.conn.Store(c)
	b.mu.Unlock()
	for _, s := range subs {
		err = errors.Join(err, s.begin(c))
	}
	if err == nil && len(subs) > 0 {
		err = noted(c)
	}
	if err != nil {
		b.conn.Store(nil)
		c.Close()
		return fmt.Errorf("nats broker: subscribing again: %w", err)
	}
	return nil
}

// noted waits until the server knows of the subscriptions: then who publishes through
// another connection is heard. One that is away is told when it is back.
func noted(c *nats.Conn) error {
	if !c.IsConnected() {
		return nil
	}
	if err := c.FlushTimeout(flushTimeout); err != nil && c.IsConnected() {
		return err
	}
	return nil
}

// flushTimeout is how long the server may take to note a subscription.
const flushTimeout = 10 * time.Second

// Disconnect sends what was published, waits for the handlers that run (see
// DrainConnection) and closes the connection. Subscriptions stay for the next
// Connect.
func (b *natsBroker) Disconnect() error {
	b.changing.Lock()
	defer b.changing.Unlock()
	c := b.conn.Swap(nil)
	if c == nil || c.IsClosed() {
		return nil
	}
	o := b.options.Get()
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout(&o))
	defer cancel()
	b.mu.Lock()
	var running []*subscriber
	for s := range b.subs {
		running = append(running, s)
	}
	b.mu.Unlock()
	var errs []error
	for _, s := range running {
		errs = append(errs, s.suspend(settingsOf(&o).drain && c.IsConnected()))
	}
	for _, s := range running {
		errs = append(errs, s.await(ctx))
	}
	if c.IsConnected() {
		if err := c.FlushWithContext(ctx); err != nil {
			errs = append(errs, fmt.Errorf("sending what was published: %w", err))
		}
	} else if n, err := c.Buffered(); err == nil && n > 0 {
		errs = append(errs, fmt.Errorf("%d bytes of published messages are lost: there is no connection", n))
	}
	c.Close()
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("nats broker: disconnecting: %w", err)
	}
	return nil
}

// Publish hands the message to the connection. It fails with [broker.ErrNotConnected]
// before Connect and after Disconnect.
func (b *natsBroker) Publish(topic string, m *broker.Message, opts ...broker.PublishOption) error {
	if err := natsclient.CheckSubject(topic); err != nil {
		return fmt.Errorf("publishing to %q: %w", topic, err)
	}
	if m == nil {
		return fmt.Errorf("publishing to %s: the message is nil", topic)
	}
	var po broker.PublishOptions
	options.To(&po, opts)
	if po.Context != nil && po.Context.Err() != nil {
		return po.Context.Err()
	}
	c := b.conn.Load()
	if c == nil {
		return broker.ErrNotConnected
	}
	o := b.options.Get()
	body, err := messagejson.MarshalWith(o.Codec, m, (*messagejson.Message)(m))
	if err != nil {
		return fmt.Errorf("publishing to %s: encoding the message: %w", topic, err)
	}
	if err := c.Publish(topic, body); err != nil {
		return fmt.Errorf("publishing to %s: %w", topic, err)
	}
	return nil
}

func (b *natsBroker) logf(level logger.Level, format string, args ...any) {
	logger.LoggerOrDefault(b.options.Get().Logger).Logf(level, format, args...)
}

// Subscribe calls the handler for what is published to the topic from now on.
func (b *natsBroker) Subscribe(topic string, h broker.Handler, opts ...broker.SubscribeOption) (broker.Subscriber, error) {
	s := &subscriber{broker: b, topic: topic, handler: h, opts: broker.NewSubscribeOptions(opts...)}
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("subscribing to %q: %w", topic, err)
	}
	b.mu.Lock()
	c := b.conn.Load()
	if c == nil {
		b.mu.Unlock()
		return nil, broker.ErrNotConnected
	}
	b.subs[s] = struct{}{}
	b.mu.Unlock()
	if err := s.begin(c); err != nil {
		b.forget(s)
		return nil, err
	}
	if err := noted(c); err != nil {
		_ = s.Unsubscribe()
		return nil, fmt.Errorf("subscribing to %s: %w", topic, err)
	}
	return s, nil
}

func (b *natsBroker) forget(s *subscriber) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.subs, s)
}
