package mux

import (
	"fmt"
	"io"
	"math"
	"sync"
	"time"
)

// smallMessage is the largest message that is put together outside of the
// writer's lock and copied once more.
const smallMessage = 8 << 10

var scratch = sync.Pool{New: func() any { b := make([]byte, 0, smallMessage); return &b }}

// Send sends a message. It keeps neither m nor what it refers to. It returns
// when the connection has taken all of it, which takes until the peer's user
// receives when that one is slow, and fails when limit is over first, if that
// is above zero; the socket is of no use any more then if the message was sent
// in part. It returns io.EOF after Close.
func (s *Socket) Send(m *Message, limit time.Duration) error {
	return s.send(outgoing{header: m.Header}, m.Body, limit)
}

func (s *Socket) send(h outgoing, body []byte, limit time.Duration) error {
	if len(body) > s.c.config.MaxMessage {
		return fmt.Errorf("%w: body of %d bytes, the limit is %d", ErrTooLarge, len(body), s.c.config.MaxMessage)
	}
	buffer := scratch.Get().(*[]byte)
	defer scratch.Put(buffer)
	s.sending.Lock()
	defer s.sending.Unlock()
	// The first frame up to the body, with room for the head.
	b, flags, lines, err := h.appendTo((*buffer)[:headSize], &s.sent, len(body))
	if err != nil {
		return err
	}
	block := len(b)
	if len(b)+len(body) <= smallMessage {
		b, body = append(b, body...), nil
	}
	if cap(b) <= 2*smallMessage {
		*buffer = b
	}
	t := transfer{socket: s, limit: limit, flags: flags}
	defer t.stop()
	if err := t.run(b, body); err != nil {
		return err
	}
	if flags&flagRepeat == 0 {
		s.sent.remember(b[headSize+beginSize:block], lines)
	}
	return nil
}

// transfer is one message on its way into the writer.
type transfer struct {
	socket  *Socket
	limit   time.Duration
	flags   uint8 // of the first frame
	expired <-chan time.Time
	timer   *time.Timer
	needs   int // the credit without which nothing can be sent
}

func (t *transfer) stop() {
	if t.timer != nil {
		t.timer.Stop()
	}
}

// run writes a message: first, which is the start of its first frame and has
// room for the head, and the part of the body that is not in it.
func (t *transfer) run(first, body []byte) error {
	s := t.socket
	w := s.c.w
	w.mu.Lock()
	if t.writesInPlace(body) {
		return t.runInPlace(first, body)
	}
	for {
		if err := t.ready(); err != nil {
			w.mu.Unlock()
			return t.failure(err)
		}
		if t.fill(&first, &body) {
			break
		}
		w.kick()
		if err := t.wait(); err != nil {
			return err
		}
		w.mu.Lock()
	}
	s.midway = false
	w.frames++
	if !s.unanswered.CompareAndSwap(0, w.queued) {
		w.piped = true
	}
	w.kick()
	return nil
}

// ready returns why nothing can be sent. The writer's lock is held.
func (t *transfer) ready() error {
	if t.socket.sendErr != nil {
		return t.socket.sendErr
	}
	return t.socket.c.w.err
}

// failure is the error of a message that was not sent as a whole. Without its
// end the peer cannot act on it.
func (t *transfer) failure(err error) error {
	if t.socket.isClosed() {
		return io.EOF
	}
	if _, ok := err.(notSent); ok {
		return err
	}
	if err == io.EOF {
		err = errClosed
	}
	return notSent{err}
}

// fill writes as many frames as there is credit and room for, and reports
// whether that was all. The writer's lock is held.
func (t *transfer) fill(first, body *[]byte) bool {
	s := t.socket
	if len(*body) > keepPending/2 {
		s.c.w.makeRoom()
	}
	for len(s.c.w.out) < maxPending {
		h, cost := head{kind: kindMessage, socket: s.id}, 0
		if *first != nil {
			h.flags, cost = t.flags, messageCost
			h.length = len(*first) - headSize
		}
		t.needs = cost + h.length + min(1, len(*body))
		if s.credit < t.needs {
			return false
		}
		more := min(len(*body), MaxPayload-h.length, s.credit-cost-h.length)
		h.length += more
		s.credit -= cost + h.length
		s.frame(h, *first, (*body)[:more])
		*first, *body = nil, (*body)[more:]
		if len(*body) == 0 {
			return true
		}
		s.midway = true
	}
	return false
}

// frame writes one frame: first, which has room for the head, if there is one,
// and a piece of the body. The writer's lock is held.
func (s *Socket) frame(h head, first, piece []byte) {
	if !s.opened {
		h.flags |= flagOpen
		s.opened = true
	}
	if first == nil {
		var space [headSize]byte
		first = space[:]
	}
	appendHead(first[:0], h)
	s.c.w.append(first)
	s.c.w.append(piece)
}

// wait waits until more can be sent. It fails with the socket or the limit.
func (t *transfer) wait() error {
	s := t.socket
	w := s.c.w
	w.mu.Lock()
	full := len(w.out) >= maxPending && w.err == nil
	if full {
		w.waiting = append(w.waiting, s)
	}
	blocked := full || s.credit < t.needs && s.sendErr == nil
	w.mu.Unlock()
	if !blocked {
		return nil
	}
	return t.sleep()
}

// sleep waits for a token of room. It fails with the socket or the limit.
func (t *transfer) sleep() error {
	s := t.socket
	if t.limit > 0 && t.timer == nil {
		t.timer = time.NewTimer(t.limit)
		t.expired = t.timer.C
	}
	s.c.attend() // what is awaited has to be read
	select {
	case <-s.room:
		return nil
	case <-s.done:
		return io.EOF
	case <-t.expired:
		return t.giveUp()
	}
}

// giveUp ends the sending side if a part of the message was sent: what follows
// would be taken for the rest of it.
func (t *transfer) giveUp() error {
	s := t.socket
	w := s.c.w
	err := timedOut("send", t.limit)
	w.mu.Lock()
	if s.midway && s.sendErr == nil {
		s.sendErr = err
	}
	w.mu.Unlock()
	return notSent{err}
}

// addCredit acts on a window frame.
func (s *Socket) addCredit(n int) error {
	w := s.c.w
	w.mu.Lock()
	s.credit += n
	over := n == 0 || s.credit > math.MaxInt32
	w.mu.Unlock()
	if over {
		return violated("credit for socket %d out of range", s.id)
	}
	signal(s.room)
	return nil
}

func (s *Socket) isClosed() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}
