package mux_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/internal/mux"
	"github.com/justcy/go-micro/v4/internal/testkit"
)

// fullPair is a pair of which the client's connection takes little at once.
func fullPair(t testing.TB, fn func(*mux.Socket)) *mux.Conn {
	t.Helper()
	a, b := tcp(t)
	a.(*net.TCPConn).SetWriteBuffer(64 << 10)
	c := dial(t, a, mux.Config{})
	serve(t, b, mux.Config{}, fn)
	return c
}

// stuck returns a connection whose peer reads nothing, and the peer's end.
func stuck(t testing.TB) (*mux.Conn, net.Conn) {
	t.Helper()
	a, b := tcp(t)
	t.Cleanup(func() { b.Close() })
	a.(*net.TCPConn).SetWriteBuffer(4 << 10)
	b.(*net.TCPConn).SetReadBuffer(4 << 10)
	return dial(t, a, mux.Config{}), b
}

// sendLarge sends a large body on so many sockets of c.
func sendLarge(t testing.TB, c *mux.Conn, sockets int, limit time.Duration) (all []*mux.Socket, results chan error) {
	t.Helper()
	results = make(chan error, sockets)
	for range sockets {
		s := open(t, c)
		all = append(all, s)
		go func() { results <- s.Send(&mux.Message{Body: make([]byte, 2<<20)}, limit) }()
	}
	return all, results
}

// awaitLine waits until all but one of so many sockets wait for their turn.
func awaitLine(t testing.TB, c *mux.Conn, sockets int) {
	t.Helper()
	testkit.Eventually(t, "all but one wait for their turn", func() bool { return mux.Line(c) >= sockets-1 })
}

func TestASentBodyIsNotReadAgain(t *testing.T) {
	received := make(chan error, 1)
	c := fullPair(t, func(s *mux.Socket) {
		var m mux.Message
		for s.Recv(&m, 0) == nil {
			if want := bytes.Repeat(m.Body[:1], len(m.Body)); !bytes.Equal(m.Body, want) {
				received <- fmt.Errorf("a body of %d bytes changed on its way", len(m.Body))
				return
			}
		}
		received <- nil
	})
	s := open(t, c)
	body := make([]byte, 3<<20)
	for i := range 18 {
		part := body[:len(body)>>(i%6)]
		copy(part, bytes.Repeat([]byte{byte(i + 1)}, len(part)))
		if err := s.Send(&mux.Message{Body: part}, 0); err != nil {
			t.Fatal(err)
		}
		clear(part)
	}
	s.Close()
	if err := <-received; err != nil {
		t.Fatal(err)
	}
}

func TestLargeAndSmallMessagesOfManySockets(t *testing.T) {
	c := fullPair(t, echo)
	var all sync.WaitGroup
	for caller := range 12 {
		s := open(t, c)
		all.Go(func() {
			for i := range 8 {
				body := bytes.Repeat([]byte{byte(caller*16 + i)}, []int{1, 40 << 10, 140 << 10, 1 << 20}[(caller+i)%4])
				go s.Send(&mux.Message{Body: body}, 0)
				var m mux.Message
				if err := s.Recv(&m, 0); err != nil || !bytes.Equal(m.Body, body) {
					t.Errorf("%d bytes came back as %d: %v", len(body), len(m.Body), err)
					return
				}
			}
		})
	}
	all.Wait()
}

func TestALargeBodyThatWaitsForItsTurnCanBeGivenUp(t *testing.T) {
	c, _ := stuck(t)
	sockets, results := sendLarge(t, c, 4, 0)
	awaitLine(t, c, 4)
	for _, s := range sockets {
		s.Close()
	}
	for range sockets {
		if err := <-results; err != io.EOF {
			t.Errorf("Send of a closed socket returns %v", err)
		}
	}
	if n := mux.Line(c); n != 0 {
		t.Errorf("%d sockets are still in line", n)
	}
}

func TestTheLimitOfALargeBody(t *testing.T) {
	c, _ := stuck(t)
	sockets, results := sendLarge(t, c, 4, 100*time.Millisecond)
	for range sockets {
		if err := <-results; !errors.Is(err, os.ErrDeadlineExceeded) || !errors.Is(err, mux.ErrNotSent) {
			t.Errorf("Send returns %v", err)
		}
	}
}

func TestALargeBodyOfALostConnectionIsNotSent(t *testing.T) {
	c, peer := stuck(t)
	sockets, results := sendLarge(t, c, 4, 0)
	awaitLine(t, c, 4)
	peer.Close()
	for range sockets {
		if err := <-results; !errors.Is(err, mux.ErrNotSent) {
			t.Errorf("Send returns %v", err)
		}
	}
}

// A small message leaves with the next batch of whoever writes a large body.
func TestASmallMessageOvertakesLargeBodies(t *testing.T) {
	c, peer := stuck(t)
	sendLarge(t, c, 16, 0) // the windows let 4 MiB leave
	awaitLine(t, c, 16)
	small := open(t, c)
	send(t, small, "small")
	before := 0
	for {
		frame := make([]byte, 8)
		if _, err := io.ReadFull(peer, frame); err != nil {
			t.Fatal(err)
		}
		if binary.BigEndian.Uint32(frame[4:]) == 17 {
			break
		}
		n, err := io.CopyN(io.Discard, peer, int64(binary.BigEndian.Uint16(frame[2:])))
		if err != nil {
			t.Fatal(err)
		}
		before += int(n)
	}
	if before > 1<<20 {
		t.Errorf("%d bytes of large bodies come before the small message", before)
	}
}

func TestACreditIsGrantedToWhoIsWatched(t *testing.T) {
	begun := make(chan struct{})
	received := make(chan int, 1)
	c, _ := pair(t, mux.Config{}, func(s *mux.Socket) {
		var m mux.Message
		s.Recv(&m, 0)
		told := make(chan struct{})
		s.Watch(func() { close(told) })
		close(begun)
		<-told
		testkit.Eventually(t, "the whole message arrives before anybody receives", func() bool {
			return mux.Held(s) > 1<<20
		})
		s.Recv(&m, 0)
		received <- len(m.Body)
	})
	s := open(t, c)
	send(t, s, "first")
	<-begun
	send(t, s, string(make([]byte, 1<<20)))
	if n := <-received; n != 1<<20 {
		t.Errorf("%d bytes arrive", n)
	}
}
