package prometheus

import (
	"context"
	"errors"
	"io"

	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/server"
)

// errPanicked is what a handler that panicked counts as.
var errPanicked = errors.New("the handler panicked")

// NewClientWrapper returns a wrapper that measures what a client calls, with its
// retries, the streams that it opens, and what it publishes.
func NewClientWrapper(opts ...Option) client.Wrapper {
	m := newMetrics(opts)
	return func(c client.Client) client.Client { return &measured{c, m} }
}

type measured struct {
	client.Client
	metrics *metrics
}

func (c *measured) Call(ctx context.Context, req client.Request, rsp any, opts ...client.CallOption) error {
	if req == nil { // to be refused
		return c.Client.Call(ctx, req, rsp, opts...)
	}
	done := c.metrics.measure(called(req))
	err := c.Client.Call(ctx, req, rsp, opts...)
	done(err)
	return err
}

func (c *measured) Stream(ctx context.Context, req client.Request, opts ...client.CallOption) (client.Stream, error) {
	if req == nil {
		return c.Client.Stream(ctx, req, opts...)
	}
	done := c.metrics.measure(called(req))
	s, err := c.Client.Stream(ctx, req, opts...)
	done(err)
	return s, err
}

func (c *measured) Publish(ctx context.Context, msg client.Message, opts ...client.PublishOption) error {
	if msg == nil {
		return c.Client.Publish(ctx, msg, opts...)
	}
	done := c.metrics.measure(msg.Topic())
	err := c.Client.Publish(ctx, msg, opts...)
	done(err)
	return err
}

// Close closes the client within, if it can be closed.
func (c *measured) Close() error {
	if closer, ok := c.Client.(io.Closer); ok {
		return closer.Close()
	}
	return nil
}

func called(req client.Request) string { return req.Service() + "." + req.Endpoint() }

// NewCallWrapper returns a wrapper that measures each attempt of a call.
func NewCallWrapper(opts ...Option) client.CallWrapper {
	m := newMetrics(opts)
	return func(next client.CallFunc) client.CallFunc {
		return func(ctx context.Context, node *registry.Node, req client.Request, rsp any, opts client.CallOptions) error {
			done := m.measure(called(req))
			err := next(ctx, node, req, rsp, opts)
			done(err)
			return err
		}
	}
}

// NewHandlerWrapper returns a wrapper that measures the requests and streams of a
// server. A handler that panics counts as a failure.
func NewHandlerWrapper(opts ...Option) server.HandlerWrapper {
	m := newMetrics(opts)
	return func(next server.HandlerFunc) server.HandlerFunc {
		return func(ctx context.Context, req server.Request, rsp any) error {
			done, err := m.measure(req.Endpoint()), errPanicked
			defer func() { done(err) }()
			err = next(ctx, req, rsp)
			return err
		}
	}
}

// NewSubscriberWrapper returns a wrapper that measures the messages that a
// subscriber receives.
func NewSubscriberWrapper(opts ...Option) server.SubscriberWrapper {
	m := newMetrics(opts)
	return func(next server.SubscriberFunc) server.SubscriberFunc {
		return func(ctx context.Context, msg server.Message) error {
			done, err := m.measure(msg.Topic()), errPanicked
			defer func() { done(err) }()
			err = next(ctx, msg)
			return err
		}
	}
}
