package mux

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/justcy/go-micro/v4/internal/relay"
	"github.com/justcy/go-micro/v4/internal/seal"
	"github.com/justcy/go-micro/v4/internal/wire"
)

// manySockets is how many sockets or calls leave maps that are worth making anew
// when all are over.
const manySockets = 1024

// Conn is a connection that carries calls and sockets. Its methods may be called
// concurrently, Run once.
type Conn struct {
	config Config
	conn   net.Conn
	direct *directWriter // nil when conn cannot be written to without blocking
	seal   *seal.Conn    // makes what direct writes of what is to be written; nil without TLS
	relay  relay.Relay   // of an end that serves what it reads

	in    *input           // the reader's own, as what follows
	parts map[uint32]*part // messages that have arrived in part, by socket
	heads memory           // the headers of calls that the peer may repeat
	burst int              // messages since the last read

	heard     atomic.Uint64 // counts reads
	going     atomic.Bool   // err is set, or leaving
	deferring atomic.Bool   // the reader will write what waits when it has read what has arrived
	idle      atomic.Bool   // nobody reads

	own sync.WaitGroup // goroutines of the connection's own

	mu          sync.Mutex // guards what follows; never held while anything else is called
	sockets     map[uint32]*Socket
	calls       map[uint32]*Call
	most        int // of sockets or calls at once, since their maps were made
	lastID      uint32
	err         error         // why the connection has ended
	ended       chan struct{} // closed when it has
	leaving     bool          // no new sockets: one end drains, or numbers are used up
	blocked     int           // who waits for something to arrive, without reading
	idleOver    *time.Timer
	unusedSince time.Time // when the last socket went
	ping        *time.Timer
	last        uint64 // value of heard at the last check
	pinged      bool   // a ping was sent at the last check

	suspicion *time.Timer // of a peer that may be gone
	held      int         // credit that the peer has used and not got back
	owed      int         // of that, what it can have back
	taken     int         // of Config.Budget

	turn   turn
	writer writer
}

// New returns a connection. It works while Run runs.
func New(config Config) *Conn {
	config.setDefaults()
	c := &Conn{
		config: config, conn: config.Conn,
		ended:   make(chan struct{}),
		sockets: map[uint32]*Socket{}, calls: map[uint32]*Call{}, parts: map[uint32]*part{},
	}
	c.writesTo(config.Conn)
	c.in = &input{conn: config.Conn, reads: &c.heard}
	c.turn.resumed = make(chan struct{}, 1)
	c.relay.Step = c.step
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writer.credit = InitialCredit
	switch n := c.config.Opened; {
	case !c.serves():
		c.writer.spent = n // the peer gives it back
	case n <= c.config.MaxBuffered-InitialCredit && config.Budget.Take(n):
		c.held, c.taken = n, n
	default:
		c.config.Opened = 0
	}
	c.writer.add(appendWindow(nil, 0, c.config.MaxBuffered-InitialCredit-c.held))
	if config.Ping > 0 {
		c.ping = time.AfterFunc(config.Ping, c.checkPeer)
	}
	c.armIdle()
	return c
}

// writesTo finds out how conn can be written to without blocking, if it can.
func (c *Conn) writesTo(conn net.Conn) {
	under := seal.Under(conn)
	if under == nil {
		c.direct = newDirectWriter(conn)
		return
	}
	if c.direct = newDirectWriter(under); c.direct != nil {
		c.seal = under
		under.Begin()
	}
}

// serves reports whether this is the end that listened.
func (c *Conn) serves() bool { return c.config.Accept != nil }

// First returns the socket with the number 1, which both ends have from the
// start when the connection was upgraded by that socket's first message. It is
// called at most once, before any other socket is opened.
func (c *Conn) First() *Socket { return c.first(newSocket(c, 1)) }

// FirstExchange is First for a socket that carries one exchange, opened by the
// message that Config.Opened is about. It is nil without that, and when the bounds
// have no room for it.
func (c *Conn) FirstExchange() *Socket {
	if c.config.Opened == 0 {
		return nil
	}
	s := newSocket(c, 1)
	s.exchange, s.cost, s.first = true, c.config.Opened, c.config.Opened-OpenCost
	return c.first(s)
}

