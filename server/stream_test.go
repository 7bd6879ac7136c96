package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/transport"
)

// Streams serves streams with functions of the test.
type Streams struct {
	serve func(ctx context.Context, s server.Stream) error
	calls chan struct{}
}

func newStreams(fn func(ctx context.Context, s server.Stream) error) *Streams {
	return &Streams{serve: fn, calls: make(chan struct{}, 100)}
}

func (s *Streams) Do(ctx context.Context, stream server.Stream) error {
	s.calls <- struct{}{}
	return s.serve(ctx, stream)
}

func (s *Streams) Call(_ context.Context, req *Text, rsp *Text) error {
	rsp.Text = req.Text
	return nil
}

// eos is the header of a client's end of the stream.
func eos(endpoint, id string, pairs ...string) header {
	return streamHeader(endpoint, id, append([]string{"Micro-Error", "EOS"}, pairs...)...)
}

func TestStreamDiscardsTheOpeningMessage(t *testing.T) {
	onTransports(t, func(t *testing.T, opt server.Option) {
		p := serve(t, newEcho(), opt)
		p.send(streamHeader("Echo.Stream", "1"), `{"text":"opening"}`)
		for i := range 5 {
			body := fmt.Sprintf(`{"text":"%d"}`, i)
			p.wantBody(p.call(streamHeader("Echo.Stream", "1"), body), body)
		}
	})
}

func TestStreamsOfOneConnectionAreSeparate(t *testing.T) {
	p := serve(t, newEcho())
	for _, id := range []string{"1", "2", "absurd id, with ünicode"} {
		p.send(streamHeader("Echo.Stream", id), "")
		m := p.call(streamHeader("Echo.Stream", id), `{"text":"`+"x"+`"}`)
		if got := value(m, "Micro-Stream"); got != id {
			t.Errorf("reply of stream %q, want %q", got, id)
		}
	}
}

func TestStreamEndsWithEOS(t *testing.T) {
	p := serve(t, newStreams(func(context.Context, server.Stream) error { return nil }))
	p.wantError(p.call(streamHeader("Streams.Do", "1"), ""), "EOS")
}

func TestStreamEndsWithTheHandlersError(t *testing.T) {
	p := serve(t, newStreams(func(context.Context, server.Stream) error { return errors.New("no more") }))
	p.wantError(p.call(streamHeader("Streams.Do", "1"), ""), "no more")
}

func TestNothingIsSentToAClientThatEndedTheStream(t *testing.T) {
	p := serve(t, newEcho())
	p.send(streamHeader("Echo.Stream", "1"), "")
	p.call(streamHeader("Echo.Stream", "1"), `{"text":"x"}`)
	p.send(eos("Echo.Stream", "1"), "")
	m := p.call(jsonHeader("Echo.Call", "2"), `{"text":"next"}`)
	p.wantBody(m, `{"text":"next"}`)
}

func TestHalfClosedStreamCanStillSend(t *testing.T) {
	p := serve(t, newStreams(func(_ context.Context, s server.Stream) error {
		n := 0
		for {
			err := s.Recv(new(Text))
			if err == io.EOF {
				break
			}
			if err != nil {
				return err
			}
			n++
		}
		if err := s.Recv(new(Text)); err != io.EOF {
			return fmt.Errorf("second end: %v", err)
		}
		return s.Send(&Text{fmt.Sprint(n)})
	}))
	p.send(streamHeader("Streams.Do", "1"), "")
	p.send(streamHeader("Streams.Do", "1"), `{}`)
	p.send(streamHeader("Streams.Do", "1"), `{}`)
	p.send(eos("Streams.Do", "1", "Micro-Half-Close", "true"), "")
	p.wantBody(p.recv(), `{"text":"2"}`)
	p.wantError(p.recv(), "EOS")
}

func TestEndOfUnknownStreamIsIgnored(t *testing.T) {
	p := serve(t, newEcho())
	for i := range 5000 {
		p.send(eos("Echo.Stream", fmt.Sprint(i)), "")
	}
	p.wantBody(p.call(jsonHeader("Echo.Call", "x"), `{"text":"on"}`), `{"text":"on"}`)
}

func TestLateMessagesOfAFinishedStreamAreDropped(t *testing.T) {
	h := newStreams(func(context.Context, server.Stream) error { return errors.New("enough") })
	p := serve(t, h)
	p.wantError(p.call(streamHeader("Streams.Do", "1"), ""), "enough")
	for range 10 {
		p.send(streamHeader("Streams.Do", "1"), `{"text":"late"}`)
	}
	p.send(eos("Streams.Do", "1"), "")
	p.wantBody(p.call(jsonHeader("Streams.Call", "2"), `{"text":"on"}`), `{"text":"on"}`)
	if n := len(h.calls); n != 1 {
		t.Errorf("the handler ran %d times, want once", n)
	}
	p.wantError(p.call(streamHeader("Streams.Do", "1"), ""), "enough") // the id is free again
}

func TestClientsErrorIsReceived(t *testing.T) {
	got := make(chan error, 1)
	p := serve(t, newStreams(func(_ context.Context, s server.Stream) error {
		err := s.Recv(new(Text))
		got <- err
		if s.Error() != err {
			t.Errorf("Error is %v, want %v", s.Error(), err)
		}
		return err
	}))
	p.send(streamHeader("Streams.Do", "1"), "")
	p.send(streamHeader("Streams.Do", "1", "Micro-Error", "client trouble"), "")
	if err := <-got; err == nil || err.Error() != "client trouble" {
		t.Errorf("got %v", err)
	}
	p.recv()
}

