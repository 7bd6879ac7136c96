package broker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4/registry"
)

const (
	// inboxSize is how many messages wait for one receiver of a topic.
	inboxSize = 64
	// maxWaiting is how many lanes keep messages for receivers of which there is
	// none: for topics without any subscriber, and queue groups without members.
	maxWaiting = 1024
	// maxSenders is how many deliveries are on the network at once.
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
type outbox struct {
	broker  *httpBroker
	routes  *routes
	senders chan struct{} // limits deliveries on the network

	stallAfter time.Duration // the constant, or more in tests

	mu      sync.Mutex
	lanes   map[laneKey]*lane
	stopped bool
	leaving chan struct{} // closed by drain: try once more, then end
	ctx     context.Context
	abort   context.CancelFunc
	batches map[string]bool // addresses which take batches
	running sync.WaitGroup
}

// outgoing is one published message, shared by the lanes it is in.
type outgoing struct {
	topic string
	body  []byte
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

func newOutbox(b *httpBroker) *outbox {
	o := &outbox{
		broker:  b,
		routes:  newRoutes(b.lookupRegistry),
		senders: make(chan struct{}, maxSenders),
		lanes:   map[laneKey]*lane{},
		batches: map[string]bool{},

		stallAfter: stallAfter,
	}
	o.begin()
	return o
}

func (o *outbox) begin() {
	o.stopped = false
	o.leaving = make(chan struct{})
	o.ctx, o.abort = context.WithCancel(context.Background())
}

func (o *outbox) forgetRoutes() { o.routes.forget() }

// Publish encodes the message and hands it to the lanes of its receivers.
func (b *httpBroker) Publish(topic string, m *Message, opts ...PublishOption) error {
	if err := checkPublication(topic, m); err != nil {
		return err
	}
	ctx := publishContext(opts)
	if ctx == nil {
		ctx = context.Background()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	o := b.snapshot()
	header := make(map[string]string, len(m.Header)+1)
	maps.Copy(header, m.Header)
	header[topicHeader] = topic
	body, err := o.Codec.Marshal(&Message{Header: header, Body: m.Body})
	if err != nil {
		return fmt.Errorf("publishing to %s: encoding the message: %w", topic, err)
	}
	if limit := settingsOf(o.Context).maxMessageSize; len(body) > limit {
		return fmt.Errorf("publishing to %s: the encoded message has %d bytes, more than the %d that broker.MaxMessageSize allows", topic, len(body), limit)
	}
	return b.outbox.publish(ctx, &outgoing{topic: topic, body: body})
}

// publish adds a message to the lanes of its receivers. Without any receiver it
// waits in the outbox, unless the registry cannot be asked for them.
func (o *outbox) publish(ctx context.Context, p *outgoing) error {
	if o.isStopped() {
		return ErrNotConnected
	}
	versions, lookup := o.routes.of(ctx, p.topic, routesFresh)
	if err := ctx.Err(); err != nil {
		return err
	}
	if lookup != nil && !errors.Is(lookup, registry.ErrNotFound) {
		return fmt.Errorf("publishing to %s: looking up its subscribers: %w", p.topic, lookup)
	}
	var dropped []dropped
	o.mu.Lock()
	for {
		if o.stopped {
			o.mu.Unlock()
			return ErrNotConnected
		}
		full := o.fullLane(p, versions)
		if full == nil {
			break
		}
		if err := o.awaitRoom(ctx, full); err != nil {
			o.mu.Unlock()
			return err
		}
	}
	dropped = o.add(p, versions)
	o.mu.Unlock()
	o.tell(dropped)
	return nil
}

func (o *outbox) isStopped() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.stopped
}

// fullLane returns a lane of p that has no room but is moving, if any.
func (o *outbox) fullLane(p *outgoing, versions []version) *lane {
	for key := range keysOf(p.topic, versions) {
		if l := o.lanes[key]; l != nil && l.full(p) && l.moving() {
			return l
		}
	}
	return nil
}

// awaitRoom waits, with mu released, until the lane may have room or has
// stopped moving. The error is the context's.
func (o *outbox) awaitRoom(ctx context.Context, l *lane) error {
	room := l.roomSignal()
	timer := time.NewTimer(time.Until(l.started.Add(o.stallAfter)))
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

// add puts p behind whatever its receivers are still to get.
func (o *outbox) add(p *outgoing, versions []version) (out []dropped) {
	waiting := laneKey{topic: p.topic}
	if len(versions) == 0 {
		if o.lanes[waiting] == nil {
			out = o.evictWaiting()
		}
		return append(out, o.push(waiting, laneItem{outgoing: p})...)
	}
	out = o.moveWaiting(p.topic, versions)
	return append(out, o.spread(laneItem{outgoing: p}, versions)...)
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
		l = &lane{key: key, outbox: o, wake: make(chan struct{}, 1)}
		o.lanes[key] = l
	}
	l.items = append(l.items, item)
	l.bytes += len(item.body)
	out := l.trim(o.byteLimit())
	if !l.running {
		l.start()
	} else {
		l.wakeUp()
	}
	return out
}

func (o *outbox) byteLimit() int { return 4 * o.broker.settings().maxMessageSize }

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
		out = append(out, dropped{item, errTooManyWaiting})
	}
	oldest.wakeUp() // to end
	return out
}

