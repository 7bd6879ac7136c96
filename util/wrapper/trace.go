package wrapper

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"

	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/debug/trace"
	"github.com/justcy/go-micro/v4/server"
)

// debugPrefix begins the endpoints that are not traced: asking for traces must
// not fill them.
const debugPrefix = "Debug."

// errorKey is where a span has the error its work ended with.
const errorKey = "error"

// TraceCall returns a client that records a span for every call, stream and
// event. A stream's span lasts until the stream ends. The first argument is the
// name of the calling service, which spans do not record: their trace tells it.
func TraceCall(_ string, t trace.Tracer, c client.Client) client.Client {
	return &traced{around{c}, t}
}

type traced struct {
	around
	tracer trace.Tracer
}

func (t *traced) Call(ctx context.Context, req client.Request, rsp any, opts ...client.CallOption) error {
	if ctx == nil || req == nil { // to be refused
		return t.Client.Call(ctx, req, rsp, opts...)
	}
	ctx, finish := begin(ctx, t.tracer, spanName(req), trace.SpanTypeRequestOutbound)
	err := t.Client.Call(ctx, req, rsp, opts...)
	finish(err)
	return err
}

func (t *traced) Publish(ctx context.Context, msg client.Message, opts ...client.PublishOption) error {
	if ctx == nil || msg == nil {
		return t.Client.Publish(ctx, msg, opts...)
	}
	ctx, finish := begin(ctx, t.tracer, "publish "+msg.Topic(), trace.SpanTypeRequestOutbound)
	err := t.Client.Publish(ctx, msg, opts...)
	finish(err)
	return err
}

func (t *traced) Stream(ctx context.Context, req client.Request, opts ...client.CallOption) (client.Stream, error) {
	if ctx == nil || req == nil {
		return t.Client.Stream(ctx, req, opts...)
	}
	ctx, finish := begin(ctx, t.tracer, spanName(req), trace.SpanTypeRequestOutbound)
	s, err := t.Client.Stream(ctx, req, opts...)
	if err != nil {
		finish(err)
		return nil, err
	}
	ts := &tracedStream{Stream: s}
	ts.finish = sync.OnceFunc(func() { finish(outcome(s.Error())) })
	ts.forget = context.AfterFunc(s.Context(), ts.finish)
	return ts, nil
}

// tracedStream finishes its span when it is closed, when a receive tells of its end,
// or with its context.
type tracedStream struct {
	client.Stream
	finish func()
	forget func() bool
}

func (s *tracedStream) Recv(msg any) error {
	err := s.Stream.Recv(msg)
	if errors.Is(err, io.EOF) || err != nil && s.Context().Err() != nil { // not one message alone
		s.forget()
		s.finish()
	}
	return err
}

func (s *tracedStream) Close() error {
	s.forget()
	err := s.Stream.Close()
	s.finish()
	return err
}

// outcome returns the error of a stream that did not end as it should.
func outcome(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// TraceHandler returns a wrapper that records a span for every request but those
// of the debug handler. A handler that panics ends its span with an error.
func TraceHandler(t trace.Tracer) server.HandlerWrapper {
	return func(next server.HandlerFunc) server.HandlerFunc {
		return func(ctx context.Context, req server.Request, rsp any) error {
			if strings.HasPrefix(req.Endpoint(), debugPrefix) {
				return next(ctx, req, rsp)
			}
			ctx, finish := begin(ctx, t, spanName(req), trace.SpanTypeRequestInbound)
			err := errPanicked
			defer func() { finish(err) }()
			err = next(ctx, req, rsp)
			return err
		}
	}
}

// TraceSubscriber returns a wrapper that records a span for every message that a
// subscriber receives, as a part of the trace that its publisher was in.
func TraceSubscriber(t trace.Tracer) server.SubscriberWrapper {
	return func(next server.SubscriberFunc) server.SubscriberFunc {
		return func(ctx context.Context, msg server.Message) error {
			ctx, finish := begin(ctx, t, "subscribe "+msg.Topic(), trace.SpanTypeRequestInbound)
			err := errPanicked
			defer func() { finish(err) }()
			err = next(ctx, msg)
			return err
		}
	}
}

// spanName returns the name of the span of a request.
func spanName(req interface {
	Service() string
	Endpoint() string
}) string {
	return req.Service() + "." + req.Endpoint()
}

// begin starts a span, and returns the context for the work and how to finish
// the span. A tracer that gives none is tolerated.
func begin(ctx context.Context, t trace.Tracer, name string, typ trace.SpanType) (context.Context, func(error)) {
	if t == nil {
		return ctx, func(error) {}
	}
	tracedCtx, span := t.Start(ctx, name)
	if tracedCtx == nil {
		tracedCtx = ctx
	}
	if span == nil {
		return tracedCtx, func(error) {}
	}
	span.Type = typ
	return tracedCtx, func(err error) {
		if err != nil {
			if span.Metadata == nil {
				span.Metadata = make(map[string]string)
			}
			span.Metadata[errorKey] = err.Error()
		}
		_ = t.Finish(span)
	}
}