func TestFullStreamDoesNotBlockOtherRequests(t *testing.T) {
	release := make(chan struct{})
	received := make(chan int, 1)
	p := serve(t, newStreams(func(_ context.Context, s server.Stream) error {
		<-release
		n := 0
		for s.Recv(new(Text)) == nil {
			n++
		}
		received <- n
		return nil
	}))
	p.send(streamHeader("Streams.Do", "1"), "")
	const sent = 1000
	for range sent {
		p.send(streamHeader("Streams.Do", "1"), `{}`)
	}
	p.wantBody(p.call(jsonHeader("Streams.Call", "2"), `{"text":"on"}`), `{"text":"on"}`)
	close(release)
	p.send(eos("Streams.Do", "1"), "")
	if n := <-received; n != sent {
		t.Errorf("the handler received %d messages, want %d", n, sent)
	}
}

func TestStreamThatFillsItsBudgetIsEnded(t *testing.T) {
	t.Parallel()
	p := serve(t, newStreams(func(ctx context.Context, s server.Stream) error {
		<-ctx.Done()
		for {
			if err := s.Recv(new(Text)); err != nil {
				return err
			}
		}
	}))
	p.send(streamHeader("Streams.Do", "1"), "")
	p.send(streamHeader("Streams.Do", "2"), "") // the connection is shared now
	body := `{"text":"` + strings.Repeat("x", 256<<10) + `"}`
	for range 9 {
		p.send(streamHeader("Streams.Do", "1"), body)
	}
	p.send(jsonHeader("Streams.Call", "3"), `{"text":"on"}`)
	for range 2 { // in either order
		if m := p.recv(); value(m, "Micro-ID") == "3" {
			p.wantBody(m, `{"text":"on"}`)
		} else if p.wantError(m, `"code":429`); value(m, "Micro-Stream") != "1" {
			t.Errorf("stream %s was ended, want 1", value(m, "Micro-Stream"))
		}
	}
}

func TestStreamIsUnusableAfterItsHandler(t *testing.T) {
	kept := make(chan server.Stream, 1)
	p := serve(t, newStreams(func(_ context.Context, s server.Stream) error {
		kept <- s
		return nil
	}))
	p.wantError(p.call(streamHeader("Streams.Do", "1"), ""), "EOS")
	s := <-kept
	if s.Send(new(Text)) == nil || s.Recv(new(Text)) == nil {
		t.Error("Send or Recv worked after the handler returned")
	}
}

func TestClosedStreamIsUnusable(t *testing.T) {
	got := make(chan error, 2)
	p := serve(t, newStreams(func(_ context.Context, s server.Stream) error {
		s.Close()
		got <- s.Send(new(Text))
		got <- s.Recv(new(Text))
		return errors.New("the reason")
	}))
	p.wantError(p.call(streamHeader("Streams.Do", "1"), ""), "the reason")
	for range 2 {
		if err := <-got; err == nil {
			t.Error("no error after Close")
		}
	}
}

func TestStreamSendReturnsItsErrors(t *testing.T) {
	p := serve(t, newStreams(func(_ context.Context, s server.Stream) error {
		if err := s.Send(func() {}); err == nil || !strings.Contains(err.Error(), "Unable to encode body") {
			return fmt.Errorf("got %v", err)
		}
		return s.Send(&Text{"good"})
	}))
	p.wantError(p.call(streamHeader("Streams.Do", "1"), ""), "Unable to encode body")
	p.wantBody(p.recv(), `{"text":"good"}`)
	p.wantError(p.recv(), "EOS")
}

func TestLostConnectionEndsStreams(t *testing.T) {
	onTransports(t, func(t *testing.T, opt server.Option) {
		got := make(chan error, 2)
		p := serve(t, newStreams(func(ctx context.Context, s server.Stream) error {
			got <- s.Recv(new(Text))
			<-ctx.Done()
			var err error
			for err == nil {
				err = s.Send(new(Text))
			}
			got <- err
			return nil
		}), opt)
		p.send(streamHeader("Streams.Do", "1"), "")
		p.conn.Send(&transport.Message{Header: jsonHeader("Streams.Call", "2")})
		p.recv()
		p.conn.Close()
		if err := <-got; err == nil || err == io.EOF {
			t.Errorf("Recv returned %v", err)
		}
		if err := <-got; err == nil {
			t.Error("Send returned nil")
		}
	})
}

func TestStreamWrapperGetsTheStream(t *testing.T) {
	seen := make(chan any, 1)
	p := serve(t, newEcho(), server.WrapHandler(func(next server.HandlerFunc) server.HandlerFunc {
		return func(ctx context.Context, req server.Request, rsp any) error {
			seen <- rsp
			if !req.Stream() || req.Body() != nil || req.Endpoint() != "Echo.Stream" {
				t.Errorf("request %v %v %v", req.Stream(), req.Body(), req.Endpoint())
			}
			return next(ctx, req, rsp)
		}
	}))
	p.send(streamHeader("Echo.Stream", "1"), "")
	if _, ok := (<-seen).(server.Stream); !ok {
		t.Error("the wrapper did not get a Stream")
	}
}

func TestAConnectionServesOnAfterThousandsOfStreams(t *testing.T) {
	h := newStreams(func(context.Context, server.Stream) error { return nil })
	p := serve(t, h)
	go func() {
		for range h.calls {
		}
	}()
	for i := range 3000 {
		p.wantError(p.call(streamHeader("Streams.Do", fmt.Sprint(i)), ""), "EOS")
	}
	p.send(streamHeader("Streams.Do", "2999"), "late")
	p.wantBody(p.call(jsonHeader("Streams.Call", "x"), `{"text":"on"}`), `{"text":"on"}`)
	close(h.calls)
}
