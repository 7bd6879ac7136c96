package trace_test

import (
	"context"
	"testing"

	"github.com/justcy/go-micro/v4/debug/trace"
	"github.com/justcy/go-micro/v4/metadata"
)

// BenchmarkSpan starts and finishes a span in the context of a request.
func BenchmarkSpan(b *testing.B) {
	tracer := trace.NewTracer()
	ctx := metadata.NewContext(context.Background(), metadata.Metadata{
		"Micro-Trace-Id": "t", "Micro-Span-Id": "s", "Micro-Service": "greeter", "Micro-Endpoint": "Greeter.Hello",
	})
	b.ReportAllocs()
	for b.Loop() {
		_, span := tracer.Start(ctx, "greeter.Greeter.Hello")
		_ = tracer.Finish(span)
	}
}
