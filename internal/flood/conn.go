package flood

import (
	"encoding/binary"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// How many requests of a connection may be reset beyond those that were answered
// before it is ended, and how many of them are forgiven each second. A request that is
// reset at once costs its sender nothing and the server a handler.
const (
	maxResets      = 200
	resetsForgiven = 20
)

// How many frames a connection may have that ask for nothing, as pings and empty
// data, beyond those that its exchanges explain, and how many of them are forgiven
// each second. Each costs its sender nine bytes and the server some work.
const (
	maxIdle      = 2000
	idleForgiven = 200
	// explainedByOne is how many such frames a request, or data that the peer is sent,
	// explains: credit for the stream and for the connection, and a ping. Each
	// explainedBytes of data explain one more, as peers give credit for parts of it.
	explainedByOne = 3
	explainedBytes = 1024
	// maxExplained is how many of those may still be to come.
	maxExplained = 100_000
	// manyBytes is what data has that is not sent for nothing, though nobody may want it
	// any more: the rest of a body that is answered already.
	manyBytes = 4096
)

// patience is the work for nothing that a connection may make while its account
// fills, and unforgiving how much slower what it made is forgiven then.
const (
	patience    = 5 * requestWork
	unforgiving = 20
)

// maxOpen is how many streams of which nothing is answered a connection may have.
// net/http refuses those beyond some hundred.
const maxOpen = 10_000

// penalty is how long a connection whose peer was told of the end stays as it is.
const penalty = 2 * time.Second

// tellTime is how long telling the peer of the end may take.
const tellTime = time.Second

// What is looked at in frames (RFC 9113, section 6).
const (
	prefaceSize     = 24 // bytes before a client's first frame
	headSize        = 9  // bytes before the content of a frame
	typeData        = 0x0
	typeHeaders     = 0x1
	typeReset       = 0x3
	typeSettings    = 0x4
	typeGoAway      = 0x7
	flagEndStream   = 0x1 // flag of data and headers
	flagPadded      = 0x8 // flag of data
	maxPadding      = 256 // bytes at most, with their length
	flagAck         = 0x1 // flag of settings
	internalError   = 0x2 // error codes (section 7)
	enhanceYourCalm = 0xb
	streamIDMask    = 1<<31 - 1
)

// Conn is an HTTP/2 connection that net/http serves. It follows the frames, and ends
// when its peer does little but make work: with a go-away that says so.
type Conn struct {
	net.Conn
	account *Account
	done    <-chan struct{}

	writing chan struct{} // has one while something is written
	written chan struct{} // has one when something was
	told    atomic.Bool   // the peer was told that the connection ends; nothing is written any more
	closing atomic.Bool   // Close was called after that

	mu         sync.Mutex
	in, out    frames              // guarded by mu, as what follows
	lastStream uint32              // the highest id that was served
	lastTold   uint32              // that of the last go-away, which must not rise
	open       map[uint32]struct{} // streams of which nothing is answered yet
	resets     float64             // of such streams, beyond those answered and what is forgiven; below 0 when more were
	idle       float64             // frames that ask for nothing; below 0 when more are explained
	counted    time.Time           // when resets and idle were reckoned last
	charged    time.Duration       // the work for nothing that the account was charged with and that is not forgiven
	over       bool                // there was too much; answers on their way change nothing
	setUp      bool                // net/http serves it
	served     bool                // the account knows that a request was
}

// NewConn returns a connection that the account has counted, and with it the settings
// that it begins with. Its Close waits until done at most.
func NewConn(c net.Conn, a *Account, done <-chan struct{}) *Conn {
	return &Conn{
		Conn: c, account: a, done: done,
		writing:  make(chan struct{}, 1),
		written:  make(chan struct{}, 1),
		in:       frames{skip: prefaceSize},
		open:     map[uint32]struct{}{},
		counted:  time.Now(),
		resets:   -1, // for the settings
		lastTold: streamIDMask,
	}
}

// Read reads from the connection. It ends when the peer does little but make work.
func (c *Conn) Read(p []byte) (int, error) {
	if c.isOver() {
		return 0, io.EOF
	}
	n, err := c.Conn.Read(p)
	if !c.Received(p[:n]) {
		return 0, io.EOF
	}
	return n, err
}

func (c *Conn) isOver() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.over
}

