// Package opentelemetry traces calls, streams and messages with OpenTelemetry.
//
//	service := micro.NewService(
//		micro.WrapClient(opentelemetry.NewClientWrapper()),
//		micro.WrapHandler(opentelemetry.NewHandlerWrapper()),
//		micro.WrapSubscriber(opentelemetry.NewSubscriberWrapper()),
//	)
//
// A trace crosses processes in the metadata of calls and the headers of messages:
// by the propagator of package otel or, if none was set, as W3C trace context
// (traceparent, tracestate) and baggage. Headers that cannot be read begin a new
// trace. Within a process a span is the child of the one in its context.
//
// Spans are named as those of go-micro v4's plugin: service.endpoint for calls and
// handlers, "Pub to topic" and "Sub from topic" for messages. Their attributes are
// those of OpenTelemetry's semantic conventions for RPC and messaging (schema
// 1.43.0), with the system go-micro. A failure sets the status and error.type, and
// rpc.response.status_code is the code of an *errors.Error.
package opentelemetry

import (
	"context"
	"maps"
	"strings"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/justcy/go-micro/v4/metadata"
)

// instrumentationName is the name of the tracer.
const instrumentationName = "github.com/justcy/go-micro/plugins/v4/wrapper/trace/opentelemetry"

// StartSpanFromContext starts a span as the child of the local one in ctx or else
// of the remote one that the metadata of ctx tells of, and returns a context whose
// metadata carries it on. A nil provider stands for that of package otel.
func StartSpanFromContext(ctx context.Context, tp trace.TracerProvider, name string, opts ...trace.SpanStartOption) (context.Context, trace.Span) {
	return start(ctx, tp, nil, name, opts...)
}

func start(ctx context.Context, tp trace.TracerProvider, p propagation.TextMapPropagator, name string, opts ...trace.SpanStartOption) (context.Context, trace.Span) {
	p = propagatorOr(p)
	if !trace.SpanContextFromContext(ctx).IsValid() {
		ctx = p.Extract(ctx, received{ctx})
	}
	if tp == nil {
		tp = otel.GetTracerProvider()
	}
	ctx, span := tp.Tracer(instrumentationName).Start(ctx, name, opts...)
	return inject(ctx, p), span
}

// w3c is what travels when nothing else was chosen.
var w3c = propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})

// propagatorOr returns p, or that of package otel, or w3c.
func propagatorOr(p propagation.TextMapPropagator) propagation.TextMapPropagator {
	if p == nil {
		p = otel.GetTextMapPropagator()
	}
	if len(p.Fields()) == 0 { // that of package otel when nobody has set one
		return w3c
	}
	return p
}

// received are the headers in the metadata of a context.
type received struct{ ctx context.Context }

func (r received) Get(key string) string {
	v, _ := metadata.Get(r.ctx, key)
	return v
}

func (received) Set(string, string) {} // nobody writes to what was received

func (r received) Keys() []string {
	md, _ := metadata.FromContext(r.ctx)
	keys := make([]string, 0, len(md))
	for k := range md {
		keys = append(keys, k)
	}
	return keys
}

// sent are the headers of a context that is made.
type sent struct{ md metadata.Metadata }

func (s sent) Get(key string) string {
	v, _ := s.md.Get(key)
	return v
}

// Set stores a header in the spelling that metadata has.
func (s sent) Set(key, value string) { s.md.Set(title(key), value) }

func (s sent) Keys() []string {
	keys := make([]string, 0, len(s.md))
	for k := range maps.Keys(s.md) {
		keys = append(keys, k)
	}
	return keys
}

// inject returns ctx with the headers of its span in place of those that came in.
func inject(ctx context.Context, p propagation.TextMapPropagator) context.Context {
	md, ok := metadata.FromContext(ctx)
	if !ok {
		md = make(metadata.Metadata, 2)
	}
	for _, field := range p.Fields() {
		md.Delete(field)
	}
	p.Inject(ctx, sent{md})
	return metadata.NewContext(ctx, md)
}

// title is the spelling of a name in metadata: Traceparent, X-B3-Traceid.
func title(name string) string {
	words := strings.Split(name, "-")
	for i, w := range words {
		if w != "" {
			words[i] = strings.ToUpper(w[:1]) + w[1:]
		}
	}
	return strings.Join(words, "-")
}
