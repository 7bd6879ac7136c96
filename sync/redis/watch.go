package redis

import (
	"context"
	"time"

	"github.com/go-redis/redis/v8"
)

// subscribeTimeout bounds telling the server what is waited for. Who could not
// do so looks regularly.
const subscribeTimeout = time.Second

// Watch subscribes to the releases of a lock. There is one watcher of a key at a
// time. It is woken when the subscription is in force, too: the lock may have
// been released before.
func (b *backend) Watch(key string) (<-chan struct{}, func()) {
	channel := namesOf(key).freed
	freed := make(chan struct{}, 1)
	b.mu.Lock()
	b.waiting[channel] = freed
	if b.pubsub == nil {
		b.pubsub = b.client.Subscribe(context.Background())
		messages := b.pubsub.ChannelWithSubscriptions(context.Background(), 100)
		b.dispatch.Go(func() { b.wake(messages) })
	}
	pubsub := b.pubsub
	b.mu.Unlock()

	ctx, cancel := context.WithTimeout(context.Background(), subscribeTimeout)
	defer cancel()
	_ = pubsub.Subscribe(ctx, channel)
	return freed, func() { b.unwatch(pubsub, channel) }
}

func (b *backend) unwatch(pubsub *redis.PubSub, channel string) {
	b.mu.Lock()
	delete(b.waiting, channel)
	b.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), subscribeTimeout)
	defer cancel()
	_ = pubsub.Unsubscribe(ctx, channel)
}

// wake tells those who wait of releases, until the subscription is closed.
func (b *backend) wake(messages <-chan any) {
	for m := range messages {
		var channel string
		switch m := m.(type) {
		case *redis.Message:
			channel = m.Channel
		case *redis.Subscription:
			channel = m.Channel
		}
		b.mu.Lock()
		freed := b.waiting[channel]
		b.mu.Unlock()
		select {
		case freed <- struct{}{}:
		default: // nobody waits, or was told already
		}
	}
}
