package httpserve

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync/atomic"

	"github.com/justcy/go-micro/v4/internal/flood"
)

// preface is what a client begins HTTP/2 with (RFC 9113, section 3.4).
var preface = []byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")

// readAhead is how much of what HTTP/2 begins with is judged at once, before net/http
// sees any of it.
const readAhead = 4 << 10

// plainConn is a connection without TLS. It is followed once its peer has begun
// HTTP/2.
type plainConn struct {
	net.Conn
	account *flood.Account
	done    <-chan struct{}
	visit   *visit // set before anything is read

	begun    bool   // something was read; it is Read's own, as ahead
	ahead    []byte // was read and is still to be returned
	followed atomic.Pointer[flood.Conn]
}

// Read reads from the connection.
func (c *plainConn) Read(p []byte) (int, error) {
	switch {
	case len(c.ahead) > 0:
		n := copy(p, c.ahead)
		c.ahead = c.ahead[n:]
		return n, nil
	case c.begun:
		return c.current().Read(p)
	}
	n, err := c.Conn.Read(p)
	c.begun = n > 0
	if err != nil || !begins(p[:n]) {
		return n, err
	}
	c.ahead = c.follow(p[:n])
	if c.ahead == nil {
		return 0, io.EOF
	}
	return c.Read(p)
}

// begins reports whether a connection that begins with b may be HTTP/2.
func begins(b []byte) bool {
	n := min(len(b), len(preface))
	return n > 0 && bytes.Equal(b[:n], preface[:n])
}

// follow reads on until it is clear what the peer speaks. It returns all that was
// read, or nothing if the peer was told that the connection ends.
func (c *plainConn) follow(begin []byte) []byte {
	b := append(make([]byte, 0, max(readAhead, len(begin))), begin...)
	for len(b) < len(preface) {
		n, err := c.Conn.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err != nil || !begins(b) {
			return b // the next Read fails again
		}
	}
	c.visit.served.Store(true) // which is for the followed connection to find out
	followed := flood.NewConn(c.Conn, c.account, c.done)
	c.followed.Store(followed)
	if !followed.Received(b) {
		return nil
	}
	return b
}

// current is the connection, followed or not.
func (c *plainConn) current() net.Conn {
	if followed := c.followed.Load(); followed != nil {
		return followed
	}
	return c.Conn
}

// Write writes to the connection.
func (c *plainConn) Write(p []byte) (int, error) { return c.current().Write(p) }

// Close closes the connection.
func (c *plainConn) Close() error { return c.current().Close() }

// CloseWrite ends the sending side when the connection can.
func (c *plainConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported // else who asks would take it for done
}

// NetConn returns the connection that was accepted, as that of a tls.Conn does, for
// handlers that have taken over theirs.
func (c *plainConn) NetConn() net.Conn { return c.Conn }
