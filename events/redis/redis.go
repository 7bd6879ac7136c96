// Package stream streams events through Redis: one server, a cluster, or what
// Sentinel watches, of version 6.2 or later.
//
//	s, err := stream.NewStream(stream.Address("redis://:secret@10.0.0.1:6379"))
//	if err != nil {
//		return err // Redis is not there, or does not let us in
//	}
//	defer s.(io.Closer).Close()
//	ch, err := s.Consume("orders", events.WithGroup("billing"), events.WithAutoAck(false, time.Minute))
//
// # Guarantees
//
// An event that Publish returned nil for is on the server, and is delivered at
// least once to every group of its topic: what a consumer had when it died, when
// its connection broke or when the server was restarted comes again. One consumer
// gets the events of a topic in the order in which the server took them, but for
// those that come again.
//
// A group and its place in the topic are kept by the server: consumers that come
// back go on where their group was, and [events.WithOffset] counts only for groups
// that are new. A consumer without a group begins anew each time.
//
// With manual acknowledgement an event is due again when it was not acknowledged
// for the AckWait of whoever looks, at most an eighth (five seconds) later, or at
// once after Nack; any consumer of the group gets it. Consumers of one group should
// have one AckWait. An event that was delivered once more often than the retry
// limit is taken from the group, and the log is told. What a process fetched and did
// not survive counts. With automatic acknowledgement, events that a consumer was about
// to hand over when it died, or had handed over in the last second, go to others of its
// group after a minute.
//
// A consumer that is not read from for ten seconds gives what it has fetched back to
// its group. It goes on when it is read from again; the first event may then be one
// that another consumer got, too.
//
// What the server promises is the limit of all this: Redis with append-only files
// (appendonly yes) survives being killed, may lose the last second when its machine
// dies (appendfsync everysec), and loses what was not replicated in a failover.
//
// Publish may add an event twice when the connection breaks before the server has
// answered. It fails when the server does not answer within the client's timeouts and
// retries: at once when connections are refused, after about ten seconds when nothing
// is heard, by default. An entry that is no event is acknowledged, and the log is told.
//
// # Layout
//
// The topic is the stream `stream-<topic>`, whose entries have the fields event, the
// JSON of the event, and attempt, a number from 1. That layout is shared with
// go-micro v4; a group may have consumers of both. Groups whose names begin with
// `anonymous-` belong to consumers without a group.
//
// Every four hours, entries older than five days are removed, whoever has read them
// or not: see [Retention].
package stream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/go-redis/redis/v8"

	"github.com/justcy/go-micro/v4/events"
	"github.com/justcy/go-micro/v4/events/internal/eventjson"
	"github.com/justcy/go-micro/v4/internal/redisclient"
	"github.com/justcy/go-micro/v4/internal/redisjanitor"
)

const (
	// connectTimeout bounds NewStream.
	connectTimeout = 5 * time.Second
	// stepTimeout bounds what is asked of the server in the background.
	stepTimeout = 2 * time.Second
	// maxConsumers of one stream can wait for events at the same time: each does
	// so on a connection of its own.
	maxConsumers = 4096

	// goneAfter is how long a consumer has not been heard of that is taken for gone.
	goneAfter = 24 * time.Hour

	keyPrefix    = "stream-"
	eventField   = "event"
	attemptField = "attempt"
)

// redisStream publishes and consumes over two clients: reads that wait for events
// must not take the connections from what does not wait.
type redisStream struct {
	opts    Options
	client  redis.UniversalClient
	ctx     context.Context // ends with the stream
	end     context.CancelFunc
	running sync.WaitGroup // consumers and the janitor

	mu     sync.Mutex
	closed bool
	read   redis.UniversalClient // nil until somebody consumes
}

