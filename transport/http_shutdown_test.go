package transport_test

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/justcy/go-micro/v4/transport"
)

// Clients dial and call without a pause while their server drains and closes:
// nothing may hang, panic, or get another's reply.
func TestShutdownUnderLoad(t *testing.T) {
	for name, tr := range map[string]transport.Transport{
		"http": transport.NewHTTPTransport(quiet), "memory": transport.NewMemoryTransport(quiet),
	} {
		t.Run(name, func(t *testing.T) {
			l, err := tr.Listen("127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- l.Accept(echo) }()
			var calls atomic.Int64
			var clients sync.WaitGroup
			warm := make(chan struct{})
			for range 8 {
				clients.Go(func() {
					for callUntilRefused(t, tr, l.Addr(), &calls, warm) {
					}
				})
			}
			<-warm
			if err := l.(transport.Drainer).Drain(); err != nil {
				t.Error(err)
			}
			clients.Wait() // each gave up when a dial was refused
			if err := l.Close(); err != nil {
				t.Error(err)
			}
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
}

// callUntilRefused makes one connection's calls and reports whether to go on.
func callUntilRefused(t *testing.T, tr transport.Transport, addr string, calls *atomic.Int64, warm chan struct{}) bool {
	c, err := tr.Dial(addr)
	if err != nil {
		if !errors.Is(err, transport.ErrNotSent) {
			t.Errorf("dial: %v", err)
		}
		return false
	}
	defer c.Close()
	for range 20 {
		want := calls.Add(1)
		if want == 200 {
			close(warm)
		}
		if err := c.Send(&transport.Message{Body: []byte{byte(want)}}); err != nil {
			return true
		}
		var m transport.Message
		if err := c.Recv(&m); err != nil {
			return true
		}
		if len(m.Body) != 1 || m.Body[0] != byte(want) {
			t.Errorf("the reply is %v, want %d", m.Body, byte(want))
		}
		if !c.(transport.Reuser).Reusable() {
			return true
		}
	}
	return true
}

func TestListenerCloseBeforeAccept(t *testing.T) {
	for name, tr := range map[string]transport.Transport{
		"http": transport.NewHTTPTransport(quiet), "memory": transport.NewMemoryTransport(quiet),
	} {
		t.Run(name, func(t *testing.T) {
			l, err := tr.Listen("127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			c := dial(t, tr, l.Addr(), transport.WithStream())
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			if err := l.Accept(echo); err != nil {
				t.Errorf("Accept returns %v", err)
			}
			if err := c.Recv(&transport.Message{}); err == nil {
				t.Error("the connection that waited lives on")
			}
		})
	}
}

func TestListenerCloseDoesNotWaitForeverForAcceptFunctions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := transport.NewMemoryTransport(quiet)
		l, err := tr.Listen("127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		closed := make(chan error)
		serve(t, l, func(s transport.Socket) {
			s.Recv(&transport.Message{})
			closed <- l.Close() // from within: it cannot wait for this function
		})
		c := dial(t, tr, l.Addr())
		if err := c.Send(&transport.Message{}); err != nil {
			t.Fatal(err)
		}
		if err := <-closed; err != nil {
			t.Error(err)
		}
		if err := c.Recv(&transport.Message{}); err != io.EOF {
			t.Errorf("the error is %v", err)
		}
	})
}
