// Package drain tells the handlers of a server that it is being stopped.
package drain

import "context"

type key struct{}

// NewContext returns a context with the channel that the server closes when it
// begins to stop.
func NewContext(ctx context.Context, draining <-chan struct{}) context.Context {
	return context.WithValue(ctx, key{}, draining)
}

// Of returns the channel of the context, nil without one.
func Of(ctx context.Context) <-chan struct{} {
	draining, _ := ctx.Value(key{}).(<-chan struct{})
	return draining
}
