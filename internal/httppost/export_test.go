package httppost

// Idle returns how many connections are kept.
func (c *Client) Idle() int {
	c.idle.mu.Lock()
	defer c.idle.mu.Unlock()
	return c.idle.total
}

// Quiet reports whether all connections that are kept are as they were left.
func (c *Client) Quiet() bool {
	c.idle.mu.Lock()
	defer c.idle.mu.Unlock()
	for _, conns := range c.idle.conns {
		for _, conn := range conns {
			if !conn.good(c.IdleTimeout) {
				return false
			}
		}
	}
	return true
}

// Sweep does what a timer does from time to time.
func (c *Client) Sweep() { c.idle.sweep(c.IdleTimeout) }
