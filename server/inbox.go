package server

import (
	"context"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4/internal/wire"
)

// inboxBudget is how many bytes may wait for the handler of one stream, and
// connBudget for those of all streams of a connection. Each message counts for
// its body and messageCost.
const (
	inboxBudget = 2 << 20
	connBudget  = 64 << 20
	messageCost = 512
)

// inbox queues the messages of one stream. One goroutine puts and one takes.
type inbox struct {
	mu     sync.Mutex
	queue  []inbound
	next   int // of queue, the first that was not taken
	size   int
	closed error // what take returns once the queue is empty
	single bool  // there is no stream: the endpoint is unary
	ended  bool  // the client's end of the stream was put

	total *held // of the connection

	arrived chan struct{} // holds a token after a put or a close
	room    chan struct{} // holds a token after a take or a close
}

func newInbox(total *held) *inbox {
	return &inbox{total: total, arrived: make(chan struct{}, 1), room: make(chan struct{}, 1)}
}

// What becomes of a message that is put.
type verdict int

const (
	taken   verdict = iota // it waits, or belongs to the stream but is too late
	full                   // the queue has no room for it
	starved                // the queue has, but what waits elsewhere leaves none
	foreign                // it does not belong to the stream but is a new request
)

// roomCheck is how often room is looked for that nobody tells of: what waits on
// other connections may have left it.
const roomCheck = 20 * time.Millisecond

// put adds a message, unless the messages that wait fill a budget.
func (q *inbox) put(m inbound) verdict {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.single || q.ended && q.closed != nil {
		return foreign
	}
	cost := messageCost + len(m.body)
	q.ended = q.ended || m.err == wire.EOS
	switch {
	case q.closed != nil:
		return taken
	case m.err == wire.EOS:
		q.total.force(cost)
	case q.size > 0 && q.size+cost > inboxBudget:
		return full
	case !q.total.take(cost):
		return starved
	}
	q.size += cost
	q.queue = append(q.queue, m)
	signalOnce(q.arrived)
	return taken
}

// shrink takes n off the bytes that wait. The lock is held.
func (q *inbox) shrink(n int) {
	q.size -= n
	q.total.give(n)
}

// putWithin is put that waits for room, but not for longer than the limit, or than
// patienceAlone when it is others who leave none.
func (q *inbox) putWithin(limit time.Duration, m inbound) verdict {
	v := q.put(m)
	switch v {
	case full:
	case starved:
		limit = max(limit, patienceAlone)
	default:
		return v
	}
	timer, check := time.NewTimer(limit), time.NewTicker(roomCheck)
	defer timer.Stop()
	defer check.Stop()
	for {
		select {
		case <-q.room:
		case <-check.C:
		case <-timer.C:
			return v
		}
		if v = q.put(m); v != full && v != starved {
			return v
		}
	}
}

// take returns the next message, waiting for it until ctx is done.
func (q *inbox) take(ctx context.Context) (inbound, error) {
	if m, ok, err := q.poll(); ok || err != nil {
		return m, err
	}
	for {
		var ended error
		select {
		case <-q.arrived:
		case <-ctx.Done():
			ended = causeOf(ctx)
		}
		if m, ok, err := q.poll(); ok || err != nil {
			return m, err
		}
		if ended != nil {
			return inbound{}, ended
		}
	}
}

func (q *inbox) poll() (m inbound, ok bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.next == len(q.queue) {
		return inbound{}, false, q.closed
	}
	m = q.queue[q.next]
	q.queue[q.next] = inbound{}
	q.next++
	if q.next == len(q.queue) {
		q.queue, q.next = q.queue[:0], 0
	}
	q.compact()
	q.shrink(messageCost + len(m.body))
	signalOnce(q.room)
	return m, true, nil
}

// compact moves what waits to the front once most of the queue was taken, so
// that a queue which never runs empty does not grow for ever.
func (q *inbox) compact() {
	if q.next < 64 || q.next*2 < len(q.queue) {
		return
	}
	n := copy(q.queue, q.queue[q.next:])
	clear(q.queue[n:])
	q.queue, q.next = q.queue[:n], 0
}

// close makes take return err after what waits.
func (q *inbox) close(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed == nil {
		q.closed = err
	}
	signalOnce(q.arrived)
	signalOnce(q.room)
}

// abort makes take return err at once.
func (q *inbox) abort(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = err
	q.clear()
	signalOnce(q.arrived)
}

// isUnary says that there is no stream. What waits is dropped.
func (q *inbox) isUnary() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.single = true
	q.clear()
}

// clear drops what waits. The lock is held.
func (q *inbox) clear() {
	q.shrink(q.size)
	q.queue, q.next = nil, 0
	signalOnce(q.room)
}

// clientEnded reports whether the client's end of the stream was put.
func (q *inbox) clientEnded() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.ended
}

// signalOnce leaves a token in a channel with room for one.
func signalOnce(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
