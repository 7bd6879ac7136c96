package mux

// Opened counts the sockets and calls that are open.
func (c *Conn) Opened() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.sockets) + len(c.calls)
}
