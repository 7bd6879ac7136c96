package stream

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/go-redis/redis/v8"
	"github.com/google/uuid"

	"github.com/justcy/go-micro/v4/events"
	"github.com/justcy/go-micro/v4/logger"
)

const (
	// anonymous begins the names of the groups of consumers without one.
	anonymous = "anonymous-"
	// orphaned is after how long what a consumer with automatic acknowledgement has
	// is due, unless the consumer says that it is still there.
	orphaned = time.Minute
	// stalledAfter is how long a consumer is waited for that does not read.
	stalledAfter = 10 * time.Second
	// restFor is how long the server is left alone after it failed: what was fetched
	// can be handed over meanwhile.
	restFor = time.Second
	// ackBatch is how many events are acknowledged at once.
	ackBatch = 256
)

// consumer is one Consume. A goroutine fetches pages of new events; another hands
// events over, keeps what it has from being due for others, and takes over what is.
type consumer struct {
	stream *redisStream
	log    logger.Logger
	group  group
	opts   events.ConsumeOptions
	out    chan events.Event
	ctx    context.Context
	cancel context.CancelFunc

	wait   time.Duration // after which what is not acknowledged may be due
	slack  time.Duration // by which that may be late
	nacked chan struct{} // receives something when an event is due at once

	fetch *fetcher
	asked bool // the fetcher is at work

	queue   []*delivery // fetched and not handed over
	kept    time.Time   // when the group was last told that we have the queue
	offered time.Time   // since when the first of the queue waits for the reader
	stalled bool        // all of the queue is given back; its first is still offered
	lookAt  time.Time   // when to look for what is due
	more    bool        // something is due, which comes before new events
	acks    []string    // handed over, to be acknowledged
	failing bool        // the server is away, and the log knows
	again   time.Time   // when to ask it again
}

// delivery is an entry on its way to the reader.
type delivery struct {
	id    string
	event events.Event
}

func makeConsumer(s *redisStream, reader redis.UniversalClient, topic string, o events.ConsumeOptions) *consumer {
	c := &consumer{
		stream: s, log: s.opts.Logger, opts: o,
		group: group{
			client: s.client, key: keyPrefix + topic, topic: topic,
			name: cmp.Or(o.Group, anonymous+uuid.NewString()), consumer: uuid.NewString(),
		},
		out: make(chan events.Event), nacked: make(chan struct{}, 1),
		wait: orphaned, more: true,
	}
	if !o.AutoAck {
		c.wait = o.AckWait
	}
	c.slack = min(max(c.wait/10, 10*time.Millisecond), time.Second)
	parent := o.Context
	if parent == nil {
		parent = context.Background()
	}
	c.ctx, c.cancel = context.WithCancel(parent)
	c.fetch = newFetcher(c.group, reader, c.log)
	return c
}

// due is how long an entry must have been left alone to be taken over. The consumer
// that has it says so more often, and until it is handed over.
func (c *consumer) due() time.Duration { return c.wait + c.slack }

// join makes the group if it is new.
func (c *consumer) join() error {
	ctx, cancel := context.WithTimeout(c.ctx, stepTimeout)
	defer cancel()
	start, err := c.group.create(ctx, c.opts.Offset)
	c.fetch.last = start
	return err
}

// run ends with the consumption.
func (c *consumer) run() {
	defer context.AfterFunc(c.stream.ctx, c.cancel)()
	defer c.cancel()
	fetched := make(chan struct{})
	go func() {
		defer close(fetched)
		c.fetch.run(c.ctx)
	}()
	c.loop()
	c.cancel()
	<-fetched
	c.leave()
}

func (c *consumer) loop() {
	tick := time.NewTicker(c.slack)
	defer tick.Stop()
	for {
		now := time.Now()
		c.keep(now)
		c.fill(now)
		out, next := c.head()
		select {
		case out <- next:
			c.handedOver()
		case p := <-c.fetch.pages:
			c.take(p)
		case <-c.nacked:
			c.look(time.Now())
		case now := <-tick.C:
			c.work(now)
		case <-c.ctx.Done():
			return
		}
	}
}

