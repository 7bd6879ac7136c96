package mux

import "fmt"

// reserve claims n bytes of the room for large messages, or notes that s wants
// them. A single message always gets its room.
func (c *Conn) reserve(s *Socket, n int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reserved > 0 && c.reserved+n > c.config.MaxBuffered/2 {
		c.wanting = append(c.wanting, s)
		return false
	}
	c.reserved += n
	return true
}

// unreserve gives back room for large messages and lets those try who want it.
func (c *Conn) unreserve(n int) {
	if n == 0 {
		return
	}
	c.mu.Lock()
	c.reserved -= n
	wanting := c.wanting
	c.wanting = nil
	c.mu.Unlock()
	for _, s := range wanting {
		s.grant()
	}
}

// relieve resets the socket that holds most when all of them hold too much, and
// drops what it holds: the user of a socket that is not read may never come. It
// is for the one who reads.
func (c *Conn) relieve() {
	if c.buffered.Load() <= int64(c.config.MaxBuffered) {
		return
	}
	c.mu.Lock()
	var largest *Socket
	most := 0
	for _, s := range c.sockets {
		if held := s.holds(); held > most {
			largest, most = s, held
		}
	}
	c.mu.Unlock()
	if largest != nil {
		c.reset(largest, resetOverload, fmt.Errorf("%d bytes wait to be received, too many for the connection", most))
		largest.part, largest.deaf = part{}, true
		largest.mu.Lock()
		extra := largest.drop()
		largest.mu.Unlock()
		c.unreserve(extra)
	}
}
