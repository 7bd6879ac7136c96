package mux

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/justcy/go-micro/v4/internal/wire"
)

// arrived is a whole message that nobody has received.
type arrived struct {
	header wire.Header
	body   []byte
	cost   int // in credit
	early  int // what it counts for instead that was sent before there were frames
}

// Quiet reports whether the socket is whole and nothing waits on it.
func (s *Socket) Quiet() bool {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	return !s.closed && s.recvErr == nil && s.next == len(s.queue) && !s.part
}

// Park makes resume be called, once, as soon as a Recv would not have to wait. It
// is false, and resume is not called, when that is so already. Resume must
// neither block nor use the socket.
func (s *Socket) Park(resume func()) bool {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	if s.hasNews() {
		return false
	}
	s.resume = resume
	return true
}

// hasNews reports whether a Recv would not have to wait. The lock is held.
func (s *Socket) hasNews() bool {
	return s.closed || s.broken != nil || s.recvErr != nil || s.next < len(s.queue)
}

// Inject adds a message that was sent before there were frames. It returns io.EOF
// when the socket has ended.
//
// On a socket that carries anything it waits while more than a window is queued:
// somebody always receives there. The handler of an exchange may not, and others
// wait for the same goroutine to read their frames: there the message is counted,
// and an error when the bounds have no room for it.
func (s *Socket) Inject(h map[string]string, body []byte) error {
	c := s.c
	c.mu.Lock()
	defer c.mu.Unlock()
	a := arrived{header: wire.MapHeader(h), body: body}
	if s.exchange {
		a.early = MessageCost + len(body)
	} else {
		s.awaitRoom()
	}
	switch {
	case s.closed || s.recvErr != nil:
		return io.EOF
	case s.early+a.early > c.config.MaxBuffered:
		return fmt.Errorf("more than %d bytes were sent before the switch to frames was complete", c.config.MaxBuffered)
	case !c.config.Budget.Take(a.early):
		return errors.New(c.config.Budget.Full())
	}
	c.taken += a.early
	s.early += a.early
	s.push(a)
	return nil
}

// awaitRoom waits until less than a window is queued, or the socket has ended. The
// lock is held, but not meanwhile.
func (s *Socket) awaitRoom() {
	for !s.closed && s.recvErr == nil && s.next < len(s.queue) && s.queued() >= Window {
		if s.taken == nil {
			s.taken = make(chan struct{}, 1)
		}
		taken := s.taken
		s.c.mu.Unlock()
		<-taken
		s.c.mu.Lock()
	}
}

// forget counts an early message no longer. The lock is held.
func (s *Socket) forget(early int) {
	s.early -= early
	if c := s.c; c.err == nil && early > 0 { // otherwise all was given back
		c.config.Budget.Give(early)
		c.taken -= early
	}
}

// queued is how many bytes of bodies wait. The lock is held.
func (s *Socket) queued() (n int) {
	for _, a := range s.queue[s.next:] {
		n += MessageCost + len(a.body)
	}
	return n
}

// push adds a message to those that wait. The lock is held.
func (s *Socket) push(a arrived) {
	if s.next > 32 && s.next*2 > len(s.queue) { // a queue that never runs empty must not grow for ever
		n := copy(s.queue, s.queue[s.next:])
		clear(s.queue[n:])
		s.queue, s.next = s.queue[:n], 0
	}
	s.queue = append(s.queue, a)
	s.alert()
}

// drop forgets what waits, and returns what it cost. The lock is held.
func (s *Socket) drop() (free int) {
	for _, a := range s.queue[s.next:] {
		free += a.cost
		s.forget(a.early)
	}
	s.queue, s.next = nil, 0
	return free
}

// RecvHeader waits for the next message. Header and body are the caller's. It
// returns io.EOF when the peer has closed the socket and everything was received,
// and after Close.
func (s *Socket) RecvHeader(h *wire.Header) (body []byte, err error) {
	s.receiving.Lock()
	defer s.receiving.Unlock()
	limit := s.c.config.RecvLimit
	var expired <-chan time.Time
	for {
		a, ok, err := s.poll()
		if ok {
			*h = a.header
			return a.body, nil
		}
		if err != nil {
			return nil, err
		}
		if limit > 0 && expired == nil {
			t := time.NewTimer(limit)
			defer t.Stop()
			expired = t.C
		}
		if limit <= 0 && s.c.lead(s, s.news) {
			continue
		}
		select {
		case <-s.ready:
		case <-expired:
			s.stopWaiting()
			return nil, timedOut("receive", limit)
		}
	}
}

// news is hasNews for those who do not hold the lock.
func (s *Socket) news() bool {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	return s.hasNews()
}

func (s *Socket) stopWaiting() {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	if s.waiting {
		s.waiting = false
		s.c.blocked--
	}
}

// poll takes a message if there is one, and gives back the credit that it cost.
// When there is none, the caller is noted as waiting.
func (s *Socket) poll() (a arrived, ok bool, err error) {
	c := s.c
	c.mu.Lock()
	switch {
	case s.closed:
		c.mu.Unlock()
		return arrived{}, false, io.EOF
	case s.broken != nil:
		err = s.broken
		c.mu.Unlock()
		return arrived{}, false, err
	case s.next == len(s.queue) && s.recvErr != nil:
		err = s.recvErr
		c.mu.Unlock()
		return arrived{}, false, err
	case s.next == len(s.queue):
		s.wait()
		c.mu.Unlock()
		return arrived{}, false, nil
	}
	a = s.queue[s.next]
	s.queue[s.next] = arrived{}
	if s.next++; s.next == len(s.queue) {
		s.queue, s.next = s.queue[:0], 0
	}
	s.unanswered, s.answered = 0, true
	s.forget(a.early)
	if s.taken != nil {
		signal(s.taken)
	}
	s.settle(a.cost)
	return a, true, nil
}

// wait notes that somebody waits for the next message. The lock is held.
func (s *Socket) wait() {
	if s.ready == nil {
		s.ready = make(chan struct{}, 1)
	}
	select {
	case <-s.ready: // of an earlier wait
	default:
	}
	if !s.waiting {
		s.waiting = true
		s.c.waits()
	}
}

// settle gives back the credit of a message that was received. It is called with
// the lock held and releases it.
func (s *Socket) settle(cost int) {
	c := s.c
	if s.owed += cost; s.owed >= Window/2 && s.recvErr == nil {
		c.writer.add(appendWindow(make([]byte, 0, headSize+4), s.id, s.owed))
		s.allow += s.owed
		s.owed = 0
	}
	c.release(cost)
	c.kick()
}
