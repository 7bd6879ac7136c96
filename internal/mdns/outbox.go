package mdns

import (
	"net/netip"
	"slices"
	"time"
)

// The pace of an outbox: bursts that a receiver's socket buffer holds, refilled
// fast enough for some thousand messages a second.
const (
	burst      = 64
	burstPause = 10 * time.Millisecond
)

// outgoing is a message to be sent, or a question that is sent with others in one.
// It is packed only then, so that a long queue costs little memory.
type outgoing struct {
	kind     outgoingKind
	build    func() *Message // of all but questions
	question Question
	asking   *ask           // of a question: who wants to hear it come back, may be nil
	to       netip.AddrPort // of a reply
	once     answerKey      // when set, queued at most once
	sent     func()         // called under the engine's lock after sending, may be nil
}

type outgoingKind int

const (
	sendAsk outgoingKind = iota
	sendAnnounce
	sendReply
)

// datagram is a message to be sent now.
type datagram struct {
	kind   outgoingKind
	build  func() *Message
	to     netip.AddrPort
	asking []*ask
	sent   func()
}

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
func (o *outbox) take(now time.Time) []datagram {
	if o.empty() {
		return nil
	}
	if !now.Before(o.refill) {
		o.tokens, o.refill = burst, now.Add(burstPause)
	}
	var batch []datagram
	for o.tokens > 0 && len(o.asks) > 0 {
		batch = append(batch, o.query())
	}
	for o.tokens > 0 && len(o.queue) > 0 {
		for _, m := range o.cut(&o.queue, 1) {
			batch = append(batch, datagram{kind: m.kind, build: m.build, to: m.to, sent: m.sent})
		}
	}
	return batch
}

// query makes one message of as many questions as others answer of one.
func (o *outbox) query() datagram {
	d := datagram{kind: sendAsk}
	var questions []Question
	for _, m := range o.cut(&o.asks, maxQuestions) {
		questions = append(questions, m.question)
		if m.asking != nil {
			d.asking = append(d.asking, m.asking)
		}
	}
	d.build = func() *Message { return newQuery(questions) }
	return d
}

// cut moves up to n entries from a queue, for a token.
func (o *outbox) cut(queue *[]outgoing, n int) []outgoing {
	o.tokens--
	n = min(n, len(*queue))
	taken := slices.Clone((*queue)[:n])
	clear((*queue)[:n])
	if *queue = (*queue)[n:]; len(*queue) == 0 {
		*queue = nil
	}
	for _, m := range taken {
		delete(o.waiting, m.once)
	}
	return taken
}

func (o *outbox) empty() bool { return len(o.asks) == 0 && len(o.queue) == 0 }

// next returns when take will return more, false when nothing waits.
func (o *outbox) next() (time.Time, bool) { return o.refill, !o.empty() }
