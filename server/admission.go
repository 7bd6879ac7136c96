package server

import (
	"fmt"
	"strings"

	microerrors "github.com/justcy/go-micro/v4/errors"
)

const (
	// maxCalls is how many requests one socket may have open at a time.
	maxCalls = 4096
	// maxHeld is how many bytes the requests that are open on one socket may
	// have, and their replies in their bodies; others wait. One alone may have
	// any number.
	maxHeld = 64 << 20
)

// begin adds a call to the open ones, unless the connection or the server take
// no more. It waits for the room that others hold.
func (c *conn) begin(k *call, closes bool) error {
	if !c.run.begin() {
		return errStopped
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	pipelined := c.keepsOrder(k.id, k.streamID)
	for c.takesMore() && (c.open > 0 && c.held+k.size > maxHeld || pipelined && c.pipelined >= maxPipelined) {
		c.room.Wait()
	}
	if err := c.admit(); err != nil {
		c.run.done()
		return err
	}
	if !c.run.held.Take(k.size) {
		c.run.done()
		return overfull(c.run.held)
	}
	c.shared = c.shared || c.open > 0
	c.closing = closes
	c.held += k.size
	c.add(k)
	if pipelined {
		c.enter(&k.place)
	}
	if k.key != "" {
		if c.streams == nil {
			c.streams = map[string]*call{}
		}
		c.streams[k.key] = k
	}
	return nil
}

// takesMore reports whether calls may still begin: those that wait for room must not
// when the server cuts off what is open. The lock is held.
func (c *conn) takesMore() bool { return !c.gone && !c.run.isClosed() }

// hold counts a message that is to be sent, so that a peer which does not receive
// is not served for ever; give is to follow.
func (c *conn) hold(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held += n
}

func (c *conn) give(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held -= n
	c.room.Broadcast()
}

func (c *conn) postpones(*call) bool { return false } // begin has waited for room
func (c *conn) failed(*call)         {}

// admit returns why no call can be begun. The lock is held.
func (c *conn) admit() error {
	switch {
	case c.gone:
		return errConnectionLost
	case c.run.isClosed():
		return errStopped
	case c.closing:
		return microerrors.New(errorID, "the connection is being closed", 503)
	case c.open >= maxCalls:
		return microerrors.New(errorID, fmt.Sprintf("more than %d open requests on one connection", maxCalls), 503)
	}
	return nil
}

// freed makes room for others while the call goes on.
func (c *conn) freed(k *call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.giveBack(k)
}

// giveBack counts the body of a call's first message no longer. The lock is held.
func (c *conn) giveBack(k *call) {
	c.held -= k.size
	c.run.held.Give(k.size)
	k.size = 0
	c.room.Broadcast()
}

// ended removes a call from the open ones.
func (c *conn) ended(k *call) {
	c.mu.Lock()
	c.remove(k)
	c.giveBack(k)
	c.leave(&k.place)
	if k.key != "" && c.streams[k.key] == k {
		delete(c.streams, k.key)
		if k.request.isStream() && !k.inbox.clientEnded() {
			c.late.add(strings.Clone(k.key)) // a part of all headers of its message
		}
	}
	last := c.closing && c.open == 0
	c.mu.Unlock()
	if last {
		_ = c.socket.Close() // the reply is sent; there is nobody to tell
	}
	c.all.Done()
	c.run.done()
}

// lose cancels the open requests: nobody can be told how they end.
func (c *conn) lose(cause error) {
	c.calls.lose(cause)
	c.room.Broadcast()
}

func (c *conn) isLost() bool {
	return c.calls.isLost() || c.http2 != nil && c.http2.ctx.Err() != nil
}
