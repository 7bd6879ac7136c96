package redis

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-redis/redis/v8"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/logger"
)

const (
	// askEvery is how often the server is asked whether it is still there.
	askEvery = 5 * time.Second
	// The pauses while the server is away.
	firstPause = 20 * time.Millisecond
	lastPause  = time.Second
	// drainFor is how long closing waits for handlers.
	drainFor = 5 * time.Second
)

// link is what the broker has while it is connected: a client that publishes, and
// one connection over which all that is subscribed to comes.
type link struct {
	address    string
	client     redis.UniversalClient
	pubsub     *redis.PubSub
	opts       broker.Options
	log        logger.Logger
	queueLimit int // in bytes
	closing    chan struct{}
	receive    sync.WaitGroup
	lanes      sync.WaitGroup

	// commands holds a value while somebody begins or ends a subscription: the server
	// must be told in the order in which topics changes.
	commands chan struct{}

	mu     sync.Mutex
	topics map[string]*topic
	closed bool
}

func newLink(client redis.UniversalClient, o broker.Options) *link {
	l := &link{
		address: addressOf(client), client: client, opts: o,
		log: logger.LoggerOrDefault(o.Logger), queueLimit: queueLimit(o),
		closing: make(chan struct{}), commands: make(chan struct{}, 1), topics: map[string]*topic{},
	}
	l.pubsub = client.Subscribe(context.Background())
	l.receive.Go(l.run)
	l.receive.Go(l.ask)
	return l
}

// add begins a subscription, and returns when it is in force.
func (l *link) add(s *subscriber) error {
	ctx, cancel := context.WithTimeout(context.Background(), readTimeout(l.opts))
	defer cancel()
	ready, err := l.subscribe(ctx, s)
	if err == nil {
		select {
		case <-ready:
			return nil
		case <-l.closing:
			err = broker.ErrNotConnected
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	l.remove(s)
	return fmt.Errorf("subscribing to %.80q: redis broker: %w", s.topic, err)
}

// subscribe tells the server of the first subscriber of a topic.
func (l *link) subscribe(ctx context.Context, s *subscriber) (ready <-chan struct{}, err error) {
	select {
	case l.commands <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-l.commands }()
	t, first, err := l.join(s)
	if err != nil {
		return nil, err
	}
	if first {
		err = l.pubsub.Subscribe(ctx, s.topic)
	}
	return t.ready, err
}

// join notes a subscriber, and starts its goroutine.
func (l *link) join(s *subscriber) (t *topic, first bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, false, broker.ErrNotConnected
	}
	t = l.topics[s.topic]
	if first = t == nil; first {
		t = &topic{ready: make(chan struct{})}
		l.topics[s.topic] = t
	}
	q := &lane{link: l, subscriber: s, wake: make(chan struct{}, 1)}
	t.add(q)
	l.lanes.Go(q.run)
	return t, first, nil
}

// remove ends a subscription. Its queue goes to others of its group.
func (l *link) remove(s *subscriber) {
	ctx, cancel := context.WithTimeout(context.Background(), readTimeout(l.opts))
	defer cancel()
	select {
	case l.commands <- struct{}{}:
		defer func() { <-l.commands }()
	case <-ctx.Done(): // the server is told nothing then; what it sends is dropped
	}
	q, last := l.part(s)
	if q == nil {
		return
	}
	for _, payload := range q.close(true) {
		l.pass(q, payload)
	}
	if last && ctx.Err() == nil {
		_ = l.pubsub.Unsubscribe(ctx, s.topic) // a connection that is lost has ended it, too
	}
}

// part takes a subscriber out, and tells whether it was the last of its topic.
func (l *link) part(s *subscriber) (q *lane, last bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.topics[s.topic]
	if t == nil {
		return nil, false
	}
	q = t.remove(s)
	if len(t.groups) == 0 {
		delete(l.topics, s.topic)
		return q, !l.closed
	}
	return q, false
}

// pass gives a message to another member of a queue group, if there is one.
func (l *link) pass(from *lane, payload string) {
	if from.opts.Queue == "" {
		return
	}
	l.mu.Lock()
	var q *lane
	if t := l.topics[from.topic]; t != nil {
		if g := t.group(from.opts.Queue); g != nil {
			q = g.next(from)
		}
	}
	l.mu.Unlock()
	if q != nil {
		q.push(payload)
	}
}

// run receives until the link is closed.
func (l *link) run() {
	pause, failing := firstPause, false
	for {
		m, err := l.next()
		select {
		case <-l.closing:
			return
		default:
		}
		switch {
		case err == nil:
			if failing {
				l.log.Logf(logger.InfoLevel, "redis broker: receiving again from %s", l.address)
			}
			pause, failing = firstPause, false
			l.dispatch(m)
			continue
		case !failing:
			failing = true
			l.log.Logf(logger.WarnLevel, "redis broker: the connection to %s is lost, and messages may be; trying again: %v", l.address, err)
		}
		select {
		case <-time.After(pause):
		case <-l.closing:
			return
		}
		pause = min(2*pause, lastPause)
	}
}

// next returns what comes next over the connection. A server that is silent although
// it is asked regularly is gone: the library makes a new connection then, as after any
// other error, with all subscriptions. One that was being read from is never used on, as
// nobody could know where in a message it is.
func (l *link) next() (any, error) {
	ctx, cancel := context.WithTimeout(context.Background(), askEvery+readTimeout(l.opts))
	defer cancel()
	return l.pubsub.Receive(ctx)
}

// ask has the server say something regularly, until the link is closed.
func (l *link) ask() {
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-l.closing:
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), readTimeout(l.opts))
		_ = l.pubsub.Ping(ctx) // whoever receives sees what is wrong
		cancel()
	}
}

func (l *link) dispatch(received any) {
	switch m := received.(type) {
	case *redis.Subscription:
		l.mu.Lock()
		if t := l.topics[m.Channel]; t != nil && m.Kind == "subscribe" {
			t.confirm()
		}
		l.mu.Unlock()
	case *redis.Message:
		for _, q := range l.receivers(m.Channel) {
			q.push(m.Payload)
		}
	}
}

// receivers returns the lanes that get the next message of a channel.
func (l *link) receivers(channel string) []*lane {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.topics[channel]
	if t == nil {
		return nil
	}
	lanes := make([]*lane, 0, len(t.groups))
	for _, g := range t.groups {
		lanes = append(lanes, g.next(nil))
	}
	return lanes
}

// close stops receiving, has the handlers finish what is queued, within limits, and
// closes the connections.
func (l *link) close() error {
	l.mu.Lock()
	l.closed = true
	var all []*lane
	for _, t := range l.topics {
		for _, g := range t.groups {
			all = append(all, g.members...)
		}
	}
	l.mu.Unlock()
	close(l.closing)
	_ = l.pubsub.Close()
	return errors.Join(l.drain(all), l.client.Close())
}

// drain waits until the handlers have had what is queued, or not for longer.
func (l *link) drain(all []*lane) error {
	done := make(chan struct{})
	go func() { // which ends with the last handler, and the error handler
		l.receive.Wait()
		for _, q := range all {
			q.close(false)
		}
		l.lanes.Wait()
		close(done)
	}()
	limit := time.NewTimer(drainFor)
	defer limit.Stop()
	select {
	case <-done:
		return nil
	case <-limit.C:
	}
	left := 0
	for _, q := range all {
		left += len(q.close(true))
	}
	return fmt.Errorf("redis broker: after %v handlers are still running, and %d messages were not delivered", drainFor, left)
}
