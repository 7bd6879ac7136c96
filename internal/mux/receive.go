package mux

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/justcy/go-micro/v4/internal/wire"
)

// firstPart is the memory that a body which does not fit into one frame gets on
// its word. When that is full it gets the rest. A body of up to twice as much gets
// all of it, which spares copying those that fill one frame and a little more.
const firstPart = 64 << 10

// incoming is a message that arrives.
type incoming struct {
	head   // of its first frame
	block  *wire.Block
	id     uint64        // of an exchange
	left   time.Duration // likewise
	size   int           // of the whole body
	body   []byte
	cost   int
	refuse error // why it is dropped when it has arrived, nil if it is not
}

// part is a message of which more is to come.
type part struct {
	incoming
	missing int
}

func (m *incoming) header() wire.Header {
	if m.has(flagExchange) {
		return wire.ExchangeHeader(m.block, m.id, m.left)
	}
	return wire.BlockHeader(m.block)
}

// message reads a message frame. It reports whether another goroutine reads on.
func (c *Conn) message(h head, here bool) (lost bool, err error) {
	if !h.has(flagBegin) {
		return c.proceed(h, here)
	}
	if c.parts[h.socket] != nil {
		return false, violated("a message within another on socket %d", h.socket)
	}
	m := incoming{head: h}
	if err := c.start(&m); err != nil {
		return false, err
	}
	if m.length < m.size { // of which length is what has come with the first frame
		p := &part{incoming: m, missing: m.size}
		c.parts[h.socket] = p
		return false, c.read(p, m.length)
	}
	if m.refuse != nil {
		return false, c.drop(&m, m.length)
	}
	if m.size > 0 {
		m.body = make([]byte, m.size)
		if err := c.in.full(m.body); err != nil {
			return false, err
		}
	}
	return c.deliver(&m, here)
}

// start reads the start of a message, up to its body.
func (c *Conn) start(m *incoming) error {
	b, err := c.in.need(m.beginSize())
	if err != nil {
		return unexpected(err)
	}
	blockSize := int(binary.BigEndian.Uint16(b))
	m.size = int(binary.BigEndian.Uint32(b[2:]))
	if m.has(flagExchange) {
		m.id = binary.BigEndian.Uint64(b[beginSize:])
		m.left = time.Duration(binary.BigEndian.Uint64(b[beginSize+8:]) &^ (1 << 63))
	}
	c.in.skip(m.beginSize())
	m.length -= m.beginSize() + blockSize
	if m.length < 0 || m.length > m.size {
		return violated("lengths of a message do not fit its frame")
	}
	if b, err = c.in.need(blockSize); err != nil {
		return unexpected(err)
	}
	if m.block, err = c.blockOf(m.head, b); err != nil {
		return err
	}
	c.in.skip(blockSize)
	m.cost = MessageCost + blockSize + m.size
	return c.charge(m)
}

// blockOf returns the header block of a message.
func (c *Conn) blockOf(h head, b []byte) (*wire.Block, error) {
	if !h.has(flagRepeat) {
		block, err := wire.ParseBlock(string(b))
		if err != nil {
			return nil, violated("%v", err)
		}
		if h.has(flagLast) {
			c.heads.remember(string(b), block)
		}
		return block, nil
	}
	if h.has(flagLast) {
		if len(b) != 1 || int(b[0]) >= len(c.heads.blocks) || c.heads.blocks[b[0]] == nil {
			return nil, violated("socket %d repeats headers that there were not", h.socket)
		}
		return c.heads.blocks[b[0]], nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.sockets[h.socket]
	switch {
	case len(b) > 0, s != nil && s.heardBlock == nil:
		return nil, violated("socket %d repeats headers that there were not", h.socket)
	case s == nil: // which this end has closed
		return wire.ParseBlock("")
	}
	return s.heardBlock, nil
}

// charge counts what a message makes this end hold, before it does.
func (c *Conn) charge(m *incoming) error {
	if m.has(flagOpen) {
		m.cost += OpenCost
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return c.err
	}
	if c.held+m.cost > c.config.MaxBuffered {
		return violated("a message of %d bytes on socket %d, for which there was no credit", m.size, m.socket)
	}
	s := c.sockets[m.socket]
	if s != nil && !s.single {
		if s.allow <= 0 && s.recvErr == nil {
			return violated("socket %d sent more than it has credit for", m.socket)
		}
		s.allow -= m.cost
		s.part = m.length < m.size
		if !m.has(flagRepeat|flagLast) && repeatable(m.block.Len()) {
			s.heardBlock = m.block
		}
	}
	c.held += m.cost
	switch {
	case m.size > c.config.MaxMessage:
		m.refuse = fmt.Errorf("%w: body of %d bytes, the limit is %d", wire.ErrTooLarge, m.size, c.config.MaxMessage)
	case !c.config.Budget.Take(m.cost):
		m.refuse = errors.New(c.config.Budget.Full())
	default:
		c.taken += m.cost
	}
	return nil
}

// proceed reads a frame that continues a message.
func (c *Conn) proceed(h head, here bool) (lost bool, err error) {
	p := c.parts[h.socket]
	switch {
	case p == nil:
		if c.knows(h.socket) {
			return false, violated("continuation of no message on socket %d", h.socket)
		}
		return false, c.in.discard(h.length) // of a message that ended with its socket
	case h.length > p.missing:
		return false, violated("body longer than announced on socket %d", h.socket)
	}
	if err := c.read(p, h.length); err != nil || p.missing > 0 {
		return false, err
	}
	delete(c.parts, h.socket)
	if p.refuse != nil {
		return false, c.drop(&p.incoming, 0)
	}
	return c.deliver(&p.incoming, here)
}

// knows reports whether there is a socket or a call of this number.
func (c *Conn) knows(id uint32) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sockets[id] != nil || c.calls[id] != nil
}

