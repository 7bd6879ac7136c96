// Package handover gives connections that were accepted elsewhere to a server that
// takes them from a listener, as http.Server does.
package handover

import (
	"errors"
	"net"
	"sync"
)

// Listener is where the server takes the connections from.
type Listener struct {
	addr    net.Addr
	conns   chan net.Conn
	closed  chan struct{}
	closing sync.Once
}

// New returns a listener. addr is the address of the one that accepts for it.
func New(addr net.Addr) *Listener {
	return &Listener{addr: addr, conns: make(chan net.Conn), closed: make(chan struct{})}
}

// Serve hands a connection over, with its Conn within, and returns when it was closed.
// It is false at once when the listener is closed.
func (l *Listener) Serve(c interface {
	net.Conn
	Ended() <-chan struct{}
}) bool {
	select {
	case l.conns <- c:
		<-c.Ended()
		return true
	case <-l.closed:
		return false
	}
}

// Accept returns the next connection that is handed over.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close takes no more connections. Those that were handed over go on. It is always nil.
func (l *Listener) Close() error {
	l.closing.Do(func() { close(l.closed) })
	return nil
}

// Closed returns a channel that Close closes.
func (l *Listener) Closed() <-chan struct{} { return l.closed }

// Addr returns the address of the listener that accepts.
func (l *Listener) Addr() net.Addr { return l.addr }

// Conn replays what was read before the connection was handed over, and tells when
// the server is done with it.
type Conn struct {
	net.Conn
	ahead []byte
	ended chan struct{}
	once  sync.Once
}

// NewConn returns a connection that begins with what was read ahead.
func NewConn(c net.Conn, ahead []byte) *Conn {
	return &Conn{Conn: c, ahead: ahead, ended: make(chan struct{})}
}

// Read returns the bytes read ahead before those of the connection.
func (c *Conn) Read(p []byte) (int, error) {
	if len(c.ahead) > 0 {
		n := copy(p, c.ahead)
		c.ahead = c.ahead[n:]
		return n, nil
	}
	return c.Conn.Read(p)
}

// Close closes the connection.
func (c *Conn) Close() (err error) {
	c.once.Do(func() {
		err = c.Conn.Close()
		close(c.ended)
	})
	return err
}

// Ended returns a channel that is closed when the connection was.
func (c *Conn) Ended() <-chan struct{} { return c.ended }

// CloseWrite ends the sending side when the connection can.
func (c *Conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}
