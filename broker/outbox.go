package broker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/registry"
)

const (
	// laneSize is how many messages wait in a lane, for one receiver of a topic.
	laneSize = 64
	// maxWaiting is how many lanes keep messages for receivers of which there is
	// none: for topics without any subscriber, and queue groups without members.
	maxWaiting = 1024
	// maxSenders is how many deliveries are in progress at once.
	maxSenders = 512
	// stallAfter is how long a delivery may take before publishers stop waiting
	// for room behind it.
	stallAfter = time.Second
)

// outbox holds the messages on their way out. Each receiver of a topic has a
// lane: a queue with one sender, so that its messages arrive in order and a
// receiver that hangs holds up nobody else. Lanes exist while they hold
// messages.
//
// Receivers are queue groups, and the single nodes of the broadcast version.
// Two kinds of lane have no receiver yet: one for a topic that nobody
// subscribes to, and one for broadcast messages whose nodes all went away
// before any of them had the message. Their senders wait for receivers.
//
// An outbox knows neither HTTP nor the registry: outboxParts do.
type outbox struct {
	outboxParts
	senders chan struct{} // limits deliveries in progress
	notices notices

	mu      sync.Mutex
	limits  outboxLimits
	lanes   map[laneKey]*lane
	fullest laneHeap // the lanes, that with the most bytes waiting first
	waiting int      // bytes of all messages that wait, each counted once
	stopped bool
	leaving chan struct{} // closed by drain: try once more, then end
	ctx     context.Context
	abort   context.CancelFunc
	running sync.WaitGroup
}

// outboxParts are what an outbox works with. All functions may be called
// concurrently, and none while the outbox holds a lock.
type outboxParts struct {
	// find returns the receivers of a topic as of at most age ago. The error may
	// be registry.ErrNotFound when there are none.
	find func(ctx context.Context, topic string, age time.Duration) ([]version, error)
	// deliver hands messages to a node, in order, and returns when it has handled
	// them or ctx is done.
	deliver func(ctx context.Context, n *registry.Node, messages [][]byte) sent
	// atOnce tells how many messages deliver may be given for a node.
	atOnce func(n *registry.Node) int
	// discard is given each message that will not be delivered. It reports whether
	// somebody was told of it; else the log is.
	discard func(topic string, body []byte, reason error) bool
	// log writes a line.
	log func(level logger.Level, line string)
}

// outboxLimits bound an outbox.
type outboxLimits struct {
	bytes    int           // of messages that wait
	delivery time.Duration // for one delivery
}

// outgoing is one published message, shared by the lanes it is in.
type outgoing struct {
	topic   string
	body    []byte
	waiting int // in so many lanes
}

// laneItem is a message in one lane.
type laneItem struct {
	*outgoing
	fan      *fanout // of a broadcast, else nil
	attempts int     // which the receiver answered with a failure, or did not survive
}

// fanout follows a broadcast message through the lanes of its nodes.
type fanout struct {
	left      int  // lanes which still have it
	delivered bool // to one node at least
	attempts  int  // of the lanes whose nodes are gone
}

func newOutbox(parts outboxParts, limits outboxLimits) *outbox {
	o := &outbox{
		outboxParts: parts,
		senders:     make(chan struct{}, maxSenders),
		limits:      limits,
		lanes:       map[laneKey]*lane{},
	}
	o.notices.write = parts.log
	o.begin()
	return o
}

func (o *outbox) begin() {
	o.stopped = false
	o.leaving = make(chan struct{})
	o.ctx, o.abort = context.WithCancel(context.Background())
}

// setLimits changes the limits of what is published from now on.
func (o *outbox) setLimits(limits outboxLimits) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.limits = limits
}

// publish adds a message to the lanes of its receivers. Without any receiver it
// waits in the outbox, unless the registry cannot be asked for them.
func (o *outbox) publish(ctx context.Context, p *outgoing) error {
	if o.isStopped() {
		return ErrNotConnected
	}
	versions, lookup := o.find(ctx, p.topic, routesFresh)
	if err := ctx.Err(); err != nil {
		return err
	}
	if lookup != nil && !errors.Is(lookup, registry.ErrNotFound) {
		return fmt.Errorf("publishing to %s: looking up its subscribers: %w", p.topic, lookup)
	}
	o.mu.Lock()
	if err := o.awaitRoom(ctx, p, versions); err != nil {
		o.mu.Unlock()
		return err
	}
	dropped := o.add(p, versions)
	o.mu.Unlock()
	o.tell(dropped)
	return nil
}

func (o *outbox) isStopped() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.stopped
}

// awaitRoom waits, with mu released, until there is room for p or none can be
// expected soon. The error is the context's, or that the outbox has stopped.
func (o *outbox) awaitRoom(ctx context.Context, p *outgoing, versions []version) error {
	for {
		if o.stopped {
			return ErrNotConnected
		}
		l := o.inTheWay(p, versions)
		if l == nil {
			return nil
		}
		if err := o.awaitLane(ctx, l); err != nil {
			return err
		}
	}
}

// inTheWay returns a lane whose sender makes room for p soon, if it needs that.
func (o *outbox) inTheWay(p *outgoing, versions []version) *lane {
	for key := range keysOf(p.topic, versions) {
		if l := o.lanes[key]; l != nil && l.full() && l.moving() {
			return l
		}
	}
	if l := o.fullest.first(); l != nil && o.excess(len(p.body)) > 0 && l.moving() {
		return l
	}
	return nil
}