// Write writes to the connection.
func (c *Conn) Write(p []byte) (int, error) {
	c.writing <- struct{}{}
	defer func() { <-c.writing }()
	if c.told.Load() {
		return 0, net.ErrClosed
	}
	c.sent(p)
	n, err := c.Conn.Write(p)
	select {
	case c.written <- struct{}{}:
	default:
	}
	return n, err
}

// Received looks at what the peer has sent, from the preface on. Read calls it; what
// was read before there was a Conn is for its owner to pass. When it is false the peer
// was told that the connection ends, and nothing more is to be served.
func (c *Conn) Received(p []byte) bool {
	if c.bearable(p) {
		return true
	}
	c.tell()
	return false
}

// bearable reports whether what the peer has sent may be served.
func (c *Conn) bearable(p []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	last := c.lastStream
	c.in.each(p, func(kind, flags byte, stream uint32, length int, _ []byte) {
		switch {
		case kind == typeHeaders && stream > last:
			last = stream
			c.open[stream] = struct{}{}
			c.explain(explainedByOne)
		case kind == typeReset && c.settled(stream), kind == typeSettings && flags&flagAck == 0:
			c.charge(&c.resets)
		case kind != typeData, flags&flagEndStream == 0 && (length == 0 || flags&flagPadded != 0 && length <= maxPadding):
			c.charge(&c.idle)
		case length >= manyBytes:
			c.explain(1)
		}
	})
	work := c.work()
	more := work > c.charged
	c.over = c.over || c.resets > maxResets || c.idle > maxIdle || len(c.open) > maxOpen || more && work > patience && c.account.filling()
	if c.over {
		return false
	}
	if !c.setUp {
		c.setUp = true
		c.account.add(setUpWork)
	}
	c.lastStream = last
	if more {
		c.account.add(work - c.charged)
		c.charged = work
	}
	return true
}

// settled notes that a stream is answered or reset. It is false if it was before.
func (c *Conn) settled(stream uint32) bool {
	_, open := c.open[stream]
	delete(c.open, stream)
	return open
}

// work is what the peer makes the server do for nothing.
func (c *Conn) work() time.Duration { return workOf(c.resets, c.idle) }

func workOf(requests, frames float64) time.Duration {
	return time.Duration(max(0, requests)*float64(requestWork) + max(0, frames)*float64(frameWork))
}

// sent looks at what the peer is sent.
func (c *Conn) sent(p []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out.each(p, func(kind, _ byte, stream uint32, length int, content []byte) {
		var word uint32 // an error code, or the id of a go-away
		if len(content) >= 4 {
			word = binary.BigEndian.Uint32(content)
		}
		switch {
		case kind == typeGoAway && len(content) >= 4:
			c.lastTold = min(c.lastTold, word&streamIDMask)
		case kind == typeReset && word == internalError: // it is not the peer's fault
			c.settled(stream)
		case kind == typeReset && c.settled(stream): // a peer can make the server reset as well
			c.charge(&c.resets)
		case kind == typeReset: // of a stream that is over, for which the peer has sent something
			c.charge(&c.idle)
		case (kind == typeData || kind == typeHeaders) && c.settled(stream):
			c.resets = max(-maxResets, c.resets-1)
			if !c.served {
				c.served = true
				c.account.Served()
				c.account.add(-setUpWork)
			}
		}
		if kind == typeData {
			c.explain(explainedByOne + length/explainedBytes)
		}
	})
}

