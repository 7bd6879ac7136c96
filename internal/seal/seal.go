// Package seal lets the user of a TLS connection have what TLS would write, and
// write it by other means: [crypto/tls] can only write by blocking, and a write that
// was given up half way ends the connection.
//
// Seal, the writing of what it returned, Sent and CloseWrite belong to one goroutine
// at a time. Write is called by crypto/tls, at any time.
package seal

import (
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"syscall"
	"time"
)

// maxOwn is how much TLS may have to say of its own, in answer to the peer, while
// what was sealed is not written.
const maxOwn = 64 << 10

var (
	errOwn    = errors.New("tls: the peer asks for answers and does not read them")
	errUnsent = errors.New("tls: what was sealed is not written yet")
)

// Conn is what lies under a TLS connection. Until Begin it is the connection that
// it was made of; from then on only the user of Seal writes to that.
type Conn struct {
	net.Conn
	raw    syscall.RawConn
	secure *tls.Conn

	mu      sync.Mutex
	begun   bool   // the user of Seal writes
	sealing bool   // what TLS writes are the records that Seal returns
	unsent  bool   // what was sealed last is not written as a whole
	records []byte // to be written before what is sealed next, or with it
}

// Client is [tls.Client] for a connection that may be sealed.
func Client(conn net.Conn, config *tls.Config) *tls.Conn { return over(conn, config, tls.Client) }

// Server is [tls.Server] for a connection that may be sealed.
func Server(conn net.Conn, config *tls.Config) *tls.Conn { return over(conn, config, tls.Server) }

// over puts TLS over a connection. One of TLS 1.2 whose peer may ask for another
// handshake is not sealed: that is written while others wait for its end.
func over(conn net.Conn, config *tls.Config, wrap func(net.Conn, *tls.Config) *tls.Conn) *tls.Conn {
	system, ok := conn.(syscall.Conn)
	if !ok || config != nil && config.Renegotiation != tls.RenegotiateNever {
		return wrap(conn, config)
	}
	raw, err := system.SyscallConn()
	if err != nil {
		return wrap(conn, config)
	}
	c := &Conn{Conn: conn, raw: raw}
	c.secure = wrap(c, config)
	return c.secure
}

// Under returns what lies under a connection that Client or Server made of one of
// the system's, nil for another.
func Under(conn net.Conn) *Conn {
	if secure, ok := conn.(*tls.Conn); ok {
		under, _ := secure.NetConn().(*Conn)
		return under
	}
	return nil
}

// SyscallConn implements [syscall.Conn].
func (c *Conn) SyscallConn() (syscall.RawConn, error) { return c.raw, nil }

// Begin ends the handshake: what is written to the TLS connection from here on is
// sealed.
func (c *Conn) Begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.begun = true
}

// Seal returns the records of TLS that p becomes, in the memory of buf where that
// is enough. They are to be written to the connection as they are, and then Sent is
// to be called, before anything else is sealed.
func (c *Conn) Seal(p, buf []byte) ([]byte, error) {
	c.mu.Lock()
	c.records = append(buf[:0], c.records...)
	c.sealing, c.unsent = true, true
	c.mu.Unlock()
	_, err := c.secure.Write(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	records := c.records
	c.sealing, c.records = false, nil
	return records, err
}

// Sent says that what was sealed last is written.
func (c *Conn) Sent() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unsent = false
}

// CloseWrite tells the peer that nothing follows what was sealed, which is to be
// written before. It waits for limit at most.
func (c *Conn) CloseWrite(limit time.Duration) error {
	if err := c.secure.CloseWrite(); err != nil {
		return err
	}
	c.mu.Lock()
	rest, unsent := c.records, c.unsent
	c.mu.Unlock()
	switch {
	case len(rest) == 0:
		return nil
	case unsent:
		return errUnsent
	}
	c.Conn.SetWriteDeadline(time.Now().Add(limit)) //nolint:errcheck // a closed connection fails the write
	_, err := c.Conn.Write(rest)
	return err
}

// Write is for TLS. What TLS has to say of its own, such as that keys change or
// that the connection ends, is written at once where that is possible without
// waiting, and kept for the next Seal otherwise.
func (c *Conn) Write(p []byte) (int, error) {
	c.mu.Lock()
	if !c.begun {
		c.mu.Unlock()
		return c.Conn.Write(p)
	}
	defer c.mu.Unlock()
	switch {
	case c.sealing:
		c.records = append(c.records, p...)
		return len(p), nil
	case !c.unsent && len(c.records) == 0:
		n, err := c.attempt(p)
		if err != nil {
			return n, err
		}
		c.records = append(c.records, p[n:]...)
	case len(c.records)+len(p) > maxOwn:
		return 0, errOwn
	default:
		c.records = append(c.records, p...)
	}
	return len(p), nil
}
