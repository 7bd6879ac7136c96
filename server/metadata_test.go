package server_test

import (
	"context"
	"errors"
	"maps"
	"sync"
	"testing"

	"github.com/justcy/go-micro/v4/metadata"
	"github.com/justcy/go-micro/v4/server"
)

// Where a request came from is added to its headers by the first who asks.
func TestMetadataTellsWhereARequestCameFromWhoeverAsks(t *testing.T) {
	check := func(where string, md map[string]string) error {
		if md["Local"] == "" || md["Remote"] == "" || md["Foo"] != "bar" {
			return errors.New(where + " lacks something")
		}
		return nil
	}
	ask := func(ctx context.Context, req server.Request) error {
		var asking sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			asking.Go(func() {
				switch i % 4 {
				case 0:
					errs[i] = check("Header", req.Header())
				case 1:
					md, _ := metadata.FromContext(context.WithValue(ctx, t, t))
					errs[i] = check("FromContext", md)
				case 2:
					md, _ := metadata.FromContext(metadata.Set(ctx, "Baz", "qux"))
					errs[i] = check("FromContext after Set", md)
				case 3:
					if remote, ok := metadata.Get(ctx, "remote"); !ok || remote == "" {
						errs[i] = errors.New("Get finds no remote address")
					}
				}
			})
		}
		asking.Wait()
		return errors.Join(errs...)
	}
	wrapper := server.WrapHandler(func(next server.HandlerFunc) server.HandlerFunc {
		return func(ctx context.Context, req server.Request, rsp any) error {
			return errors.Join(ask(ctx, req), next(ctx, req, rsp))
		}
	})
	onTransports(t, func(t *testing.T, opt server.Option) {
		p := serve(t, newEcho(), opt, wrapper)
		p.wantBody(p.call(jsonHeader("Echo.Call", "1", "Foo", "bar"), `{"text":"x"}`), `{"text":"x"}`)
	})
}

// The headers of a stream's messages are made once.
func TestEveryMessageOfAStreamHasItsHeaders(t *testing.T) {
	s := newStreams(func(_ context.Context, s server.Stream) error {
		for range 3 {
			if err := s.Send(&Text{Text: "x"}); err != nil {
				return err
			}
		}
		_ = s.Send(make(chan int)) // cannot be encoded
		_ = s.Send(&Text{Text: "x"})
		return errors.New("over")
	})
	onTransports(t, func(t *testing.T, opt server.Option) {
		p := serve(t, s, opt)
		p.send(streamHeader("Streams.Do", "1"), `{}`)
		first := p.recv()
		for i := range 2 {
			if m := p.recv(); !maps.Equal(m.Header, first.Header) {
				t.Errorf("message %d has %v, want %v", i+2, m.Header, first.Header)
			}
		}
		p.wantError(p.recv(), "Unable to encode")
		if m := p.recv(); !maps.Equal(m.Header, first.Header) {
			t.Errorf("after an error: %v, want %v", m.Header, first.Header)
		}
		p.wantError(p.recv(), "over")
	})
}
