package redis

import "sync"

const (
	// A subscription's messages that wait for its handler.
	maxQueued         = 1 << 16
	defaultQueueLimit = 64 << 20 // bytes
)

// lane is a subscriber's queue over one connection.
type lane struct {
	link *link
	*subscriber

	mu     sync.Mutex
	queue  []string
	bytes  int
	closed bool
	wake   chan struct{}
}

// push queues a message. What has to give way is told.
func (q *lane) push(payload string) {
	var lost []string
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return
	}
	q.queue = append(q.queue, payload)
	q.bytes += len(payload)
	for len(q.queue) > 1 && (len(q.queue) > maxQueued || q.bytes > q.link.queueLimit) {
		lost = append(lost, q.queue[0])
		q.bytes -= len(q.queue[0])
		q.queue[0] = ""
		q.queue = q.queue[1:]
	}
	q.mu.Unlock()
	q.signal()
	for _, payload := range lost {
		q.report(q.event(payload), errOverrun)
	}
}

func (q *lane) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// close has run end when the queue is empty, and returns what was in it if it is to
// be dropped.
func (q *lane) close(drop bool) (left []string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	if drop {
		left, q.queue, q.bytes = q.queue, nil, 0
	}
	q.signal()
	return left
}

// pop returns the next message; it reports false when there will be none.
func (q *lane) pop() (payload string, ok bool) {
	for {
		q.mu.Lock()
		if len(q.queue) > 0 {
			payload = q.queue[0]
			q.queue[0] = ""
			q.queue = q.queue[1:]
			q.bytes -= len(payload)
			q.mu.Unlock()
			return payload, true
		}
		closed := q.closed
		q.mu.Unlock()
		if closed {
			return "", false
		}
		<-q.wake
	}
}

func (q *lane) run() {
	for {
		payload, ok := q.pop()
		if !ok {
			return
		}
		q.handle(payload)
	}
}
