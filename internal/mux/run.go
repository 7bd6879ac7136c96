package mux

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"time"

	"github.com/justcy/go-micro/v4/internal/relay"
	"github.com/justcy/go-micro/v4/internal/wire"
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
func (c *Conn) Run(ahead []byte) (err error) {
	defer c.own.Wait()
	defer c.conn.Close()
	defer func() { err = c.ran() }() // also when what is served ends the goroutine
	c.in.before = c.beforeRead
	c.in.preload(ahead)
	c.mu.Lock()
	c.kick()
	c.relay.Run()
	return nil
}

// ran ends the connection when reading has come to its end, and returns why.
func (c *Conn) ran() error {
	err := c.turn.failed
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

// violate ends the connection and tells the peer why.
func (c *Conn) violate(err error) {
	c.sayLast(err.Error())
	if c.end(err) {
		c.conn.SetReadDeadline(time.Now().Add(lingerTime)) //nolint:errcheck // a closed connection ends Run
	}
}

// closeWrite tells the peer that nothing follows, and reports whether it could. What
// others add from then on is dropped: writing it would break the connection, with what
// the peer has not received yet.
func (c *Conn) closeWrite(limit time.Duration) bool {
	if !c.writeAlone(limit) {
		return false
	}
	err := errors.ErrUnsupported
	if c.seal != nil {
		err = c.seal.CloseWrite(limit)
	} else if half, ok := c.conn.(interface{ CloseWrite() error }); ok {
		err = half.CloseWrite()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil && c.writer.err == nil {
		c.writer.err = io.EOF
	}
	c.writer.rest()
	return err == nil
}

func (c *Conn) linger() {
	if !c.closeWrite(lingerTime) {
		return
	}
	c.conn.SetReadDeadline(time.Now().Add(lingerTime)) //nolint:errcheck // a closed connection ends the copy
	io.CopyN(io.Discard, c.conn, lingerBytes)          //nolint:errcheck // nothing is done with what is read
}

// step reads a frame, for the relay.
func (c *Conn) step() relay.Next {
	lost, err := c.frame(true)
	if lost {
		return relay.Lost
	}
	if err == nil && c.mayRest() {
		err = c.rest()
	}
	if err != nil {
		c.turn.failed = err
		return relay.Over
	}
	return relay.More
}

// beforeRead is called before the connection is read: what was put off until
// then is done. Those who got a message go first, as reading on would only wait.
func (c *Conn) beforeRead() {
	if c.turn.woken > 0 {
		runtime.Gosched()
	}
	c.burst, c.turn.woken = 0, 0
	c.writeDeferred()
}

// writeDeferred writes what was put off while the reader worked.
func (c *Conn) writeDeferred() {
	if c.deferring.Load() {
		c.deferring.Store(false)
		c.mu.Lock()
		c.kick()
	}
}

// frame reads one frame and acts on it. It reports whether another goroutine
// reads on.
func (c *Conn) frame(here bool) (lost bool, err error) {
	b, err := c.in.need(headSize)
	if err != nil {
		return false, err
	}
	h, err := parseHead(b)
	if err != nil {
		return false, err
	}
	c.in.skip(headSize)
	c.in.bulk = false // unless a piece of a body follows
	if c.in.buffered() > h.length && !c.deferring.Load() {
		c.deferring.Store(true) // until beforeRead
	}
	if h.kind == kindMessage {
		c.burst++
		return c.message(h, here)
	}
	payload, err := c.in.need(h.length)
	if err != nil {
		return false, unexpected(err)
	}
	c.in.skip(h.length)
	return false, c.control(h, payload)
}

// control acts on a frame that is no message.
func (c *Conn) control(h head, payload []byte) error {
	switch h.kind {
	case kindPing:
		c.mu.Lock()
		c.put(appendPing(nil, kindPong, binary.BigEndian.Uint64(payload)))
	case kindGoAway:
		return c.wentAway(payload[0], binary.BigEndian.Uint32(payload[1:]), string(payload[5:]))
	case kindWindow:
		return c.addCredit(h.socket, int(binary.BigEndian.Uint32(payload)))
	case kindClose:
		c.endOf(h.socket, func(s *Socket) func() { return s.peerClosed() }, io.ErrUnexpectedEOF)
	case kindReset:
		c.wasReset(h.socket, payload[0], string(payload[1:]))
	}
	return nil
}

// addCredit acts on a window frame.
func (c *Conn) addCredit(id uint32, n int) error {
	c.mu.Lock()
	w := &c.writer
	over := false
	if id == 0 {
		w.credit += n
		if w.raised {
			w.spent -= n
		}
		w.raised = true
		over = w.credit > math.MaxInt32 || w.spent < 0
	} else if s := c.sockets[id]; s != nil {
		s.credit += n
		over = n == 0 || s.credit > math.MaxInt32
	}
	if over {
		c.mu.Unlock()
		return violated("credit for socket %d out of range", id)
	}
	c.kick()
	return nil
}

// endOf ends a socket or a call that the peer has ended, and forgets what has
// arrived of a message on it.
func (c *Conn) endOf(id uint32, end func(*Socket) func(), err error) {
	p := c.parts[id]
	delete(c.parts, id)
	c.mu.Lock()
	if p != nil && p.refuse != nil {
		c.refund(p.cost)
	} else if p != nil {
		c.release(p.cost)
	}
	var ended func()
	over := false
	if s := c.sockets[id]; s != nil {
		c.woke(s.waiting)
		ended = end(s)
	} else if k := c.calls[id]; k != nil {
		c.woke(k.waiting)
		over = k.finish(err)
	}
	c.kick()
	if ended != nil {
		ended()
	}
	if over {
		c.Close()
	}
}

// wasReset acts on a reset.
func (c *Conn) wasReset(id uint32, code byte, text string) {
	var err error
	switch code {
	case resetCancelled:
		c.endOf(id, func(s *Socket) func() { return s.peerClosed() }, io.ErrUnexpectedEOF)
		return
	case resetRefused:
		err = errDraining
		if text != "" {
			err = wire.Refused(fmt.Errorf("refused by the peer: %s", text))
		}
	case resetTooLarge:
		err = fmt.Errorf("%w: refused by the peer: %s", wire.ErrTooLarge, text)
	default:
		err = fmt.Errorf("socket closed by the peer: %s", text)
	}
	c.endOf(id, func(s *Socket) func() { return s.end(err, err) }, err)
}

// wentAway acts on a goaway.
func (c *Conn) wentAway(code byte, last uint32, text string) error {
	if code != goAwayDrain {
		if text != "" {
			return fmt.Errorf("closed by the peer: %s", text)
		}
		return io.EOF
	}
	if c.serves() {
		return nil // a client that opens no more sockets does not have to say so
	}
	c.mu.Lock()
	c.leave()
	var ends []func()
	for id, s := range c.sockets {
		if id > last || !s.opened {
			if f := s.end(errDraining, errDraining); f != nil {
				ends = append(ends, f)
			}
		}
	}
	for id, k := range c.calls {
		if id > last {
			if t := k.pending; t != nil && t.begun && !t.taken { // the rest does not come
				c.writer.add(appendReset(nil, id, resetCancelled, ""))
			}
			k.finish(errDraining)
		}
	}
	unused := c.unused()
	c.kick()
	for _, f := range ends {
		f()
	}
	if unused {
		return io.EOF
	}
	return nil
}

// Shutdown tells the peer to open no more sockets, waits until what was sent has
// left and the peer has ended the connection, or until ctx is done, and ends it.
// Nobody sends on it any more.
func (c *Conn) Shutdown(ctx context.Context) {
	c.GoAway()
	c.flushed(ctx.Done())
	limit := writeStall
	if end, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(end))
	}
	if ctx.Err() == nil && c.closeWrite(limit) {
		select {
		case <-c.ended:
		case <-ctx.Done():
		}
	}
	c.Close()
}
