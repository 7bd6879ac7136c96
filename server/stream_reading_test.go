package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/transport"
)

// watchedSocket is a socket that can be watched, whose messages arrive when a
// test says so.
type watchedSocket struct {
	mu      sync.Mutex // guards what follows
	change  *sync.Cond
	queue   []transport.Message
	partial bool                // the first message has not fully arrived
	late    []transport.Message // arrive as soon as somebody watches
	watch   func()
	closed  bool
}

func newWatchedSocket() *watchedSocket {
	s := new(watchedSocket)
	s.change = sync.NewCond(&s.mu)
	return s
}

func (s *watchedSocket) Local() string                 { return "local" }
func (s *watchedSocket) Remote() string                { return "remote" }
func (s *watchedSocket) Send(*transport.Message) error { return nil }

func (s *watchedSocket) Recv(m *transport.Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !s.closed && (len(s.queue) == 0 || s.partial) {
		s.change.Wait()
	}
	if s.closed {
		return io.EOF
	}
	*m, s.queue = s.queue[0], s.queue[1:]
	return nil
}

func (s *watchedSocket) Watch(f func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.queue) > 0 {
		return false
	}
	s.watch = f
	if len(s.late) > 0 {
		s.queue, s.late = s.late, nil
		s.tell()
	}
	return true
}

func (s *watchedSocket) Unwatch() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	watched := s.watch != nil
	s.watch = nil
	return watched
}

func (s *watchedSocket) Pending() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed || len(s.queue) > 0 && !s.partial
}

func (s *watchedSocket) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.tell()
	return nil
}

// tell tells who watches and who receives. The lock is held.
func (s *watchedSocket) tell() {
	if f := s.watch; f != nil {
		s.watch = nil
		f()
	}
	s.change.Broadcast()
}

// arrive makes messages arrive, the first one in part if that is so.
func (s *watchedSocket) arrive(partial bool, messages ...transport.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue, s.partial = append(s.queue, messages...), partial
	s.tell()
}

// complete makes the rest of a message arrive, more at once, and late as soon
// as all of that was received.
func (s *watchedSocket) complete(more []transport.Message, late ...transport.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue, s.late, s.partial = append(s.queue, more...), late, false
	s.change.Broadcast()
}

// serveSocket has a server with a handler serve s.
func serveSocket(t *testing.T, handler any, s transport.Socket) {
	t.Helper()
	srv := newServer(t)
	handle(t, srv, handler)
	start(t, srv)
	done := make(chan struct{})
	go func() {
		defer close(done)
		srv.(interface{ ServeConn(transport.Socket) }).ServeConn(s)
	}()
	t.Cleanup(func() {
		s.Close()
		<-done
	})
}

func within[T any](t *testing.T, what string, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(testkit.Patience):
		t.Fatalf("%s: nothing happened", what)
	}
	return v
}

// A handler that is woken too late finds its queue full, and the next message
// already there for it to read. It must not wait for room that it alone makes.
func TestHandlerThatReadsItsSocketDoesNotWaitForItself(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // so that the handler is late
	got := make(chan int, 10)
	ready := make(chan struct{})
	s := newWatchedSocket()
	serveSocket(t, newStreams(func(_ context.Context, stream server.Stream) error {
		close(ready)
		for {
			var m Text
			if err := stream.Recv(&m); err != nil {
				return err
			}
			got <- len(m.Text)
		}
	}), s)
	message := func(n int) transport.Message {
		return transport.Message{Header: streamHeader("Streams.Do", "1"), Body: []byte(`{"text":"` + strings.Repeat("x", n) + `"}`)}
	}
	s.arrive(false, message(0))
	within(t, "the stream", ready)
	runtime.Gosched()
	const large = 1<<20 - 1<<10
	s.arrive(true, message(large))
	runtime.Gosched()
	runtime.Gosched()
	s.complete([]transport.Message{message(large)}, message(1<<11))
	for _, want := range []int{large, large, 1 << 11} {
		if n := within(t, "a message", got); n != want {
			t.Fatalf("got a message of %d bytes, want %d", n, want)
		}
	}
}

