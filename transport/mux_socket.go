package transport

import (
	"errors"
	"io"
	"sync/atomic"
	"time"

	"github.com/justcy/go-micro/v4/internal/mux"
)

// muxSocket is one end of a socket on a multiplexed connection.
type muxSocket struct {
	socket        *mux.Socket
	local, remote string
	sendLimit     time.Duration
	recvLimit     time.Duration
}

// Local returns the address of this end of the connection.
func (s *muxSocket) Local() string { return s.local }

// Remote returns the address of the other end of the connection.
func (s *muxSocket) Remote() string { return s.remote }

// Close ends the socket. The connection stays for others.
func (s *muxSocket) Close() error { return s.socket.Close() }

// Send sends m.
func (s *muxSocket) Send(m *Message) error {
	if m == nil {
		return ErrNilMessage
	}
	return muxError(s.socket.Send((*mux.Message)(m), s.sendLimit))
}

// SendFields sends a message with the given headers.
func (s *muxSocket) SendFields(fields []mux.Field, body []byte) error {
	return muxError(s.socket.SendFields(fields, body, s.sendLimit))
}

// Recv receives the next message into m.
func (s *muxSocket) Recv(m *Message) error { return recvWithMap(s, m) }

// recvWithMap is the Recv of a socket that can receive without a map.
func recvWithMap(s mux.FieldSocket, m *Message) error {
	if m == nil {
		return ErrNilMessage
	}
	var h mux.Headers
	body, err := s.RecvHeaders(&h)
	if err == nil {
		*m = Message{Header: h.Map(), Body: body}
	}
	return err
}

// RecvHeaders receives the next message.
func (s *muxSocket) RecvHeaders(h *mux.Headers) (body []byte, err error) {
	body, err = s.socket.RecvHeaders(h, s.recvLimit)
	return body, muxError(err)
}

// Watch calls f when there is something to receive.
func (s *muxSocket) Watch(f func()) bool { return s.socket.Watch(f) }

// Unwatch takes a Watch back.
func (s *muxSocket) Unwatch() bool { return s.socket.Unwatch() }

// Attend has what arrives noticed although no Recv is pending. It is for streams;
// where one message is sent and one received by turns, the one who receives
// reads the connection itself.
func (s *muxSocket) Attend() { s.socket.Attend() }

// Pending reports whether a Recv would not wait.
func (s *muxSocket) Pending() bool { return s.socket.Pending() }

// tooLarge marks an error about a message beyond a limit. Its text is the
// cause's.
type tooLarge struct{ cause error }

func (e tooLarge) Error() string   { return e.cause.Error() }
func (e tooLarge) Unwrap() []error { return []error{ErrMessageTooLarge, e.cause} }

// muxError gives an error of package mux the marks of this package.
func muxError(err error) error {
	switch {
	case err == nil || err == io.EOF:
		return err
	case errors.Is(err, mux.ErrNotSent):
		return notSent{err}
	case errors.Is(err, mux.ErrTooLarge):
		return tooLarge{err}
	}
	return err
}

// muxClient is the end that dialled of a socket on a multiplexed connection.
type muxClient struct {
	muxSocket
	link   *link
	stream bool
	pairs  *pairing      // used unless stream
	open   *atomic.Int64 // requests without a response
	failed atomic.Bool
}

func newMuxClient(l *link, s *mux.Socket, o *Options, dial *DialOptions) *muxClient {
	c := &muxClient{link: l, stream: dial.Stream, open: new(atomic.Int64)}
	c.muxSocket = muxSocket{socket: s, local: l.local, remote: l.remote, sendLimit: o.Timeout, recvLimit: o.Timeout}
	if !c.stream {
		c.pairs = &pairing{ready: make(chan struct{}, 1)}
	}
	return c
}

// Send sends m.
func (c *muxClient) Send(m *Message) error {
	if m == nil {
		return ErrNilMessage
	}
	c.open.Add(1)
	return c.sent(c.muxSocket.Send(m))
}

// SendFields sends a message with the given headers.
func (c *muxClient) SendFields(fields []mux.Field, body []byte) error {
	c.open.Add(1)
	return c.sent(c.muxSocket.SendFields(fields, body))
}

// sent notes how sending a message ended.
func (c *muxClient) sent(err error) error {
	if err != nil && errors.Is(err, ErrMessageTooLarge) {
		c.open.Add(-1)
		return err // the socket goes on
	}
	if !c.stream {
		c.pairs.add() // even if it failed: Recv then says why
	}
	if err != nil {
		c.failed.Store(true)
	}
	return err
}

// Recv receives the next message into m.
func (c *muxClient) Recv(m *Message) error { return recvWithMap(c, m) }

// RecvHeaders receives the next message.
func (c *muxClient) RecvHeaders(h *mux.Headers) (body []byte, err error) {
	if !c.stream {
		if err := c.pairs.take(c.socket.Done(), c.recvLimit); err != nil {
			return nil, err
		}
	}
	if body, err = c.muxSocket.RecvHeaders(h); err != nil {
		c.failed.Store(true)
		return nil, err
	}
	c.open.Add(-1)
	return body, nil
}

// Reusable reports whether the socket can carry another exchange.
func (c *muxClient) Reusable() bool {
	return c.open.Load() == 0 && !c.failed.Load() && !c.link.surplus.Load() &&
		c.socket.Quiet() && c.link.conn.Lasting()
}
