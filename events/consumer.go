package events

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/justcy/go-micro/v4/logger"
)

// consumer is one Consume: a goroutine that replays if asked to, then hands
// over what its group assigns to it, and redelivers what is not acknowledged.
type consumer struct {
	group *group
	opts  ConsumeOptions
	out   chan Event
	done  <-chan struct{} // of the consumer's context; nil without one
	wake  chan struct{}

	replayFrom, replayTo uint64 // places in the history that are replayed first

	// Guarded by the group's mu.
	replaying bool
	queue     []*delivery // assigned
	unacked   []*delivery // handed over, or about to be, in that order
}

func newConsumer(g *group, o ConsumeOptions) *consumer {
	if o.Context == nil {
		o.Context = context.Background()
	}
	return &consumer{
		group: g,
		opts:  o,
		out:   make(chan Event),
		done:  o.Context.Done(),
		wake:  make(chan struct{}, 1),
	}
}

func (c *consumer) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *consumer) run() {
	defer c.group.leave(c)
	if !c.replayAll() {
		return
	}
	for {
		d, catchUp := c.next()
		switch {
		case d != nil:
			if !c.handOver(d) {
				return
			}
		case catchUp:
			c.group.catchUp()
		default:
			if !c.await(c.wake) {
				return
			}
		}
	}
}

// replayAll hands over the events of the replay, one after the other. It
// reports false when the consumption has ended.
func (c *consumer) replayAll() bool {
	for _, event := range c.replayed() {
		d := &delivery{event: event}
		if !c.opts.AutoAck {
			c.group.mu.Lock()
			c.unacked = append(c.unacked, d)
			c.group.mu.Unlock()
		}
		if !c.handOver(d) {
			return false
		}
		if !c.awaitAcks() {
			return false
		}
	}
	c.group.mu.Lock()
	c.replaying = false
	c.group.distribute()
	c.group.mu.Unlock()
	return true
}

// replayed returns the events from the offset on, in whole seconds, ordered by time
// and then by publish order. Publishers are held up for a part of them at a time.
func (c *consumer) replayed() (found []*Event) {
	for place := c.replayFrom; place < c.replayTo; {
		events, first := c.part(place)
		if len(events) == 0 || first >= c.replayTo || c.ended() {
			break
		}
		events = events[:min(uint64(len(events)), c.replayTo-first)]
		for _, e := range events {
			if e.Timestamp.Unix() >= c.opts.Offset.Unix() {
				found = append(found, e)
			}
		}
		place = first + uint64(len(events))
	}
	slices.SortStableFunc(found, func(a, b *Event) int { return a.Timestamp.Compare(b.Timestamp) })
	return found
}

func (c *consumer) ended() bool {
	select {
	case <-c.done:
	case <-c.group.stream.closing:
	default:
		return false
	}
	return true
}

// part returns some events of the history from a place on, and the place of the
// first.
func (c *consumer) part(place uint64) (events []*Event, first uint64) {
	s := c.group.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	events, first, _ = c.group.topic.from(place, catchUp)
	return slices.Clone(events), first
}

// awaitAcks waits, in a replay, while too many events are unacknowledged, and
// redelivers those that are due.
func (c *consumer) awaitAcks() bool {
	for {
		c.group.mu.Lock()
		var d *delivery
		full := len(c.unacked) >= maxUnacked
		if len(c.queue) > 0 {
			d = c.take()
		}
		c.group.mu.Unlock()
		switch {
		case d != nil:
			if !c.handOver(d) {
				return false
			}
		case !full:
			return true
		case !c.await(c.wake):
			return false
		}
	}
}

// next takes the next event assigned to the consumer. Without one it may be the
// consumer's part to read on in the history.
func (c *consumer) next() (d *delivery, catchUp bool) {
	g := c.group
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(c.queue) == 0 {
		return nil, g.needsCatchUp()
	}
	d = c.take()
	g.distribute() // there is room now
	return d, false
}

// take removes the first assigned event. mu is held.
func (c *consumer) take() *delivery {
	d := c.queue[0]
	c.queue[0] = nil
	c.queue = c.queue[1:]
	if !c.opts.AutoAck {
		d.deadline = time.Time{}
		c.unacked = append(c.unacked, d)
	}
	return d
}

