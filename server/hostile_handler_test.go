package server_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/server"
)

// nilError is an error whose Error method cannot stand a nil receiver.
type nilError struct{ text string }

func (e *nilError) Error() string { return e.text }

// Careless does what no handler should.
type Careless struct{}

func (Careless) TypedNil(context.Context, *Text, *Text) error {
	var err *nilError
	return err
}

func (Careless) Exit(context.Context, *Text, *Text) error {
	runtime.Goexit()
	return nil
}

func (Careless) ExitStream(context.Context, server.Stream) error {
	runtime.Goexit()
	return nil
}

func (Careless) Wait(ctx context.Context, _ *Text, _ *Text) error {
	<-ctx.Done()
	return ctx.Err()
}

func (Careless) Nothing(context.Context, *Text, *Text) error { return nil }

// stopSoon fails when work that is over still holds Stop.
func stopSoon(t *testing.T, s server.Server) {
	t.Helper()
	stopped := make(chan error, 1)
	go func() { stopped <- s.Stop() }()
	select {
	case err := <-stopped:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("Stop waits for work that is over")
	}
}

// A nil pointer in an error is an error, and one whose text cannot be had: that
// must be the end of the request and not of the process.
func TestTypedNilErrorIsAnswered(t *testing.T) {
	p := serve(t, new(Careless))
	p.wantError(p.call(jsonHeader("Careless.TypedNil", "1"), `{}`), "panic recovered")
	p.wantBody(p.call(jsonHeader("Careless.Nothing", "2"), `{}`), `{"text":""}`)
	stopSoon(t, p.server)
}

// t.FailNow and the like end the goroutine of the handler.
func TestHandlerThatExitsItsGoroutineIsAnswered(t *testing.T) {
	onTransports(t, func(t *testing.T, opt server.Option) {
		p := serve(t, new(Careless), opt)
		p.wantError(p.call(jsonHeader("Careless.Exit", "1"), `{}`), "Goexit")
		p = dial(t, p.server) // the goroutine may have been the connection's
		p.wantError(p.call(streamHeader("Careless.ExitStream", "2"), ""), "Goexit")
		p = dial(t, p.server)
		p.wantBody(p.call(jsonHeader("Careless.Nothing", "3"), `{}`), `{"text":""}`)
		stopSoon(t, p.server)
	})
}

func TestSubscriberWithATypedNilErrorIsAnswered(t *testing.T) {
	s := newServer(t)
	subscribe(t, s, "news", func(context.Context, *Text) error {
		var err *nilError
		return err
	})
	subscribe(t, s, "exit", func(context.Context, *Text) error {
		runtime.Goexit()
		return nil
	})
	handle(t, s, new(Careless))
	start(t, s)
	p := dial(t, s)
	event := func(topic string) header {
		return header{"Content-Type": "application/json", "Micro-Topic": topic}
	}
	p.wantError(p.call(event("news"), `{"text":"x"}`), "panic recovered")
	p.send(event("exit"), `{"text":"x"}`)
	p.closedByServer()
	stopSoon(t, s)
}

// What wrappers return is no better than what handlers do.
func TestTypedNilErrorOfAWrapperIsAnswered(t *testing.T) {
	p := serve(t, new(Careless), server.WrapHandler(func(server.HandlerFunc) server.HandlerFunc {
		return func(context.Context, server.Request, any) error {
			return errors.Join((*nilError)(nil))
		}
	}))
	p.wantError(p.call(jsonHeader("Careless.Nothing", "1"), `{}`), "panic recovered")
}
