// Package socket provides sockets that are no connections: queues between the
// reader of a connection and the handlers of the requests that share it. What
// the connection's reader puts in with Accept, the handler gets from Recv; what
// the handler puts in with Send, the connection's writer gets from Process.
package socket

import (
	"io"
	"sync"
	"sync/atomic"

	"github.com/justcy/go-micro/v4/transport"
)

// queueSize is how many messages wait in each direction.
const queueSize = 128

// Socket is a pair of queues with a transport socket's methods for the handler
// and their counterparts for the connection. All methods may be called
// concurrently.
type Socket struct {
	id            string
	local, remote atomic.Pointer[string]
	inbound       chan *transport.Message // from Accept to Recv
	outbound      chan *transport.Message // from Send to Process
	closed        chan struct{}
	once          sync.Once
}

// New returns a socket with the given id, by which a Pool knows it.
func New(id string) *Socket {
	s := &Socket{
		id:       id,
		inbound:  make(chan *transport.Message, queueSize),
		outbound: make(chan *transport.Message, queueSize),
		closed:   make(chan struct{}),
	}
	s.SetLocal("local")
	s.SetRemote("remote")
	return s
}

// SetLocal sets the address that Local returns, "local" at first.
func (s *Socket) SetLocal(l string) { s.local.Store(&l) }

// SetRemote sets the address that Remote returns, "remote" at first.
func (s *Socket) SetRemote(r string) { s.remote.Store(&r) }

// Local returns the address of this end.
func (s *Socket) Local() string { return *s.local.Load() }

// Remote returns the address of the other end.
func (s *Socket) Remote() string { return *s.remote.Load() }

// Accept queues a message for Recv and waits while the queue is full. After
// Close it returns io.EOF.
func (s *Socket) Accept(m *transport.Message) error { return s.put(s.inbound, m) }

// Send queues a message for Process and waits while the queue is full. After
// Close it returns io.EOF.
func (s *Socket) Send(m *transport.Message) error { return s.put(s.outbound, m) }

// Recv waits for a message from Accept. Messages queued before Close are still
// delivered; then it returns io.EOF.
func (s *Socket) Recv(m *transport.Message) error { return s.take(s.inbound, m) }

// Process waits for a message from Send. Messages queued before Close are still
// delivered; then it returns io.EOF.
func (s *Socket) Process(m *transport.Message) error { return s.take(s.outbound, m) }

// put copies the message's fields, not its map and body, which change hands.
func (s *Socket) put(queue chan<- *transport.Message, m *transport.Message) error {
	select {
	case <-s.closed:
		return io.EOF
	default:
	}
	queued := &transport.Message{Header: m.Header, Body: m.Body}
	select {
	case queue <- queued:
		return nil
	case <-s.closed:
		return io.EOF
	}
}

func (s *Socket) take(queue <-chan *transport.Message, m *transport.Message) error {
	select {
	case next := <-queue:
		*m = *next
		return nil
	default:
	}
	select {
	case next := <-queue:
		*m = *next
		return nil
	case <-s.closed:
	}
	select { // queued while the socket was being closed
	case next := <-queue:
		*m = *next
		return nil
	default:
		return io.EOF
	}
}

// Close ends both directions. It is idempotent.
func (s *Socket) Close() error {
	s.once.Do(func() { close(s.closed) })
	return nil
}