// handOver gives an event to the reader, unless an earlier delivery of it is
// acknowledged first. It reports false when the consumption ended instead; the
// event then goes back to the group.
func (c *consumer) handOver(d *delivery) bool {
	event := c.event(d)
	for {
		timer := c.nextDeadline()
		select {
		case c.out <- event:
			stop(timer)
			c.handedOver(d)
			return true
		case <-fires(timer):
			c.expire()
		case <-c.wake: // whoever comes next looks at the queue anyway
			stop(timer)
			if c.isAcked(d) {
				return true
			}
		case <-c.done:
			stop(timer)
			c.giveBack(d)
			return false
		case <-c.group.stream.closing:
			stop(timer)
			return false
		}
	}
}

// await waits for wake, and redelivers what is due meanwhile. It reports false
// when the consumption has ended.
func (c *consumer) await(wake <-chan struct{}) bool {
	timer := c.nextDeadline()
	defer stop(timer)
	select {
	case <-wake:
	case <-fires(timer):
		c.expire()
	case <-c.done:
		return false
	case <-c.group.stream.closing:
		return false
	}
	return true
}

// event returns the reader's own copy.
func (c *consumer) event(d *delivery) Event {
	e := *d.event
	e.Metadata, e.Payload = maps.Clone(e.Metadata), bytes.Clone(e.Payload)
	if !c.opts.AutoAck {
		e.SetAckFunc(func() error { c.ack(d); return nil })
		e.SetNackFunc(func() error { return nil }) // it comes again after AckWait
	}
	return e
}

func (c *consumer) handedOver(d *delivery) {
	c.group.mu.Lock()
	defer c.group.mu.Unlock()
	d.tries++
	d.deadline = time.Now().Add(c.opts.AckWait)
}

// giveBack returns an event that the reader did not take.
func (c *consumer) giveBack(d *delivery) {
	if !c.opts.AutoAck {
		return // it is among the unacknowledged
	}
	c.group.mu.Lock()
	defer c.group.mu.Unlock()
	c.queue = slices.Insert(c.queue, 0, d)
}

// ack takes an event for done, wherever it is now.
func (c *consumer) ack(d *delivery) {
	g := c.group
	g.mu.Lock()
	defer g.mu.Unlock()
	if d.acked {
		return
	}
	d.acked = true
	for _, holder := range g.consumers {
		if holder.forget(d) {
			holder.signal()
			g.distribute()
			return
		}
	}
}

// forget drops an event that the consumer holds, and reports whether it did. mu
// is held.
func (c *consumer) forget(d *delivery) bool {
	for _, held := range []*[]*delivery{&c.unacked, &c.queue} {
		if i := slices.Index(*held, d); i >= 0 {
			*held = slices.Delete(*held, i, i+1)
			return true
		}
	}
	return false
}

func (c *consumer) isAcked(d *delivery) bool {
	c.group.mu.Lock()
	defer c.group.mu.Unlock()
	return d.acked
}

// nextDeadline returns a timer for the first redelivery that may be due, or nil.
func (c *consumer) nextDeadline() *time.Timer {
	if c.opts.AutoAck {
		return nil
	}
	c.group.mu.Lock()
	defer c.group.mu.Unlock()
	if len(c.unacked) == 0 || c.unacked[0].deadline.IsZero() {
		return nil
	}
	return time.NewTimer(time.Until(c.unacked[0].deadline))
}

// expire gives events whose acknowledgement is overdue back to the group, or
// up when they were delivered often enough.
func (c *consumer) expire() {
	g, now, limit := c.group, time.Now(), c.opts.GetRetryLimit()
	var discarded []*delivery
	g.mu.Lock()
	for len(c.unacked) > 0 {
		d := c.unacked[0]
		if d.deadline.IsZero() || d.deadline.After(now) {
			break
		}
		c.unacked = c.unacked[1:]
		switch {
		case limit >= 0 && d.tries > limit:
			d.acked = true
			discarded = append(discarded, d)
		case c.replaying: // the group may not have it
			c.queue = append(c.queue, d)
			c.signal()
		default:
			g.retries = append(g.retries, d)
		}
	}
	g.distribute()
	g.mu.Unlock()
	for _, d := range discarded {
		g.stream.opts.Logger.Logf(logger.ErrorLevel, "Message retry limit reached, discarding: %s %d %d", d.event.ID, d.tries-1, limit)
	}
}

func fires(t *time.Timer) <-chan time.Time {
	if t == nil {
		return nil
	}
	return t.C
}

func stop(t *time.Timer) {
	if t != nil {
		t.Stop()
	}
}
