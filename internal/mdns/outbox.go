package mdns

import (
	"net/netip"
	"time"
)

// The pace of an outbox: bursts that a receiver's socket buffer holds, refilled
// fast enough for some thousand messages a second.
const (
	burst      = 64
	burstPause = 10 * time.Millisecond
)

// outgoing is a message to be sent. It is packed only then, so that a long queue
// costs little memory.
type outgoing struct {
	kind   outgoingKind
	build  func() *Message
	to     netip.AddrPort // of a reply
	once   answerKey      // when set, queued at most once
	sent   func()         // called under the engine's lock after sending, may be nil
	asking *ask           // of a query: who wants to hear it come back, may be nil
}

type outgoingKind int

const (
	sendAsk outgoingKind = iota
	sendAnnounce
	sendReply
)

// answerKey tells messages apart that need to be sent once, however often there
// was a reason while they waited: answers to one question of one asker about one
// instance, and questions.
type answerKey struct {
	to    netip.AddrPort
	id    uint16
	qtype uint16
	name  string
	about string
}

// outbox queues messages and paces them: questions first, the others in order.
// It is not safe for concurrent use.
type outbox struct {
	asks    []outgoing
	queue   []outgoing
	waiting map[answerKey]struct{}
	tokens  int
	refill  time.Time
	dropped uint64
}

// put queues m. A message to be sent once is dropped when the queue is full or
// has it already.
func (o *outbox) put(m outgoing) {
	if m.once != (answerKey{}) {
		if _, queued := o.waiting[m.once]; queued {
			return
		}
		if len(o.waiting) >= maxQueued {
			o.dropped++
			return
		}
		if o.waiting == nil {
			o.waiting = map[answerKey]struct{}{}
		}
		o.waiting[m.once] = struct{}{}
	}
	if m.kind == sendAsk {
		o.asks = append(o.asks, m)
	} else {
		o.queue = append(o.queue, m)
	}
}

// take removes the messages that may be sent now.
func (o *outbox) take(now time.Time) []outgoing {
	if o.empty() {
		return nil
	}
	if !now.Before(o.refill) {
		o.tokens, o.refill = burst, now.Add(burstPause)
	}
	batch := o.cut(&o.asks, nil)
	batch = o.cut(&o.queue, batch)
	for i := range batch {
		delete(o.waiting, batch[i].once)
	}
	return batch
}

// cut moves as many messages as there are tokens from a queue to a batch.
func (o *outbox) cut(queue *[]outgoing, batch []outgoing) []outgoing {
	n := min(o.tokens, len(*queue))
	o.tokens -= n
	batch = append(batch, (*queue)[:n]...)
	clear((*queue)[:n])
	if *queue = (*queue)[n:]; len(*queue) == 0 {
		*queue = nil
	}
	return batch
}

func (o *outbox) empty() bool { return len(o.asks) == 0 && len(o.queue) == 0 }

// next returns when take will return more, false when nothing waits.
func (o *outbox) next() (time.Time, bool) { return o.refill, !o.empty() }