func (c *Conn) first(s *Socket) *Socket {
	s.opened = true
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lastID = 1
	if c.err != nil {
		s.cost, s.first = 0, 0 // the connection has given it back
		s.end(c.err, c.err)
		return s
	}
	s.answered = true // its first message was sent before there were frames
	c.add(s)
	return s
}

// Open returns a new socket. The peer learns of it with its first message. The
// error wraps wire.ErrNotSent.
func (c *Conn) Open() (*Socket, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	id, err := c.number()
	if err != nil {
		return nil, err
	}
	s := newSocket(c, id)
	c.add(s)
	return s, nil
}

// number returns the number of a socket that this end opens. The lock is held.
func (c *Conn) number() (uint32, error) {
	switch {
	case c.err != nil:
		return 0, wire.NotSent(c.err)
	case c.leaving || len(c.sockets)+len(c.calls) >= c.config.MaxSockets:
		return 0, wire.NotSent(ErrFull)
	}
	c.lastID++
	if c.lastID == math.MaxUint32 {
		c.leave()
	}
	return c.lastID, nil
}

// add counts a socket among the open ones. The lock is held.
func (c *Conn) add(s *Socket) {
	c.sockets[s.id] = s
	c.most = max(c.most, len(c.sockets))
}

// addCall counts a call among those that are made. The lock is held.
func (c *Conn) addCall(k *Call) {
	c.calls[k.id] = k
	c.most = max(c.most, len(c.calls))
}

// unused reports whether there is no socket and no call. The lock is held.
func (c *Conn) unused() bool { return len(c.sockets)+len(c.calls) == 0 }

// removed follows the removal of a socket or a call. The lock is held. It
// reports whether the connection is to be closed: it has no further use.
func (c *Conn) removed() (over bool) {
	if !c.unused() || c.err != nil {
		return false
	}
	if c.most > manySockets { // maps do not shrink
		c.sockets, c.calls, c.most = map[uint32]*Socket{}, map[uint32]*Call{}, 0
	}
	c.armIdle()
	return c.leaving && !c.serves()
}

// armIdle starts the clock when there is no socket. It goes on while there are
// sockets, as setting it wakes a processor that sleeps. The lock is held.
func (c *Conn) armIdle() {
	if c.config.Idle <= 0 || c.err != nil || !c.unused() {
		return
	}
	c.unusedSince = time.Now()
	if c.idleOver == nil {
		c.idleOver = time.AfterFunc(c.config.Idle, c.closeUnused)
	}
}

// closeUnused ends a connection that had no socket for as long as it may. The end
// that listened announces that first: a call may be on its way.
func (c *Conn) closeUnused() {
	c.mu.Lock()
	c.idleOver = nil
	switch left := c.config.Idle - time.Since(c.unusedSince); {
	case !c.unused() || c.err != nil:
		c.mu.Unlock()
	case left > 0 && !c.leaving:
		c.idleOver = time.AfterFunc(left, c.closeUnused)
		c.mu.Unlock()
	case c.serves() && !c.leaving:
		c.leave()
		c.idleOver = time.AfterFunc(time.Second, c.closeUnused)
		c.put(appendGoAway(nil, goAwayDrain, c.lastID, ""))
	default:
		c.leave() // nobody opens a socket from here on
		c.mu.Unlock()
		c.Close()
	}
}

// Usable reports whether Open may succeed.
func (c *Conn) Usable() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err == nil && !c.leaving && len(c.sockets)+len(c.calls) < c.config.MaxSockets
}

// Sockets returns how many sockets and calls are open.
func (c *Conn) Sockets() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.sockets) + len(c.calls)
}

// Lasting reports whether the connection is neither lost nor about to end.
func (c *Conn) Lasting() bool { return !c.going.Load() }

