package transport_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/transport"
	"github.com/justcy/go-micro/v4/transport/headers"
)

// watched is a socket whose first message was received, in a test.
type watched struct {
	transport.Socket
	transport.Watcher
}

// acceptedSocket dials and returns both ends after a first message with the header.
func acceptedSocket(t *testing.T, header map[string]string, opts ...transport.Option) (transport.Client, watched) {
	t.Helper()
	tr := transport.NewHTTPTransport(append(opts, quiet, transport.DisableMux())...)
	sockets, done := make(chan transport.Socket), make(chan struct{})
	l := listen(t, tr, func(s transport.Socket) { sockets <- s; <-done })
	t.Cleanup(func() { close(done) })
	c := dial(t, tr, l.Addr(), transport.WithStream(), transport.WithInsecureSkipVerify(true))
	if err := c.Send(&transport.Message{Header: header, Body: []byte("first")}); err != nil {
		t.Fatal(err)
	}
	s := <-sockets
	w := watched{s, s.(transport.Watcher)}
	w.expect(t, "first")
	return c, w
}

// expect receives a message with the body.
func (w watched) expect(t *testing.T, body string) {
	t.Helper()
	var m transport.Message
	if err := w.Recv(&m); err != nil || string(m.Body) != body {
		t.Fatalf("received %q, %v, want %q", m.Body, err, body)
	}
}

// watch watches and returns what is closed by the call.
func (w watched) watch(t *testing.T) <-chan struct{} {
	t.Helper()
	told := make(chan struct{})
	if !w.Watch(func() { close(told) }) {
		t.Fatal("there is something to receive")
	}
	return told
}

func await(t *testing.T, what string, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(20 * time.Second):
		t.Fatalf("nothing was told of %s", what)
	}
}

func sendText(t *testing.T, c transport.Client, text string) {
	t.Helper()
	if err := c.Send(&transport.Message{Body: []byte(text)}); err != nil {
		t.Fatal(err)
	}
}

// watchedPlain are the sockets on which Watch may or may not wait.
var watchedPlain = []struct {
	name   string
	header map[string]string
	opts   []transport.Option
}{
	{"call", nil, nil},
	{"stream", map[string]string{headers.Stream: "7"}, nil},
	{"tls", nil, []transport.Option{transport.Secure(true)}},
	{"timeout", nil, []transport.Option{transport.Timeout(time.Minute)}},
}

func TestPlainSocketTellsOfEachMessage(t *testing.T) {
	for _, test := range watchedPlain {
		t.Run(test.name, func(t *testing.T) {
			c, s := acceptedSocket(t, test.header, test.opts...)
			for i := range 5 {
				told := s.watch(t)
				sendText(t, c, fmt.Sprint(i))
				await(t, "a message", told)
				if s.Unwatch() || s.Watch(func() {}) || !s.Pending() {
					t.Fatal("the message is not known to be there")
				}
				s.expect(t, fmt.Sprint(i))
			}
		})
	}
}

func TestPlainSocketTellsOfItsEnd(t *testing.T) {
	for _, test := range watchedPlain {
		for _, end := range []string{"peer", "own"} {
			t.Run(test.name+"/"+end, func(t *testing.T) {
				c, s := acceptedSocket(t, test.header, test.opts...)
				told := s.watch(t)
				if end == "peer" {
					c.Close()
				} else {
					s.Close()
				}
				await(t, "the end", told)
				if s.Watch(func() {}) || !s.Pending() {
					t.Error("a socket that has ended waits for something")
				}
				if err := s.Recv(new(transport.Message)); err != io.EOF {
					t.Errorf("received %v, want io.EOF", err)
				}
			})
		}
	}
}

func TestPlainSocketReceivesAfterAWatchTakenBack(t *testing.T) {
	for _, test := range watchedPlain {
		t.Run(test.name, func(t *testing.T) {
			c, s := acceptedSocket(t, test.header, test.opts...)
			for i := range 20 {
				if !s.Watch(func() { t.Error("told in spite of Unwatch") }) || !s.Unwatch() || s.Unwatch() {
					t.Fatal("a Watch for nothing cannot be taken back once")
				}
				sendText(t, c, fmt.Sprint(i))
				s.expect(t, fmt.Sprint(i))
			}
		})
	}
}

// Reading that began for a Watch goes on after it; the limits are those of the
// Recv that needs it.
func TestIdleTimeoutHoldsAfterAWatchTakenBack(t *testing.T) {
	_, s := acceptedSocket(t, map[string]string{headers.Stream: "7"}, transport.IdleTimeout(50*time.Millisecond))
	told := s.watch(t)
	select {
	case <-told:
		t.Fatal("nothing arrived, but the socket tells of something")
	case <-time.After(200 * time.Millisecond): // longer than the socket may be idle
	}
	if !s.Unwatch() {
		t.Fatal("the Watch cannot be taken back")
	}
	if err := s.Recv(new(transport.Message)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("received %v, want a timeout", err)
	}
}

func TestPartOfAMessageIsNotPending(t *testing.T) {
	tr := transport.NewHTTPTransport(quiet, transport.DisableMux())
	sockets, done := make(chan transport.Socket), make(chan struct{})
	l := listen(t, tr, func(s transport.Socket) { sockets <- s; <-done })
	defer close(done)
	conn, err := net.Dial("tcp", l.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n1")
	s := <-sockets
	w := watched{s, s.(transport.Watcher)}
	w.expect(t, "1")
	told := w.watch(t)
	if w.Pending() {
		t.Error("a message is pending before any byte of it was sent")
	}
	io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Le")
	await(t, "the beginning of a message", told)
	if w.Pending() || w.Watch(func() {}) {
		t.Error("a part of a message is taken for the whole, or for nothing")
	}
	io.WriteString(conn, "ngth: 3\r\n\r\n1\r\n")
	w.expect(t, "1\r\n")
}
