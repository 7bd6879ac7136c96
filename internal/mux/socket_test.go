package mux_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/internal/mux"
	"github.com/justcy/go-micro/v4/internal/testkit"
)

func send(t testing.TB, s *mux.Socket, body string) {
	t.Helper()
	if err := s.Send(&mux.Message{Body: []byte(body)}, 0); err != nil {
		t.Fatal(err)
	}
}

func expect(t testing.TB, s *mux.Socket, body string) {
	t.Helper()
	var m mux.Message
	if err := s.Recv(&m, 0); err != nil || string(m.Body) != body {
		t.Fatalf("received %.20q and %v, want %.20q", m.Body, err, body)
	}
}

func expectError(t testing.TB, s *mux.Socket, want error) {
	t.Helper()
	if err := s.Recv(&mux.Message{}, 0); !errors.Is(err, want) {
		t.Fatalf("Recv returns %v, want %v", err, want)
	}
}

func TestMessagesOfAllSizesComeBack(t *testing.T) {
	c, _ := pair(t, mux.Config{}, echo)
	s := open(t, c)
	for _, size := range []int{0, 1, 100, 8 << 10, 64<<10 - 100, 64 << 10, 64<<10 + 1, mux.Window - 100, mux.Window, mux.Window + 1, 3 << 20} {
		m := mux.Message{Header: callHeader, Body: bytes.Repeat([]byte{byte(size)}, size)}
		errs := make(chan error, 1)
		go func() { errs <- s.Send(&m, 0) }()
		var got mux.Message
		if err := errors.Join(s.Recv(&got, 0), <-errs); err != nil {
			t.Fatalf("%d bytes: %v", size, err)
		}
		if !bytes.Equal(got.Body, m.Body) || got.Body == nil || !maps.Equal(got.Header, unfold(t, callHeader)) {
			t.Fatalf("%d bytes came back as %d, headers %v", size, len(got.Body), got.Header)
		}
	}
}

// Every socket gets its own messages, in their order, whatever else goes on.
func TestManySocketsAtOnce(t *testing.T) {
	c, _ := pair(t, mux.Config{}, echo)
	var all sync.WaitGroup
	for caller := range 32 {
		s := open(t, c)
		all.Go(func() {
			for i := range 50 {
				want := fmt.Sprint(caller, " ", i)
				if caller == 0 && i%10 == 0 {
					want = string(bytes.Repeat([]byte(want), 100<<10))
				}
				go s.Send(&mux.Message{Body: []byte(want)}, 0)
				var m mux.Message
				if err := s.Recv(&m, 0); err != nil || string(m.Body) != want {
					t.Errorf("received %.20q and %v, want %.20q", m.Body, err, want)
					return
				}
			}
		})
	}
	all.Wait()
}

// stopped is an accept function that receives nothing until told.
func stopped() (fn func(*mux.Socket), start func()) {
	release := make(chan struct{})
	return func(s *mux.Socket) {
		var first mux.Message
		s.Recv(&first, 0)
		if string(first.Body) == "slow" {
			<-release
		}
		s.Send(&first, 0)
		echo(s)
	}, sync.OnceFunc(func() { close(release) })
}

func TestASlowReaderStopsItsOwnSenderAlone(t *testing.T) {
	fn, start := stopped()
	c, _ := pair(t, mux.Config{}, fn)
	defer start()
	slow, quick := open(t, c), open(t, c)
	send(t, slow, "slow")
	var err error
	for err == nil { // the window fills
		err = slow.Send(&mux.Message{Body: make([]byte, 10<<10)}, 50*time.Millisecond)
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) || !errors.Is(err, mux.ErrNotSent) {
		t.Fatalf("Send to a slow reader: %v", err)
	}
	for range 100 {
		send(t, quick, "quick")
		expect(t, quick, "quick")
	}
	start()
	expect(t, slow, "slow")
}

func TestALargeMessageDoesNotHoldUpSmallOnes(t *testing.T) {
	fn, start := stopped()
	c, _ := pair(t, mux.Config{}, fn)
	slow, quick := open(t, c), open(t, c)
	send(t, slow, "slow")
	large := make(chan error, 1)
	go func() { large <- slow.Send(&mux.Message{Body: make([]byte, 8<<20)}, 0) }()
	send(t, quick, "quick")
	expect(t, quick, "quick")
	select {
	case err := <-large:
		t.Fatalf("the large message was taken before anybody received: %v", err)
	default:
	}
	start()
	expect(t, slow, "slow")
	var m mux.Message
	if err := slow.Recv(&m, 0); err != nil || len(m.Body) != 8<<20 {
		t.Fatalf("%d bytes came back: %v", len(m.Body), err)
	}
	if err := <-large; err != nil {
		t.Fatal(err)
	}
}