// fill sees to it that the queue does not run empty: with what is due, or else with
// what is new.
func (c *consumer) fill(now time.Time) {
	if c.asked || c.stalled {
		return
	}
	if c.more && len(c.queue) <= c.fetch.low() && !now.Before(c.again) {
		c.look(now)
	}
	if !c.more && len(c.queue) <= c.fetch.low() {
		c.asked = true
		c.fetch.wanted <- struct{}{}
	}
}

func (c *consumer) take(p page) {
	c.asked = false
	if c.stalled {
		c.giveBack(c.ctx, p.deliveries())
		return
	}
	if len(c.queue) == 0 {
		c.kept, c.offered = p.at, time.Now()
	}
	for _, m := range p.messages {
		c.add(m, 1)
	}
}

// add puts an entry that was delivered so many times into the queue, unless there
// is nothing to deliver.
func (c *consumer) add(m redis.XMessage, deliveries int) {
	event, attempt, err := decode(m)
	limit := c.opts.GetRetryLimit()
	switch retries := deliveries + attempt - 2; {
	case err != nil:
		c.log.Logf(logger.ErrorLevel, "redis stream: dropping entry %s of topic %.80q, which is no event: %v", m.ID, c.group.topic, err)
	case limit >= 0 && retries > limit:
		c.log.Logf(logger.ErrorLevel, "Message retry limit reached, discarding: %s %d %d", event.ID, retries-1, limit)
	default:
		if !c.opts.AutoAck {
			event.SetAckFunc(func() error { return c.ack(m.ID) })
			event.SetNackFunc(func() error { return c.nack(m.ID) })
		}
		c.queue = append(c.queue, &delivery{id: m.ID, event: event})
		return
	}
	c.acks = append(c.acks, m.ID)
}

// head returns what is to be handed over next, if there is anything.
func (c *consumer) head() (chan<- events.Event, events.Event) {
	if len(c.queue) == 0 {
		return nil, events.Event{}
	}
	return c.out, c.queue[0].event
}

func (c *consumer) handedOver() {
	d := c.queue[0]
	c.queue[0] = nil
	c.queue = c.queue[1:]
	c.offered = time.Now()
	if c.stalled {
		c.stalled, c.more = false, true // what was given back, if nobody took it
	}
	if !c.opts.AutoAck {
		return
	}
	c.acks = append(c.acks, d.id)
	if len(c.acks) >= ackBatch || len(c.queue) == 0 {
		c.flush()
	}
}

// work is what is to be done now and then.
func (c *consumer) work(now time.Time) {
	if now.Before(c.again) {
		return
	}
	c.flush()
	switch {
	case c.stalled:
	case len(c.queue) > 0 && now.Sub(c.offered) >= stalledAfter:
		c.stall()
	case now.After(c.lookAt):
		c.look(now)
	}
}

// keep tells the group that we still have what is in the queue, and drops from the
// queue what is somebody else's by now.
func (c *consumer) keep(now time.Time) {
	if len(c.queue) == 0 || c.stalled || now.Sub(c.kept) < c.slack || now.Before(c.again) {
		return
	}
	ctx, cancel := context.WithTimeout(c.ctx, stepTimeout)
	defer cancel()
	mine, err := c.group.keep(ctx, ids(c.queue))
	if !c.succeeded("keeping events from becoming due", err) {
		return
	}
	kept := c.queue[:0]
	for _, d := range c.queue {
		if mine[d.id] {
			kept = append(kept, d)
		}
	}
	clear(c.queue[len(kept):])
	c.queue, c.kept = kept, now
}

// stall gives all that is in the queue back. The first of it is still offered: that
// is how the reader is seen to come back.
func (c *consumer) stall() {
	if c.giveBack(c.ctx, c.queue) {
		clear(c.queue[1:])
		c.queue, c.stalled = c.queue[:1], true
	}
}

