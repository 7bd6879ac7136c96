package natsjs

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/justcy/go-micro/v4/events"
	"github.com/justcy/go-micro/v4/events/internal/eventjson"
	"github.com/justcy/go-micro/v4/internal/natsclient"
	"github.com/justcy/go-micro/v4/logger"
)

// maxQueued is how many bytes of events wait for the reader of a channel. Twice
// that can be in the process: the connection holds as much.
const maxQueued = 64 << 20

// consumption is one Consume: a member of a group on the server, and a goroutine
// that hands over what the server sends to it.
type consumption struct {
	stream *stream
	topic  string
	group  string
	own    bool // the group has no other members
	opts   events.ConsumeOptions
	out    chan events.Event
	wake   chan struct{}
	ended  context.Context // with the stream or the consumer's context
	end    context.CancelFunc
	inbox  string

	binding sync.Mutex // serialises bind
	bound   bool       // once it has succeeded

	mu      sync.Mutex
	room    sync.Cond // of the queue
	sub     *nats.Subscription
	acks    bool          // the server waits for acknowledgements
	ackWait time.Duration // the server's
	since   time.Time     // what was stored before is done with
	queue   []*delivery
	queued  int // bytes
	over    bool
}

// delivery is one event on its way to the reader.
type delivery struct {
	event  events.Event
	msg    *nats.Msg
	seq    uint64    // in the stream
	stored time.Time // when, by the server's clock
	alive  time.Time // when the server was last told that it is worked on
}

// Consume joins a group, or begins one.
func (s *stream) Consume(topic string, opts ...events.ConsumeOption) (<-chan events.Event, error) {
	o, err := events.NewConsumeOptions(topic, opts...)
	if err != nil {
		return nil, err
	}
	c := &consumption{
		stream: s, topic: topic, group: o.Group, opts: o,
		out: make(chan events.Event), wake: make(chan struct{}, 1), inbox: s.conn.NewInbox(),
	}
	c.room.L = &c.mu
	if c.group == "" {
		c.group, c.own = uuid.NewString(), true
	}
	c.ended, c.end = context.WithCancel(s.context)
	if o.Context != nil {
		stop := context.AfterFunc(o.Context, c.end)
		context.AfterFunc(c.ended, func() { stop() })
	}
	if err := s.begin(c); err != nil {
		c.end()
		return nil, fmt.Errorf("Error subscribing to topic: %s, group %s: %w", topic, c.group, err) //nolint:staticcheck // the text is known to programs
	}
	return c.out, nil
}

// begin starts a consumption, unless the stream is closed.
func (s *stream) begin(c *consumption) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return fmt.Errorf("stream %w", events.ErrClosed)
	}
	s.consumptions[c] = struct{}{}
	started := make(chan error, 1)
	s.running.Go(func() {
		defer c.finish()
		err := c.start()
		started <- err
		if err == nil {
			c.run()
		}
	})
	s.mu.Unlock()
	return <-started
}

func (c *consumption) start() error {
	ctx, cancel := context.WithTimeout(c.ended, c.stream.opts.Timeout)
	defer cancel()
	if err := natsclient.Await(ctx, c.stream.conn); err != nil {
		return err
	}
	c.binding.Lock()
	defer c.binding.Unlock()
	err := c.bind(ctx)
	c.bound = err == nil
	return err
}

// restore sees that the consumer is still on the server.
func (c *consumption) restore() error {
	ctx, cancel := context.WithTimeout(c.ended, c.stream.opts.Timeout)
	defer cancel()
	c.binding.Lock()
	defer c.binding.Unlock()
	return c.bind(ctx)
}

// from is where a consumer begins that is made now; zero for what is new.
func (c *consumption) from() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue) > 0 && !c.since.IsZero() {
		return c.queue[0].stored
	}
	if c.since.IsZero() {
		return c.opts.Offset
	}
	return c.since
}

// subscribe listens to what the server sends for the group.
func (c *consumption) subscribe(info *jetstream.ConsumerInfo) error {
	c.mu.Lock()
	c.acks = info.Config.AckPolicy != jetstream.AckNonePolicy
	c.ackWait = info.Config.AckWait
	if c.since.IsZero() && c.opts.Offset.IsZero() {
		c.since = info.Created
	}
	c.mu.Unlock()
	return c.listen(info.Config.DeliverSubject, info.Config.DeliverGroup)
}

// listen subscribes to a subject, instead of the one before.
func (c *consumption) listen(at, queue string) error {
	c.mu.Lock()
	before := c.sub
	c.mu.Unlock()
	if before != nil && before.IsValid() && before.Subject == at && before.Queue == queue {
		return nil
	}
	// Without a queue every subscriber would get every event.
	sub, err := c.stream.conn.QueueSubscribe(at, queue, c.receive)
	if queue == "" {
		sub, err = c.stream.conn.Subscribe(at, c.receive)
	}
	if err != nil {
		return err
	}
	if err := sub.SetPendingLimits(-1, maxQueued); err != nil {
		return err
	}
	c.mu.Lock()
	c.sub = sub
	c.mu.Unlock()
	if before != nil {
		_ = before.Unsubscribe()
	}
	return nil
}

