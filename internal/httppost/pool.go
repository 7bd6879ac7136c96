package httppost

import (
	"sync"
	"time"
)

// pool holds idle connections. No goroutine waits on them: they are looked at
// when one is taken, and from time to time by a timer.
type pool struct {
	mu     sync.Mutex
	conns  map[peer][]*conn // each the longest idle first
	total  int
	timed  bool // a timer runs, as it does while there are connections
	closed bool
}

// take returns the connection to a peer that was used last, if any is good.
func (p *pool) take(to peer, limit time.Duration) *conn {
	for {
		c := p.pop(to)
		if c == nil || c.good(limit) {
			return c
		}
		c.Close()
	}
}

// good reports whether an idle connection can be used. It never waits.
func (c *conn) good(limit time.Duration) bool { return time.Since(c.since) < limit && c.probe.Quiet() }

func (p *pool) pop(to peer) *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.conns[to]); n > 0 {
		return p.remove(to, n-1)
	}
	return nil
}

// remove takes connection i to a peer out. The caller holds mu.
func (p *pool) remove(to peer, i int) *conn {
	conns := p.conns[to]
	c := conns[i]
	copy(conns[i:], conns[i+1:])
	conns[len(conns)-1] = nil
	p.conns[to] = conns[:len(conns)-1]
	if len(conns) == 1 {
		delete(p.conns, to)
	}
	p.total--
	return c
}

// put keeps a connection within the client's limits, for which the one that
// has been idle longest gives way.
func (p *pool) put(c *conn, limits *Client) {
	c.since = time.Now()
	if surplus := p.add(c, limits); surplus != nil {
		surplus.Close()
	}
}

func (p *pool) add(c *conn, limits *Client) (surplus *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed || limits.MaxIdle < 1 || limits.MaxIdlePerAddr < 1:
		return c
	case len(p.conns[c.to]) >= limits.MaxIdlePerAddr:
		surplus = p.remove(c.to, 0)
	case p.total >= limits.MaxIdle:
		surplus = p.remove(p.longestIdle(), 0)
	}
	if p.conns == nil {
		p.conns = map[peer][]*conn{}
	}
	p.conns[c.to] = append(p.conns[c.to], c)
	p.total++
	if !p.timed {
		p.startTimer(limits.IdleTimeout)
	}
	return surplus
}

// longestIdle returns to whom the connection is. The caller holds mu.
func (p *pool) longestIdle() (to peer) {
	var oldest time.Time
	for peer, conns := range p.conns {
		if since := conns[0].since; oldest.IsZero() || since.Before(oldest) {
			oldest, to = since, peer
		}
	}
	return to
}

// startTimer starts looking after the connections, often enough that those
// which peers closed do not stay long either. The caller holds mu.
func (p *pool) startTimer(limit time.Duration) {
	p.timed = true
	time.AfterFunc(limit/8+1, func() { p.sweep(limit) })
}

// sweep closes the connections that cannot be used any more.
func (p *pool) sweep(limit time.Duration) {
	for _, c := range p.bad(limit) {
		c.Close()
	}
}

// bad takes out the connections that cannot be used and starts the timer again
// if any are left.
func (p *pool) bad(limit time.Duration) (out []*conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for to, conns := range p.conns {
		for i := len(conns) - 1; i >= 0; i-- {
			if !conns[i].good(limit) {
				out = append(out, p.remove(to, i))
			}
		}
	}
	p.timed = false
	if p.total > 0 {
		p.startTimer(limit)
	}
	return out
}

// drop closes the connections to a peer.
func (p *pool) drop(to peer) {
	p.mu.Lock()
	conns := p.conns[to]
	delete(p.conns, to)
	p.total -= len(conns)
	p.mu.Unlock()
	for _, c := range conns {
		c.Close()
	}
}

// empty closes all connections, and when forever is set also those to come.
func (p *pool) empty(forever bool) {
	p.mu.Lock()
	all := p.conns
	p.conns, p.total, p.closed = nil, 0, p.closed || forever
	p.mu.Unlock()
	for _, conns := range all {
		for _, c := range conns {
			c.Close()
		}
	}
}