// charge counts a frame in one of the counts, of which the time since the last
// frame forgives some. The lock is held, as it is for explain.
func (c *Conn) charge(count *float64) {
	now, before := time.Now(), c.work()
	past := now.Sub(c.counted).Seconds()
	if c.account.filling() { // or many could make such work for ever, slowly
		past /= unforgiving
	}
	c.counted = now
	c.resets = max(min(c.resets, 0), c.resets-past*resetsForgiven)
	c.idle = max(min(c.idle, 0), c.idle-past*idleForgiven)
	c.charged = max(0, c.charged-(before-c.work()))
	*count++
}

// explain notes what is a reason for frames that ask for nothing.
func (c *Conn) explain(frames int) { c.idle = max(-maxExplained, c.idle-float64(frames)) }

// tell tells the peer why the connection ends, once no frame is cut short.
func (c *Conn) tell() {
	c.Conn.SetWriteDeadline(time.Now().Add(tellTime)) //nolint:errcheck // a closed connection fails the write
	limit := time.NewTimer(tellTime)
	defer limit.Stop()
	for {
		c.writing <- struct{}{} // at the deadline at the latest
		told := c.tryTell()
		<-c.writing
		if told {
			return
		}
		select {
		case <-c.written:
		case <-limit.C:
			return
		}
	}
}

// tryTell is tell, unless a frame is cut short. Nothing else is written meanwhile.
func (c *Conn) tryTell() bool {
	c.mu.Lock()
	greeted, whole, last := c.out.begun, c.out.between(), min(c.lastStream, c.lastTold)
	c.mu.Unlock()
	if !whole {
		return false
	}
	if c.told.Swap(true) {
		return true
	}
	c.Conn.Write(GoAway(greeted, last, enhanceYourCalm)) //nolint:errcheck // the connection ends either way
	return true
}

// GoAway returns a go-away (RFC 9113, section 6.8), after the settings with which a
// server has to begin (section 3.4) unless it was greeted with them.
func GoAway(greeted bool, last, code uint32) (b []byte) {
	if !greeted {
		b = append(b, 0, 0, 0, typeSettings, 0, 0, 0, 0, 0)
	}
	b = append(b, 0, 0, 8, typeGoAway, 0, 0, 0, 0, 0)
	b = binary.BigEndian.AppendUint32(b, last)
	return binary.BigEndian.AppendUint32(b, code)
}

// Close closes the connection. Requests that are not answered were for nothing. A peer
// that was told why waits for the end: it cannot begin anew meanwhile, and what it has
// sent cannot reset the go-away away. What it still sends is not read; it stops sending
// when nobody takes anything. Closing it once more ends that.
func (c *Conn) Close() error {
	c.mu.Lock()
	c.account.add(workOf(float64(len(c.open)), 0))
	clear(c.open)
	c.mu.Unlock()
	if c.told.Load() && !c.closing.Swap(true) && c.closeWrite() == nil {
		c.account.penalise(c.done)
	}
	return c.Conn.Close()
}

// closeWrite ends the sending side when the connection can.
func (c *Conn) closeWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// frames finds the frames in a stream of bytes.
type frames struct {
	skip  int // bytes before the next frame
	head  [headSize]byte
	have  int // bytes of head
	begun bool
}

// each calls f for each frame whose head is complete with the bytes of p. What follows
// it in p is its content, if it is long enough.
func (s *frames) each(p []byte, f func(kind, flags byte, stream uint32, length int, content []byte)) {
	s.begun = s.begun || len(p) > 0
	for len(p) > 0 {
		if s.skip > 0 {
			n := min(s.skip, len(p))
			s.skip -= n
			p = p[n:]
			continue
		}
		n := copy(s.head[s.have:], p)
		s.have += n
		p = p[n:]
		if s.have < headSize {
			return
		}
		s.have = 0
		s.skip = int(binary.BigEndian.Uint32(s.head[:]) >> 8)
		f(s.head[3], s.head[4], binary.BigEndian.Uint32(s.head[5:])&streamIDMask, s.skip, p)
	}
}

// between reports whether the bytes so far end with a frame.
func (s *frames) between() bool { return s.skip == 0 && s.have == 0 }
