package testkit

import (
	"net"
	"sync"
)

// Pipes is a listener of connections in memory, on which nothing is sent before it is
// received. Time can be simulated beside it.
type Pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// NewPipes returns a listener.
func NewPipes() *Pipes { return &Pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

// Dial returns the other end of a connection that was accepted.
func (p *Pipes) Dial() net.Conn {
	here, there := net.Pipe()
	p.conns <- there
	return here
}

// Accept, Close and Addr are those of a net.Listener.
func (p *Pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// Close ends Accept.
func (p *Pipes) Close() error { p.once.Do(func() { close(p.closed) }); return nil }

// Addr returns an address.
func (p *Pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }
