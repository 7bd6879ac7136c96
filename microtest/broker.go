package microtest

import (
	"context"
	"sync/atomic"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/internal/options"
)

// nodeBroker is the broker as one node reaches it. Connecting concerns the node
// alone.
type nodeBroker struct {
	broker.Broker
	node      *node
	connected atomic.Bool
}

func (b *nodeBroker) Connect() error {
	b.connected.Store(true)
	return nil
}

func (b *nodeBroker) Disconnect() error {
	b.connected.Store(false)
	return nil
}

func (b *nodeBroker) Publish(topic string, m *broker.Message, opts ...broker.PublishOption) error {
	if !b.connected.Load() {
		return broker.ErrNotConnected
	}
	ctx := options.Of(opts).Context
	if ctx == nil {
		ctx = context.Background()
	}
	if err := b.node.net.pass(ctx, b.node, Broker); err != nil {
		return err
	}
	return b.Broker.Publish(topic, m, opts...)
}

// Subscribe calls h for what reaches the node. What does not is lost, and the
// publisher is not told: it is not the one who is cut off.
func (b *nodeBroker) Subscribe(topic string, h broker.Handler, opts ...broker.SubscribeOption) (broker.Subscriber, error) {
	if !b.connected.Load() {
		return nil, broker.ErrNotConnected
	}
	if h == nil {
		return b.Broker.Subscribe(topic, nil, opts...) // whose error it is
	}
	return b.Broker.Subscribe(topic, func(e broker.Event) error {
		if err := b.node.net.pass(context.Background(), b.node, Broker); err != nil {
			return nil
		}
		return h(e)
	}, opts...)
}
