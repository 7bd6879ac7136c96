package opentelemetry

import (
	"context"
	"errors"
	"io"
	"sync"

	"go.opentelemetry.io/otel/trace"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/registry"
)

// NewClientWrapper returns a wrapper that traces what a client calls, streams and
// publishes. The span of a call covers its retries, that of a stream lasts until
// the stream ends.
func NewClientWrapper(opts ...Option) client.Wrapper {
	o := newOptions(opts)
	return func(c client.Client) client.Client { return &tracedClient{c, &o} }
}

type tracedClient struct {
	client.Client
	options *Options
}

func (c *tracedClient) Call(ctx context.Context, req client.Request, rsp any, opts ...client.CallOption) error {
	if ctx == nil || req == nil || c.options.CallFilter != nil && c.options.CallFilter(ctx, req) {
		return c.Client.Call(ctx, req, rsp, opts...)
	}
	ctx, span := c.options.rpc(ctx, trace.SpanKindClient, req)
	err := c.Client.Call(ctx, req, rsp, opts...)
	end(span, err)
	return err
}

func (c *tracedClient) Stream(ctx context.Context, req client.Request, opts ...client.CallOption) (client.Stream, error) {
	if ctx == nil || req == nil || c.options.StreamFilter != nil && c.options.StreamFilter(ctx, req) {
		return c.Client.Stream(ctx, req, opts...)
	}
	ctx, span := c.options.rpc(ctx, trace.SpanKindClient, req)
	s, err := c.Client.Stream(ctx, req, opts...)
	if err != nil {
		end(span, err)
		return nil, err
	}
	ts := &tracedStream{Stream: s}
	ts.finish = sync.OnceFunc(func() { end(span, unlessEnd(s.Error())) })
	ts.forget = context.AfterFunc(s.Context(), ts.finish)
	return ts, nil
}

func (c *tracedClient) Publish(ctx context.Context, msg client.Message, opts ...client.PublishOption) error {
	if ctx == nil || msg == nil || c.options.PublishFilter != nil && c.options.PublishFilter(ctx, msg) {
		return c.Client.Publish(ctx, msg, opts...)
	}
	ctx, span := c.options.message(ctx, trace.SpanKindClient, "Pub to ", msg.Topic(), semconv.MessagingOperationTypeSend)
	err := c.Client.Publish(ctx, msg, opts...)
	end(span, err)
	return err
}

// Close closes the client within, if it can be closed.
func (c *tracedClient) Close() error {
	if closer, ok := c.Client.(io.Closer); ok {
		return closer.Close()
	}
	return nil
}

// tracedStream ends its span when it is closed, when a receive tells of its end, or
// with its context.
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

// NewCallWrapper returns a wrapper that traces each attempt of a call, with the
// address of the node that it is made at.
func NewCallWrapper(opts ...Option) client.CallWrapper {
	o := newOptions(opts)
	return func(next client.CallFunc) client.CallFunc {
		return func(ctx context.Context, node *registry.Node, req client.Request, rsp any, opts client.CallOptions) error {
			if o.CallFilter != nil && o.CallFilter(ctx, req) {
				return next(ctx, node, req, rsp, opts)
			}
			var address string
			if node != nil {
				address = node.Address
			}
			ctx, span := o.rpc(ctx, trace.SpanKindClient, req, peer(address, semconv.ServerAddressKey, semconv.ServerPortKey)...)
			err := next(ctx, node, req, rsp, opts)
			end(span, err)
			return err
		}
	}
}