// NewStream returns a stream on a server, which must answer within five seconds. It
// also implements io.Closer: Close ends all consumptions, and waits for them.
func NewStream(opts ...Option) (events.Stream, error) {
	o := newOptions(opts)
	retention, err := o.retention()
	if err != nil {
		return nil, err
	}
	client, err := redisclient.New(o.addresses(), o.universal())
	if err != nil {
		return nil, fmt.Errorf("redis stream: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), connectTimeout)
	defer cancel()
	if err := client.Ping(ctx).Err(); err != nil {
		_ = client.Close()
		return nil, fmt.Errorf("redis stream: connecting to %s: %w; is the server running, and are user and password right?", o.where(client), err)
	}
	s := &redisStream{opts: o, client: client}
	s.ctx, s.end = context.WithCancel(context.Background())
	if o.CleanInterval >= 0 {
		j := &redisjanitor.Janitor{
			Client: client, Log: o.Logger, Prefix: keyPrefix, Anonymous: anonymous,
			Retention: retention, GoneAfter: goneAfter,
		}
		s.running.Go(func() { j.Run(s.ctx, cmp.Or(o.CleanInterval, cleanInterval)) })
	}
	return s, nil
}

func (o Options) addresses() []string {
	if o.Address == "" {
		return nil
	}
	return strings.Split(o.Address, ",")
}

// where tells the server in messages, without its password.
func (o Options) where(client redis.UniversalClient) string {
	switch c := client.(type) {
	case *redis.Client:
		return c.Options().Addr
	case *redis.ClusterClient:
		return strings.Join(c.Options().Addrs, ",")
	}
	return "redis"
}

// Publish returns when the server has the event.
func (s *redisStream) Publish(topic string, msg any, opts ...events.PublishOption) error {
	event, err := events.NewEvent(topic, msg, opts...)
	if err != nil {
		return err
	}
	encoded, err := eventjson.Encode(event)
	if err != nil {
		return fmt.Errorf("publishing to %.80q: encoding the event: %w", topic, err)
	}
	err = s.client.XAdd(context.Background(), &redis.XAddArgs{
		Stream: keyPrefix + topic,
		Values: []any{eventField, encoded, attemptField, 1},
	}).Err()
	if errors.Is(err, redis.ErrClosed) {
		err = fmt.Errorf("stream %w", events.ErrClosed)
	}
	if err != nil {
		return fmt.Errorf("publishing to %.80q: %w", topic, err)
	}
	return nil
}

// Consume makes the group on the server, if need be, and begins to read.
func (s *redisStream) Consume(topic string, opts ...events.ConsumeOption) (<-chan events.Event, error) {
	o, err := events.NewConsumeOptions(topic, opts...)
	if err != nil {
		return nil, err
	}
	c, err := s.newConsumer(topic, o)
	if err != nil {
		return nil, fmt.Errorf("consuming %.80q: %w", topic, err)
	}
	return c.out, nil
}

// newConsumer starts a consumer.
func (s *redisStream) newConsumer(topic string, o events.ConsumeOptions) (*consumer, error) {
	reader, err := s.open()
	if err != nil {
		return nil, err
	}
	c := makeConsumer(s, reader, topic, o)
	if err := c.join(); err != nil {
		c.cancel()
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		c.cancel()
		return nil, fmt.Errorf("stream %w", events.ErrClosed)
	}
	s.running.Go(c.run)
	return c, nil
}

// open returns the client for reads that wait.
func (s *redisStream) open() (redis.UniversalClient, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, fmt.Errorf("stream %w", events.ErrClosed)
	}
	if s.read == nil {
		o := s.opts.universal()
		o.PoolSize, o.MinIdleConns = maxConsumers, 0
		client, err := redisclient.New(s.opts.addresses(), o)
		if err != nil {
			return nil, err
		}
		s.read = client
	}
	return s.read, nil
}

// Close ends all consumptions and closes the connections. What consumers have
// fetched and not handed over goes back to their groups.
func (s *redisStream) Close() error {
	s.mu.Lock()
	already := s.closed
	s.closed = true
	s.mu.Unlock()
	s.end()
	s.running.Wait()
	if already {
		return nil
	}
	err := s.client.Close()
	if s.read != nil {
		err = errors.Join(err, s.read.Close())
	}
	return err
}
