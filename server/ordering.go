package server

import "github.com/justcy/go-micro/v4/internal/wire"

// maxPipelined is how many messages without an id one socket may have open: only the
// first of them can be answered. Further ones are not read until then.
const maxPipelined = 64

// place is that of a message among those that are answered in their order.
type place struct {
	ordered bool            // it is one of them
	after   <-chan struct{} // closed when the one before was answered; nil for none
	done    chan struct{}   // closed when this one was; made for the one after it
}

// await waits for the turn of a place.
func (p *place) await() {
	if p.after != nil {
		<-p.after
	}
}

// keepsOrder reports whether replies to a message can only be told from others by
// their order (RFC 9112, section 9.3.2).
func (c *conn) keepsOrder(id, stream string) bool {
	return id == "" && stream == "" && c.http2 == nil && c.speaksHTTP()
}

// enter gives the next place to p. The lock is held.
func (c *conn) enter(p *place) {
	if before := c.last; before != nil {
		before.done = make(chan struct{})
		p.after = before.done
	}
	c.last = p
	p.ordered = true
	c.pipelined++
}

// leave lets the one after p have its turn. The lock is held.
func (c *conn) leave(p *place) {
	if !p.ordered {
		return
	}
	c.pipelined--
	if c.last == p {
		c.last = nil
	}
	if p.done != nil {
		close(p.done)
	}
	c.room.Broadcast()
}

// inTurn has a message answered that is no call, when it is its turn. It does not
// wait for that, as the one who reads has to learn when the client has gone.
func (c *conn) inTurn(head *wire.Head, answer func()) {
	if !c.keepsOrder(head.ID, head.Stream) {
		answer()
		return
	}
	p := new(place)
	c.mu.Lock()
	for c.pipelined >= maxPipelined && c.takesMore() {
		c.room.Wait()
	}
	c.enter(p)
	c.all.Add(1)
	c.mu.Unlock()
	finish := func() {
		p.await()
		answer()
		c.mu.Lock()
		c.leave(p)
		c.mu.Unlock()
		c.all.Done()
	}
	if p.after == nil {
		finish()
		return
	}
	c.run.serving.Go(finish)
}