// awaitLane waits, with mu released, until the lane may have room or has
// stopped moving. The error is the context's.
func (o *outbox) awaitLane(ctx context.Context, l *lane) error {
	room := l.roomSignal()
	timer := time.NewTimer(time.Until(l.started.Add(stallAfter)))
	o.mu.Unlock()
	defer o.mu.Lock()
	defer timer.Stop()
	select {
	case <-room:
		return nil
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// keysOf yields the keys of the lanes to a topic's receivers.
func keysOf(topic string, versions []version) func(func(laneKey) bool) {
	return func(yield func(laneKey) bool) {
		for _, v := range versions {
			if !v.broadcast() {
				if !yield(laneKey{topic: topic, version: v.name}) {
					return
				}
				continue
			}
			for _, n := range v.nodes {
				if !yield(laneKey{topic: topic, version: v.name, node: n.Id}) {
					return
				}
			}
		}
	}
}

// add puts p behind whatever its receivers are still to get, and returns the
// messages that had to give way.
func (o *outbox) add(p *outgoing, versions []version) (out []dropped) {
	waiting := laneKey{topic: p.topic}
	if len(versions) == 0 {
		if o.lanes[waiting] == nil {
			out = o.evictWaiting()
		}
		out = append(out, o.push(waiting, laneItem{outgoing: p})...)
	} else {
		out = o.moveWaiting(p.topic, versions)
		out = append(out, o.spread(laneItem{outgoing: p}, versions)...)
	}
	return append(out, o.keepWithinBytes()...)
}

// moveWaiting hands the messages that waited for receivers to those there are
// now.
func (o *outbox) moveWaiting(topic string, versions []version) (out []dropped) {
	if l := o.lanes[laneKey{topic: topic}]; l != nil {
		for _, item := range l.takeAll() {
			out = append(out, o.spread(item, versions)...)
		}
	}
	for _, v := range versions {
		if !v.broadcast() {
			continue
		}
		if l := o.lanes[laneKey{topic: topic, version: broadcastVersion}]; l != nil {
			for _, item := range l.takeAll() {
				out = append(out, o.spread(item, []version{v})...)
			}
		}
	}
	return out
}

// spread adds a message to the lane of each receiver, with the attempts it had.
func (o *outbox) spread(m laneItem, versions []version) (out []dropped) {
	for _, v := range versions {
		item := laneItem{outgoing: m.outgoing, attempts: m.attempts}
		if v.broadcast() {
			item.fan = &fanout{left: len(v.nodes)}
		}
		for key := range keysOf(m.topic, []version{v}) {
			out = append(out, o.push(key, item)...)
		}
	}
	return out
}

// push appends an item to a lane, whose sender it starts or wakes, and returns
// what had to give way.
func (o *outbox) push(key laneKey, item laneItem) []dropped {
	l := o.lanes[key]
	if l == nil {
		l = newLane(o, key)
	}
	l.append(item)
	out := l.trim()
	if !l.running {
		l.start()
	} else {
		l.wakeUp()
	}
	return out
}

// evictWaiting makes room for another lane without receivers.
func (o *outbox) evictWaiting() (out []dropped) {
	var oldest *lane
	n := 0
	for _, l := range o.lanes {
		if len(l.items) == 0 || l.key.version != "" && !l.absent {
			continue
		}
		if n++; oldest == nil || l.since.Before(oldest.since) {
			oldest = l
		}
	}
	if n < maxWaiting {
		return nil
	}
	for _, item := range oldest.takeAll() {
		out = append(out, dropped{item, laneKey{}, errTooManyWaiting})
	}
	oldest.wakeUp() // to end
	return out
}

// excess is by how many bytes the limit would be exceeded with more.
func (o *outbox) excess(more int) int { return o.waiting + more - o.limits.bytes }

// keepWithinBytes drops messages until the rest is within the limit of bytes. The
// receiver with the most bytes waiting loses its oldest message, again and again:
// it is not served, or it would have fewer.
func (o *outbox) keepWithinBytes() (out []dropped) {
	for o.excess(0) > 0 {
		l := o.fullest.first()
		if l == nil || len(l.items) == l.inflight {
			return out
		}
		reason := &outboxFullError{excess: o.excess(0), limit: o.limits.bytes}
		out = append(out, dropped{l.remove(l.inflight), l.key, reason})
	}
	return out
}

// hand gives messages of a lane to a node, when it is its turn among all that are
// on their way.
func (o *outbox) hand(ctx context.Context, n *registry.Node, items []laneItem) sent {
	select {
	case o.senders <- struct{}{}:
		defer func() { <-o.senders }()
	case <-ctx.Done():
		return notSent(unreachable, ctx.Err())
	}
	bodies := make([][]byte, len(items))
	for i, item := range items {
		bodies[i] = item.body
	}
	o.mu.Lock()
	limit := o.limits.delivery
	o.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return o.deliver(ctx, n, bodies)
}

// dropped is a message that will not be delivered, to whom, and why.
type dropped struct {
	laneItem
	receiver laneKey // none when there are too many without one
	reason   error
}

var (
	errLaneFull       = fmt.Errorf("not delivered: %d newer messages wait for the receiver", laneSize)
	errTooManyWaiting = fmt.Errorf("not delivered: messages wait for more than %d topics and queues without a subscriber", maxWaiting)
)

// outboxFullError says that messages of all receivers together have too many bytes.
type outboxFullError struct{ excess, limit int }

func (e *outboxFullError) Error() string {
	return fmt.Sprintf("not delivered: the messages that wait have %d bytes more than the %d that broker.MaxOutboxSize allows", e.excess, e.limit)
}

// tell reports messages that will not be delivered. mu must not be held.
func (o *outbox) tell(list []dropped) {
	for _, d := range list {
		if !o.discard(d.topic, d.body, d.reason) {
			o.notices.add(noticeKey{logger.ErrorLevel, d.receiver}, d.reason)
		}
	}
}
