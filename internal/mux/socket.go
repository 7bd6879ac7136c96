package mux

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Socket is one end of a stream of messages in both directions. Its methods
// may be called concurrently.
type Socket struct {
	c    *Conn
	id   uint32
	done chan struct{} // closed by Close

	sending sync.Mutex    // held by Send
	sent    base          // guarded by sending: what messages may repeat
	room    chan struct{} // holds a token when credit or room may have come

	// Guarded by c.w.mu.
	credit  int   // what the peer lets this end send
	opened  bool  // the peer has been sent the first message
	midway  bool  // a message was sent in part
	sendErr error // why nothing can be sent any more
	turn    bool  // Send is the one that writes, or is to go on as that

	// unanswered is where in the stream of the connection the first message
	// ends that was sent since the last one was received; 0 for none.
	unanswered atomic.Uint64

	receiving sync.Mutex    // held by Recv
	attended  atomic.Bool   // by Run, not by Recv
	ready     chan struct{} // holds a token when something may have come
	held      atomic.Int64  // bytes in queue and part

	mu      sync.Mutex // guards what follows
	queue   []arrived
	next    int   // of queue, the first that was not received
	allow   int   // what the peer may still send
	owed    int   // received credit that was not given back
	extra   int   // credit given beyond the window, for a large message
	missing int   // bytes of a partly arrived message that are to come
	waiting bool  // a Recv waits
	ended   error // why nothing more comes
	closed  bool
	watch   func()        // of Watch
	taken   chan struct{} // gets a token when a message was received; made by Inject

	// The reader's own.
	part part   // of a message
	base string // the block that messages may repeat
	deaf bool   // the peer has ended the socket; what it sends is dropped
}

// arrived is a whole message that nobody has received.
type arrived struct {
	block   string
	changes string            // a block whose headers take the place of those in block
	repeats bool              // block was that of an earlier message
	header  map[string]string // instead of block, for an injected message
	body    []byte
	cost    int // in memory
	credit  int // that the peer spent on it
}

// messageCost is what a message costs beside its payload, so that empty ones
// cannot be sent without end.
const messageCost = 64

func newSocket(c *Conn, id uint32) *Socket {
	return &Socket{
		c: c, id: id, credit: Window, allow: Window,
		done: make(chan struct{}), room: make(chan struct{}, 1), ready: make(chan struct{}, 1),
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (s *Socket) signalRoom() { signal(s.room) }

// Conn returns the connection that carries the socket.
func (s *Socket) Conn() *Conn { return s.c }

// Done returns a channel that Close closes.
func (s *Socket) Done() <-chan struct{} { return s.done }

// Quiet reports whether the socket is whole and nothing waits on it.
func (s *Socket) Quiet() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.closed && s.ended == nil && s.next == len(s.queue) && s.missing == 0
}

// Close ends the socket. The peer gets what was sent before; a pending Send or
// Recv returns io.EOF.
func (s *Socket) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	over := s.ended != nil
	extra := s.drop()
	s.mu.Unlock()
	close(s.done)
	s.c.interrupt(s)
	s.alert()
	s.c.unreserve(extra)

	w := s.c.w
	w.mu.Lock()
	tell := s.opened && w.err == nil && (!over || s.sendErr == nil)
	midway := s.midway
	s.sendErr = io.EOF
	w.mu.Unlock()
	s.c.remove(s)
	if tell {
		s.sayGoodbye(midway)
	}
	return nil
}

func (s *Socket) sayGoodbye(midway bool) {
	var b [headSize + 1]byte
	if midway {
		s.c.w.put(appendNote(b[:0], kindReset, s.id, resetCancelled, ""))
		return
	}
	s.c.w.put(appendClose(b[:0], s.id))
}

// drop forgets what waits. It returns the room for large messages that is free
// with that. The lock mu is held.
func (s *Socket) drop() (extra int) {
	s.queue, s.next, s.missing = nil, 0, 0
	s.hold(-int(s.held.Load()))
	extra, s.extra = s.extra, 0
	return extra
}

// end ends both directions with err. What has arrived can still be received.
// Who learns of the end by receiving cannot send any more.
func (s *Socket) end(err error) {
	s.endSend(err)
	s.mu.Lock()
	if s.ended == nil {
		s.ended = err
	}
	s.missing = 0
	s.mu.Unlock()
	s.alert()
}

func (s *Socket) endSend(err error) {
	w := s.c.w
	w.mu.Lock()
	if s.sendErr == nil {
		s.sendErr = err
	}
	w.mu.Unlock()
	signal(s.room)
}

// lost ends the socket because the connection has ended with err. Attempted is
// how much of the connection's stream may have been written.
func (s *Socket) lost(err error, attempted uint64) {
	s.mu.Lock()
	cut := s.missing > 0
	s.mu.Unlock()
	switch {
	case s.unanswered.Load() > attempted:
		err = notSent{fmt.Errorf("connection closed: %w", err)}
	case cut && err == io.EOF:
		err = io.ErrUnexpectedEOF
	}
	s.end(err)
}

// peerClosed notes that the peer sends and receives no more on the socket.
func (s *Socket) peerClosed() {
	s.endSend(errPeerClosed)
	s.mu.Lock()
	if s.ended == nil {
		s.ended = io.EOF
		if s.missing > 0 {
			s.ended = io.ErrUnexpectedEOF
		}
	}
	s.missing = 0
	s.mu.Unlock()
	s.alert()
}

var (
	errPeerClosed = notSent{errors.New("the peer has closed the socket")}
	errClosed     = errors.New("the connection is closed")
)

func timedOut(what string, limit time.Duration) error {
	return fmt.Errorf("%s: nothing happened for %v: %w", what, limit, os.ErrDeadlineExceeded)
}
