package server

import (
	"context"
	"fmt"
	"sync"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/logger"
)

// brokerSubs are the subscriptions that a run has at its broker. It has none
// while it is closed: a service that is not registered receives no messages.
type brokerSubs struct {
	run *run

	mu     sync.Mutex // guards what follows, and is not held while the broker is called
	isOpen bool
	subs   map[int]*brokerSub // by subscription.id
}

// brokerSub is one subscription, or the attempt to make it.
type brokerSub struct {
	topic string
	done  chan struct{} // closed when one of the following is set
	sub   broker.Subscriber
	err   error
}

func newBrokerSubs(r *run) *brokerSubs {
	return &brokerSubs{run: r, subs: map[int]*brokerSub{}}
}

func (b *brokerSubs) open() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.isOpen = true
}

// add makes a subscription unless there is one, and waits for it until ctx is
// done. It does nothing while b is closed.
func (b *brokerSubs) add(ctx context.Context, id int, topic string, h broker.Handler, opts []broker.SubscribeOption) error {
	s, fresh := b.entry(id, topic)
	switch {
	case s == nil:
		return nil
	case fresh:
		return b.run.foreign(ctx, "Subscribe of broker "+b.run.broker.String(), func() error {
			return b.make(id, s, h, opts)
		})
	}
	select {
	case <-s.done:
		return s.err
	case <-ctx.Done():
		return errGivenUp
	}
}

// entry returns the entry of a subscription, and whether it is a new one. It is
// nil while b is closed.
func (b *brokerSubs) entry(id int, topic string) (s *brokerSub, fresh bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.isOpen {
		return nil, false
	}
	if s = b.subs[id]; s == nil {
		s, fresh = &brokerSub{topic: topic, done: make(chan struct{})}, true
		b.subs[id] = s
	}
	return s, fresh
}

// make subscribes, whatever the broker does.
func (b *brokerSubs) make(id int, s *brokerSub, h broker.Handler, opts []broker.SubscribeOption) (err error) {
	var sub broker.Subscriber
	err = errNoReturn
	defer func() { err = b.made(id, s, sub, err) }()
	defer recoverInto(&err)
	sub, err = b.run.broker.Subscribe(s.topic, h, opts...)
	return err
}

// made notes how the attempt to make a subscription ended. One that comes when
// nobody wants it any more is ended again.
func (b *brokerSubs) made(id int, s *brokerSub, sub broker.Subscriber, err error) error {
	if err != nil {
		err = fmt.Errorf("subscribe to topic %s at broker %s: %w", s.topic, b.run.broker, err)
	}
	b.mu.Lock()
	wanted := b.subs[id] == s
	if wanted && err != nil {
		delete(b.subs, id)
	}
	s.sub, s.err = sub, err
	close(s.done)
	b.mu.Unlock()
	if err != nil {
		return err
	}
	if !wanted {
		s.end(b.run)
		return nil
	}
	logger.LoggerOrDefault(b.run.logger()).Logf(logger.InfoLevel, "Subscribing to topic: %s", s.topic)
	return nil
}

// close ends all subscriptions and waits for that until ctx is done.
func (b *brokerSubs) close(ctx context.Context) {
	b.mu.Lock()
	subs := b.subs
	b.isOpen, b.subs = false, map[int]*brokerSub{}
	b.mu.Unlock()
	var ending sync.WaitGroup
	for _, s := range subs {
		select {
		case <-s.done:
		default:
			continue // made ends it
		}
		ending.Go(func() {
			_ = b.run.foreign(ctx, "Unsubscribe from topic "+s.topic, func() error { s.end(b.run); return nil })
		})
	}
	ending.Wait()
}

// end unsubscribes.
func (s *brokerSub) end(r *run) {
	if err := s.sub.Unsubscribe(); err != nil {
		logger.LoggerOrDefault(r.logger()).Logf(logger.ErrorLevel, "server: unsubscribe from topic %s: %v", s.topic, err)
	}
}