// idle tells whether there is nothing to drain.
func (o *outbox) idle() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.stopped || len(o.lanes) == 0
}

// drain ends all senders: each delivers what it can until the deadline and ends
// at its first failure. The error counts the messages left, by topic. They stay
// in the outbox for resume.
func (o *outbox) drain(deadline time.Time) error {
	o.mu.Lock()
	if o.stopped {
		o.mu.Unlock()
		return nil
	}
	o.stopped = true
	close(o.leaving)
	abort := o.abort
	o.mu.Unlock()

	timer := time.AfterFunc(time.Until(deadline), abort)
	o.running.Wait()
	timer.Stop()
	abort()
	return o.undelivered()
}

// resume accepts messages again after a drain, and sends what was left.
func (o *outbox) resume() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.stopped {
		return
	}
	o.begin()
	for _, l := range o.lanes {
		l.start()
	}
}

// UndeliveredError is what Disconnect of the http broker returns when messages
// are left in its inbox. They are sent if the broker is connected again.
type UndeliveredError struct {
	// Topics counts the messages left, by topic.
	Topics map[string]int
}

func (e *UndeliveredError) Error() string {
	var parts []string
	for _, topic := range slices.Sorted(maps.Keys(e.Topics)) {
		parts = append(parts, fmt.Sprintf("topic %s: %d", topic, e.Topics[topic]))
	}
	return "messages were not delivered: " + strings.Join(parts, ", ")
}

func (o *outbox) undelivered() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	counts := map[string]int{}
	seen := map[*outgoing]bool{}
	for _, l := range o.lanes {
		for _, item := range l.items {
			if !seen[item.outgoing] {
				seen[item.outgoing] = true
				counts[item.topic]++
			}
		}
	}
	if len(counts) == 0 {
		return nil
	}
	return &UndeliveredError{Topics: counts}
}

// dropped is a message that will not be delivered, and why.
type dropped struct {
	laneItem
	reason error
}

var (
	errInboxFull      = errors.New("not delivered: the inbox is full of newer messages")
	errTooManyWaiting = errors.New("not delivered: messages wait for too many topics and queues without a subscriber")
)

// tell reports messages that will not be delivered. mu must not be held.
func (o *outbox) tell(list []dropped) {
	for _, d := range list {
		opts := o.broker.snapshot()
		m := new(Message)
		if err := opts.Codec.Unmarshal(d.body, m); err != nil {
			m = nil
		}
		o.broker.report(&httpEvent{topic: d.topic, message: m, err: d.reason})
	}
}
