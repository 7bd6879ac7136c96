package mux_test

import (
	"encoding/binary"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/internal/mux"
	"github.com/justcy/go-micro/v4/internal/testkit"
)

// flood writes the frames over and over until the connection has ended.
func (p *raw) flood(c *mux.Conn, frames ...mux.Frame) {
	p.Helper()
	var b []byte
	for len(b) < 32<<10 {
		for _, f := range frames {
			b = f.Append(b)
		}
	}
	p.conn.SetWriteDeadline(time.Now().Add(testkit.Patience))
	for c.Err() == nil {
		if _, err := p.conn.Write(b); err != nil {
			break
		}
	}
	testkit.Eventually(p, "the connection ends", func() bool { return c.Err() != nil })
}

// Answers to pings cannot wait for room as messages do.
func TestAPeerThatPingsAndDoesNotReadLosesItsConnection(t *testing.T) {
	plainAndSecured(t, func(t *testing.T, dialled, accepted net.Conn) {
		p, c := &raw{t, dialled}, running(t, dialled, mux.Config{Conn: accepted, Accept: never})
		before := heap()
		p.flood(c, mux.Frame{Kind: mux.KindPing, Payload: make([]byte, 8)})
		if why := c.Err().Error(); !strings.Contains(why, "does not read") {
			t.Errorf("the connection ended because of %q", why)
		}
		if grown := int64(heap()) - int64(before); grown > 8<<20 {
			t.Errorf("the heap grew by %d bytes", grown)
		}
		runtime.KeepAlive(c)
	})
}

// Refusals of sockets cannot wait for room either.
func TestAPeerThatIsRefusedAndDoesNotReadLosesItsConnection(t *testing.T) {
	p, c := rawClient(t, mux.Config{}, never)
	c.GoAway()
	p.flood(c, mux.Frame{Kind: mux.KindMessage, Flags: openCall, Socket: 1, Payload: mux.Begin(openCall, "", 0, nil)})
	if why := c.Err().Error(); !strings.Contains(why, "does not read") {
		t.Errorf("the connection ended because of %q", why)
	}
}

// A peer has no more handlers at work by resetting what it has opened.
func TestAResetGivesNoCreditBackBeforeItsHandlerHasEnded(t *testing.T) {
	for name, flags := range openings {
		for end, frame := range map[string]mux.Frame{
			"reset":  {Kind: mux.KindReset, Payload: []byte{0}},
			"closed": {Kind: mux.KindClose},
		} {
			t.Run(name+" that are "+end, func(t *testing.T) {
				wantOpenBounded(t, flags, func(b []byte, socket uint32) []byte {
					frame.Socket = socket
					return frame.Append(b)
				})
			})
		}
	}
}

// Frames about what there is not are read and forgotten.
func TestFramesThatMeanNothingLeaveNothingBehind(t *testing.T) {
	const frames = 100_000
	for name, frame := range map[string]func(i uint32) mux.Frame{
		"pongs": func(uint32) mux.Frame { return mux.Frame{Kind: mux.KindPong, Payload: make([]byte, 8)} },
		"credit for no socket": func(i uint32) mux.Frame {
			return mux.Frame{Kind: mux.KindWindow, Socket: i, Payload: []byte{0, 0, 0, 1}}
		},
		"resets of no socket":     func(i uint32) mux.Frame { return mux.Frame{Kind: mux.KindReset, Socket: i, Payload: []byte{1, 'x'}} },
		"ends of no socket":       func(i uint32) mux.Frame { return mux.Frame{Kind: mux.KindClose, Socket: i} },
		"pieces of no message":    func(i uint32) mux.Frame { return mux.Frame{Kind: mux.KindMessage, Socket: i, Payload: []byte("x")} },
		"announcements of an end": func(uint32) mux.Frame { return mux.Frame{Kind: mux.KindGoAway, Payload: make([]byte, 5)} },
		"no credit for the whole": func(uint32) mux.Frame { return mux.Frame{Kind: mux.KindWindow, Payload: make([]byte, 4)} },
	} {
		t.Run(name, func(t *testing.T) {
			p, c := rawClient(t, mux.Config{}, never)
			before := heap()
			var b []byte
			for i := range uint32(frames) {
				if b = frame(i + 1).Append(b); len(b) > 32<<10 || i == frames-1 {
					p.conn.Write(b)
					b = b[:0]
				}
			}
			ping := binary.BigEndian.AppendUint64(nil, 7)
			p.write(mux.Frame{Kind: mux.KindPing, Payload: ping})
			for f, ok := p.read(); f.Kind != mux.KindPong; f, ok = p.read() {
				if !ok {
					t.Fatalf("the connection ended: %v", c.Err())
				}
				if f.Kind != mux.KindWindow {
					t.Errorf("a frame of kind %d is the answer", f.Kind)
				}
			}
			if c.Opened() != 0 || c.Held() != 0 {
				t.Errorf("%d sockets are open, %d bytes held", c.Opened(), c.Held())
			}
			if grown := int64(heap()) - int64(before); grown > 1<<20 {
				t.Errorf("the heap grew by %d bytes", grown)
			}
			runtime.KeepAlive(c)
		})
	}
}