// leave makes nobody open sockets from now on. The lock is held.
func (c *Conn) leave() {
	c.leaving = true
	c.going.Store(true)
}

// GoAway tells the peer to open no more sockets. Those that are open go on;
// those that the peer opens all the same are refused.
func (c *Conn) GoAway() {
	c.mu.Lock()
	if c.leaving || c.err != nil {
		c.mu.Unlock()
		return
	}
	c.leave()
	c.put(appendGoAway(nil, goAwayDrain, c.lastID, ""))
}

// Close ends the connection and all its sockets, whose users get io.EOF. It
// does not wait for Run.
func (c *Conn) Close() error {
	c.sayLast("")
	c.fail(io.EOF)
	return nil
}

// Abort ends a connection that Run was not called for, because of err.
func (c *Conn) Abort(err error) {
	text := ""
	if err != io.EOF {
		text = err.Error()
	}
	c.sayLast(text)
	c.fail(err)
	c.own.Wait()
}

// Err returns why the connection has ended, nil while it has not.
func (c *Conn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// fail ends the connection.
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
	close(c.ended)
	c.going.Store(true)
	for _, t := range []*time.Timer{c.idleOver, c.ping, c.suspicion} {
		if t != nil {
			t.Stop()
		}
	}
	c.turn.finish(c)
	c.endWriter(err)
	var ends []func()
	for _, s := range c.sockets {
		c.taken -= s.cost // which it gives back when it is closed
		if f := s.lost(err); f != nil {
			ends = append(ends, f)
		}
	}
	for _, k := range c.calls {
		k.lost(err)
	}
	c.sockets, c.calls = nil, nil
	c.config.Budget.Give(c.taken)
	c.held, c.owed, c.taken = 0, 0, 0
	c.mu.Unlock()
	for _, f := range ends {
		f()
	}
	return true
}

func remote(conn net.Conn) string {
	if a := conn.RemoteAddr(); a != nil {
		return a.String()
	}
	return "the peer"
}

// release notes that n bytes are free again that the connection was charged for.
// The lock is held, as it is for what follows.
func (c *Conn) release(n int) {
	if c.err == nil && n > 0 {
		c.config.Budget.Give(n)
		c.taken -= n
		c.refund(n)
	}
}

// refund gives n bytes of credit back to the peer, sooner or later.
func (c *Conn) refund(n int) {
	c.owed += n
	if c.owed < c.config.MaxBuffered/4 && c.owed < InitialCredit/2 {
		return
	}
	c.writer.add(appendWindow(make([]byte, 0, headSize+4), 0, c.owed))
	c.held -= c.owed
	c.owed = 0
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
	switch {
	case dead:
		c.mu.Unlock()
		c.fail(fmt.Errorf("no sign of life for %v", 2*c.config.Ping))
	case silent:
		c.put(appendPing(nil, kindPing, heard))
	default:
		c.mu.Unlock()
	}
}

// suspectFor is how long a peer from which nothing was heard while a caller
// waited in vain may take to answer a ping.
const suspectFor = 2 * time.Second

// Suspect is called when something was awaited in vain for which the peer was
// asked when heard was what Heard returned. Unless the peer has given a sign of
// life since, nobody opens sockets on the connection any more, and it ends when
// the peer does not answer a ping soon. It reports whether that is so.
func (c *Conn) Suspect(heard uint64) bool {
	c.mu.Lock()
	suspected := c.suspect(heard)
	c.kick()
	return suspected
}

// suspect is Suspect for those who hold the lock. It does not write.
func (c *Conn) suspect(heard uint64) bool {
	if c.heard.Load() != heard {
		return false
	}
	if c.err != nil || c.leaving {
		return true
	}
	c.leave()
	c.suspicion = time.AfterFunc(suspectFor, func() {
		if c.heard.Load() == heard {
			c.fail(errors.New("no sign of life while a caller waited"))
		}
	})
	c.writer.add(appendPing(nil, kindPing, heard))
	return true
}

// Heard counts what was heard of the peer.
func (c *Conn) Heard() uint64 { return c.heard.Load() }
