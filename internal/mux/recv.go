package mux

import (
	"io"
	"os"
	"time"
)

// Recv waits for the next message, until limit is over if that is above zero.
// Header and body are the caller's. It returns io.EOF when the peer has closed
// the socket and everything was received, and after Close.
func (s *Socket) Recv(m *Message, limit time.Duration) error {
	var h Headers
	body, err := s.RecvHeaders(&h, limit)
	if err == nil {
		*m = Message{Header: h.Map(), Body: body}
	}
	return err
}

// await waits for a message and takes it.
func (s *Socket) await(limit time.Duration) (arrived, error) {
	if a, ok, err := s.poll(); ok || err != nil {
		return a, err
	}
	var expired <-chan time.Time
	if limit > 0 {
		t := time.NewTimer(limit)
		defer t.Stop()
		expired = t.C
	}
	for {
		s.grant()
		if expired == nil && s.c.lead(s) {
			s.c.read(s)
		} else if err := s.sleep(expired); err != nil {
			return arrived{}, timedOut("receive", limit)
		}
		if a, ok, err := s.poll(); ok || err != nil {
			return a, err
		}
	}
}

// sleep waits until something may have come, or time is up.
func (s *Socket) sleep(expired <-chan time.Time) error {
	s.c.attend()
	if expired == nil {
		<-s.ready // which Close signals too
		return nil
	}
	select {
	case <-s.ready:
		return nil
	case <-expired:
		s.stopWaiting()
		return os.ErrDeadlineExceeded
	}
}

func (s *Socket) stopWaiting() {
	s.mu.Lock()
	s.waiting = false
	s.mu.Unlock()
}

// poll takes a message if there is one, and gives back the credit that it cost.
// When there is none, the caller is noted as waiting.
func (s *Socket) poll() (a arrived, ok bool, err error) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return arrived{}, false, io.EOF
	}
	if s.next == len(s.queue) {
		s.waiting = s.ended == nil
		err = s.ended
		s.mu.Unlock()
		return arrived{}, false, err
	}
	s.waiting = false
	a = s.queue[s.next]
	s.queue[s.next] = arrived{}
	s.next++
	if s.next == len(s.queue) {
		s.queue, s.next = s.queue[:0], 0
	}
	s.hold(-a.cost)
	extra, credit := s.settle(a.credit)
	if s.taken != nil {
		signal(s.taken)
	}
	s.mu.Unlock()
	s.c.unreserve(extra)
	if credit > 0 {
		var b [headSize + 4]byte
		s.c.w.put(appendWindow(b[:0], s.id, credit))
	}
	return a, true, nil
}

// settle takes a message's cost off what was given beyond the window, and owes
// the rest to the peer. It returns what is to be given back at once. The lock
// mu is held.
func (s *Socket) settle(cost int) (extra, credit int) {
	extra = min(s.extra, cost)
	s.extra -= extra
	s.owed += cost - extra
	if s.owed < Window/2 || s.ended != nil {
		return extra, 0
	}
	credit, s.owed = s.owed, 0
	s.allow += credit
	return extra, credit
}

// grant gives the peer the credit for the rest of a message that is larger than
// the window, if somebody waits for that message and nothing else.
func (s *Socket) grant() {
	n := s.wants()
	if n <= 0 || !s.c.reserve(s, n) {
		return
	}
	s.mu.Lock()
	useless := s.closed || s.ended != nil
	if !useless {
		s.allow += n
		s.extra += n
	}
	s.mu.Unlock()
	if useless {
		s.c.unreserve(n)
		return
	}
	var b [headSize + 4]byte
	s.c.w.put(appendWindow(b[:0], s.id, n))
}

// wants returns the credit that the message being waited for lacks.
func (s *Socket) wants() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.waiting || s.closed || s.ended != nil || s.next < len(s.queue) {
		return 0
	}
	return s.missing - s.allow
}

// holds returns how many bytes wait on the socket, without those that were
// asked for.
func (s *Socket) holds() int { return int(s.held.Load()) }

// Inject adds a message that did not arrive in frames. It waits while the user
// of the socket does not keep up. It is false when the socket has ended.
func (s *Socket) Inject(m Message) bool {
	a := arrived{header: m.Header, body: m.Body, cost: messageCost + len(m.Body)}
	for {
		s.mu.Lock()
		if s.closed || s.ended != nil {
			s.mu.Unlock()
			return false
		}
		if s.taken == nil {
			s.taken = make(chan struct{}, 1)
		}
		if s.next == len(s.queue) || s.held.Load() < Window {
			s.hold(a.cost)
			s.push(a)
			s.mu.Unlock()
			return true
		}
		s.mu.Unlock()
		select {
		case <-s.taken:
		case <-s.done:
			return false
		}
	}
}

// hold counts n bytes more that wait for the user. The lock mu is held.
func (s *Socket) hold(n int) {
	s.held.Add(int64(n))
	s.c.buffered.Add(int64(n))
}

// push adds a message to those that wait. The lock mu is held.
func (s *Socket) push(a arrived) {
	if s.next > 32 && s.next*2 > len(s.queue) { // a queue that never runs empty must not grow for ever
		n := copy(s.queue, s.queue[s.next:])
		clear(s.queue[n:])
		s.queue, s.next = s.queue[:n], 0
	}
	s.queue = append(s.queue, a)
	s.alerted()
}

// alert tells the one who receives, or watches, that there is something new.
func (s *Socket) alert() {
	s.mu.Lock()
	s.alerted()
	s.mu.Unlock()
}

// alerted is alert for those who hold the lock mu.
func (s *Socket) alerted() {
	if s.watch != nil {
		s.watch()
		s.watch = nil
		s.waiting = s.ended == nil // a Recv follows
		return
	}
	signal(s.ready)
}

// Watch makes the socket call f, once, as soon as a Recv has something to do: a
// message has arrived or begun to, or the socket has ended. It is false, and f
// is not called, when that is so already. No Recv may be pending, and one has to
// follow the call of f: the rest of a large message is let in at once. F must
// neither block nor use the socket.
func (s *Socket) Watch(f func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.ended != nil || s.missing > 0 || s.next < len(s.queue) {
		return false
	}
	s.watch = f
	return true
}

// Unwatch takes a Watch back. It is false when f was called.
func (s *Socket) Unwatch() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	watched := s.watch != nil
	s.watch = nil
	return watched
}

// Pending reports whether a Recv would not wait: a whole message is there, or
// nothing will come any more.
func (s *Socket) Pending() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed || s.ended != nil || s.next < len(s.queue)
}

// Attend has what arrives for the socket noticed although no Recv is pending, now
// and later. It is for sockets whose user does something else meanwhile.
func (s *Socket) Attend() {
	s.attended.Store(true)
	s.c.attend()
}
