package transport

import (
	"fmt"
	"github.com/justcy/go-micro/v4/internal/wire"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4/internal/httpmsg"
)

// memoryQueue is how many messages each end holds for its Recv.
const memoryQueue = 64

// memorySocket is one end of a connection within the process.
type memorySocket struct {
	listener  *memoryListener
	timeout   time.Duration
	maxBody   int
	in, out   chan Message
	own, peer *memoryEnd
}

// memoryEnd is closed when one of the two ends is.
type memoryEnd struct {
	once   sync.Once
	closed chan struct{}
}

// newMemoryPair returns the two ends of a new connection to l.
func newMemoryPair(l *memoryListener, o *Options) (dialled, accepted *memorySocket) {
	toDialled, toAccepted := make(chan Message, memoryQueue), make(chan Message, memoryQueue)
	a, b := &memoryEnd{closed: make(chan struct{})}, &memoryEnd{closed: make(chan struct{})}
	dialled = &memorySocket{
		listener: l, timeout: o.Timeout, maxBody: o.maxMessageSize(),
		in: toDialled, out: toAccepted, own: a, peer: b,
	}
	accepted = &memorySocket{
		listener: l, timeout: l.opts.Timeout, maxBody: l.opts.maxMessageSize(),
		in: toAccepted, out: toDialled, own: b, peer: a,
	}
	return dialled, accepted
}

// Recv takes the next message.
func (s *memorySocket) Recv(m *Message) error {
	if m == nil {
		return ErrNilMessage
	}
	if s.own.isClosed() {
		return io.EOF
	}
	select {
	case *m = <-s.in:
		return s.received(m)
	default:
	}
	expired, stop := s.timer()
	defer stop()
	select {
	case *m = <-s.in:
		return s.received(m)
	case <-s.own.closed:
		return io.EOF
	case <-expired:
		return fmt.Errorf("receive from %s: %w", s.listener.addr, os.ErrDeadlineExceeded)
	case <-s.peer.closed:
	}
	select { // what was sent before the other end closed
	case *m = <-s.in:
		return s.received(m)
	default:
		return io.EOF
	}
}

// received applies the limit of this end, whose options may differ.
func (s *memorySocket) received(m *Message) error {
	if len(m.Body) <= s.maxBody {
		return nil
	}
	err := fmt.Errorf("receive from %s: %w", s.listener.addr, bodyTooLarge(len(m.Body), s.maxBody))
	*m = Message{}
	s.Close()
	return err
}

// Send hands a copy of m to the other end.
func (s *memorySocket) Send(m *Message) error {
	if err := s.check(m); err != nil {
		return err
	}
	sent := Message{Header: cleanHeader(m.Header), Body: append([]byte{}, m.Body...)}
	select {
	case s.out <- sent:
		return nil
	default:
	}
	expired, stop := s.timer()
	defer stop()
	select {
	case s.out <- sent:
		return nil
	case <-s.own.closed:
		return io.EOF
	case <-s.peer.closed:
		return s.hungUp()
	case <-expired:
		return wire.NotSent(fmt.Errorf("send to %s: %w", s.listener.addr, os.ErrDeadlineExceeded))
	}
}

// cleanHeader returns what may be sent of h, in the same spelling. The pseudo
// headers of HTTP/2, which codecs read and write, go along.
func cleanHeader(h map[string]string) map[string]string {
	clean := make(map[string]string, len(h))
	for name, value := range h {
		if httpmsg.ValidName(strings.TrimPrefix(name, ":")) {
			clean[name] = httpmsg.CleanValue(value)
		}
	}
	return clean
}

// hungUp is the error of a Send to an end that is closed.
func (s *memorySocket) hungUp() error {
	return wire.NotSent(fmt.Errorf("send to %s: closed by the other end: %w", s.listener.addr, io.EOF))
}

// check refuses a message that must not be sent.
func (s *memorySocket) check(m *Message) error {
	switch {
	case m == nil:
		return ErrNilMessage
	case len(m.Body) > s.maxBody:
		return bodyTooLarge(len(m.Body), s.maxBody)
	case s.own.isClosed():
		return io.EOF
	case s.peer.isClosed():
		return s.hungUp()
	}
	size := 0
	for name, value := range m.Header {
		size += len(name) + len(value) + len(": \r\n")
	}
	if size > MaxHeaderSize {
		return headerTooLarge(size)
	}
	return nil
}

// timer returns a channel that fires after the timeout, if there is one.
func (s *memorySocket) timer() (expired <-chan time.Time, stop func() bool) {
	if s.timeout <= 0 {
		return nil, func() bool { return false }
	}
	t := time.NewTimer(s.timeout)
	return t.C, t.Stop
}

// Close ends the connection at both ends.
func (s *memorySocket) Close() error {
	s.own.once.Do(func() { close(s.own.closed) })
	return nil
}

// Local returns the listener's address.
func (s *memorySocket) Local() string { return s.listener.addr }

// Remote returns the listener's address.
func (s *memorySocket) Remote() string { return s.listener.addr }

// Reusable reports whether the connection can carry another exchange.
func (s *memorySocket) Reusable() bool {
	return !s.own.isClosed() && !s.peer.isClosed() && len(s.in) == 0 && !s.listener.draining.Load()
}

func (e *memoryEnd) isClosed() bool {
	select {
	case <-e.closed:
		return true
	default:
		return false
	}
}
