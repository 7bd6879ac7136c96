package logger

import (
	"context"

	"github.com/justcy/go-micro/v4/internal/text"
	"github.com/justcy/go-micro/v4/metadata"
	"github.com/justcy/go-micro/v4/transport/headers"
)

type contextKey struct{}

// NewContext returns a context that carries l.
func NewContext(ctx context.Context, l Logger) context.Context {
	return context.WithValue(ctx, contextKey{}, l)
}

// FromContext returns the logger that ctx carries.
func FromContext(ctx context.Context) (Logger, bool) {
	l, ok := ctx.Value(contextKey{}).(Logger)
	return l, ok
}

// The fields in which a record tells of the request that it belongs to.
const (
	// ServiceField is the service that is called.
	ServiceField = "service"
	// EndpointField is the endpoint that is called.
	EndpointField = "endpoint"
	// TraceField is the id of the trace that the call is part of.
	TraceField = "trace"
)

// For returns a Helper for the logger that ctx carries, or DefaultLogger, whose
// records have the fields of the request that is handled with ctx: see
// [FieldsOf]. A level that is not shown costs nothing more.
//
//	logger.For(ctx).Infof("sold %d", n) // … endpoint=Shop.Sell service=shop trace=… sold 3
func For(ctx context.Context) *Helper {
	return &Helper{ctx: ctx} // inlined, so that it stays on the caller's stack
}

// maxField is how much of a header a field shows, in bytes.
const maxField = 256

// FieldsOf returns the service, the endpoint and the trace of the request that is
// handled with ctx, as far as they are known: by the fields service, endpoint and
// trace. For a published message, the topic stands for the endpoint. They come from
// headers, which anybody may have written: what is longer than 256 bytes, or would
// not show on a line, is cut and quoted.
func FieldsOf(ctx context.Context) map[string]any {
	fields := make(map[string]any, 3)
	for _, f := range [...]struct{ field, header string }{
		{ServiceField, headers.Request},
		{EndpointField, headers.Message},
		{EndpointField, headers.Endpoint},
		{TraceField, headers.TraceIDKey},
	} {
		if value, ok := metadata.Get(ctx, f.header); ok && value != "" {
			fields[f.field] = text.Line(value, maxField)
		}
	}
	if _, ok := fields[TraceField]; !ok {
		if id := traceParent(ctx); id != "" {
			fields[TraceField] = id
		}
	}
	return fields
}

// traceParent returns the trace id of a W3C trace context, empty without a valid
// one: version, trace id of 32 hexadecimal digits, parent, flags.
func traceParent(ctx context.Context) string {
	const from, to = 3, 35
	header, _ := metadata.Get(ctx, "Traceparent")
	if len(header) < to+1 || header[from-1] != '-' || header[to] != '-' {
		return ""
	}
	id := header[from:to]
	for i := range len(id) {
		if c := id[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return ""
		}
	}
	return id
}
