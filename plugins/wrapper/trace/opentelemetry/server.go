package opentelemetry

import (
	"context"
	"errors"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/justcy/go-micro/v4/metadata"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/transport/headers"
)

// errPanicked is what a handler that panicked is recorded with.
var errPanicked = errors.New("the handler panicked")

// NewHandlerWrapper returns a wrapper that traces the requests of a server. The
// span of a stream lasts as long as its handler.
func NewHandlerWrapper(opts ...Option) server.HandlerWrapper {
	o := newOptions(opts)
	return func(next server.HandlerFunc) server.HandlerFunc {
		return func(ctx context.Context, req server.Request, rsp any) error {
			if o.HandlerFilter != nil && o.HandlerFilter(ctx, req) {
				return next(ctx, req, rsp)
			}
			remote, _ := metadata.Get(ctx, headers.Remote)
			ctx, span := o.rpc(ctx, trace.SpanKindServer, req, peer(remote, semconv.NetworkPeerAddressKey, semconv.NetworkPeerPortKey)...)
			err := errPanicked
			defer func() { end(span, err) }()
			err = next(ctx, req, rsp)
			return err
		}
	}
}

// NewSubscriberWrapper returns a wrapper that traces the messages that a subscriber
// receives, as a part of the trace of who published them.
func NewSubscriberWrapper(opts ...Option) server.SubscriberWrapper {
	o := newOptions(opts)
	return func(next server.SubscriberFunc) server.SubscriberFunc {
		return func(ctx context.Context, msg server.Message) error {
			if o.SubscriberFilter != nil && o.SubscriberFilter(ctx, msg) {
				return next(ctx, msg)
			}
			ctx, span := o.message(ctx, trace.SpanKindServer, "Sub from ", msg.Topic(), semconv.MessagingOperationTypeProcess)
			err := errPanicked
			defer func() { end(span, err) }()
			err = next(ctx, msg)
			return err
		}
	}
}
