package mux

import (
	"errors"
	"os"
	"time"
)

const (
	// restFor is how long nobody reads the connection when no receiver does.
	restFor = 2 * time.Millisecond
	// loneMessages is how many messages in a row must have arrived alone, each
	// for a receiver that waited for it, until such receivers read themselves
	// although others wait for something else.
	loneMessages = 16
)

// turn decides who reads the connection: Run, or a receiver. One that reads for
// itself need not be woken by another goroutine, which on idle processors takes as
// long as the rest of a call. Between two calls nobody reads, until Run does after
// restFor.
//
// All of it is guarded by Conn.mu, except for what is the reader's own.
type turn struct {
	resumed chan struct{} // gets a token when Run is to go on

	who     reader
	leader  any         // if who is leading
	broken  bool        // the leader's read was interrupted
	failed  error       // what the leader came upon, for Run
	led     uint64      // how often somebody led
	seen    uint64      // led when the clock was looked at
	clock   *time.Timer // ends a rest
	ticking bool
	over    bool   // Run reads to the end
	waits   uint64 // how often somebody began to wait
	known   uint64 // waits when somebody was last woken

	woken int // the reader's own: receivers that were woken since the last read
	lone  int // likewise: messages that arrived alone, in a row
}

type reader int

const (
	running reader = iota // Run reads
	resting               // nobody does
	leading               // a receiver does
)

// waits notes that somebody begins to wait for something to arrive. The lock is
// held.
func (c *Conn) waits() {
	c.blocked++
	c.turn.waits++
}

// woke notes whether what was just passed on woke somebody. The lock is held.
func (c *Conn) woke(waiting bool) {
	if waiting {
		c.turn.woken++
		c.turn.known = c.turn.waits
	}
}

// mayRest reports whether the one who got the last message can read the next
// one itself: nothing has arrived for others, and as far as is known nothing
// will. It is the reader's.
func (c *Conn) mayRest() bool {
	t := &c.turn
	alone := c.burst == 1 && t.woken == 1 && c.in.empty()
	if !alone {
		if c.burst > 0 {
			t.lone = 0
		}
		return false
	}
	t.lone++
	if t.lone >= loneMessages {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.blocked == 0
}

// rest lets a receiver read from here on, and waits until it is Run's turn
// again. It returns what the one who read came upon.
func (c *Conn) rest() error {
	c.writeDeferred()
	t := &c.turn
	c.mu.Lock()
	if t.over || t.waits != t.known { // one who came to wait since cannot tell that it may read
		c.mu.Unlock()
		return nil
	}
	t.toRest(c)
	c.mu.Unlock()
	<-t.resumed
	c.mu.Lock()
	defer c.mu.Unlock()
	err := t.failed
	t.failed = nil
	return err
}

// toRest makes nobody read, for a while. The lock is held.
func (t *turn) toRest(c *Conn) {
	t.who, t.leader = resting, nil
	c.idle.Store(true)
	if t.ticking {
		return
	}
	t.ticking, t.seen = true, t.led
	if t.clock == nil {
		t.clock = time.AfterFunc(restFor, c.endRest)
		return
	}
	t.clock.Reset(restFor)
}

// toRun makes it Run's turn. The lock is held.
func (t *turn) toRun(c *Conn) {
	if t.who == running {
		return
	}
	t.who, t.leader = running, nil
	c.idle.Store(false)
	t.resumed <- struct{}{}
}

// endRest has Run read on if nobody has led since the last look.
func (c *Conn) endRest() {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &c.turn
	switch {
	case t.over:
	case t.who == resting && t.seen == t.led:
		t.ticking = false
		t.toRun(c)
	case t.who == resting || t.seen != t.led:
		t.seen = t.led
		t.clock.Reset(restFor)
	default:
		t.ticking = false
	}
}

// attend has Run read on at once, if nobody reads.
func (c *Conn) attend() {
	if !c.idle.Load() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.turn.who == resting {
		c.turn.toRun(c)
	}
}

// finish has Run read to the end. The lock is held.
func (t *turn) finish(c *Conn) {
	t.over = true
	if t.clock != nil {
		t.clock.Stop()
	}
	if t.who == resting {
		t.toRun(c)
	}
}

// lead reads for a receiver, if nobody else does, until it has something to
// receive or it is Run's turn again. It is false when it did not read.
func (c *Conn) lead(receiver any, news func() bool) bool {
	if !c.idle.Load() {
		return false
	}
	c.mu.Lock()
	t := &c.turn
	if t.who != resting || t.over {
		c.mu.Unlock()
		return false
	}
	t.who, t.leader = leading, receiver
	c.idle.Store(false)
	t.led++
	c.blocked-- // it does not wait for others
	c.mu.Unlock()
	err := c.readUntil(news)
	c.follow(err)
	return true
}

// readUntil reads frames until there is news.
func (c *Conn) readUntil(news func() bool) error {
	for !news() {
		if !c.in.whole() {
			if !c.in.empty() {
				return nil // the rest of a frame may take its time
			}
			if err := c.in.more(); err != nil {
				return err
			}
			continue
		}
		if _, err := c.frame(false); err != nil {
			return err
		}
	}
	return nil
}

// follow ends a lead.
func (c *Conn) follow(err error) {
	c.writeDeferred()
	t := &c.turn
	c.burst, t.woken = 0, 0 // who was woken is who has led
	c.mu.Lock()
	c.blocked++ // for who has led, which is counted off when it is served
	broken := t.broken
	t.broken = false
	if broken && !t.over { // the deadline of a connection that has ended stays: the peer may never close
		c.conn.SetReadDeadline(time.Time{}) //nolint:errcheck // a closed connection fails the next read
		if errors.Is(err, os.ErrDeadlineExceeded) {
			err = nil
		}
	}
	t.failed = err
	if err != nil || t.over || broken || !c.in.empty() {
		t.toRun(c)
		c.mu.Unlock()
		return
	}
	t.toRest(c)
	c.kick()
}

// interrupt ends the lead of a receiver that does not wait any more. The lock is
// held.
func (t *turn) interrupt(c *Conn, receiver any) {
	if t.who == leading && t.leader == receiver && !t.broken {
		t.broken = true
		c.conn.SetReadDeadline(time.Unix(1, 0)) //nolint:errcheck // a closed connection fails the read
	}
}