// receive takes what the server sends, when there is room.
func (c *consumption) receive(m *nats.Msg) {
	d, err := decode(m)
	if err != nil {
		c.logf(logger.ErrorLevel, "passing over number %d of the stream, which is no event: %v", d.seq, err)
		if m.Reply != "" {
			_ = m.Term()
		}
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.queued >= maxQueued && !c.over {
		c.room.Wait()
	}
	if c.over {
		c.giveBack(d)
		return
	}
	for _, other := range c.queue {
		if d.seq == other.seq && d.seq != 0 {
			return // the server thought that it was lost
		}
		if d.seq > c.queue[len(c.queue)-1].seq {
			break // it is the newest
		}
	}
	c.queue = append(c.queue, d)
	c.queued += len(m.Data)
	if c.since.Before(d.stored) {
		c.since = d.stored
	}
	c.signal()
}

// decode reads an event and where it stands in its stream.
func decode(m *nats.Msg) (*delivery, error) {
	d := &delivery{msg: m, alive: time.Now()}
	if m.Reply != "" {
		meta, err := m.Metadata()
		if err != nil {
			return d, err
		}
		d.seq, d.stored = meta.Sequence.Stream, meta.Timestamp
	}
	return d, eventjson.Decode(m.Data, &d.event)
}

func (c *consumption) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// run hands events over until the consumption ends.
func (c *consumption) run() {
	c.mu.Lock()
	interval := max(c.ackWait/3, time.Millisecond)
	c.mu.Unlock()
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		d := c.first()
		out := c.out
		var event events.Event
		if d == nil {
			out = nil
		} else {
			event = c.prepared(d)
		}
		select {
		case out <- event:
			c.handedOver(d)
		case <-c.wake: // there may be a first one now
		case <-tick.C:
			c.keepAlive()
		case <-c.ended.Done():
			return
		}
	}
}

func (c *consumption) first() *delivery {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue) == 0 {
		return nil
	}
	return c.queue[0]
}

// prepared returns the event with what acknowledges it.
func (c *consumption) prepared(d *delivery) events.Event {
	if c.opts.AutoAck || d.msg.Reply == "" {
		return d.event
	}
	e := d.event
	e.SetAckFunc(func() error { return acknowledged(d.msg.Ack()) })
	e.SetNackFunc(func() error { return acknowledged(d.msg.Nak()) })
	return e
}

// acknowledged forgives a repeated acknowledgement.
func acknowledged(err error) error {
	if errors.Is(err, nats.ErrMsgAlreadyAckd) {
		return nil
	}
	return err
}

// handedOver acknowledges the first event, or has its AckWait begin now.
func (c *consumption) handedOver(d *delivery) {
	c.mu.Lock()
	c.queue[0] = nil
	c.queue = c.queue[1:]
	c.queued -= len(d.msg.Data)
	acks, late := c.acks, time.Since(d.alive) > c.ackWait/8
	c.room.Signal()
	c.mu.Unlock()
	var err error
	switch {
	case !acks:
	case c.opts.AutoAck:
		err = d.msg.Ack()
	case late:
		err = acknowledged(d.msg.InProgress())
	}
	if err != nil && c.ended.Err() == nil {
		c.logf(logger.WarnLevel, "event %s may come again: acknowledging it: %v", d.event.ID, err)
	}
}

// keepAlive tells the server that the events which wait for the reader are not
// lost.
func (c *consumption) keepAlive() {
	now := time.Now()
	c.mu.Lock()
	var waiting []*nats.Msg
	if c.acks {
		for _, d := range c.queue {
			if now.Sub(d.alive) > c.ackWait/8 {
				d.alive = now
				waiting = append(waiting, d.msg)
			}
		}
	}
	c.mu.Unlock()
	for _, m := range waiting {
		if m.InProgress() != nil {
			return // there is no connection: they come again
		}
	}
}

// finish leaves the group. What was not handed over goes to the others.
func (c *consumption) finish() {
	c.end()
	c.mu.Lock()
	c.over = true
	sub, left := c.sub, c.queue
	c.queue, c.queued = nil, 0
	c.room.Broadcast()
	c.mu.Unlock()
	if sub != nil && sub.Drain() != nil {
		_ = sub.Unsubscribe()
	}
	for _, d := range left {
		c.giveBack(d)
	}
	if c.own {
		c.remove()
	}
	s := c.stream
	s.mu.Lock()
	delete(s.consumptions, c)
	s.mu.Unlock()
}

func (c *consumption) giveBack(d *delivery) {
	if !c.own && d.msg.Reply != "" {
		_ = d.msg.Nak()
	}
}

// remove deletes the consumer of a group of its own. It would end by itself.
func (c *consumption) remove() {
	s := c.stream
	if !s.conn.IsConnected() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.opts.Timeout)
	defer cancel()
	if stream, err := s.js.StreamNameBySubject(ctx, subject(c.topic)); err == nil {
		_ = s.js.DeleteConsumer(ctx, stream, name(c.group))
	}
}

func (c *consumption) logf(level logger.Level, format string, args ...any) {
	c.stream.opts.Logger.Logf(level, "consuming %s: group %s: "+format, append([]any{c.topic, c.group}, args...)...)
}
