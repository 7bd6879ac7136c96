package mux

import (
	"fmt"
	"io"
	"math"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Conn is a connection that carries sockets. Its methods may be called
// concurrently, Run once.
type Conn struct {
	config Config
	conn   net.Conn
	w      *writer
	in     *input

	buffered atomic.Int64  // bytes that all sockets hold for their users
	going    atomic.Bool   // err is set, or leaving
	heard    atomic.Uint64 // counts reads
	burst    int32         // messages since the last read; the reader's own
	handed   *Socket       // whose Recv waited for the last message, nil if none did; the reader's own
	open     atomic.Int32  // how many sockets there are
	turn     turn          // who reads

	mu       sync.Mutex // guards what follows
	sockets  map[uint32]*Socket
	lastID   uint32
	err      error // why the connection has ended
	leaving  bool  // no new sockets: one end drains, or numbers are used up
	reserved int   // credit given for large messages
	wanting  []*Socket
	idle     *time.Timer
	ping     *time.Timer
	last     uint64 // value of heard at the last check
	pinged   bool   // a ping was sent at the last check
}

// New returns a connection. It works while Run runs.
func New(config Config) *Conn {
	config.setDefaults()
	c := &Conn{config: config, conn: config.Conn, sockets: map[uint32]*Socket{}}
	c.w = newWriter(config.Conn, c.fail)
	c.in = &input{conn: config.Conn, reads: &c.heard}
	c.turn.resumed = make(chan struct{}, 1)
	c.mu.Lock()
	defer c.mu.Unlock()
	if config.Ping > 0 {
		c.ping = time.AfterFunc(config.Ping, c.checkPeer)
	}
	c.armIdle()
	return c
}

// First returns the socket with the number 1, which both ends have from the
// start when the connection was upgraded by that socket's first message. It is
// called at most once, before any other socket is opened.
func (c *Conn) First() *Socket {
	s := newSocket(c, 1)
	s.opened = true
	c.mu.Lock()
	c.lastID = 1
	err := c.err
	if err == nil {
		c.add(s)
	}
	c.mu.Unlock()
	if err != nil {
		s.lost(err, 0)
	}
	return s
}

// Open returns a new socket. The peer learns of it with its first message. The
// error wraps ErrNotSent.
func (c *Conn) Open() (*Socket, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.err != nil:
		return nil, notSent{c.err}
	case c.leaving || len(c.sockets) >= c.config.MaxSockets:
		return nil, notSent{ErrFull}
	}
	c.lastID++
	if c.lastID == math.MaxUint32 {
		c.leave()
	}
	s := newSocket(c, c.lastID)
	c.add(s)
	return s, nil
}

// add counts a socket among the open ones. The lock is held.
func (c *Conn) add(s *Socket) {
	c.sockets[s.id] = s
	c.open.Store(int32(len(c.sockets)))
	if c.idle != nil {
		c.idle.Stop()
		c.idle = nil
	}
}

// remove forgets a socket whose user has closed it.
func (c *Conn) remove(s *Socket) {
	c.mu.Lock()
	if c.sockets[s.id] == s {
		c.drop(s)
	}
	over := len(c.sockets) == 0 && c.leaving && !c.config.Server && c.err == nil
	c.armIdle()
	c.mu.Unlock()
	if over {
		c.Close()
	}
}

// drop takes a socket off the open ones. The lock is held.
func (c *Conn) drop(s *Socket) {
	delete(c.sockets, s.id)
	c.open.Store(int32(len(c.sockets)))
}

// armIdle starts the clock when there is no socket. The lock is held.
func (c *Conn) armIdle() {
	if len(c.sockets) == 0 && c.config.Idle > 0 && c.idle == nil && c.err == nil {
		c.idle = time.AfterFunc(c.config.Idle, c.idleOver)
	}
}

func (c *Conn) idleOver() {
	c.mu.Lock()
	unused := len(c.sockets) == 0
	if unused {
		c.leave() // nobody opens a socket from here on
	}
	c.mu.Unlock()
	if unused {
		c.Close()
	}
}

