package cache

import "time"

const (
	// lifetimes is for how many TTLs a name is followed that nobody looks up.
	lifetimes = 3
	// shortestLife is the least that counts as a TTL there.
	shortestLife = time.Second
)

// sweep forgets names that nobody looks up any more, until there are none or the
// cache is stopped.
func (c *cache) sweep() {
	ticker := time.NewTicker(max(c.options.TTL, shortestLife))
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-c.ctx.Done():
			return
		}
		if !c.failing.Load() { // nothing could be found again
			c.forgetUnused()
		}
		if c.swept() {
			return
		}
	}
}

func (c *cache) forgetUnused() {
	for name, v := range c.entries.Range {
		if c.abandon(v.(*entry)) && c.options.OnForget != nil {
			c.options.OnForget(name.(string))
		}
	}
}

// abandon drops a name that was not looked up for so long that nobody will, and
// reports whether it did.
func (c *cache) abandon(e *entry) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.unused++
	if e.used.Swap(false) || e.asking != nil {
		e.unused = 0
	}
	if e.unused < lifetimes {
		return false
	}
	c.drop(e)
	return true
}

// swept reports whether there is nothing left to sweep. The next name starts anew.
func (c *cache) swept() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for range c.entries.Range {
		return false
	}
	c.sweeping = false
	return true
}
