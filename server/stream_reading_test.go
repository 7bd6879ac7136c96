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

func within[T any](t *testing.T, what string, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(testkit.Patience):
		t.Fatalf("%s: nothing happened", what)
	}
	return v
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
func TestReadersLeftBehindByAHandlerDisturbNoOtherRequest(t *testing.T) {
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
