// Package trace is the interface to distributed tracing.
//
// A span is one piece of work with a start and a duration; spans that belong to
// the same request share a trace id, which travels between services in the
// metadata of the context. A Tracer starts spans and keeps the finished ones.
//
//	ctx, span := tracer.Start(ctx, "load user")
//	defer tracer.Finish(span)
package trace

import (
	"context"
	"time"
)

// DefaultTracer keeps the last spans of the process in memory; the debug
// handler serves them.
var DefaultTracer Tracer = NewTracer()

// Tracer records spans. All methods may be called concurrently.
type Tracer interface {
	// Start begins a span as a child of the one in the context, or as the first
	// of a new trace, and returns a context that carries it to further work.
	// Neither result is nil.
	Start(ctx context.Context, name string) (context.Context, *Span)
	// Finish sets the span's duration and records it. The span must not be
	// changed afterwards.
	Finish(*Span) error
	// Read returns recorded spans, oldest first. The caller owns them.
	Read(...ReadOption) ([]*Span, error)
}

// SpanType says on which side of a call a span was recorded.
type SpanType int

const (
	// SpanTypeRequestInbound is a span of a server handling a request.
	SpanTypeRequestInbound SpanType = iota
	// SpanTypeRequestOutbound is a span of a client making a request.
	SpanTypeRequestOutbound
)

// Span is one piece of work. Until Finish it belongs to the goroutine that
// started it.
type Span struct {
	// Trace is the id of the trace the span belongs to.
	Trace string
	// Name of the work.
	Name string
	// Id of the span.
	Id string
	// Parent is the id of the span this one is part of; empty for the first.
	Parent string
	// Started is when the span was started.
	Started time.Time
	// Duration of the work; zero until the span is finished.
	Duration time.Duration
	// Metadata is whatever else is worth recording; never nil in a started span.
	Metadata map[string]string
	// Type is the side of the call the span was recorded on.
	Type SpanType
}
