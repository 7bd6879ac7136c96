package mux_test

import (
	"encoding/binary"
	"io"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/internal/budget"
	"github.com/justcy/go-micro/v4/internal/mux"
	"github.com/justcy/go-micro/v4/internal/wire"
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
			if s := conn.First(); s == nil || s.Inject(nil, nil) != nil {
				t.Error("no first socket")
			}
			conn.Abort(io.EOF)
		})
	}
}

// Both ends count what opened the first exchange: what one gives back the other has
// spent.
func TestBothEndsCountWhatOpenedTheFirstExchange(t *testing.T) {
	const opened = mux.OpenCost + 100<<10
	p := newPair(t, mux.Config{MaxMessage: 1 << 10, MaxBuffered: 2 << 20, Opened: opened}, mux.Config{MaxMessage: 1 << 10, MaxBuffered: 2 << 20, Opened: opened}, echo)
	s := p.server.FirstExchange()
	echo(s, wire.Header{}, nil, false)
	first := p.client.First()
	s.Consumed()
	body := make([]byte, 1<<10)
	for range 3000 { // some times what an end may hold
		if err := first.SendFields(nil, body); err != nil {
			t.Fatal(err)
		}
		if _, err := first.RecvHeader(new(wire.Header)); err != nil {
			t.Fatal(err)
		}
	}
	first.Close()
	for i := range 3000 {
		if _, err := call(p.client, uint64(i), body); err != nil {
			t.Fatal(err)
		}
	}
}

// Others wait for the goroutine that takes what was sent before the switch.
func TestNobodyWaitsForTheHandlerOfAFirstExchange(t *testing.T) {
	const body, fit = 300 << 10, 5
	all := budget.New(64 << 20)
	_, b := tcpPair(t)
	c := mux.New(mux.Config{Conn: b, Accept: never, MaxMessage: 512 << 10, MaxBuffered: fit*body + fit*mux.MessageCost, Budget: all, Opened: mux.OpenCost})
	s := c.FirstExchange()
	for i := range fit {
		if err := s.Inject(nil, make([]byte, body)); err != nil {
			t.Fatalf("message %d: %v", i, err)
		}
	}
	if n := all.Held(); n != mux.OpenCost+fit*(body+mux.MessageCost) {
		t.Errorf("%d bytes are held", n)
	}
	if err := s.Inject(nil, nil); err == nil || err == io.EOF {
		t.Errorf("a message for which there is no room: %v", err)
	}
	if _, err := s.RecvHeader(new(wire.Header)); err != nil {
		t.Fatal(err)
	}
	if err := s.Inject(nil, nil); err != nil {
		t.Errorf("a message for which there is room again: %v", err)
	}
	s.Close()
	if err := s.Inject(nil, nil); err != io.EOF {
		t.Errorf("a message for an exchange that is over: %v", err)
	}
	c.Abort(io.EOF)
	if n := all.Held(); n != 0 {
		t.Errorf("%d bytes are held in the end", n)
	}
}
