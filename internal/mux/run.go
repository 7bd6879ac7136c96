package mux

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"
)

// A peer that broke the protocol is read for a little longer: closing with
// unread data would reset the connection and destroy the explanation.
const (
	lingerTime  = 500 * time.Millisecond
	lingerBytes = 256 << 10
)

// Run reads the connection, after what was read of it already, until it ends,
// and waits for what the connection started. It returns nil when the peer or
// this end closed it.
func (c *Conn) Run(ahead []byte) error {
	defer c.awaitWriter()
	defer c.conn.Close()
	c.in.preload(ahead)
	var err error
	for err == nil {
		if err = c.frame(); err == nil && c.mayRest() {
			err = c.rest()
		}
	}
	var v violation
	if errors.As(err, &v) {
		c.violate(err)
		c.linger()
	} else {
		c.fail(err)
	}
	if err = c.Err(); err == io.EOF {
		return nil
	}
	return err
}

// mayRest reports whether the one who got the last message can read the next
// one itself: nobody else waits, and nothing has arrived for others.
func (c *Conn) mayRest() bool {
	return c.handed != nil && !c.handed.attended.Load() && c.burst == 1 && c.in.empty() && c.open.Load() == 1
}

// violate ends the connection and tells the peer why.
func (c *Conn) violate(err error) {
	c.w.last(appendNote(nil, kindGoAway, 0, goAwayEnd, err.Error()), true)
	if c.end(err) {
		c.conn.SetReadDeadline(time.Now().Add(lingerTime)) //nolint:errcheck // a closed connection ends Run
	}
}

func (c *Conn) linger() {
	if half, ok := c.conn.(interface{ CloseWrite() error }); !ok || half.CloseWrite() != nil {
		return
	}
	c.conn.SetReadDeadline(time.Now().Add(lingerTime)) //nolint:errcheck // a closed connection ends the copy
	io.CopyN(io.Discard, c.conn, lingerBytes)          //nolint:errcheck // nothing is done with what is read
}

// frame reads one frame and acts on it.
func (c *Conn) frame() error {
	if c.burst == 1 && c.in.empty() && !c.in.bulk {
		runtime.Gosched() // whoever got a message goes first: reading on would only wait
	}
	c.handed = nil
	before := c.heard.Load()
	b, err := c.in.need(headSize)
	if err != nil {
		return err
	}
	if c.heard.Load() != before {
		c.w.burst.Store(c.burst)
		c.burst = 0
	}
	h, err := parseHead(b)
	if err != nil {
		return err
	}
	c.in.skip(headSize)
	c.in.bulk = false // unless a piece of a body follows
	if h.kind == kindMessage {
		c.burst++
		return c.message(h)
	}
	payload, err := c.in.need(h.length)
	if err != nil {
		return unexpected(err)
	}
	c.in.skip(h.length)
	return c.control(h, payload)
}

// control acts on a frame that is no message.
func (c *Conn) control(h head, payload []byte) error {
	switch h.kind {
	case kindPing:
		c.w.put(appendPing(nil, kindPong, binary.BigEndian.Uint64(payload)))
		return nil
	case kindPong:
		return nil
	case kindGoAway:
		return c.wentAway(payload[0], string(payload[1:]))
	}
	s := c.lookup(h.socket)
	if s == nil {
		return nil // this end has closed it
	}
	switch h.kind {
	case kindWindow:
		return s.addCredit(int(binary.BigEndian.Uint32(payload)))
	case kindClose:
		s.peerClosed()
	case kindReset:
		s.wasReset(payload[0], string(payload[1:]))
	}
	s.part, s.deaf = part{}, true
	return nil
}

// wentAway acts on a goaway.
func (c *Conn) wentAway(code byte, text string) error {
	if code != goAwayDrain {
		if text != "" {
			return fmt.Errorf("closed by the peer: %s", text)
		}
		return io.EOF
	}
	if c.config.Server {
		return nil // a client that opens no more sockets does not have to say so
	}
	c.mu.Lock()
	c.leave()
	unused := len(c.sockets) == 0
	unopened := make([]*Socket, 0, len(c.sockets))
	for _, s := range c.sockets {
		unopened = append(unopened, s)
	}
	c.mu.Unlock()
	for _, s := range unopened {
		s.refuseUnopened()
	}
	if unused {
		return io.EOF
	}
	return nil
}

// refuseUnopened makes Send fail on a socket that the peer does not know: it
// would refuse it.
func (s *Socket) refuseUnopened() {
	w := s.c.w
	w.mu.Lock()
	defer w.mu.Unlock()
	if !s.opened && s.sendErr == nil {
		s.sendErr = notSent{errDraining}
	}
}

var errDraining = errors.New("the peer is shutting down and takes no new sockets")

// wasReset acts on a reset.
func (s *Socket) wasReset(code byte, text string) {
	switch code {
	case resetCancelled:
		s.peerClosed()
	case resetRefused:
		s.end(notSent{errDraining})
	case resetTooLarge:
		s.end(fmt.Errorf("%w: refused by the peer: %s", ErrTooLarge, text))
	default:
		s.end(fmt.Errorf("socket closed by the peer: %s", text))
	}
}

// accept makes the socket that a message opens. It returns nil when the socket
// is refused.
func (c *Conn) accept(id uint32) (*Socket, error) {
	if !c.config.Server {
		return nil, violated("a server opened socket %d", id)
	}
	c.mu.Lock()
	_, twice := c.sockets[id]
	open, ended, leaving := len(c.sockets), c.err != nil, c.leaving
	var s *Socket
	if !twice && !leaving && !ended && open < c.config.MaxSockets {
		s = newSocket(c, id)
		s.opened = true
		c.lastID = max(c.lastID, id)
		c.add(s)
	}
	c.mu.Unlock()
	switch {
	case twice:
		return nil, violated("socket %d opened twice", id)
	case s != nil:
		c.config.Accept(s)
	case !leaving && !ended && c.openToPeer() >= c.config.MaxSockets:
		return nil, violated("more than %d sockets", c.config.MaxSockets)
	default:
		c.w.put(appendNote(nil, kindReset, id, resetRefused, ""))
	}
	return s, nil
}

// openToPeer counts the sockets that the peer has not closed. The others are
// still in use at this end.
func (c *Conn) openToPeer() (n int) {
	c.mu.Lock()
	sockets := make([]*Socket, 0, len(c.sockets))
	for _, s := range c.sockets {
		sockets = append(sockets, s)
	}
	c.mu.Unlock()
	for _, s := range sockets {
		s.mu.Lock()
		if s.ended == nil {
			n++
		}
		s.mu.Unlock()
	}
	return n
}
