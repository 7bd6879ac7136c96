package mux_test

import (
	"encoding/binary"
	"io"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/internal/budget"
	"github.com/justcy/go-micro/v4/internal/mux"
)

// What opened the first socket arrived before there were frames. It counts all the
// same, for the connection and for what all connections share.
func TestTheMessageThatOpenedTheFirstExchangeCounts(t *testing.T) {
	const body = 300 << 10
	const opened = mux.OpenCost + body
	all := budget.New(64 << 20)
	a, b := tcpPair(t)
	c := mux.New(mux.Config{Conn: b, Accept: never, MaxMessage: 1 << 20, MaxBuffered: 2 << 20, Budget: all, Opened: opened})
	s := c.FirstExchange()
	if s == nil || all.Held() != opened {
		t.Fatalf("socket %v, %d are held", s, all.Held())
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Run(nil) }()
	p := &raw{t, a}
	f, ok := p.read()
	if !ok || f.Kind != mux.KindWindow || f.Socket != 0 {
		t.Fatalf("the first frame is %+v", f)
	}
	if got := binary.BigEndian.Uint32(f.Payload); got != 2<<20-mux.InitialCredit-opened {
		t.Errorf("credit for %d bytes more", got)
	}
	s.Consumed()
	if n := all.Held(); n != mux.OpenCost {
		t.Errorf("%d are held when the body is not", n)
	}
	s.Close()
	if n := all.Held(); n != 0 {
		t.Errorf("%d are held when the exchange is over", n)
	}
	if f, ok = p.read(); !ok || f.Kind != mux.KindClose || f.Socket != 1 {
		t.Errorf("the end of the exchange is %+v", f)
	}
	a.Close()
	<-ended
}

func TestAPeerGetsNoCreditForWhatOpenedTheFirstExchangeUntilThatIsOver(t *testing.T) {
	const left = 64 << 10
	a, b := tcpPair(t)
	c := mux.New(mux.Config{Conn: b, Accept: never, MaxMessage: 1 << 20, MaxBuffered: 2 << 20, Opened: 1<<20 - left})
	if c.FirstExchange() == nil {
		t.Fatal("there is room")
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Run(nil) }()
	p := &raw{t, a}
	const body, fit = 40 << 10, (1<<20 + left) / (40<<10 + mux.OpenCost + mux.MessageCost)
	for i := range 2 * fit {
		f := mux.Frame{Kind: mux.KindMessage, Flags: openCall, Socket: uint32(i + 2), Payload: mux.Begin(openCall, "", body, make([]byte, body))}
		if _, err := a.Write(f.Append(nil)); err != nil {
			break // it has had enough
		}
	}
	if why := p.goAway(); !strings.Contains(why, "no credit") {
		t.Errorf("the connection ended because of %q", why)
	}
	a.Close()
	<-ended
}

func TestAFirstExchangeNeedsRoom(t *testing.T) {
	for name, c := range map[string]mux.Config{
		"of the connection":      {MaxMessage: 1 << 10, MaxBuffered: 2 << 20, Opened: 1<<20 + 1},
		"of what all may hold":   {Budget: budget.New(1 << 20), Opened: 1<<20 + 1},
		"though none opened one": {Budget: budget.New(1 << 20)},
	} {
		t.Run(name, func(t *testing.T) {
			_, c.Conn = tcpPair(t)
			c.Accept = never
			conn := mux.New(c)
			if s := conn.FirstExchange(); s != nil {
				t.Error("there is room")
			}
			if n := c.Budget.Held(); n != 0 {
				t.Errorf("%d are held", n)
			}
			if s := conn.First(); s == nil || !s.Inject(nil, nil) {
				t.Error("no first socket")
			}
			conn.Abort(io.EOF)
		})
	}
}