// read reads n bytes of a body.
func (c *Conn) read(p *part, n int) error {
	p.missing -= n
	c.in.bulk = p.missing > MaxPayload/2
	if p.refuse != nil {
		return c.in.discard(n)
	}
	for n > 0 {
		if cap(p.body) == len(p.body) {
			room := p.size
			if p.body == nil && room > 2*firstPart {
				room = firstPart
			}
			p.body = append(make([]byte, 0, room), p.body...)
		}
		step := p.body[len(p.body):min(cap(p.body), len(p.body)+n)]
		if err := c.in.full(step); err != nil {
			return err
		}
		p.body = p.body[:len(p.body)+len(step)]
		n -= len(step)
	}
	return nil
}

// drop refuses a message that has arrived, apart from n bytes of its body.
func (c *Conn) drop(m *incoming, n int) error {
	code, text := byte(resetTooLarge), m.refuse.Error()
	c.mu.Lock()
	if m.size <= c.config.MaxMessage {
		code = resetOverload
		if m.has(flagOpen) {
			code = resetRefused
		}
	}
	var ended func()
	if s := c.sockets[m.socket]; s != nil {
		ended = s.end(m.refuse, m.refuse)
	}
	c.refund(m.cost)
	c.put(appendReset(nil, m.socket, code, text))
	if ended != nil {
		ended()
	}
	return c.in.discard(n)
}

// deliver passes on a message that has arrived. It reports whether another
// goroutine reads on.
func (c *Conn) deliver(m *incoming, here bool) (lost bool, err error) {
	if m.has(flagOpen) {
		return c.accept(m, here)
	}
	c.mu.Lock()
	over := false
	switch k, s := c.calls[m.socket], c.sockets[m.socket]; {
	case k != nil && !m.has(flagLast), s != nil && m.has(flagLast):
		c.mu.Unlock()
		return false, violated("socket %d is used for what it is not", m.socket)
	case k != nil:
		c.woke(true) // or it has not come to wait
		over = k.answer(m.header(), m.body)
		c.release(m.cost)
		c.kick()
	case s != nil && s.recvErr == nil && !s.closed:
		s.part = false
		c.woke(s.waiting)
		s.push(arrived{header: m.header(), body: m.body, cost: m.cost})
		c.mu.Unlock()
	default:
		c.release(m.cost) // whoever waited has gone
		c.kick()
	}
	if over {
		return false, io.EOF
	}
	return false, nil
}

// accept serves a socket that the peer opens. It reports whether another
// goroutine reads on.
func (c *Conn) accept(m *incoming, here bool) (lost bool, err error) {
	c.mu.Lock()
	switch {
	case !c.serves():
		c.mu.Unlock()
		return false, violated("a server opened socket %d", m.socket)
	case c.sockets[m.socket] != nil:
		c.mu.Unlock()
		return false, violated("socket %d opened twice", m.socket)
	case c.leaving || c.err != nil:
		c.release(m.cost)
		c.put(appendReset(nil, m.socket, resetRefused, ""))
		return false, nil
	}
	s := newSocket(c, m.socket)
	s.opened, s.single, s.exchange = true, m.has(flagLast), m.has(flagExchange)
	s.cost = OpenCost
	c.lastID = max(c.lastID, m.socket)
	c.add(s)
	first := m.cost - OpenCost
	switch {
	case s.single:
		s.cost, s.recvErr = m.cost, io.EOF
		c.mu.Unlock()
	case s.exchange:
		s.heardBlock = repeatableBlock(m.block)
		s.cost, s.first = m.cost, m.size
		if s.heardBlock != nil { // which OpenCost has room for
			s.cost -= first - m.size
			c.release(first - m.size)
		}
		c.kick()
	default:
		s.heardBlock = repeatableBlock(m.block)
		s.allow -= first
		s.push(arrived{header: m.header(), body: m.body, cost: first})
		c.mu.Unlock()
	}
	if !here || !s.exchange {
		c.config.Accept(s, m.header(), m.body, false)
		return false, nil
	}
	header, body := m.header(), m.body
	return !c.relay.Serve(func() { c.config.Accept(s, header, body, true) }), nil
}

func repeatableBlock(b *wire.Block) *wire.Block {
	if repeatable(b.Len()) {
		return b
	}
	return nil
}
