package mux

import (
	"encoding/binary"
	"fmt"
)

// A body that does not fit into one frame gets firstPart bytes of memory on its
// word, or growth times what has really arrived; twice that if it never has to
// be moved then, as one of a megabyte has not after a full frame.
const (
	firstPart = 64 << 10
	growth    = 16
)

// part is a message of which more is to come.
type part struct {
	active bool
	arrived
	size int // of the whole body
}

// message reads a message frame.
func (c *Conn) message(h head) error {
	var s *Socket
	if h.opens() {
		var err error
		if s, err = c.accept(h.socket); err != nil {
			return err
		}
	} else {
		s = c.lookup(h.socket)
	}
	if s == nil || s.deaf {
		return c.in.discard(h.length) // it has ended, or was refused
	}
	if h.begins() {
		return c.begin(s, h)
	}
	return c.proceed(s, h.length)
}

// begin reads the first frame of a message.
func (c *Conn) begin(s *Socket, h head) error {
	if s.part.active {
		return violated("a message within another on socket %d", s.id)
	}
	b, err := c.in.need(beginSize)
	if err != nil {
		return unexpected(err)
	}
	blockSize := int(binary.BigEndian.Uint16(b))
	size := int(binary.BigEndian.Uint32(b[2:]))
	c.in.skip(beginSize)
	here := h.length - beginSize - blockSize // of the body
	switch {
	case here < 0 || here > size:
		return violated("lengths of a message do not fit its frame")
	case size > c.config.MaxMessage:
		err := fmt.Errorf("%w: body of %d bytes, the limit is %d", ErrTooLarge, size, c.config.MaxMessage)
		c.reset(s, resetTooLarge, err)
		return c.in.discard(h.length - beginSize)
	}
	small := here == size && size <= smallMessage
	if !small {
		if err := s.spend(messageCost+h.length, size-here); err != nil {
			return err
		}
		if s.deaf {
			return c.in.discard(h.length - beginSize)
		}
	}
	if b, err = c.in.need(blockSize); err != nil {
		return unexpected(err)
	}
	s.part = part{active: true, size: size, arrived: arrived{cost: messageCost + h.length}}
	if err := s.headers(h, string(b)); err != nil {
		return err
	}
	c.in.skip(blockSize)
	if here < size {
		return c.take(s, here)
	}
	s.part.body = make([]byte, size)
	if err := c.in.full(s.part.body); err != nil {
		return err
	}
	if small {
		return s.arrive()
	}
	s.complete()
	return nil
}

// arrive is spend and complete for a message that is too small to be counted
// before it has arrived.
func (s *Socket) arrive() error {
	a := s.part.arrived
	a.credit = a.cost
	s.part = part{}
	s.mu.Lock()
	if s.closed || s.ended != nil {
		s.mu.Unlock()
		return nil
	}
	if s.allow < a.cost {
		s.mu.Unlock()
		return s.overspent()
	}
	s.allow -= a.cost
	s.hold(a.cost)
	if s.waiting {
		s.waiting, s.c.handed = false, s
	}
	s.push(a)
	s.mu.Unlock()
	s.c.relieve()
	return nil
}

func (s *Socket) overspent() error {
	return violated("socket %d sent more than it has credit for", s.id)
}

// headers notes the header block of a message, and what it repeats.
func (s *Socket) headers(h head, block string) error {
	p := &s.part
	switch {
	case !h.repeats():
		p.block = block
		if isBase(block) {
			s.base = block
		}
	case s.base == "":
		return violated("socket %d repeats headers it never had", s.id)
	default:
		p.block, p.changes, p.arrived.repeats = s.base, block, true
	}
	return nil
}

// proceed reads a frame that continues a message.
func (c *Conn) proceed(s *Socket, n int) error {
	p := &s.part
	if !p.active {
		return violated("continuation of no message on socket %d", s.id)
	}
	left := p.size - len(p.body) - n
	if left < 0 {
		return violated("body longer than announced on socket %d", s.id)
	}
	if err := s.spend(n, left); err != nil {
		return err
	}
	if s.deaf {
		return c.in.discard(n)
	}
	p.cost += n
	if err := c.take(s, n); err != nil || left > 0 {
		return err
	}
	s.complete()
	return nil
}

// take reads n bytes of a body, and asks for the rest.
func (c *Conn) take(s *Socket, n int) error {
	p := &s.part
	for n > 0 {
		if cap(p.body) == len(p.body) {
			room := max(firstPart, growth*(len(p.body)+n))
			if room >= p.size/2 {
				room = p.size
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
	c.in.bulk = p.size-len(p.body) > MaxPayload/2
	if len(p.body) < p.size {
		s.alert() // who watches has to receive, so that credit is granted
		s.grant()
	}
	return nil
}

// spend takes the cost of a frame off the peer's credit, and notes how much of
// its message is to come. The memory counts before it is used.
func (s *Socket) spend(cost, missing int) error {
	s.mu.Lock()
	if s.closed || s.ended != nil {
		s.mu.Unlock()
		return nil // what comes is dropped in the end
	}
	s.allow -= cost
	over := s.allow < 0
	s.missing = missing
	s.hold(cost)
	s.mu.Unlock()
	if over {
		return s.overspent()
	}
	s.c.relieve()
	return nil
}

// complete hands the message that has fully arrived to the user.
func (s *Socket) complete() {
	a := s.part.arrived
	a.credit = a.cost
	s.part = part{}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.ended != nil {
		return
	}
	s.push(a)
}
