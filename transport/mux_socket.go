package transport

import (
	"errors"
	"sync"
	"sync/atomic"

	"github.com/justcy/go-micro/v4/internal/mux"
	"github.com/justcy/go-micro/v4/internal/wire"
)

// muxSocket is one end of a socket on a multiplexed connection.
type muxSocket struct {
	*mux.Socket
	local, remote string
	parked        atomic.Bool // it goes on without the accept function
}

// Park leaves the socket alone until there is something to receive.
func (s *muxSocket) Park(resume func()) bool {
	was := s.parked.Swap(true) // by whoever resumed it
	if s.Socket.Park(resume) {
		return true
	}
	s.parked.Store(was)
	return false
}

// Local returns the address of this end of the connection.
func (s *muxSocket) Local() string { return s.local }

// Remote returns the address of the other end of the connection.
func (s *muxSocket) Remote() string { return s.remote }

// Send sends m.
func (s *muxSocket) Send(m *Message) error { return sendMap(s, m) }

// Recv receives the next message into m.
func (s *muxSocket) Recv(m *Message) error { return recvMap(s, m) }

// fieldPool holds the headers of messages while they are sent.
var fieldPool = sync.Pool{New: func() any { f := make([]wire.Field, 0, 16); return &f }}

// sendMap is the Send of a socket that can send without a map.
func sendMap(s wire.Carrier, m *Message) error {
	if m == nil {
		return ErrNilMessage
	}
	fields := fieldPool.Get().(*[]wire.Field)
	*fields = wire.AppendMap((*fields)[:0], m.Header)
	err := s.SendFields(*fields, m.Body)
	clear(*fields)
	fieldPool.Put(fields)
	return err
}

// recvMap is the Recv of a socket that can receive without a map.
func recvMap(s wire.Carrier, m *Message) error {
	if m == nil {
		return ErrNilMessage
	}
	var h wire.Header
	body, err := s.RecvHeader(&h)
	if err == nil {
		*m = Message{Header: h.Map(), Body: body}
	}
	return err
}

// exchangeSocket is the end of an exchange for an accept function, which receives
// its first message like any other.
type exchangeSocket struct {
	muxSocket
	mu     sync.Mutex
	header wire.Header // guarded by mu, as what follows
	body   []byte
	read   bool
}

// Park is false until the first message was received.
func (s *exchangeSocket) Park(resume func()) bool {
	s.mu.Lock()
	read := s.read
	s.mu.Unlock()
	return read && s.muxSocket.Park(resume)
}

// Recv receives the next message into m.
func (s *exchangeSocket) Recv(m *Message) error { return recvMap(s, m) }

// RecvHeader receives the next message.
func (s *exchangeSocket) RecvHeader(h *wire.Header) ([]byte, error) {
	s.mu.Lock()
	first, body := !s.read, s.body
	s.read, s.body = true, nil
	s.mu.Unlock()
	if !first {
		return s.Socket.RecvHeader(h)
	}
	*h = s.header
	s.Consumed()
	return body, nil
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

func newMuxClient(l *link, s *mux.Socket, dial *DialOptions) *muxClient {
	c := &muxClient{link: l, stream: dial.Stream, open: new(atomic.Int64)}
	c.Socket, c.local, c.remote = s, l.local, l.remote
	if !c.stream {
		c.pairs = &pairing{ready: make(chan struct{}, 1)}
	}
	return c
}

// Send sends m.
func (c *muxClient) Send(m *Message) error { return sendMap(c, m) }

// SendFields sends a message with the given headers.
func (c *muxClient) SendFields(fields []wire.Field, body []byte) error {
	c.open.Add(1)
	return c.sent(c.Socket.SendFields(fields, body))
}

// Open sends the first message of an exchange.
func (c *muxClient) Open(r *wire.Request) error {
	c.open.Add(1)
	return c.sent(c.Socket.Open(r))
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
func (c *muxClient) Recv(m *Message) error { return recvMap(c, m) }

// RecvHeader receives the next message.
func (c *muxClient) RecvHeader(h *wire.Header) (body []byte, err error) {
	if !c.stream {
		if err := c.pairs.take(c.Done(), c.link.timeout); err != nil {
			return nil, err
		}
	}
	if body, err = c.Socket.RecvHeader(h); err != nil {
		c.failed.Store(true)
		return nil, err
	}
	c.open.Add(-1)
	return body, nil
}

// Reusable reports whether the socket can carry another exchange.
func (c *muxClient) Reusable() bool {
	return c.open.Load() == 0 && !c.failed.Load() && !c.link.surplus.Load() &&
		c.Quiet() && c.link.conn.Lasting()
}

// muxCall makes calls over the multiplexed connections of a transport.
type muxCall struct {
	*mux.Call
	transport *httpTransport
	turn      uint32
}

// NewCall returns what makes calls over the connections that other calls have
// brought about.
func (t *httpTransport) NewCall() wire.Call {
	return &muxCall{Call: mux.NewCall(), transport: t, turn: t.turn.Add(1)}
}

// Do makes a call over the connection to addr, if there is one.
func (k *muxCall) Do(addr string, request *wire.Request, reply *wire.Reply) (ok bool, err error) {
	l := k.transport.links.forCalls(addr, k.transport.settings.opts.Load(), k.turn)
	if l == nil {
		return false, nil
	}
	err = k.Call.Do(l.conn, request, reply)
	if errors.Is(err, mux.ErrFull) {
		return false, nil
	}
	return true, err
}
