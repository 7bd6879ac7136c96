package mux_test

import (
	"errors"
	"io"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/internal/mux"
	"github.com/justcy/go-micro/v4/internal/testkit"
)

// leads makes exchanges on a connection with one socket until a Recv of it reads
// the connection, and returns what that Recv will return.
func leads(t *testing.T, c *mux.Conn, s *mux.Socket) <-chan error {
	t.Helper()
	for {
		for range 10 {
			send(t, s, "hello")
			expect(t, s, "hello")
		}
		received := make(chan error, 1)
		go func() {
			var m mux.Message
			received <- s.Recv(&m, 0)
		}()
		for range 100 {
			if mux.Leading(c) {
				return received
			}
			time.Sleep(time.Millisecond)
		}
		send(t, s, "again") // Run had gone on
		if err := <-received; err != nil {
			t.Fatal(err)
		}
	}
}

func TestCloseEndsARecvThatReads(t *testing.T) {
	c, _ := pair(t, mux.Config{}, echo)
	s := open(t, c)
	received := leads(t, c, s)
	s.Close()
	if err := <-received; err != io.EOF {
		t.Errorf("Recv returns %v", err)
	}
	other := open(t, c)
	for range 10 {
		send(t, other, "hello")
		expect(t, other, "hello")
	}
}

func TestSocketsShareAConnectionThatARecvReads(t *testing.T) {
	c, _ := pair(t, mux.Config{}, echo)
	s := open(t, c)
	received := leads(t, c, s)
	other := open(t, c)
	for range 10 {
		send(t, other, "other")
		expect(t, other, "other")
	}
	send(t, s, "hello")
	if err := <-received; err != nil {
		t.Error(err)
	}
	send(t, other, "other")
	expect(t, other, "other")
}

func TestTheEndOfAConnectionEndsARecvThatReads(t *testing.T) {
	for name, end := range map[string]func(client, server *mux.Conn){
		"here":  func(client, _ *mux.Conn) { client.Close() },
		"there": func(_, server *mux.Conn) { server.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			c, server := pair(t, mux.Config{}, echo)
			received := leads(t, c, open(t, c))
			end(c, server)
			if err := <-received; err == nil {
				t.Error("Recv returns a message")
			}
			testkit.Eventually(t, "the connection has ended", func() bool { return c.Err() != nil })
		})
	}
}

func TestAPeerThatBreaksTheRulesIsToldByARecvThatReads(t *testing.T) {
	a, b := tcp(t)
	defer b.Close()
	c := dial(t, a, mux.Config{})
	s := open(t, c)
	go func() { // an echo without a Conn
		frame := make([]byte, 8)
		for range 11 {
			if _, err := io.ReadFull(b, frame); err != nil {
				return
			}
			payload := make([]byte, int(frame[2])<<8+int(frame[3]))
			io.ReadFull(b, payload)
			b.Write([]byte(mux.Frame(mux.KindMessage, mux.FlagBegin, 1, begin(0, 1, "x"))))
		}
	}()
	for range 10 {
		send(t, s, "x")
		expect(t, s, "x")
	}
	received := make(chan error, 1)
	go func() {
		var m mux.Message
		s.Recv(&m, 0)
		received <- s.Recv(&m, 0)
	}()
	send(t, s, "x")
	time.Sleep(time.Millisecond)
	b.Write([]byte(mux.Frame(99, 0, 1, "")))
	if err := <-received; err == nil || errors.Is(err, io.EOF) {
		t.Errorf("Recv returns %v", err)
	}
	text, _ := io.ReadAll(b)
	if len(text) == 0 {
		t.Error("the peer is told nothing")
	}
}

// Between two exchanges nobody reads, though not for long.
func TestTheEndOfAConnectionIsNoticedWithoutARecv(t *testing.T) {
	c, server := pair(t, mux.Config{}, echo)
	s := open(t, c)
	for range 10 {
		send(t, s, "hello")
		expect(t, s, "hello")
	}
	server.GoAway()
	testkit.Eventually(t, "the connection is about to end", func() bool { return !c.Lasting() })
	server.Close()
	testkit.Eventually(t, "the connection has ended", func() bool { return c.Err() != nil })
}

func TestCreditComesWithoutARecv(t *testing.T) {
	c, _ := pair(t, mux.Config{}, func(s *mux.Socket) {
		var m mux.Message
		for s.Recv(&m, 0) == nil {
			if len(m.Body) < 100 && s.Send(&m, 0) != nil {
				return
			}
		}
	})
	s := open(t, c)
	for range 10 {
		send(t, s, "hello")
		expect(t, s, "hello")
	}
	for range 100 { // many times the window
		send(t, s, string(make([]byte, 60<<10)))
	}
	send(t, s, "done")
	expect(t, s, "done")
}

func TestAnAttendedSocketIsWatched(t *testing.T) {
	c, _ := pair(t, mux.Config{}, echo)
	s := open(t, c)
	for range 10 {
		send(t, s, "hello")
		expect(t, s, "hello")
	}
	s.Attend()
	for range 10 {
		told := make(chan struct{}, 1)
		if !s.Watch(func() { told <- struct{}{} }) {
			t.Fatal("something is there")
		}
		send(t, s, "hello")
		<-told
		expect(t, s, "hello")
	}
	if mux.Leading(c) {
		t.Error("a Recv reads all the same")
	}
}
