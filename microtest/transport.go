package microtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"strconv"
	"time"

	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/transport"
)

// nodeTransport is the transport of one node.
type nodeTransport struct {
	transport.Transport
	node *node
}

// nodeListener knows whom the sockets that it accepts are to.
type nodeListener struct {
	transport.Listener
	node *node
}

// Listen listens on the network's transport, and notes who does.
func (t *nodeTransport) Listen(addr string, opts ...transport.ListenOption) (transport.Listener, error) {
	l, err := t.Transport.Listen(addr, opts...)
	if err != nil {
		return nil, err
	}
	n := t.node.net
	n.mu.Lock()
	defer n.mu.Unlock()
	n.nodes[l.Addr()] = t.node
	return &nodeListener{l, t.node}, nil
}

// Drain stops accepting connections.
func (l *nodeListener) Drain() error {
	if d, ok := l.Listener.(transport.Drainer); ok {
		return d.Drain()
	}
	return nil
}

// Accept serves sockets on which messages take their time.
func (l *nodeListener) Accept(fn func(transport.Socket)) error {
	return l.Listener.Accept(func(s transport.Socket) {
		in := newSocket(s, l.node)
		defer in.Close()
		fn(in)
	})
}

// Dial connects to a node when the link to it lets it.
func (t *nodeTransport) Dial(addr string, opts ...transport.DialOption) (transport.Client, error) {
	n := t.node.net
	n.mu.Lock()
	to := n.nodes[addr]
	n.mu.Unlock()
	if to == nil {
		return t.Transport.Dial(addr, opts...) // whose error it is
	}
	o := transport.DialOptions{Timeout: transport.DefaultDialTimeout}
	options.To(&o, opts)
	ctx := o.Context
	if ctx == nil {
		ctx = context.Background()
	}
	if o.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.Timeout)
		defer cancel()
	}
	if to.down.Load() {
		return nil, notSent(fmt.Errorf("microtest: %s has crashed", to.name))
	}
	if err := n.pass(ctx, t.node, to.name); err != nil {
		return nil, notSent(err)
	}
	c, err := t.Transport.Dial(addr, opts...)
	if err != nil {
		return nil, err
	}
	s := newSocket(c, t.node)
	s.from, s.to, s.link = t.node, to, n.Link(t.node.name, to.name)
	if err := s.link.add(s); err != nil {
		return nil, errors.Join(notSent(err), c.Close())
	}
	if to.down.Load() || t.node.down.Load() { // meanwhile
		return nil, errors.Join(notSent(fmt.Errorf("microtest: %s or %s has crashed", t.node.name, to.name)), s.Close())
	}
	return s, nil
}

func notSent(err error) error { return fmt.Errorf("%w: %w", transport.ErrNotSent, err) }

// Headers of a message on its way, which are not shown to who receives it.
const (
	fromHeader = "Microtest-From" // the name of who sent it
	sentHeader = "Microtest-Sent" // when, in Unix nanoseconds
)

// socket is an end of a connection. Messages that it receives have taken their time.
type socket struct {
	transport.Socket
	own  *node
	from *node // who dialled; nil at the end that accepted
	to   *node // who was dialled
	link *Link // nil at the end that accepted

	ctx    context.Context // ends with the socket
	cancel context.CancelFunc
}

func newSocket(s transport.Socket, own *node) *socket {
	ctx, cancel := context.WithCancel(context.Background())
	return &socket{Socket: s, own: own, ctx: ctx, cancel: cancel}
}

// Send sends a message with its time.
func (s *socket) Send(m *transport.Message) error {
	if m == nil {
		return s.Socket.Send(nil)
	}
	header := make(map[string]string, len(m.Header)+2)
	maps.Copy(header, m.Header)
	header[fromHeader] = s.own.name
	header[sentHeader] = strconv.FormatInt(time.Now().UnixNano(), 10)
	return s.Socket.Send(&transport.Message{Header: header, Body: m.Body})
}

// Recv returns a message when it has arrived.
func (s *socket) Recv(m *transport.Message) error {
	if err := s.Socket.Recv(m); err != nil {
		return err
	}
	sent, _ := strconv.ParseInt(m.Header[sentHeader], 10, 64)
	link := s.own.net.Link(m.Header[fromHeader], s.own.name)
	delete(m.Header, sentHeader)
	delete(m.Header, fromHeader)
	if err := link.pass(s.ctx, time.Unix(0, sent)); err != nil {
		s.Close()
		return io.EOF
	}
	return nil
}

// Close ends the connection at both ends.
func (s *socket) Close() error {
	s.cancel()
	if s.link != nil {
		s.link.remove(s)
	}
	return s.Socket.Close()
}

// Reusable reports whether the connection stands.
func (s *socket) Reusable() bool { return s.ctx.Err() == nil }
