package trace

import (
	"context"
	"time"
)

// NewNoopTracer returns a tracer that records nothing. Its spans can be used
// like any other; the context it returns is the one it was given, so a trace
// begun elsewhere passes through.
func NewNoopTracer() Tracer {
	return noop{}
}

type noop struct{}

func (noop) Start(ctx context.Context, name string) (context.Context, *Span) {
	return ctx, &Span{Name: name, Started: time.Now(), Metadata: make(map[string]string)}
}

func (noop) Finish(*Span) error { return nil }

func (noop) Read(...ReadOption) ([]*Span, error) { return []*Span{}, nil }
