package mux

import (
	"io"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4/internal/wire"
)

// Socket is one end of a stream of messages in both directions, or the end of a
// call that answers it. Its methods may be called concurrently.
type Socket struct {
	c        *Conn
	id       uint32
	single   bool // a call: one message each way
	exchange bool // everything on it belongs to one exchange

	sending   sync.Mutex // held by Send
	receiving sync.Mutex // held by Recv

	// What follows is guarded by Conn.mu.

	opened    bool      // the peer was sent the first message
	midway    bool      // a message was sent in part
	pending   *transfer // the message that Send waits for
	credit    int       // what the peer lets this end send
	sendErr   error     // why nothing can be sent any more
	sentBlock string    // the header block that messages may repeat
	// unanswered is where in all that was written the first message ends that
	// was sent since the last one was received; 0 for none.
	unanswered uint64
	answered   bool // a message was received, or may have been answered

	queue      []arrived
	next       int // of queue, the first that was not received
	allow      int // what the peer may still send
	owed       int // credit of the socket that was not given back yet
	cost       int // what the connection counts for the socket until its end
	heardBlock *wire.Block
	part       bool  // a message has arrived in part
	recvErr    error // why nothing more comes
	waiting    bool  // a Recv waits
	closed     bool
	ready      chan struct{} // has a token when something may have come; made by the first to wait
	done       chan struct{} // closed by Close; made by the first to ask
	resume     func()        // of Park
	onEnd      wire.Ender
	broken     error         // of Interrupt
	ended      error         // what onEnd is told
	taken      chan struct{} // gets a token when a message was received; made by Inject
}

// arrived is a whole message that nobody has received.
type arrived struct {
	header wire.Header
	body   []byte
	cost   int
}

func newSocket(c *Conn, id uint32) *Socket {
	return &Socket{c: c, id: id, credit: Window, allow: Window}
}

// Conn returns the connection that carries the socket.
func (s *Socket) Conn() *Conn { return s.c }

// Single reports whether the socket is that of a call, which takes one reply.
func (s *Socket) Single() bool { return s.single }

// Done returns a channel that Close closes.
func (s *Socket) Done() <-chan struct{} {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	if s.done == nil {
		s.done = make(chan struct{})
		if s.closed {
			close(s.done)
		}
	}
	return s.done
}

// Quiet reports whether the socket is whole and nothing waits on it.
func (s *Socket) Quiet() bool {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	return !s.closed && s.recvErr == nil && s.next == len(s.queue) && !s.part
}

// OnEnd makes e be told, once and with the reason, when the peer has ended the
// socket or the connection is lost, at once if that has happened.
func (s *Socket) OnEnd(e wire.Ender) {
	s.c.mu.Lock()
	err := s.ended
	if err == nil {
		s.onEnd = e
	}
	s.c.mu.Unlock()
	if err != nil {
		e.Ended(err)
	}
}

// Interrupt makes a pending and every later RecvHeader return err, and so a
// pending SendFields. What is sent afterwards is sent if that needs no waiting.
func (s *Socket) Interrupt(err error) {
	c := s.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.broken != nil || s.closed {
		return
	}
	s.broken = err
	if s.pending != nil {
		c.giveUp(s.pending, err)
	}
	c.turn.interrupt(c, s)
	s.alert()
}

// Open sends the first message of an exchange, to which everything belongs that
// the socket carries.
func (s *Socket) Open(r *wire.Request) error {
	s.sending.Lock()
	defer s.sending.Unlock()
	s.exchange = true
	return s.send(flagOpen|flagExchange, r)
}

// SendFields sends a message and keeps nothing of it. It returns when the
// connection has taken all of it, which takes until the peer's user receives when
// that one is slow. It returns io.EOF after Close.
func (s *Socket) SendFields(fields []wire.Field, body []byte) error {
	s.sending.Lock()
	defer s.sending.Unlock()
	return s.send(s.flags(), &wire.Request{Fields: fields, Body: body})
}

// flags are those of the next message.
func (s *Socket) flags() uint8 {
	switch {
	case s.single:
		return flagLast
	case s.isOpened():
		return 0
	}
	return flagOpen
}

func (s *Socket) isOpened() bool {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	return s.opened
}

func (s *Socket) send(flags uint8, r *wire.Request) error {
	buffer := scratch.Get().(*[]byte)
	defer scratch.Put(buffer)
	first, err := start(*buffer, flags, r)
	if err != nil {
		return err
	}
	if cap(first) <= maxCopied {
		*buffer = first
	}
	m := outgoing{id: s.id, flags: flags, first: first, body: r.Body, socket: s}
	return s.c.send(&m, s.c.config.SendLimit)
}

