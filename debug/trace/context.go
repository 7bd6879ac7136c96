package trace

import (
	"context"
	"sync"

	"github.com/justcy/go-micro/v4/internal/ctxmeta"
	"github.com/justcy/go-micro/v4/internal/text"
	"github.com/justcy/go-micro/v4/metadata"
	"github.com/justcy/go-micro/v4/transport/headers"
)

// maxID is the length of the longest id that is taken from a header, in bytes.
const maxID = 256

// FromContext returns the trace the context is part of and the span its work is
// a child of. The span is empty when only a trace id was given. Without either
// the last result is false. A header that is longer than 256 bytes, or has
// characters that cannot be printed, is no id.
func FromContext(ctx context.Context) (traceID string, parentSpanID string, isFound bool) {
	if c, ok := ctx.Value(ctxmeta.Key{}).(*carried); ok && c.trace != "" {
		return c.trace, c.span, true
	}
	traceID = idIn(ctx, headers.TraceIDKey)
	parentSpanID = idIn(ctx, headers.SpanID)
	isFound = traceID != "" || parentSpanID != ""
	if traceID == "" && isFound {
		// The id of a request stands in for a trace only where a caller traces:
		// alone it is merely a number.
		traceID = idIn(ctx, headers.ID)
	}
	return traceID, parentSpanID, isFound
}

// idIn returns the id in a header. Anybody may have written it, and it is kept with
// every span and sent on.
func idIn(ctx context.Context, header string) string {
	id, _ := metadata.Get(ctx, header)
	if len(id) > maxID || !text.Printable(id) {
		return ""
	}
	return id
}

// ToContext returns a context whose metadata carries the trace and the span,
// in place of any it carried before.
func ToContext(ctx context.Context, traceID, parentSpanID string) context.Context {
	return &carried{Context: ctx, trace: traceID, span: parentSpanID}
}

// carried is a context with a trace in its metadata. The map is made when somebody
// asks for it: much work that is traced calls nobody.
type carried struct {
	context.Context
	trace, span string

	once sync.Once
	md   metadata.Metadata
}

// Value is the context itself for the key of the metadata, whose Source it is.
func (c *carried) Value(key any) any {
	if _, ok := key.(ctxmeta.Key); ok {
		return c
	}
	return c.Context.Value(key)
}

// Metadata returns the metadata that was there, with the trace and the span.
func (c *carried) Metadata() map[string]string {
	c.once.Do(func() {
		md, ok := metadata.FromContext(c.Context)
		if !ok {
			md = make(metadata.Metadata, 2)
		}
		md.Set(headers.TraceIDKey, c.trace)
		md.Set(headers.SpanID, c.span)
		c.md = md
	})
	return c.md
}