// giveBack makes events that were not handed over due for whoever looks.
func (c *consumer) giveBack(ctx context.Context, queue []*delivery) bool {
	if len(queue) == 0 {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	return c.succeeded("giving events back", c.group.release(ctx, ids(queue), c.due(), false))
}

// look takes over what is due, if there is room for it.
func (c *consumer) look(now time.Time) {
	c.lookAt = now.Add(min(max(c.wait/8, c.slack), stepTimeout))
	room := c.fetch.pageSize() - len(c.queue)
	if room <= 0 || c.stalled {
		return
	}
	ctx, cancel := context.WithTimeout(c.ctx, stepTimeout)
	defer cancel()
	entries, err := c.group.claim(ctx, c.due(), room, ids(c.queue))
	if !c.succeeded("looking for events that are due", err) {
		return
	}
	if len(c.queue) == 0 {
		c.kept, c.offered = now, now
	}
	waiting := c.queue
	c.queue = make([]*delivery, 0, len(entries)+len(waiting))
	for _, e := range entries {
		c.add(e.message, e.deliveries)
	}
	c.queue = append(c.queue, waiting...) // those that come again first
	c.more = len(entries) == room
	c.flush()
}

// flush acknowledges what was handed over, or is given up, unless the server is left
// alone.
func (c *consumer) flush() {
	if len(c.acks) == 0 || time.Now().Before(c.again) {
		return
	}
	ctx, cancel := context.WithTimeout(c.ctx, stepTimeout)
	defer cancel()
	if c.succeeded("acknowledging", c.group.ack(ctx, c.acks...)) {
		c.acks = c.acks[:0]
	}
}

// ack is bounded by the timeouts and retries of the client: a context with a deadline
// would cost a goroutine each time.
func (c *consumer) ack(id string) error { return c.group.ack(context.Background(), id) }

// nack makes the event due at once, and has this consumer look.
func (c *consumer) nack(id string) error {
	ctx, cancel := context.WithTimeout(context.Background(), stepTimeout)
	defer cancel()
	if err := c.group.release(ctx, []string{id}, c.due(), true); err != nil {
		return err
	}
	select {
	case c.nacked <- struct{}{}:
	default:
	}
	return nil
}

// leave gives back what is left, and takes the consumer from the group.
func (c *consumer) leave() {
	queue := c.queue
	if c.stalled {
		queue = nil // it has been done
	}
	select {
	case p := <-c.fetch.pages:
		queue = append(queue, p.deliveries()...)
	default:
	}
	ctx, cancel := context.WithTimeout(context.Background(), stepTimeout)
	defer cancel()
	var err error
	if len(c.acks) > 0 {
		err = c.group.ack(ctx, c.acks...)
	}
	if c.opts.Group == "" {
		err = errors.Join(err, c.group.destroy(ctx))
	} else {
		c.giveBack(ctx, queue)
		err = errors.Join(err, c.group.leave(ctx))
	}
	c.succeeded("leaving the group", err)
}

// succeeded tells the log when the server goes away, and when it is back.
func (c *consumer) succeeded(doing string, err error) bool {
	if err != nil && c.ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return false // the end of the consumption is no failure
	}
	switch {
	case err != nil && !c.failing:
		c.log.Logf(logger.WarnLevel, "redis stream: group %s of topic %.80q: %s: %v", c.group.name, c.group.topic, doing, err)
	case err == nil && c.failing:
		c.log.Logf(logger.InfoLevel, "redis stream: group %s of topic %.80q goes on", c.group.name, c.group.topic)
	}
	c.failing = err != nil
	if c.failing {
		c.again = time.Now().Add(restFor)
	}
	return err == nil
}

func ids(queue []*delivery) []string {
	out := make([]string, len(queue))
	for i, d := range queue {
		out[i] = d.id
	}
	return out
}
