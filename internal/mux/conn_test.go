package mux_test

import (
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/internal/mux"
	"github.com/justcy/go-micro/v4/internal/testkit"
)

func TestGoAwayRefusesNewSocketsAndKeepsTheOpenOnes(t *testing.T) {
	c, server := pair(t, mux.Config{}, echo)
	s, unopened := open(t, c), open(t, c)
	send(t, s, "before")
	expect(t, s, "before")
	server.GoAway()
	testkit.Eventually(t, "the client knows", func() bool { return !c.Usable() })
	if _, err := c.Open(); !errors.Is(err, mux.ErrNotSent) {
		t.Errorf("Open returns %v", err)
	}
	if err := unopened.Send(&mux.Message{}, 0); !errors.Is(err, mux.ErrNotSent) {
		t.Errorf("a socket that was not used: %v", err)
	}
	send(t, s, "after")
	expect(t, s, "after")
	unopened.Close()
	s.Close()
	testkit.Eventually(t, "the connection ends with its last socket", func() bool { return c.Err() != nil })
}

// A socket may cross the announcement on its way. Nothing of it is executed.
func TestASocketOpenedAfterGoAwayIsRefused(t *testing.T) {
	a, b := tcp(t)
	defer a.Close()
	server := serve(t, b, mux.Config{}, func(*mux.Socket) { t.Error("the socket was accepted") })
	server.GoAway()
	a.Write([]byte(opening(1, begin(0, 5, "hello"))))
	want := mux.Frame(mux.KindGoAway, 0, 0, "\x00") + mux.Frame(mux.KindReset, 0, 1, "\x01")
	got := make([]byte, len(want))
	if _, err := io.ReadFull(a, got); err != nil || string(got) != want {
		t.Errorf("the peer is told %q and %v, want %q", got, err, want)
	}
}

func TestARefusedSocketHasSentNothing(t *testing.T) {
	a, b := tcp(t)
	defer b.Close()
	c := dial(t, a, mux.Config{})
	s := open(t, c)
	send(t, s, "hello")
	b.Write([]byte(mux.Frame(mux.KindReset, 0, 1, "\x01")))
	expectError(t, s, mux.ErrNotSent)
}

func TestALostConnectionEndsItsSocketsAtOnce(t *testing.T) {
	a, b := tcp(t)
	c := dial(t, a, mux.Config{})
	sent, idle := open(t, c), open(t, c)
	send(t, sent, "hello")
	b.(*net.TCPConn).SetLinger(0)
	b.Close()
	for name, s := range map[string]*mux.Socket{"sent": sent, "idle": idle} {
		if err := s.Recv(&mux.Message{}, 0); err == nil || errors.Is(err, mux.ErrNotSent) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := idle.Send(&mux.Message{}, 0); !errors.Is(err, mux.ErrNotSent) {
		t.Errorf("Send afterwards: %v", err)
	}
	if c.Usable() || c.Lasting() {
		t.Error("the connection is still used")
	}
}

// What the operating system never took cannot have been executed.
func TestMessagesThatWereNeverWrittenAreNotSent(t *testing.T) {
	a, b := tcp(t)
	defer b.Close()
	a.(*net.TCPConn).SetWriteBuffer(4 << 10)
	c := dial(t, a, mux.Config{})
	var full []*mux.Socket
	for range 64 { // nobody reads: the connection fills up
		s := open(t, c)
		full = append(full, s)
		go s.Send(&mux.Message{Body: make([]byte, 30<<10)}, 0)
	}
	pending, unchanged := 0, 0
	testkit.Eventually(t, "the connection is full, and nobody is about to write more", func() bool {
		now := mux.Pending(c)
		if unchanged++; now != pending {
			pending, unchanged = now, 0
		}
		return pending > 64<<10 && unchanged > 200
	})
	results := make(chan error, len(full))
	for _, s := range full {
		go func() { results <- s.Recv(&mux.Message{}, 0) }()
	}
	b.Close()
	unsent := 0
	for range full {
		if err := <-results; errors.Is(err, mux.ErrNotSent) {
			unsent++
		}
	}
	if unsent == 0 {
		t.Error("no socket knows that its message was not sent")
	}
}

func TestADeadPeerIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		defer b.Close()
		go io.Copy(io.Discard, b) // takes everything, answers nothing
		c := dial(t, a, mux.Config{Ping: 10 * time.Second})
		s := open(t, c)
		send(t, s, "hello")
		start := time.Now()
		err := s.Recv(&mux.Message{}, 0)
		if err == nil || !strings.Contains(err.Error(), "no sign of life") {
			t.Errorf("Recv returns %v", err)
		}
		if d := time.Since(start); d > 30*time.Second {
			t.Errorf("it took %v", d)
		}
	})
}

func TestALivingPeerIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		config := mux.Config{Ping: 10 * time.Second}
		serve(t, b, config, echo)
		c := dial(t, a, config)
		s := open(t, c)
		send(t, s, "hello")
		expect(t, s, "hello")
		time.Sleep(time.Hour)
		send(t, s, "still here")
		expect(t, s, "still here")
	})
}

func TestAnIdleConnectionIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		serve(t, b, mux.Config{Ping: -1}, echo)
		c := dial(t, a, mux.Config{Ping: -1, Idle: time.Minute})
		s := open(t, c)
		send(t, s, "hello")
		expect(t, s, "hello")
		time.Sleep(time.Hour) // a socket is open
		s.Close()
		time.Sleep(50 * time.Second)
		again := open(t, c)
		time.Sleep(50 * time.Second)
		again.Close()
		if time.Sleep(59 * time.Second); !c.Usable() {
			t.Error("it was closed too early")
		}
		if time.Sleep(2 * time.Second); c.Usable() {
			t.Error("it was not closed")
		}
	})
}

func TestTimeoutsOfASocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		serve(t, b, mux.Config{Ping: -1}, echo)
		s := open(t, dial(t, a, mux.Config{Ping: -1}))
		start := time.Now()
		if err := s.Recv(&mux.Message{}, time.Minute); err == nil || time.Since(start) != time.Minute {
			t.Errorf("Recv returns %v after %v", err, time.Since(start))
		}
		send(t, s, "hello")
		expect(t, s, "hello")
	})
}

func TestCloseFromManyGoroutines(t *testing.T) {
	c, server := pair(t, mux.Config{}, echo)
	var all sync.WaitGroup
	for range 16 {
		s := open(t, c)
		send(t, s, "x")
		all.Go(func() { s.Recv(&mux.Message{}, 0) })
		all.Go(func() { s.Close() })
		all.Go(func() { s.Close() })
	}
	all.Go(func() { server.Close() })
	all.Go(func() { c.Close() })
	all.Wait()
}
