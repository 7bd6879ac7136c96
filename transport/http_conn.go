package transport

import (
	"crypto/tls"
	"errors"
	"fmt"
	"github.com/justcy/go-micro/v4/internal/wire"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/justcy/go-micro/v4/internal/httpmsg"
)

// bodyStall is how long a peer may send nothing in the middle of a body. See
// httpmsg.Pace for how slow it may be altogether.
const bodyStall = 30 * time.Second

// httpConn is what both ends of an HTTP/1.1 connection share: writes one after
// the other, reads one after the other, and a Close that waits for neither.
type httpConn struct {
	conn          net.Conn
	local, remote string
	maxBody       int
	timeout       time.Duration

	sendMu    sync.Mutex // held while a message is written
	sendError error      // guarded by sendMu: why nothing can be written any more

	recvMu    sync.Mutex // held while a message is read
	reader    *httpmsg.Reader
	head      httpmsg.Head // guarded by recvMu
	recvError error        // guarded by recvMu: why nothing can be read any more

	stuck  atomic.Bool // a write failed
	closed atomic.Bool
	done   chan struct{} // closed by Close
}

func (c *httpConn) init(conn net.Conn, ahead []byte, o *Options) {
	c.conn = conn
	c.maxBody = o.maxMessageSize()
	c.timeout = o.Timeout
	c.done = make(chan struct{})
	c.reader = httpmsg.NewReader(conn, ahead)
	c.reader.MaxBody = c.maxBody
	c.reader.HeadTimeout = o.handshakeTimeout()
	c.reader.StallTimeout = bodyStall
}

// Local returns the address of this end.
func (c *httpConn) Local() string { return c.local }

// Remote returns the address of the other end.
func (c *httpConn) Remote() string { return c.remote }

// Close ends the connection and unblocks a pending Send or Recv.
func (c *httpConn) Close() error {
	if c.closed.Swap(true) {
		return nil
	}
	close(c.done)
	conn := c.conn
	if secured, ok := conn.(*tls.Conn); ok && c.stuck.Load() {
		conn = secured.NetConn() // TLS would wait to say good-bye
	}
	conn.Close() // the connection is gone whatever this returns
	return nil
}

// check refuses a message that must not be written.
func (c *httpConn) check(m *Message) error {
	switch {
	case m == nil:
		return ErrNilMessage
	case len(m.Body) > c.maxBody:
		return bodyTooLarge(len(m.Body), c.maxBody)
	case c.closed.Load():
		return io.EOF
	}
	return nil
}

// write sends a head, which it appends to, and a body.
func (c *httpConn) write(head *[]byte, body []byte) error {
	if len(*head) > MaxHeaderSize {
		return headerTooLarge(len(*head))
	}
	c.sendMu.Lock()
	defer c.sendMu.Unlock()
	if c.closed.Load() {
		return io.EOF
	}
	if c.sendError != nil {
		return wire.NotSent(c.sendError)
	}
	if c.timeout > 0 {
		c.conn.SetWriteDeadline(time.Now().Add(c.timeout)) //nolint:errcheck // a closed connection fails the write
	}
	whole, err := httpmsg.Write(c.conn, head, body)
	if err == nil {
		return nil
	}
	c.stuck.Store(true)
	c.sendError = fmt.Errorf("send to %s: %w", c.remote, err)
	switch {
	case c.closed.Load():
		return io.EOF
	case whole:
		return c.sendError
	}
	return wire.NotSent(c.sendError)
}

// failReading turns an error of the reader into the one to return and, unless
// the next Recv can take up where this one stopped, to return from then on.
// The caller holds recvMu.
func (c *httpConn) failReading(err error) error {
	if c.closed.Load() {
		return io.EOF
	}
	if err != io.EOF {
		err = receiveError(c.remote, err)
	}
	if !isTimeout(err) || !c.reader.Idle() {
		c.recvError = err
	}
	return err
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}

// startRecv sets the deadline of a Recv.
func (c *httpConn) startRecv() {
	var deadline time.Time
	if c.timeout > 0 {
		deadline = time.Now().Add(c.timeout)
	}
	c.reader.SetDeadline(deadline)
}
