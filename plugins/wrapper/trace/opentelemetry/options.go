package opentelemetry

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/server"
)

// Options configure wrappers.
type Options struct {
	// TraceProvider makes the tracer. Default: that of package otel, when a span
	// is started.
	TraceProvider trace.TracerProvider
	// Propagator carries traces between processes. Default: that of package otel,
	// or W3C trace context and baggage.
	Propagator propagation.TextMapPropagator
	// CallFilter, StreamFilter, PublishFilter, SubscriberFilter and HandlerFilter
	// say what is not traced.
	CallFilter       CallFilter
	StreamFilter     StreamFilter
	PublishFilter    PublishFilter
	SubscriberFilter SubscriberFilter
	HandlerFilter    HandlerFilter
}

// CallFilter is true for calls that are not to be traced.
type CallFilter func(context.Context, client.Request) bool

// StreamFilter is true for streams that are not to be traced.
type StreamFilter func(context.Context, client.Request) bool

// PublishFilter is true for messages whose publishing is not to be traced.
type PublishFilter func(context.Context, client.Message) bool

// SubscriberFilter is true for messages whose receipt is not to be traced.
type SubscriberFilter func(context.Context, server.Message) bool

// HandlerFilter is true for requests that are not to be traced.
type HandlerFilter func(context.Context, server.Request) bool

// Option changes Options.
type Option func(*Options)

// WithTraceProvider sets what makes the tracer.
func WithTraceProvider(tp trace.TracerProvider) Option {
	return func(o *Options) { o.TraceProvider = tp }
}

// WithPropagator sets what carries traces between processes.
func WithPropagator(p propagation.TextMapPropagator) Option {
	return func(o *Options) { o.Propagator = p }
}

// WithCallFilter sets which calls are not traced.
func WithCallFilter(filter CallFilter) Option {
	return func(o *Options) { o.CallFilter = filter }
}

// WithStreamFilter sets which streams are not traced.
func WithStreamFilter(filter StreamFilter) Option {
	return func(o *Options) { o.StreamFilter = filter }
}

// WithPublishFilter sets which messages are published without a trace.
func WithPublishFilter(filter PublishFilter) Option {
	return func(o *Options) { o.PublishFilter = filter }
}

// WithSubscribeFilter sets which messages are received without a trace.
func WithSubscribeFilter(filter SubscriberFilter) Option {
	return func(o *Options) { o.SubscriberFilter = filter }
}

// WithHandleFilter sets which requests are not traced.
func WithHandleFilter(filter HandlerFilter) Option {
	return func(o *Options) { o.HandlerFilter = filter }
}

// newOptions applies options; nil ones are skipped.
func newOptions(opts []Option) Options {
	var o Options
	for _, option := range opts {
		if option != nil {
			option(&o)
		}
	}
	return o
}
