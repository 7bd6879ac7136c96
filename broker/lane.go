package broker

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/registry"
)

const (
	// firstRetry is the pause after a failed delivery; it doubles up to a limit.
	firstRetry = 100 * time.Millisecond
	// maxRetry limits the pause while a receiver cannot be reached.
	maxRetry = 5 * time.Second
	// maxRetryAnswered limits it while the receiver answers with a failure, as
	// for a handler that panics: the messages behind have to wait.
	maxRetryAnswered = time.Second
	// maxAttempts is how often a receiver may answer with a failure, or break
	// the connection instead of an answer, before a message is given up.
	maxAttempts = 10
)

// laneKey names a receiver: a queue group by topic and version, a node of the
// broadcast version by its id too. An empty version stands for whoever will
// subscribe, an empty broadcast node for whichever node comes.
type laneKey struct{ topic, version, node string }

func (k laneKey) waits() bool {
	return k.version == "" || k.version == broadcastVersion && k.node == ""
}

// String tells who the receiver is, as far as that is known.
func (k laneKey) String() string {
	switch {
	case k.node != "":
		return fmt.Sprintf("topic %s, subscriber %s", k.topic, k.node)
	case k.topic == "":
		return "several topics"
	case k.waits():
		return "topic " + k.topic
	}
	return fmt.Sprintf("topic %s, queue %s", k.topic, k.version)
}

// lane is the queue of one receiver and its sender. The outbox's mu guards all
// fields but those of the sender.
type lane struct {
	key    laneKey
	outbox *outbox

	items    []laneItem // the first inflight ones are being delivered
	inflight int
	waiting  int           // bytes of the items that are not
	place    int           // among the fullest
	running  bool          // there is a sender
	failing  bool          // the last attempt failed
	absent   bool          // the queue group has no members
	started  time.Time     // of the delivery in progress, or of the lane
	since    time.Time     // when the lane got its first item
	room     chan struct{} // closed when items get in flight; nil if nobody waits

	wake    chan struct{} // there is something new to try for
	ctx     context.Context
	leaving chan struct{}

	// The sender's own.
	pause  time.Duration
	failed map[string]time.Time // nodes by id, when they failed
}

// newLane adds a lane to an outbox, whose mu is held.
func newLane(o *outbox, key laneKey) *lane {
	l := &lane{key: key, outbox: o, wake: make(chan struct{}, 1)}
	o.lanes[key] = l
	heap.Push(&o.fullest, l)
	return l
}

// start starts the sender of a lane that has none. The caller holds mu.
func (l *lane) start() {
	l.running = true
	l.started = time.Now()
	l.since = l.started
	l.ctx, l.leaving = l.outbox.ctx, l.outbox.leaving
	l.outbox.running.Go(l.run)
}

func (l *lane) wakeUp() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// roomSignal returns a channel that is closed when there may be room.
func (l *lane) roomSignal() <-chan struct{} {
	if l.room == nil {
		l.room = make(chan struct{})
	}
	return l.room
}

// full tells whether another message would push out an older one.
func (l *lane) full() bool { return len(l.items)-l.inflight >= laneSize }

// moving tells whether room can be expected soon.
func (l *lane) moving() bool { return !l.failing && time.Since(l.started) < stallAfter }

// run is the sender. It ends when the lane is empty. While the outbox is drained
// it ends at its deadline too, and as soon as nobody is there to receive.
func (l *lane) run() {
	for l.continues() {
		select {
		case <-l.wake:
		default:
		}
		if l.attempt() {
			l.pause = 0
			continue
		}
		if l.ctx.Err() != nil || l.isLeaving() && l.lacksReceiver() {
			l.end()
			return
		}
		l.rest()
	}
}

// continues reports whether there is something to send. If not the lane is no
// more.
func (l *lane) continues() bool {
	o := l.outbox
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(l.items) > 0 {
		return true
	}
	l.running = false
	delete(o.lanes, l.key)
	heap.Remove(&o.fullest, l.place)
	l.signalRoom()
	return false
}

// end leaves the messages where they are.
func (l *lane) end() {
	l.outbox.mu.Lock()
	defer l.outbox.mu.Unlock()
	l.running = false
	l.signalRoom()
}

func (l *lane) isLeaving() bool {
	select {
	case <-l.leaving:
		return true
	default:
		return false
	}
}

// lacksReceiver tells whether nobody subscribes by now, so that another attempt
// is for whoever connects again.
func (l *lane) lacksReceiver() bool {
	l.outbox.mu.Lock()
	defer l.outbox.mu.Unlock()
	return l.key.waits() || l.absent
}

// rest waits before the next attempt: for the pause, or less when a Publish
// asks for another attempt, but never so little that a dead receiver costs an
// attempt for each message: a part of the pause, up to a second. A drain begins with an attempt, and ends the rest at
// its deadline.
func (l *lane) rest() {
	l.pause = min(max(2*l.pause, firstRetry), maxRetry)
	pause := l.pause + rand.N(l.pause/4)
	leaving := l.leaving
	if l.isLeaving() { // it has had that attempt
		leaving, pause = nil, min(pause, maxRetryAnswered)
	}
	least := min(max(l.pause/4, firstRetry), maxRetryAnswered)
	timer := time.NewTimer(least)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-leaving:
		return
	case <-l.ctx.Done():
		return
	}
	timer.Reset(max(pause-least, 0))
	select {
	case <-timer.C:
	case <-l.wake:
	case <-leaving:
	case <-l.ctx.Done():
	}
}

// attempt tries to get on with the first messages of the lane, and reports
// whether it did.
func (l *lane) attempt() bool {
	age := routesFresh
	if l.pause > 0 || l.key.waits() {
		age = routesRetry
	}
	versions, err := l.outbox.find(l.ctx, l.key.topic, age)
	if errors.Is(err, registry.ErrNotFound) {
		err = nil
	}
	switch {
	case err != nil:
		l.setFailing(fmt.Errorf("looking up its subscribers: %w", err))
		return false
	case l.key.waits():
		return l.findReceivers(versions)
	}
	nodes := l.nodes(versions)
	switch {
	case len(nodes) > 0:
		return l.evicted() || l.sendTo(nodes)
	case l.key.node == "":
		l.setAbsent()
		return false
	}
	return l.nodeGone()
}

// setFailing notes that an attempt failed. The reason is nil when that is in
// order.
func (l *lane) setFailing(reason error) {
	o := l.outbox
	o.mu.Lock()
	first := !l.failing
	l.failing = true
	l.signalRoom()
	dropped := append(l.trim(), o.keepWithinBytes()...)
	o.mu.Unlock()
	if first && reason != nil {
		l.warn(reason)
	}
	o.tell(dropped)
}

// warn tells of the first attempt that failed after one that did not.
func (l *lane) warn(reason error) {
	if l.ctx.Err() == nil {
		l.outbox.notices.add(noticeKey{logger.WarnLevel, l.key}, fmt.Errorf("%w; trying again", reason))
	}
}

// setAbsent is a failure that lasts until the queue group has members again.
func (l *lane) setAbsent() {
	o := l.outbox
	o.mu.Lock()
	var out []dropped
	if !l.absent {
		out = o.evictWaiting()
		l.absent = true
	}
	o.mu.Unlock()
	o.tell(out)
	l.setFailing(nil)
}

// evicted tells whether the messages had to give way while the queue group had
// no members. From now on they do not.
func (l *lane) evicted() bool {
	l.outbox.mu.Lock()
	defer l.outbox.mu.Unlock()
	l.absent = false
	return len(l.items) == 0
}
