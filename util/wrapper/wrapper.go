// Package wrapper holds the wrappers that every service puts around its client
// and its handlers: they say who is calling, authenticate, trace and count.
package wrapper

import (
	"context"
	"errors"
	"io"

	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/debug/stats"
	"github.com/justcy/go-micro/v4/metadata"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/transport/headers"
)

const fromServiceHeader = headers.Prefix + "From-Service"

// errPanicked is what a handler that panicked is recorded with.
var errPanicked = errors.New("the handler panicked")

// around is a client in another one. It can be closed when the inner one can.
type around struct {
	client.Client
}

// Close closes the client within, if it can be closed.
func (a around) Close() error {
	if c, ok := a.Client.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// FromService returns a client that sends the name of the calling service with
// calls, streams and events, unless the context already has one.
func FromService(name string, c client.Client) client.Client {
	return &fromService{around{c}, name}
}

type fromService struct {
	around
	name string
}

func (f *fromService) Call(ctx context.Context, req client.Request, rsp any, opts ...client.CallOption) error {
	return f.Client.Call(f.mark(ctx), req, rsp, opts...)
}

func (f *fromService) Stream(ctx context.Context, req client.Request, opts ...client.CallOption) (client.Stream, error) {
	return f.Client.Stream(f.mark(ctx), req, opts...)
}

func (f *fromService) Publish(ctx context.Context, msg client.Message, opts ...client.PublishOption) error {
	return f.Client.Publish(f.mark(ctx), msg, opts...)
}

func (f *fromService) mark(ctx context.Context) context.Context {
	return setMissing(ctx, fromServiceHeader, f.name)
}

// setMissing adds to the metadata of the context what is not there yet. An empty
// value is nothing to add, and a nil context is left for the client to refuse.
func setMissing(ctx context.Context, key, value string) context.Context {
	if value == "" || ctx == nil {
		return ctx
	}
	if _, ok := metadata.Get(ctx, key); ok {
		return ctx
	}
	return metadata.Set(ctx, key, value)
}

// HandlerStats returns a wrapper that records the outcome of every handler, and
// the streams that are open, if s is a [stats.StreamRecorder]. A handler that
// panics counts as an error.
func HandlerStats(s stats.Stats) server.HandlerWrapper {
	streams, _ := s.(stats.StreamRecorder)
	return func(next server.HandlerFunc) server.HandlerFunc {
		return func(ctx context.Context, req server.Request, rsp any) error {
			if streams != nil && req.Stream() {
				streams.StreamOpened()
				defer streams.StreamClosed()
			}
			err := errPanicked
			defer func() { _ = s.Record(err) }()
			err = next(ctx, req, rsp)
			return err
		}
	}
}
