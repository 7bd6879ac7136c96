package mux

import (
	"io"
	"slices"
	"sync"

	"github.com/justcy/go-micro/v4/internal/wire"
)

// Socket is one end of a stream of messages in both directions, or the end of a
// call that answers it. Its methods may be called concurrently.
type Socket struct {
	c        *Conn
	id       uint32
	single   bool // a call: one message each way
	exchange bool // everything on it belongs to one exchange

	sending    sync.Mutex   // held by Send, as for what follows
	begun      bool         // opened, as far as the sender knows
	followed   bool         // a message was sent, beside the one that opened it
	lastFields []wire.Field // of the last message, from the second on
	lastBlock  []byte       // which they became

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
	first      int // of that, the body that opened an exchange; until Consumed
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
	early      int           // what waits that was sent before there were frames
	taken      chan struct{} // gets a token when a message was received; made by Inject
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

// Consumed says that the body of the message that opened an exchange is not held
// any more. It counts until then, or until Close.
func (s *Socket) Consumed() {
	c := s.c
	c.mu.Lock()
	n := min(s.first, s.cost)
	s.first = 0
	s.cost -= n
	if c.err != nil { // release gives nothing back then
		c.config.Budget.Give(n)
	}
	c.release(n)
	c.kick()
}

// SendFields sends a message and keeps nothing of its body. It returns when the
// connection has taken all of it, which takes until the peer's user receives when
// that one is slow. It returns io.EOF after Close.
func (s *Socket) SendFields(fields []wire.Field, body []byte) error {
	s.sending.Lock()
	defer s.sending.Unlock()
	return s.send(s.flags(), &wire.Request{Fields: fields, Body: body})
}

// flags are those of the next message.
func (s *Socket) flags() uint8 {
	if s.single {
		return flagLast
	}
	if !s.begun {
		s.begun = s.isOpened()
	}
	if s.begun {
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
	first, err := s.appendBlock(start(*buffer, flags, r), flags, r.Fields)
	if err != nil {
		return err
	}
	if cap(first) <= maxCopied {
		*buffer = first
	}
	m := outgoing{id: s.id, flags: flags, first: first, body: r.Body, socket: s}
	return s.c.send(&m, s.c.config.SendLimit)
}

// appendBlock is wire.AppendBlock for a message of the socket. The messages of a stream
// mostly have the same headers, and making their block again is a tenth of what a
// message costs.
func (s *Socket) appendBlock(b []byte, flags uint8, fields []wire.Field) ([]byte, error) {
	if flags != 0 { // no message of that kind follows
		return wire.AppendBlock(b, fields)
	}
	if len(fields) > 0 && slices.Equal(fields, s.lastFields) {
		return append(b, s.lastBlock...), nil
	}
	from := len(b)
	b, err := wire.AppendBlock(b, fields)
	switch {
	case err != nil:
	case !s.followed: // a stream that is idle from then on needs less memory
		s.followed = true
	case repeatable(len(b) - from):
		s.lastFields = append(s.lastFields[:0], fields...)
		s.lastBlock = append(s.lastBlock[:0], b[from:]...)
	}
	return b, err
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