// What a subscriber does to its goroutine must not happen to a handler that
// waits for a message of its stream.
func TestSubscribersDoNotRunInTheHandlerOfAStream(t *testing.T) {
	s := newServer(t, server.Transport(transport.NewHTTPTransport()))
	subscribe(t, s, "exit", func(context.Context, *Text) error {
		runtime.Goexit()
		return nil
	})
	ended := make(chan error, 1)
	handle(t, s, newStreams(func(_ context.Context, stream server.Stream) error {
		_ = stream.Send(new(Text))
		err := stream.Recv(new(Text))
		ended <- err
		return err
	}))
	start(t, s)
	p := dial(t, s)
	p.send(streamHeader("Streams.Do", "1"), "")
	p.recv()
	p.send(header{"Content-Type": "application/json", "Micro-Topic": "exit"}, `{}`)
	if err := within(t, "the end of the stream", ended); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("Recv returns %v", err)
	}
	stopSoon(t, s)
}

// A request's codec outlives the request in the hands of those who kept it.
func TestBodyOfAFinishedRequestIsNotDecoded(t *testing.T) {
	kept := make(chan codec.Reader, 1)
	p := serve(t, newStreams(func(_ context.Context, s server.Stream) error {
		cc := s.Request().Codec()
		if err := cc.ReadHeader(new(codec.Message), codec.Request); err != nil {
			return err
		}
		kept <- cc
		return nil
	}))
	p.send(streamHeader("Streams.Do", "1"), "")
	p.wantError(p.call(streamHeader("Streams.Do", "1"), `{"text":"x"}`), "EOS")
	cc := <-kept
	p.wantBody(p.call(jsonHeader("Streams.Call", "2"), `{"text":"on"}`), `{"text":"on"}`)
	for _, v := range []any{new(Text), nil} {
		if err := cc.ReadBody(v); err == nil {
			t.Error("ReadBody worked after the handler returned")
		}
	}
}

// Streams, calls and messages in several parts share one socket, whoever reads it.
func TestEverythingOnOneSocketArrives(t *testing.T) {
	onTransports(t, func(t *testing.T, opt server.Option) {
		p := serve(t, newEcho(), opt)
		const streams, rounds = 3, 15
		sizes := []int{0, 1, 3000, 70_000, 400_000}
		for i := range streams {
			p.send(streamHeader("Echo.Stream", fmt.Sprint("s", i)), "")
		}
		go func() {
			for n := range rounds {
				for i := range streams {
					_ = p.conn.Send(&transport.Message{
						Header: streamHeader("Echo.Stream", fmt.Sprint("s", i)),
						Body:   []byte(fmt.Sprintf(`{"text":"%d %s"}`, n, strings.Repeat("x", sizes[(n+i)%len(sizes)]))),
					})
				}
				_ = p.conn.Send(&transport.Message{Header: jsonHeader("Echo.Call", fmt.Sprint("c", n)), Body: []byte(fmt.Sprintf(`{"text":"c%d"}`, n))})
			}
		}()
		next := map[string]int{}
		for range rounds * (streams + 1) {
			m := p.recv()
			id := value(m, "Micro-ID")
			if strings.HasPrefix(id, "c") {
				p.wantBody(m, fmt.Sprintf(`{"text":"%s"}`, id))
				continue
			}
			if want := fmt.Sprintf(`{"text":"%d `, next[id]); !strings.HasPrefix(string(m.Body), want) {
				t.Fatalf("stream %s: %.40s, want %s; error %q", id, m.Body, want, value(m, "Micro-Error"))
			}
			next[id]++
		}
	})
}

// A handler may leave goroutines behind that wait for messages of its stream,
// and even read them from the socket at that moment. The connection goes on.
func TestReadersLeftBehindByAHandler(t *testing.T) {
	onTransports(t, func(t *testing.T, opt server.Option) {
		var left sync.WaitGroup
		p := serve(t, newStreams(func(_ context.Context, s server.Stream) error {
			for range 3 {
				left.Go(func() {
					for s.Recv(new(Text)) == nil {
					}
				})
			}
			return s.Send(new(Text))
		}), opt)
		for i := range 90 {
			id := fmt.Sprint(i)
			p.send(streamHeader("Streams.Do", id), "")
			p.recv()
			p.send(streamHeader("Streams.Do", id), `{"text":"crosses the end"}`)
			p.send(jsonHeader("Streams.Call", "c"+id), `{"text":"on"}`)
			for range 2 { // the end of the stream and the reply, in any order
				if m := p.recv(); value(m, "Micro-ID") != id {
					p.wantBody(m, `{"text":"on"}`)
				}
			}
		}
		left.Wait()
	})
}
