package transport_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/transport"
)

func ExampleNewMemoryTransport() {
	t := transport.NewMemoryTransport()
	l, _ := t.Listen("127.0.0.1:0")
	go l.Accept(func(s transport.Socket) {
		var m transport.Message
		if s.Recv(&m) == nil {
			m.Body = append([]byte("hello "), m.Body...)
			s.Send(&m)
		}
	})
	defer l.Close()

	c, _ := t.Dial(l.Addr())
	defer c.Close()
	c.Send(&transport.Message{Body: []byte("world")})
	var m transport.Message
	c.Recv(&m)
	fmt.Printf("%s\n", m.Body)
	// Output: hello world
}

func ExampleNewHTTPTransport() {
	t := transport.NewHTTPTransport(transport.MaxMessageSize(1 << 20))
	l, _ := t.Listen("127.0.0.1:0")
	go l.Accept(func(s transport.Socket) {
		var m transport.Message
		for s.Recv(&m) == nil {
			s.Send(&transport.Message{Header: map[string]string{"Micro-Id": m.Header["Micro-Id"]}, Body: m.Body})
		}
	})
	defer l.Close()

	c, _ := t.Dial(l.Addr())
	defer c.Close()
	c.Send(&transport.Message{Header: map[string]string{"Micro-ID": "7"}, Body: []byte("ping")})
	var m transport.Message
	c.Recv(&m)
	fmt.Printf("%s %v\n", m.Body, m.Header)
	// Output: ping map[Micro-Id:7]
}

func TestMemoryAddresses(t *testing.T) {
	tr := transport.NewMemoryTransport()
	for _, addr := range []string{":0", "0.0.0.0:0", "127.0.0.1:0"} {
		l := mustListen(t, tr, addr)
		host, port, err := net.SplitHostPort(l.Addr())
		n, _ := strconv.Atoi(port)
		if err != nil || net.ParseIP(host).IsUnspecified() || n < 10000 || n >= 30000 {
			t.Errorf("listening on %s gives %s", addr, l.Addr())
		}
	}
	if _, err := tr.Listen("no port"); err == nil {
		t.Error("listening without a port succeeds")
	}
	l := mustListen(t, tr, "127.0.0.1:80")
	if l.Addr() != "127.0.0.1:80" {
		t.Errorf("the address is %s", l.Addr())
	}
	if _, err := tr.Listen("127.0.0.1:80"); err == nil || err.Error() != "already listening on 127.0.0.1:80" {
		t.Errorf("the error is %v", err)
	}
	if _, err := tr.Dial("localhost:80"); err == nil || err.Error() != "could not dial localhost:80" {
		t.Errorf("the error is %v", err)
	}
	c := dial(t, tr, "127.0.0.1:80")
	if c.Local() != l.Addr() || c.Remote() != l.Addr() {
		t.Errorf("local is %s, remote %s", c.Local(), c.Remote())
	}
}

func mustListen(t *testing.T, tr transport.Transport, addr string) transport.Listener {
	t.Helper()
	l, err := tr.Listen(addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// Improves on v4, where the address of a closed listener stays taken.
func TestMemoryListenerCloseFreesItsAddress(t *testing.T) {
	tr := transport.NewMemoryTransport()
	for range 3 {
		if err := mustListen(t, tr, "127.0.0.1:80").Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// Improves on v4, which gives up when the random port it draws is busy.
func TestMemoryRandomPortBusyIsDrawnAgain(t *testing.T) {
	tr := transport.NewMemoryTransport()
	for range 2000 { // some draw is bound to hit a port in use
		mustListen(t, tr, "127.0.0.1:0")
	}
}

// Improves on v4, where a Dial that waits for Accept holds the transport's lock.
func TestMemoryDialBlocksHoldingNoLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := transport.NewMemoryTransport()
		l := mustListen(t, tr, "127.0.0.1:80")
		failed := make(chan error, 1)
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			for {
				if _, err := tr.Dial(l.Addr(), transport.WithContext(ctx), transport.WithTimeout(0)); err != nil {
					failed <- err
					return
				}
			}
		}()
		synctest.Wait() // nobody accepts: the dial waits
		mustListen(t, tr, "127.0.0.1:81")
		cancel()
		if err := <-failed; !errors.Is(err, context.Canceled) {
			t.Errorf("the error is %v", err)
		}
	})
}

func TestMemoryDialTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := transport.NewMemoryTransport()
		l := mustListen(t, tr, "127.0.0.1:80")
		for {
			if _, err := tr.Dial(l.Addr()); err != nil {
				if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, transport.ErrNotSent) {
					t.Errorf("the error is %v", err)
				}
				return
			}
		}
	})
}

// Improves on v4, where Close and Timeout leave a waiting Send or Recv waiting.
func TestMemoryTimeoutUnblocksSendAndRecv(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := transport.NewMemoryTransport(transport.Timeout(time.Second))
		l := mustListen(t, tr, "127.0.0.1:80")
		c := dial(t, tr, l.Addr())
		if err := c.Recv(&transport.Message{}); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Recv returns %v", err)
		}
		var err error
		for err == nil {
			err = c.Send(&transport.Message{})
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) || !errors.Is(err, transport.ErrNotSent) {
			t.Errorf("Send returns %v", err)
		}
	})
}

func TestMemoryCloseUnblocksSendAndRecv(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := transport.NewMemoryTransport()
		l := mustListen(t, tr, "127.0.0.1:80")
		c := dial(t, tr, l.Addr())
		errs := make(chan error, 2)
		go func() { errs <- c.Recv(&transport.Message{}) }()
		go func() {
			for {
				if err := c.Send(&transport.Message{}); err != nil {
					errs <- err
					return
				}
			}
		}()
		synctest.Wait()
		l.Close() // the connection was never accepted
		for range 2 {
			if err := <-errs; !errors.Is(err, io.EOF) {
				t.Errorf("the error is %v", err)
			}
		}
		if _, err := tr.Dial(l.Addr()); err == nil {
			t.Error("dialling a closed listener succeeds")
		}
	})
}

// A pooled connection whose other end has gone says nothing about the message:
// it may be sent again elsewhere.
func TestMemorySendToAClosedPeerHasSentNothing(t *testing.T) {
	tr := transport.NewMemoryTransport()
	accepted := make(chan struct{})
	l := listen(t, tr, func(transport.Socket) { close(accepted) })
	c := dial(t, tr, l.Addr())
	<-accepted
	if err := c.Recv(new(transport.Message)); err != io.EOF { // the end has arrived
		t.Fatal(err)
	}
	err := c.Send(&transport.Message{})
	if !errors.Is(err, transport.ErrNotSent) || !errors.Is(err, io.EOF) {
		t.Errorf("the error is %v", err)
	}
	c.Close()
	if err := c.Send(&transport.Message{}); err != io.EOF {
		t.Errorf("after Close the error is %v", err)
	}
}
