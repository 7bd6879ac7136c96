package transport_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"runtime"
	"sync"
	"testing"

	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/transport"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// listen starts a listener that runs fn and is closed with the test.
func listen(t testing.TB, tr transport.Transport, fn func(transport.Socket)) transport.Listener {
	t.Helper()
	l, err := tr.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serve(t, l, fn)
	return l
}

// serve runs Accept until the test ends.
func serve(t testing.TB, l transport.Listener, fn func(transport.Socket)) {
	t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- l.Accept(fn) }()
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Errorf("close the listener: %v", err)
		}
		if err := <-ended; err != nil {
			t.Errorf("accept returned %v", err)
		}
	})
}

// dial connects to l and closes the connection with the test.
func dial(t testing.TB, tr transport.Transport, addr string, opts ...transport.DialOption) transport.Client {
	t.Helper()
	c, err := tr.Dial(addr, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// echo answers every message with itself.
func echo(s transport.Socket) {
	for {
		var m transport.Message
		if s.Recv(&m) != nil || s.Send(&m) != nil {
			return
		}
	}
}

// exchange sends a body and returns the reply.
func exchange(t testing.TB, c transport.Client, body string) transport.Message {
	t.Helper()
	if err := c.Send(&transport.Message{Header: map[string]string{"Micro-ID": "1"}, Body: []byte(body)}); err != nil {
		t.Fatal(err)
	}
	var m transport.Message
	if err := c.Recv(&m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestHTTPSocketsEchoWhatTheyGet(t *testing.T) {
	tr := transport.NewHTTPTransport()
	l := listen(t, tr, echo)
	c := dial(t, tr, l.Addr())
	for range 3 {
		m := exchange(t, c, "hello")
		if string(m.Body) != "hello" || m.Header["Micro-Id"] != "1" {
			t.Errorf("the reply is %q %v", m.Body, m.Header)
		}
	}
	if !c.(transport.Reuser).Reusable() {
		t.Error("the connection is not reusable")
	}
}

// quiet keeps what a test provokes out of its output.
func quiet(o *transport.Options) {
	o.Logger = logger.NewLogger(logger.WithOutput(io.Discard))
}

func TestRequestsOnTheWire(t *testing.T) {
	nl, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer nl.Close()
	c := dial(t, transport.NewHTTPTransport(transport.DisableMux()), nl.Addr().String(), transport.WithStream())
	conn, err := nl.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, m := range []*transport.Message{
		{Header: map[string]string{"Micro-ID": "1"}, Body: []byte("hello")},
		{},
	} {
		if err := c.Send(m); err != nil {
			t.Fatal(err)
		}
	}
	c.Close()
	got, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	host := "Host: " + nl.Addr().String() + "\r\n"
	want := "POST / HTTP/1.1\r\n" + host + "Micro-Id: 1\r\nContent-Length: 5\r\n\r\nhello" +
		"POST / HTTP/1.1\r\n" + host + "Content-Length: 0\r\n\r\n"
	if string(got) != want {
		t.Errorf("the client sends\n%q, want\n%q", got, want)
	}
}

// Improves on v4, where the bytes of concurrent Sends interleave.
func TestConcurrentSendsDoNotInterleaveBytes(t *testing.T) {
	const senders, messages = 4, 20
	l := listen(t, transport.NewHTTPTransport(), func(s transport.Socket) {
		var m transport.Message
		if s.Recv(&m) != nil {
			return
		}
		var all sync.WaitGroup
		for i := range senders {
			all.Go(func() {
				for range messages {
					if err := s.Send(&transport.Message{Body: bytes.Repeat([]byte{byte('a' + i)}, 40<<10)}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
	})
	c := dial(t, transport.NewHTTPTransport(), l.Addr(), transport.WithStream())
	if err := c.Send(&transport.Message{}); err != nil {
		t.Fatal(err)
	}
	for range senders * messages {
		var m transport.Message
		if err := c.Recv(&m); err != nil {
			t.Fatal(err)
		}
		if len(m.Body) != 40<<10 || len(bytes.Trim(m.Body, string(m.Body[:1]))) != 0 {
			t.Fatalf("a body of %d bytes is mixed", len(m.Body))
		}
	}
}

// Improves on v4, where Close waits for the lock of a pending Recv.
func TestCloseDuringRecvDoesNotDeadlock(t *testing.T) {
	for name, opts := range map[string][]transport.DialOption{"paired": nil, "stream": {transport.WithStream()}} {
		t.Run(name, func(t *testing.T) {
			l := listen(t, transport.NewHTTPTransport(), func(s transport.Socket) {
				var m transport.Message
				for s.Recv(&m) == nil { // never answers
				}
			})
			c := dial(t, transport.NewHTTPTransport(), l.Addr(), opts...)
			if err := c.Send(&transport.Message{}); err != nil {
				t.Fatal(err)
			}
			received := make(chan error, 1)
			go func() { received <- c.Recv(&transport.Message{}) }()
			if err := c.Send(&transport.Message{}); err != nil {
				t.Fatal(err)
			}
			c.Close()
			if err := <-received; err != io.EOF {
				t.Errorf("Recv returns %v", err)
			}
		})
	}
}

// Improves on v4, which allocates BuffSizeH2 bytes for every Recv.
func TestHTTP2RecvAllocatesNoFullSizeBuffer(t *testing.T) {
	const pieces = 50
	allocated := make(chan uint64, 1)
	l := listen(t, transport.NewHTTPTransport(), func(s transport.Socket) {
		var m transport.Message
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range pieces {
			if err := s.Recv(&m); err != nil {
				t.Error(err)
			}
			if err := s.Send(&transport.Message{Body: []byte{1}}); err != nil {
				t.Error(err)
			}
		}
		runtime.ReadMemStats(&after)
		allocated <- after.TotalAlloc - before.TotalAlloc
	})
	body, feed := io.Pipe()
	r, err := http.NewRequest(http.MethodPost, "http://"+l.Addr()+"/", body)
	if err != nil {
		t.Fatal(err)
	}
	go feed.Write([]byte{1})
	rsp, err := h2cClient(t).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer rsp.Body.Close()
	for i := range pieces {
		if _, err := io.ReadFull(rsp.Body, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		if i < pieces-1 {
			feed.Write([]byte{1})
		}
	}
	feed.Close()
	if n := <-allocated; n > pieces*uint64(transport.DefaultBufSizeH2)/4 {
		t.Errorf("%d bytes were allocated for %d pieces of one byte", n, pieces)
	}
}
