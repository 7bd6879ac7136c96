package transport

import (
	"encoding/binary"
	"net"
	"sync"
	"time"
)

// How many resets an HTTP/2 connection may have beyond its answered requests before
// it is ended, and how many of them are forgiven each second. A request that is
// reset at once costs its sender nothing and the server a handler.
const (
	h2Resets       = 200
	h2ResetsSecond = 20
)

// How many frames an HTTP/2 connection may have that ask for nothing, as pings and
// empty data, beyond those that its exchanges explain, and how many of them are
// forgiven each second. Each costs its sender nine bytes and the server some work.
const (
	h2Idle       = 2000
	h2IdleSecond = 200
	// h2Explained is how many such frames a request, or data that the peer is sent,
	// explains: credit for the stream and for the connection, and a ping.
	h2Explained = 3
	// h2Ahead is how many explained frames may still be to come.
	h2Ahead = 100_000
)

// h2Penalty is how long a connection stays as it is after that. Its peer cannot
// begin anew with it, and what it has sent cannot reset the go-away away.
const h2Penalty = 2 * time.Second

// What the guard looks at in frames (RFC 9113, section 6).
const (
	h2Preface      = 24 // bytes before a client's first frame
	h2FrameHead    = 9
	h2Data         = 0x0
	h2Headers      = 0x1
	h2Reset        = 0x3
	h2Settings     = 0x4
	h2GoAway       = 0x7
	h2EndStream    = 0x1 // flag of data and headers
	h2Padded       = 0x8 // flag of data
	h2Padding      = 256 // bytes at most, with their length
	h2Ack          = 0x1 // flag of settings
	h2EnhanceCalm  = 0xb // error code
	h2StreamIDMask = 1<<31 - 1
)

// h2Guard follows the frames of an HTTP/2 connection, which net/http serves, and
// says when its peer does nothing but make work.
type h2Guard struct {
	mu         sync.Mutex
	in, out    h2Frames  // guarded by mu, as what follows
	lastStream uint32    // the highest id that the peer has used
	resets     float64   // beyond what was answered and forgiven
	idle       float64   // frames that ask for nothing; below 0 when more are explained
	counted    time.Time // when resets and idle were reckoned last
	over       bool      // there were too many; answers on their way change nothing
}

func newH2Guard() *h2Guard { return &h2Guard{in: h2Frames{skip: h2Preface}} }

// received looks at what the peer has sent. It is false when the connection is
// to be ended.
func (g *h2Guard) received(p []byte) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.in.each(p, func(kind, flags byte, stream uint32, length int) {
		switch {
		case kind == h2Headers:
			g.lastStream = max(g.lastStream, stream)
			g.explain()
		case kind == h2Reset, kind == h2Settings && flags&h2Ack == 0:
			g.charge(&g.resets)
		case kind != h2Data, flags&h2EndStream == 0 && (length == 0 || flags&h2Padded != 0 && length <= h2Padding):
			g.charge(&g.idle)
		}
	})
	g.over = g.over || g.resets > h2Resets || g.idle > h2Idle
	return !g.over
}

// sent looks at what the peer is sent.
func (g *h2Guard) sent(p []byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.out.each(p, func(kind, flags byte, _ uint32, _ int) {
		if kind == h2Reset { // a peer can make the server reset as well
			g.charge(&g.resets)
		}
		if kind == h2Data {
			g.explain()
		}
		if (kind == h2Data || kind == h2Headers) && flags&h2EndStream != 0 {
			g.resets = max(0, g.resets-1)
		}
	})
}

// charge counts a frame in one of the counts, of which the time since the last
// frame forgives some. The lock is held, as it is for explain.
func (g *h2Guard) charge(count *float64) {
	now := time.Now()
	if !g.counted.IsZero() {
		past := now.Sub(g.counted).Seconds()
		g.resets = max(0, g.resets-past*h2ResetsSecond)
		g.idle = max(min(g.idle, 0), g.idle-past*h2IdleSecond)
	}
	g.counted = now
	*count++
}

// explain notes what is a reason for frames that ask for nothing.
func (g *h2Guard) explain() { g.idle = max(-h2Ahead, g.idle-h2Explained) }

// end tells the peer why its connection ends, unless a frame is cut short
// already, and makes it wait for the end, or until done. What it still sends is
// not read: it stops sending when nobody takes anything.
func (g *h2Guard) end(conn net.Conn, done <-chan struct{}) {
	g.mu.Lock()
	over, whole, last := g.over, g.out.between(), g.lastStream
	g.mu.Unlock()
	if !over || !whole {
		return
	}
	frame := []byte{0, 0, 8, h2GoAway, 0, 0, 0, 0, 0}
	frame = binary.BigEndian.AppendUint32(frame, last)
	frame = binary.BigEndian.AppendUint32(frame, h2EnhanceCalm)
	conn.SetDeadline(time.Now().Add(lingerTime)) //nolint:errcheck // a closed connection fails the write
	if _, err := conn.Write(frame); err != nil {
		return
	}
	if half, ok := conn.(interface{ CloseWrite() error }); !ok || half.CloseWrite() != nil {
		return
	}
	wait := time.NewTimer(h2Penalty)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-done:
	}
}

// h2Frames finds the frames in a stream of bytes.
type h2Frames struct {
	skip int // bytes before the next frame
	head [h2FrameHead]byte
	have int // bytes of head
}

// each calls f for each frame whose head is complete with the bytes of p.
func (s *h2Frames) each(p []byte, f func(kind, flags byte, stream uint32, length int)) {
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
		if s.have < h2FrameHead {
			return
		}
		s.have = 0
		s.skip = int(binary.BigEndian.Uint32(s.head[:]) >> 8)
		f(s.head[3], s.head[4], binary.BigEndian.Uint32(s.head[5:])&h2StreamIDMask, s.skip)
	}
}

// between reports whether the bytes so far end with a frame.
func (s *h2Frames) between() bool { return s.skip == 0 && s.have == 0 }