func TestCloseLetsThePeerReceiveTheRest(t *testing.T) {
	received := make(chan error, 1)
	c, _ := pair(t, mux.Config{}, func(s *mux.Socket) {
		var m mux.Message
		for _, want := range []string{"one", "two"} {
			if err := s.Recv(&m, 0); err != nil || string(m.Body) != want {
				received <- fmt.Errorf("received %q and %v, want %q", m.Body, err, want)
			}
		}
		if err := s.Recv(&m, 0); err != io.EOF {
			received <- fmt.Errorf("after that %v, want io.EOF", err)
		}
		received <- s.Send(&m, 0)
	})
	s := open(t, c)
	send(t, s, "one")
	send(t, s, "two")
	s.Close()
	if err := <-received; !errors.Is(err, mux.ErrNotSent) {
		t.Errorf("Send to a closed socket: %v", err)
	}
	expectError(t, s, io.EOF)
	if err := s.Send(&mux.Message{}, 0); err != io.EOF {
		t.Errorf("Send after Close: %v", err)
	}
}

func TestCloseInTheMiddleOfAMessageIsNoRegularEnd(t *testing.T) {
	received := make(chan error, 1)
	begun := make(chan struct{})
	c, _ := pair(t, mux.Config{}, func(s *mux.Socket) {
		<-begun
		var m mux.Message
		s.Recv(&m, 0)
		received <- s.Recv(&m, 0)
	})
	s := open(t, c)
	send(t, s, "first")
	sent := make(chan error, 1)
	go func() { sent <- s.Send(&mux.Message{Body: make([]byte, 4*mux.Window)}, 0) }()
	testkit.Eventually(t, "a part is sent", func() bool { return mux.Midway(s) })
	s.Close()
	if err := <-sent; err != io.EOF {
		t.Errorf("Send returns %v", err)
	}
	close(begun)
	if err := <-received; !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("the peer receives %v, want %v", err, io.ErrUnexpectedEOF)
	}
}

func TestABodyOverTheLimitOfTheReceiverEndsItsSocketAlone(t *testing.T) {
	a, b := tcp(t)
	received := make(chan error, 2)
	serve(t, b, mux.Config{MaxMessage: 1000}, func(s *mux.Socket) {
		var m mux.Message
		for {
			if err := s.Recv(&m, 0); err != nil {
				received <- err
				return
			}
			s.Send(&m, 0)
		}
	})
	c := dial(t, a, mux.Config{})
	s, other := open(t, c), open(t, c)
	send(t, s, string(make([]byte, 1001)))
	if err := <-received; !errors.Is(err, mux.ErrTooLarge) {
		t.Errorf("the receiver gets %v", err)
	}
	expectError(t, s, mux.ErrTooLarge)
	send(t, other, "still here")
	expect(t, other, "still here")
}

func TestHeadersOfAMessageNeedNoMap(t *testing.T) {
	c, _ := pair(t, mux.Config{}, echo)
	s := open(t, c)
	for _, id := range []string{"1", "2"} { // the second repeats the first
		fields := []mux.Field{{Name: "Micro-Service", Value: "greeter"}, {Name: "Micro-ID", Value: id}, {Name: "x-custom", Value: ""}}
		if err := s.SendFields(fields, []byte("body"), 0); err != nil {
			t.Fatal(err)
		}
		var h mux.Headers
		body, err := s.RecvHeaders(&h, 0)
		if err != nil || string(body) != "body" {
			t.Fatalf("body %q, error %v", body, err)
		}
		want := map[string]string{"Micro-Service": "greeter", "Micro-Id": id, "X-Custom": ""}
		if got := h.Map(); !maps.Equal(got, want) {
			t.Errorf("the map has %v, want %v", got, want)
		}
		if got := maps.Collect(h.All()); !maps.Equal(got, want) {
			t.Errorf("all are %v, want %v", got, want)
		}
		h.Map()["Micro-Id"] = "changed"
		if h.Map()["Micro-Id"] != id {
			t.Error("two maps are one")
		}
		for range h.All() {
			break
		}
	}
}

func TestWatchTellsOfMessagesAndOfTheEnd(t *testing.T) {
	c, _ := pair(t, mux.Config{}, echo)
	s := open(t, c)
	told := make(chan struct{}, 1)
	tell := func() { told <- struct{}{} }
	if !s.Watch(tell) || !s.Unwatch() || s.Unwatch() {
		t.Fatal("a Watch is not taken back")
	}
	if !s.Watch(tell) {
		t.Fatal("there is something before anything was sent")
	}
	send(t, s, "x")
	<-told
	if s.Unwatch() || s.Watch(tell) {
		t.Error("Watch waits although there is a message")
	}
	expect(t, s, "x")
	s.Watch(tell)
	s.Close()
	<-told
}