// Close ends the socket. The peer gets what was sent before; a pending Send or
// Recv returns io.EOF.
func (s *Socket) Close() error {
	c := s.c
	c.mu.Lock()
	if s.closed {
		c.mu.Unlock()
		return nil
	}
	s.closed = true
	if s.pending != nil {
		c.giveUp(s.pending, io.EOF)
	}
	if s.done != nil {
		close(s.done)
	}
	c.turn.interrupt(c, s)
	s.alert()
	if c.sockets[s.id] != s { // it is over already
		if c.err != nil {
			c.config.Budget.Give(s.cost)
			s.cost = 0
		}
		c.mu.Unlock()
		return nil
	}
	tell := s.opened && c.err == nil && (s.recvErr == nil || s.sendErr == nil || s.midway)
	cancelled := s.midway || s.single
	over := c.remove(s)
	switch {
	case over:
		c.mu.Unlock()
		c.Close()
	case tell && cancelled:
		c.put(appendReset(nil, s.id, resetCancelled, ""))
	case tell:
		c.put(appendClose(make([]byte, 0, headSize), s.id))
	default:
		c.kick()
	}
	return nil
}

// remove forgets a socket. The lock is held. It reports whether the connection is
// to be closed.
func (c *Conn) remove(s *Socket) (over bool) {
	if c.sockets[s.id] != s {
		return false
	}
	delete(c.sockets, s.id)
	s.recvErr = orElse(s.recvErr, io.EOF)
	s.sendErr = orElse(s.sendErr, io.EOF)
	free := s.drop() + s.cost
	s.cost = 0
	c.release(free)
	return c.removed()
}

func orElse(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

// drop forgets what waits, and returns what it cost. The lock is held.
func (s *Socket) drop() (free int) {
	for _, a := range s.queue[s.next:] {
		free += a.cost
	}
	s.queue, s.next = nil, 0
	return free
}

// end ends both directions. What has arrived can still be received. Who learns
// of the end by receiving cannot send any more. The lock is held. What it returns
// is to be called without the lock, if it is not nil.
func (s *Socket) end(sendErr, recvErr error) func() {
	s.sendErr, s.recvErr = orElse(s.sendErr, sendErr), orElse(s.recvErr, recvErr)
	if s.pending != nil {
		s.c.giveUp(s.pending, notWhole(sendErr))
	}
	s.alert()
	if s.ended != nil {
		return nil
	}
	s.ended = recvErr
	if e := s.onEnd; e != nil {
		s.onEnd = nil
		return func() { e.Ended(recvErr) }
	}
	return nil
}

// lost ends the socket because the connection has ended with err.
func (s *Socket) lost(err error) func() {
	switch {
	case !s.answered && s.unanswered > s.c.writer.attempted:
		err = wire.Refused(err)
	case s.part && err == io.EOF:
		err = io.ErrUnexpectedEOF
	}
	return s.end(err, err)
}

// peerClosed notes that the peer sends and receives no more on the socket.
func (s *Socket) peerClosed() func() {
	err := io.EOF
	if s.part {
		err = io.ErrUnexpectedEOF
	}
	return s.end(wire.ErrPeerClosed, err)
}

// alert tells the one who receives, or has parked, that there is something new.
// The lock is held.
func (s *Socket) alert() {
	if s.taken != nil {
		signal(s.taken)
	}
	if s.waiting {
		s.waiting = false
		s.c.blocked--
		signal(s.ready)
	}
	if resume := s.resume; resume != nil {
		s.resume = nil
		resume()
	}
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

// Inject adds a message that did not arrive in frames. It waits while the user
// of the socket does not keep up. It is false when the socket has ended.
func (s *Socket) Inject(h map[string]string, body []byte) bool {
	c := s.c
	c.mu.Lock()
	for {
		if s.closed || s.recvErr != nil {
			c.mu.Unlock()
			return false
		}
		if s.next == len(s.queue) || s.queued() < Window {
			break
		}
		if s.taken == nil {
			s.taken = make(chan struct{}, 1)
		}
		taken := s.taken
		c.mu.Unlock()
		<-taken
		c.mu.Lock()
	}
	defer c.mu.Unlock()
	s.push(arrived{header: wire.MapHeader(h), body: body})
	return true
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
