package mux

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// restFor is how long nobody reads the connection when no Recv is pending.
const restFor = 2 * time.Millisecond

// turn decides who reads the connection: Run, or the pending Recv of its only
// socket. A Recv that reads for itself need not be woken by another goroutine,
// which on idle processors takes as long as the rest of a call. Between two
// calls nobody reads, until Run does after restFor.
type turn struct {
	resumed chan struct{} // gets a token when Run is to go on
	idle    atomic.Bool   // nobody reads

	mu      sync.Mutex // guards what follows
	who     reader
	leader  *Socket     // if who is leading
	broken  bool        // the leader's read was interrupted
	failed  error       // what the leader came upon, for Run
	taken   uint64      // how often somebody led
	seen    uint64      // taken when the clock was looked at
	clock   *time.Timer // ends a rest
	ticking bool
	over    bool // Run reads to the end
}

type reader int

const (
	running reader = iota // Run reads
	resting               // nobody does
	leading               // a Recv does
)

// rest lets the Recv of the only socket read from here on, and waits until it
// is Run's turn again. It returns what the one who read came upon. Run calls it
// when it has given a lone message to a Recv that waited for it.
func (c *Conn) rest() error {
	t := &c.turn
	t.mu.Lock()
	if t.over {
		t.mu.Unlock()
		return nil
	}
	handed := c.handed // which belongs to the one who reads
	t.toRest(c)
	t.mu.Unlock()
	if handed.waits() {
		c.attend() // it may have looked too early to lead
	}
	<-t.resumed
	t.mu.Lock()
	defer t.mu.Unlock()
	err := t.failed
	t.failed = nil
	return err
}

// toRest makes nobody read, for a while. The lock is held.
func (t *turn) toRest(c *Conn) {
	t.who, t.leader = resting, nil
	t.idle.Store(true)
	if t.ticking {
		return
	}
	t.ticking, t.seen = true, t.taken
	if t.clock == nil {
		t.clock = time.AfterFunc(restFor, c.endRest)
		return
	}
	t.clock.Reset(restFor)
}

// toRun makes it Run's turn. The lock is held.
func (t *turn) toRun() {
	if t.who == running {
		return
	}
	t.who, t.leader = running, nil
	t.idle.Store(false)
	t.resumed <- struct{}{}
}

// endRest has Run read on if nobody has led since the last look.
func (c *Conn) endRest() {
	t := &c.turn
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.who == resting && t.seen == t.taken:
		t.ticking = false
		t.toRun()
	case t.who == resting || t.seen != t.taken:
		t.seen = t.taken
		t.clock.Reset(restFor)
	default:
		t.ticking = false
	}
}

// attend has Run read on at once, if nobody reads.
func (c *Conn) attend() {
	t := &c.turn
	if !t.idle.Load() {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.who == resting {
		t.toRun()
	}
}

// finish has Run read to the end.
func (t *turn) finish() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.over = true
	if t.clock != nil {
		t.clock.Stop()
	}
	if t.who == resting {
		t.toRun()
	}
}

// lead makes s the one who reads, if nobody does and there is no other socket.
func (c *Conn) lead(s *Socket) bool {
	t := &c.turn
	if !t.idle.Load() || c.open.Load() != 1 || s.attended.Load() {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.who != resting || t.over {
		return false
	}
	t.who, t.leader = leading, s
	t.idle.Store(false)
	t.taken++
	return true
}

// read reads for s, which leads, until s has something to receive or it is
// Run's turn again.
func (c *Conn) read(s *Socket) {
	for !s.Pending() {
		if !c.in.whole() {
			if !c.in.empty() {
				c.follow(nil) // the rest of a frame may take its time
				return
			}
			if err := c.more(); err != nil {
				c.follow(err)
				return
			}
			continue
		}
		if err := c.frame(); err != nil {
			c.follow(err)
			return
		}
	}
	c.follow(nil)
}

// more waits for bytes in an empty buffer.
func (c *Conn) more() error {
	err := c.in.more()
	c.w.burst.Store(c.burst)
	c.burst = 0
	return err
}

// follow ends a lead.
func (c *Conn) follow(err error) {
	t := &c.turn
	t.mu.Lock()
	defer t.mu.Unlock()
	broken := t.broken
	if broken && !t.over { // the deadline of a connection that has ended stays: the peer may never close
		t.broken = false
		c.conn.SetReadDeadline(time.Time{}) //nolint:errcheck // a closed connection fails the next read
		if errors.Is(err, os.ErrDeadlineExceeded) {
			err = nil
		}
	}
	t.failed = err
	if err != nil || t.over || broken || !c.in.empty() || c.open.Load() != 1 {
		t.toRun()
		return
	}
	t.toRest(c)
}

// interrupt ends the lead of s, whose user does not wait any more.
func (c *Conn) interrupt(s *Socket) {
	t := &c.turn
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.leader == s {
		t.broken = true
		c.conn.SetReadDeadline(time.Unix(1, 0)) //nolint:errcheck // a closed connection fails the read
	}
}

// waits reports whether a Recv is pending.
func (s *Socket) waits() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waiting
}
