package trace

import (
	"context"

	"github.com/justcy/go-micro/v4/metadata"
	"github.com/justcy/go-micro/v4/transport/headers"
)

// FromContext returns the trace the context is part of and the span its work is
// a child of. The span is empty when only a trace id was given. Without either
// the last result is false.
func FromContext(ctx context.Context) (traceID string, parentSpanID string, isFound bool) {
	traceID, _ = metadata.Get(ctx, headers.TraceIDKey)
	parentSpanID, _ = metadata.Get(ctx, headers.SpanID)
	isFound = traceID != "" || parentSpanID != ""
	if traceID == "" && isFound {
		// The id of a request stands in for a trace only where a caller traces:
		// alone it is merely a number.
		traceID, _ = metadata.Get(ctx, headers.ID)
	}
	return traceID, parentSpanID, isFound
}

// ToContext returns a context whose metadata carries the trace and the span,
// in place of any it carried before.
func ToContext(ctx context.Context, traceID, parentSpanID string) context.Context {
	md, ok := metadata.FromContext(ctx)
	if !ok {
		md = make(metadata.Metadata, 2)
	}
	md.Set(headers.TraceIDKey, traceID)
	md.Set(headers.SpanID, parentSpanID)
	return metadata.NewContext(ctx, md)
}