func (c *Conn) lookup(id uint32) *Socket {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sockets[id]
}

// Usable reports whether Open may succeed.
func (c *Conn) Usable() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err == nil && !c.leaving && len(c.sockets) < c.config.MaxSockets
}

// Lasting reports whether the connection is neither lost nor about to end.
func (c *Conn) Lasting() bool {
	return !c.going.Load() // which is asked twice a call, by all callers
}

// leave makes nobody open sockets from now on. The lock is held.
func (c *Conn) leave() {
	c.leaving = true
	c.going.Store(true)
}

// GoAway tells the peer to open no more sockets. Those that are open go on;
// those that the peer opens all the same are refused.
func (c *Conn) GoAway() {
	c.mu.Lock()
	was := c.leaving
	c.leave()
	c.mu.Unlock()
	if !was {
		c.w.put(appendNote(nil, kindGoAway, 0, goAwayDrain, ""))
	}
}

// Close ends the connection and all its sockets, whose users get io.EOF. It
// does not wait for Run.
func (c *Conn) Close() error {
	c.w.last(appendNote(nil, kindGoAway, 0, goAwayEnd, ""), false)
	c.fail(io.EOF)
	return nil
}

// Abort ends a connection that Run was not called for, because of err.
func (c *Conn) Abort(err error) {
	text := ""
	if err != io.EOF {
		text = err.Error()
	}
	c.w.last(appendNote(nil, kindGoAway, 0, goAwayEnd, text), false)
	c.fail(err)
	c.awaitWriter()
}

// awaitWriter waits for what the writer of an ended connection has started. It
// ends the writer first: whoever ended the connection may be about to.
func (c *Conn) awaitWriter() {
	c.w.end(c.Err())
	c.w.own.Wait()
}

// Err returns why the connection has ended, nil while it has not.
func (c *Conn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// fail ends the connection. Sockets of which nothing was written since their
// last reply learn that their message was not sent.
func (c *Conn) fail(err error) {
	if c.end(err) {
		c.conn.Close()
	}
}

// end does what fail does, except that it leaves conn open. It is false when
// the connection had ended.
func (c *Conn) end(err error) bool {
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		return false
	}
	if err != io.EOF {
		err = fmt.Errorf("connection with %s: %w", remote(c.conn), err)
	}
	c.err = err
	c.going.Store(true)
	sockets := c.sockets
	c.sockets, c.wanting = nil, nil
	for _, t := range []*time.Timer{c.idle, c.ping} {
		if t != nil {
			t.Stop()
		}
	}
	c.mu.Unlock()
	c.turn.finish()
	attempted := c.w.end(err)
	for _, s := range sockets {
		s.lost(err, attempted)
	}
	return true
}

func remote(conn net.Conn) string {
	if a := conn.RemoteAddr(); a != nil {
		return a.String()
	}
	return "the peer"
}

// reset ends one socket and tells the peer why.
func (c *Conn) reset(s *Socket, code byte, err error) {
	s.end(err)
	c.mu.Lock()
	if c.sockets[s.id] == s {
		c.drop(s)
	}
	c.armIdle()
	c.mu.Unlock()
	c.w.put(appendNote(nil, kindReset, s.id, code, err.Error()))
}

// checkPeer runs each time the peer may have been silent for too long. A
// silent peer is asked for a sign of life, and given up when it gives none.
func (c *Conn) checkPeer() {
	heard := c.heard.Load()
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		return
	}
	silent := c.last == heard
	dead := silent && c.pinged
	c.last, c.pinged = heard, silent
	c.ping.Reset(c.config.Ping)
	c.mu.Unlock()
	switch {
	case dead:
		c.fail(fmt.Errorf("no sign of life for %v", 2*c.config.Ping))
	case silent:
		c.w.put(appendPing(nil, kindPing, heard))
	}
}
