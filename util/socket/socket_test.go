package socket_test

import (
	"fmt"
	"io"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/transport"
	"github.com/justcy/go-micro/v4/util/socket"
)

func TestMain(m *testing.M) { testkit.Main(m) }

var _ transport.Socket = (*socket.Socket)(nil)

func Example() {
	p := socket.NewPool()
	defer p.Close()
	s, known := p.Get("1")
	s.Accept(&transport.Message{Body: []byte("request")}) // from the connection

	var m transport.Message
	s.Recv(&m) // in the handler
	s.Send(&transport.Message{Body: append(m.Body, " and reply"...)})

	s.Process(&m) // to the connection
	fmt.Println(known, string(m.Body))
	// Output: false request and reply
}

func body(n int) *transport.Message { return &transport.Message{Body: fmt.Append(nil, n)} }

// drained receives messages 0 to n-1 and then the end.
func drained(t *testing.T, what string, recv func(*transport.Message) error, n int) {
	t.Helper()
	var m transport.Message
	for i := range n {
		if err := recv(&m); err != nil || string(m.Body) != fmt.Sprint(i) {
			t.Errorf("%s %d gives %q, the error %v", what, i, m.Body, err)
		}
	}
	if err := recv(&m); err != io.EOF {
		t.Errorf("%s ends with %v", what, err)
	}
}

func TestAddressesCanBeSet(t *testing.T) {
	s := socket.New("1")
	if s.Local() != "local" || s.Remote() != "remote" {
		t.Errorf("at first %s and %s", s.Local(), s.Remote())
	}
	s.SetLocal("a")
	s.SetRemote("b")
	if s.Local() != "a" || s.Remote() != "b" {
		t.Errorf("afterwards %s and %s", s.Local(), s.Remote())
	}
}

func TestProcessDrainsWhatWasSentBeforeClose(t *testing.T) {
	s := socket.New("1")
	for i := range 128 {
		if err := s.Send(body(i)); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	drained(t, "Process", s.Process, 128)
	if err := s.Send(body(0)); err != io.EOF {
		t.Errorf("Send after Close returns %v", err)
	}
}

// Improves on v4, where a closed socket may win over a queued message.
func TestQueuedInboundMessagesWinOverClosed(t *testing.T) {
	for range 20 {
		s := socket.New("1")
		for i := range 10 {
			if err := s.Accept(body(i)); err != nil {
				t.Fatal(err)
			}
		}
		s.Close()
		drained(t, "Recv", s.Recv, 10)
		if err := s.Accept(body(0)); err != io.EOF {
			t.Errorf("Accept after Close returns %v", err)
		}
	}
}

func TestCloseUnblocksEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := socket.New("1")
		var waiting sync.WaitGroup
		for _, call := range []func() error{
			func() error { return s.Recv(&transport.Message{}) },
			func() error { return fill(s.Send) },
		} {
			waiting.Go(func() {
				if err := call(); err != io.EOF {
					t.Errorf("the error is %v", err)
				}
			})
		}
		synctest.Wait()
		s.Close()
		waiting.Wait()
	})
}

// fill sends until it fails.
func fill(send func(*transport.Message) error) error {
	for {
		if err := send(body(0)); err != nil {
			return err
		}
	}
}

// Improves on v4, where closing at the same time panics.
func TestCloseIsSafeConcurrently(t *testing.T) {
	s := socket.New("1")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { s.Close() })
	}
	all.Wait()
}

func TestPoolGetCreatesOnce(t *testing.T) {
	p := socket.NewPool()
	first, known := p.Get("1")
	if known {
		t.Error("the first is known")
	}
	if again, known := p.Get("1"); !known || again != first {
		t.Error("the second is another")
	}
	p.Close()
	if err := first.Send(body(0)); err != io.EOF {
		t.Errorf("after closing the pool Send returns %v", err)
	}
	if _, known := p.Get("1"); known {
		t.Error("the closed pool is not empty")
	}
}

// Improves on v4, where Release removes whatever has the socket's id.
func TestReleaseRemovesThatVerySocket(t *testing.T) {
	p := socket.NewPool()
	old, _ := p.Get("1")
	p.Release(old)
	newer, known := p.Get("1")
	if known || newer == old {
		t.Fatal("the released socket is still there")
	}
	p.Release(old)
	if same, known := p.Get("1"); !known || same != newer {
		t.Error("the newer socket was removed")
	}
	if err := newer.Accept(body(0)); err != nil {
		t.Errorf("the newer socket was closed: %v", err)
	}
}
